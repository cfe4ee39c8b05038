"""From source to our syntax tree: cel-python's grammar parses, and its tree is translated here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from syncropel.cel.grammar import grammar
from syncropel.cel.literals import read_literal
from syncropel.cel.syntax import (
    BadSyntax,
    Binary,
    Call,
    Choice,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)

MAX_NESTING: Final = 60
"""Depth of a tree, not counting parentheses."""
MAX_NODES: Final = 4_000
"""Nodes of an expression."""
_SIGNS: Final = {
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_ge": ">=",
    "relation_gt": ">",
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_in": "in",
    "addition_add": "+",
    "addition_sub": "-",
    "multiplication_mul": "*",
    "multiplication_div": "/",
    "multiplication_mod": "%",
}
_CHAINS: Final = {"conditionalor": "||", "conditionaland": "&&"}
_WHOLE: Final = frozenset(
    {"member_object", "list_lit", "map_lit", "item", "optional_item", "entry", "optional_entry", "exprlist"}
)
"""Nodes that have a meaning even with one child. Others with one child are steps between
precedence levels."""


def parse(source: str) -> Node:
    """The tree of a source. Raises BadSyntax."""
    from lark import UnexpectedInput

    try:
        tree = grammar().parse(source)
    except UnexpectedInput as error:
        raise BadSyntax("not a CEL expression", max(error.pos_in_stream or 0, 0)) from None
    return _Translation().node(tree, 0)


class _Translation:
    def __init__(self) -> None:
        self._nodes = 0

    def node(self, tree: Any, depth: int) -> Node:
        """Translate a parse tree. Raises BadSyntax when it is too deep or too large."""
        tree = _inner(tree)
        at = _at(tree)
        self._nodes += 1
        if depth > MAX_NESTING:
            raise BadSyntax("the expression is nested too deeply", at)
        if self._nodes > MAX_NODES:
            raise BadSyntax(f"the expression has over {MAX_NODES} parts", at)
        build: Callable[[Any, int, int], Node] = getattr(self, f"_{tree.data}")
        return build(tree, at, depth + 1)

    def _many(self, trees: Sequence[Any], depth: int) -> tuple[Node, ...]:
        return tuple(self.node(tree, depth) for tree in trees)

    def _arguments(self, trees: Sequence[Any], depth: int) -> tuple[Node, ...]:
        return self._many(trees[0].children, depth) if trees else ()

    # Operators

    def _expr(self, tree: Any, at: int, depth: int) -> Node:
        return Choice(at, *self._many(tree.children, depth))

    def _chain(self, tree: Any, at: int, depth: int) -> Node:
        # Errors are absorbed on either side, so a chain means the same however it is grouped.
        terms: list[Any] = []
        left = [tree]
        while left:
            one = _inner(left.pop())
            if one.data == tree.data:
                left += one.children
            else:
                terms.append(one)
        return Logic(at, _CHAINS[tree.data], self._many(terms[::-1], depth))

    _conditionalor = _conditionaland = _chain

    def _binary(self, tree: Any, at: int, depth: int) -> Node:
        sign, right = tree.children
        return Binary(at, _SIGNS[sign.data], self.node(sign.children[0], depth), self.node(right, depth))

    _relation = _addition = _multiplication = _binary

    def _unary(self, tree: Any, at: int, depth: int) -> Node:
        sign, of = tree.children
        return Unary(at, "-" if sign.data == "unary_neg" else "!", self.node(of, depth))

    # Members

    def _member_dot(self, tree: Any, at: int, depth: int) -> Node:
        of, name = tree.children
        return Select(at, self.node(of, depth), name.strip("`"), name.start_pos)

    def _optional_dot(self, tree: Any, at: int, depth: int) -> Node:
        of, name = tree.children
        return Select(at, self.node(of, depth), name.strip("`"), name.start_pos, optional=True)

    def _member_index(self, tree: Any, at: int, depth: int) -> Node:
        of, key = self._many(tree.children, depth)
        return Index(at, of, key)

    def _optional_index(self, tree: Any, at: int, depth: int) -> Node:
        of, key = self._many(tree.children, depth)
        return Index(at, of, key, optional=True)

    def _member_dot_arg(self, tree: Any, at: int, depth: int) -> Node:
        of, name, *arguments = tree.children
        return Call(at, self.node(of, depth), str(name), name.start_pos, self._arguments(arguments, depth))

    def _member_object(self, tree: Any, at: int, depth: int) -> Node:
        raise BadSyntax("there are no message types here", at)

    # Names and literals

    def _ident(self, tree: Any, at: int, depth: int) -> Node:
        return Name(at, str(tree.children[0]))

    _dot_ident = _ident

    def _ident_arg(self, tree: Any, at: int, depth: int) -> Node:
        name, *arguments = tree.children
        return Call(at, None, str(name), name.start_pos, self._arguments(arguments, depth))

    _dot_ident_arg = _ident_arg

    def _list_lit(self, tree: Any, at: int, depth: int) -> Node:
        items = self._many([item.children[0] for item in tree.children], depth)
        return ListLiteral(at, items, tuple(item.data == "optional_item" for item in tree.children))

    def _map_lit(self, tree: Any, at: int, depth: int) -> Node:
        entries = [self._many(entry.children, depth) for entry in tree.children]
        optional = tuple(entry.data == "optional_entry" for entry in tree.children)
        return MapLiteral(at, tuple((key, value) for key, value in entries), optional)

    def _literal(self, tree: Any, at: int, depth: int) -> Node:
        token = tree.children[0]
        try:
            return Literal(at, read_literal(token.type, str(token)))
        except ValueError:
            raise BadSyntax(f"{token[:40]} is out of range", at) from None


def _inner(tree: Any) -> Any:
    """The tree below the grammar's one node per precedence level, and below parentheses."""
    while len(tree.children) == 1 and hasattr(tree.children[0], "children") and tree.data not in _WHOLE:
        tree = tree.children[0]
    return tree


def _at(tree: Any) -> int:
    return getattr(tree.meta, "start_pos", 0)
