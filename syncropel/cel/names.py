"""Which names an expression may use, checked on its syntax tree so that a typo is reported with
its position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from syncropel.cel.compiler import NAMED_TYPES
from syncropel.cel.functions import FUNCTIONS, OTHERWISE, SPACES
from syncropel.cel.macros import NAMES, binds, is_macro
from syncropel.cel.syntax import Call, Index, Name, Node, Select

_METHODS: Final = frozenset(name for name in FUNCTIONS if "." not in name)
_CALLABLE: Final = _METHODS | {"has", "dyn"}
_PACKAGE: Final = "google"
"""The prefix of the names of time types: `google.protobuf.Timestamp`."""


@dataclass(frozen=True)
class Vocabulary:
    """Names in scope: values, objects with their fields, lists with their elements' fields, functions.

    For a function: its name, its number of arguments, and the fields of its result (None: unchecked).
    """

    objects: tuple[tuple[str, frozenset[str]], ...] = ()
    lists: tuple[tuple[str, frozenset[str]], ...] = ()
    values: frozenset[str] = frozenset()
    functions: tuple[tuple[str, int, frozenset[str] | None], ...] = ()


@dataclass(frozen=True)
class UnknownName:
    """An unknown name, function, or field; `at` is an offset."""

    what: str
    name: str
    known: frozenset[str]
    at: int
    problem: str = ""


@dataclass(frozen=True)
class _Kind:
    """What is known of a value: the fields of an object, or of a list's elements. None: unchecked."""

    fields: frozenset[str] | None = None
    element: frozenset[str] | None = None


_Scope = dict[str, _Kind]


def find_unknown(tree: Node, vocabulary: Vocabulary) -> UnknownName | None:
    """The first name in the source that the vocabulary does not contain."""
    return _Search(vocabulary).find(tree)


class _Search:
    """Walks a tree with the names in scope at each point."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._scope: _Scope = {name: _Kind(fields=fields) for name, fields in vocabulary.objects}
        self._scope |= {name: _Kind(element=element) for name, element in vocabulary.lists}
        self._scope |= {name: _Kind() for name in vocabulary.values}
        self._given = {name: _Kind(fields=fields) for name, _, fields in vocabulary.functions}
        self._arity = {name: arity for name, arity, _ in vocabulary.functions}
        self._functions = _CALLABLE | self._given.keys()

    def find(self, tree: Node) -> UnknownName | None:
        stack: list[tuple[Node, _Scope]] = [(tree, self._scope)]
        while stack:
            node, scope = stack.pop()
            if (unknown := self._check(node, scope)) is not None:
                return unknown
            stack.extend(reversed(self._parts(node, scope)))
        return None

    def _parts(self, node: Node, scope: _Scope) -> list[tuple[Node, _Scope]]:
        if isinstance(node, Select) and _in_package(node, scope):
            return []
        if not isinstance(node, Call):
            return [(part, scope) for part in node.parts()]
        of = [] if node.of is None or _is_space(node.of, scope) else [(node.of, scope)]
        arguments = node.arguments
        count = binds(node)
        if not count:
            return of + [(one, scope) for one in arguments]
        inside = scope | {
            one.name: self._bound(node, place, count, scope)
            for place, one in enumerate(arguments[:count])
            if isinstance(one, Name)
        }
        # The compiler reports an invalid variable, since it knows what the macro takes.
        named = of + [(one, inside) for one in arguments[:count] if isinstance(one, Name)]
        if node.name == "bind" and len(arguments) > 1:
            return [*named, (arguments[1], scope), *((one, inside) for one in arguments[2:])]
        return named + [(one, inside) for one in arguments[count:]]

    def _bound(self, node: Call, place: int, count: int, scope: _Scope) -> _Kind:
        if node.of is None or place < count - 1 or node.name == "bind":
            return _Kind()
        return _Kind(fields=self._kind(node.of, scope).element)

    def _check(self, node: Node, scope: _Scope) -> UnknownName | None:
        if isinstance(node, Name):
            known = frozenset(scope)
            if node.name in known or node.name in NAMED_TYPES:
                return None
            return UnknownName("name", node.name, known, node.at)
        if isinstance(node, Call):
            return self._check_call(node, scope)
        if isinstance(node, Select) and not _in_package(node, scope):
            fields = self._kind(node.of, scope).fields
            if fields is not None and node.name not in fields:
                return UnknownName("field", node.name, fields, node.named_at)
        return None

    def _check_call(self, node: Call, scope: _Scope) -> UnknownName | None:
        name = node.name
        if node.of is None:
            if name not in self._functions:
                return UnknownName("function", name, self._functions, node.at)
            return self._check_arity(node)
        if is_macro(node):
            return None
        if _is_space(node.of, scope):
            known = frozenset(one for one in FUNCTIONS if "." in one)
            whole = f"{node.of.name}.{name}" if isinstance(node.of, Name) else name
            return None if whole in known else UnknownName("function", whole, known, node.at)
        known = _METHODS | NAMES | OTHERWISE
        return None if name in known else UnknownName("function", name, known, node.named_at)

    def _check_arity(self, node: Call) -> UnknownName | None:
        wanted, given = self._arity.get(node.name), len(node.arguments)
        if wanted is None or wanted == given:
            return None
        problem = f"{node.name}() takes {wanted} argument{'' if wanted == 1 else 's'}, not {given}"
        return UnknownName("call", node.name, frozenset(), node.at, problem)

    def _kind(self, node: Node, scope: _Scope) -> _Kind:
        while isinstance(node, Call) and node.of is not None and node.name == "filter":
            node = node.of
        if isinstance(node, Name):
            return scope.get(node.name, _Kind())
        if isinstance(node, Call) and node.of is None:
            return self._given.get(node.name, _Kind())
        if isinstance(node, Index) and not node.optional:
            return _Kind(fields=self._kind(node.of, scope).element)
        return _Kind()


def _is_space(node: Node, scope: _Scope) -> bool:
    return isinstance(node, Name) and node.name in SPACES and node.name not in scope


def _in_package(node: Node, scope: _Scope) -> bool:
    while isinstance(node, Select):
        node = node.of
    return isinstance(node, Name) and node.name == _PACKAGE and node.name not in scope
