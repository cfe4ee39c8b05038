"""Which names an expression may use, checked on its syntax tree so that a typing error has a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import lark
from celpy.evaluation import base_functions

from syncropel.policy.macros import MACROS
from syncropel.policy.syntax import inner

_CALLABLE: Final = frozenset(name for name in base_functions if name.isidentifier() and name[0] != "_")
FUNCTIONS: Final = _CALLABLE | {"has", "dyn"}


@dataclass(frozen=True)
class Vocabulary:
    """Names in scope: values, objects with their fields, lists with their elements' fields, functions.

    Of a function: its name, how many arguments it takes, the fields of what it gives (None: anything goes).
    """

    objects: tuple[tuple[str, frozenset[str]], ...] = ()
    lists: tuple[tuple[str, frozenset[str]], ...] = ()
    values: frozenset[str] = frozenset()
    functions: tuple[tuple[str, int, frozenset[str] | None], ...] = ()


@dataclass(frozen=True)
class UnknownName:
    """A name, function or field that is not known; line and column count from 1."""

    what: str
    name: str
    known: frozenset[str]
    line: int
    column: int
    problem: str = ""


@dataclass(frozen=True)
class _Kind:
    """What is known of a value: the fields of an object, or of a list's elements. None: anything goes."""

    fields: frozenset[str] | None = None
    element: frozenset[str] | None = None


_Scope = dict[str, _Kind]


def find_unknown(tree: Any, vocabulary: Vocabulary) -> UnknownName | None:
    """The first name in the source that the vocabulary does not hold."""
    return _Search(vocabulary).find(tree)


class _Search:
    """Walks a tree with the names in scope at each place."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._scope: _Scope = {name: _Kind(fields=fields) for name, fields in vocabulary.objects}
        self._scope |= {name: _Kind(element=element) for name, element in vocabulary.lists}
        self._scope |= {name: _Kind() for name in vocabulary.values}
        self._given = {name: _Kind(fields=fields) for name, _, fields in vocabulary.functions}
        self._arity = {name: arity for name, arity, _ in vocabulary.functions}
        self._functions = FUNCTIONS | self._given.keys()

    def find(self, tree: Any) -> UnknownName | None:
        stack: list[tuple[Any, _Scope]] = [(tree, self._scope)]
        while stack:
            node, scope = stack.pop()
            if not isinstance(node, lark.Tree):
                continue
            if (unknown := self._check(node, scope)) is not None:
                return unknown
            parts = [(child, scope) for child in node.children]
            if node.data == "member_dot_arg" and node.children[1] in MACROS and len(node.children) > 2:
                parts[2] = (node.children[2], self._macro_scope(node, scope))
            stack.extend(reversed(parts))
        return None

    def _check(self, node: lark.Tree[Any], scope: _Scope) -> UnknownName | None:
        if node.data in ("ident", "dot_ident"):
            return _unless_known(node.children[0], frozenset(scope), "name")
        if node.data in ("ident_arg", "dot_ident_arg"):
            unknown = _unless_known(node.children[0], self._functions, "function")
            return unknown or self._check_arity(node)
        if node.data == "member_dot_arg":
            return _unless_known(node.children[1], FUNCTIONS | MACROS.keys(), "function")
        if node.data == "member_dot":
            fields = self._kind(node.children[0], scope).fields
            return None if fields is None else _unless_known(node.children[1], fields, "field")
        return None

    def _check_arity(self, node: lark.Tree[Any]) -> UnknownName | None:
        token: Any = node.children[0]
        wanted = self._arity.get(str(token))
        given = len(getattr(node.children[1], "children", ())) if len(node.children) > 1 else 0
        if wanted is None or wanted == given:
            return None
        problem = f"{token}() takes {wanted} argument{'' if wanted == 1 else 's'}, not {given}"
        return UnknownName("call", str(token), frozenset(), token.line or 1, token.column or 1, problem)

    def _kind(self, node: Any, scope: _Scope) -> _Kind:
        node = inner(node)
        if not isinstance(node, lark.Tree):
            return _Kind()
        if node.data in ("ident", "dot_ident"):
            return scope.get(str(node.children[0]), _Kind())
        if node.data == "ident_arg":
            return self._given.get(str(node.children[0]), _Kind())
        if node.data == "member_dot_arg" and node.children[1] == "filter":
            return self._kind(node.children[0], scope)
        if node.data == "member_index":
            return _Kind(fields=self._kind(node.children[0], scope).element)
        return _Kind()

    def _macro_scope(self, node: lark.Tree[Any], scope: _Scope) -> _Scope:
        arguments = node.children[2]
        bound = (
            inner(arguments.children[0]) if isinstance(arguments, lark.Tree) and arguments.children else None
        )
        if not isinstance(bound, lark.Tree) or bound.data != "ident":
            return scope
        return scope | {str(bound.children[0]): _Kind(fields=self._kind(node.children[0], scope).element)}


def _unless_known(token: Any, known: frozenset[str], what: str) -> UnknownName | None:
    if not isinstance(token, lark.Token) or str(token) in known:
        return None
    return UnknownName(what, str(token), known, token.line or 1, token.column or 1)
