"""Which names an expression may use, checked on its syntax tree so that a typing error has a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import lark
from celpy.evaluation import base_functions

MACROS: Final = frozenset({"all", "exists", "exists_one", "filter", "map"})
_CALLABLE: Final = frozenset(name for name in base_functions if name.isidentifier() and name[0] != "_")
FUNCTIONS: Final = _CALLABLE | {"has", "dyn"}


@dataclass(frozen=True)
class Vocabulary:
    """Names in scope: objects with their fields, and lists with the fields of their elements."""

    objects: tuple[tuple[str, frozenset[str]], ...] = ()
    lists: tuple[tuple[str, frozenset[str]], ...] = ()


@dataclass(frozen=True)
class UnknownName:
    """A name, function or field that is not known; line and column count from 1."""

    what: str
    name: str
    known: frozenset[str]
    line: int
    column: int


@dataclass(frozen=True)
class _Kind:
    """What is known of a value: the fields of an object, or of a list's elements. None: anything goes."""

    fields: frozenset[str] | None = None
    element: frozenset[str] | None = None


_Scope = dict[str, _Kind]


def find_unknown(tree: Any, vocabulary: Vocabulary) -> UnknownName | None:
    """The first name in the source that the vocabulary does not hold."""
    scope = {name: _Kind(fields=fields) for name, fields in vocabulary.objects}
    scope |= {name: _Kind(element=element) for name, element in vocabulary.lists}
    stack: list[tuple[Any, _Scope]] = [(tree, scope)]
    while stack:
        node, scope = stack.pop()
        if not isinstance(node, lark.Tree):
            continue
        if (unknown := _check_node(node, scope)) is not None:
            return unknown
        parts = [(child, scope) for child in node.children]
        if node.data == "member_dot_arg" and node.children[1] in MACROS and len(node.children) > 2:
            parts[2] = (node.children[2], _macro_scope(node, scope))
        stack.extend(reversed(parts))
    return None


def _check_node(node: lark.Tree[Any], scope: _Scope) -> UnknownName | None:
    if node.data == "ident":
        return _unless_known(node.children[0], frozenset(scope), "name")
    if node.data in ("ident_arg", "dot_ident_arg"):
        return _unless_known(node.children[0], FUNCTIONS, "function")
    if node.data == "member_dot_arg":
        return _unless_known(node.children[1], FUNCTIONS | MACROS, "function")
    if node.data == "member_dot":
        fields = _kind_of(node.children[0], scope).fields
        return None if fields is None else _unless_known(node.children[1], fields, "field")
    return None


def _unless_known(token: Any, known: frozenset[str], what: str) -> UnknownName | None:
    if not isinstance(token, lark.Token) or str(token) in known:
        return None
    return UnknownName(what, str(token), known, token.line or 1, token.column or 1)


def _inner(node: Any) -> Any:
    # The grammar wraps a plain term in one node per level of precedence.
    while isinstance(node, lark.Tree) and len(node.children) == 1 and isinstance(node.children[0], lark.Tree):
        node = node.children[0]
    return node


def _kind_of(node: Any, scope: _Scope) -> _Kind:
    node = _inner(node)
    if not isinstance(node, lark.Tree):
        return _Kind()
    if node.data == "ident":
        return scope.get(str(node.children[0]), _Kind())
    if node.data == "member_dot_arg" and node.children[1] == "filter":
        return _kind_of(node.children[0], scope)
    if node.data == "member_index":
        return _Kind(fields=_kind_of(node.children[0], scope).element)
    return _Kind()


def _macro_scope(node: lark.Tree[Any], scope: _Scope) -> _Scope:
    arguments = node.children[2]
    first = _inner(arguments.children[0]) if isinstance(arguments, lark.Tree) and arguments.children else None
    if not isinstance(first, lark.Tree) or first.data != "ident":
        return scope
    return scope | {str(first.children[0]): _Kind(fields=_kind_of(node.children[0], scope).element)}
