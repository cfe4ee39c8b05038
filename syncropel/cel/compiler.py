"""Compiles a syntax tree to a Python function.

A node becomes a closure: it short-circuits where CEL does, touches only the values it needs, counts its
steps, and can run on several threads at a time. The CEL specification's conformance cases are among the
tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from syncropel.cel import operators
from syncropel.cel.comparing import RELATIONS
from syncropel.cel.frame import Frame, Run
from syncropel.cel.functions import ARITIES, FUNCTIONS, OTHERWISE, SPACES, Overloads
from syncropel.cel.macros import compile_macro, is_macro
from syncropel.cel.patterns import MAX_PATTERNS
from syncropel.cel.patterns import found as found_in
from syncropel.cel.syntax import (
    BadCall,
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
from syncropel.cel.values import (
    NONE,
    TYPES,
    CelError,
    CelType,
    Optional,
    index,
    key_of,
    no_overload,
    optional_index,
    optional_select,
    select,
    shallow,
)

_CALL_STEPS: Final = 16
"""What a call to one of the instance's functions costs: it looks things up."""
NAMED_TYPES: Final = {name: CelType(name) for name in TYPES.values() if "." not in name}
_QUALIFIED_TYPES: Final = {name: CelType(name) for name in TYPES.values() if "." in name}


class Compiler:
    """Compiles one source whose names have been checked. Raises BadCall.

    `size`: the number of nodes, which is the cost without macros. `strict`: comparing values of unlike types
    is an error, since nobody means to ask whether a text equals a number.
    """

    def __init__(self, strict: bool = False) -> None:
        self.size = 0
        self._strict = strict
        self._patterns = 0
        self._bound: list[str] = []
        self._builders: dict[type[Node], Callable[[Any], Run]] = {
            Binary: self._binary,
            Call: self._call,
            Choice: self._choice,
            Index: self._index,
            ListLiteral: self._list,
            Literal: self._literal,
            Logic: self._logic,
            MapLiteral: self._map,
            Name: self._name,
            Select: self._select,
            Unary: self._unary,
        }

    def compile(self, node: Node) -> Run:
        """The function of a node."""
        self.size += 1
        return self._builders[type(node)](node)

    def many(self, nodes: Sequence[Node]) -> list[Run]:
        """The functions of several nodes."""
        return [self.compile(node) for node in nodes]

    def within(self, names: Sequence[str], nodes: Sequence[Node]) -> list[Run]:
        """The functions of nodes in which these names are also bound."""
        self._bound += names
        try:
            return self.many(nodes)
        finally:
            del self._bound[-len(names) :]

    # Operators

    def _choice(self, node: Choice) -> Run:
        condition, yes, no = self.many(node.parts())

        def run(frame: Frame) -> Any:
            chosen = condition(frame)
            if chosen.__class__ is not bool:
                raise CelError("no such overload: the condition before ? is not a boolean")
            return yes(frame) if chosen else no(frame)

        return run

    def _logic(self, node: Logic) -> Run:
        # An error on one side yields to a decisive answer on the other (cel-spec, logical operators).
        return operators.logic(self.many(node.terms), decisive=node.operator == "||")

    def _binary(self, node: Binary) -> Run:
        left, right = self.compile(node.left), self.compile(node.right)
        if node.operator == "in":
            return operators.contains(left, right)
        if node.operator not in RELATIONS:
            return operators.calculate(node.operator, left, right)
        if self._strict and node.operator in ("==", "!="):
            return operators.compare_alike(node.operator, left, right)
        return operators.compare(node.operator, left, right)

    def _unary(self, node: Unary) -> Run:
        of = self.compile(node.of)
        return operators.negate(of) if node.operator == "-" else operators.invert(of)

    # Members

    def _select(self, node: Select) -> Run:
        if (known := self._qualified_type(node)) is not None:
            return _Constant(known)
        of, name = self.compile(node.of), node.name
        if node.optional:
            return lambda frame: optional_select(of(frame), name)
        if not isinstance(node.of, Name):
            return lambda frame: select(of(frame), name)
        variable = node.of.name

        def run(frame: Frame) -> Any:
            # The most common case: a field of a name that was already resolved, as in every iteration of a
            # macro.
            known = frame.values.get(variable)
            return select(of(frame) if known is None else known, name)

        return run

    def _qualified_type(self, node: Select) -> CelType | None:
        of = node.of
        if not isinstance(of, Select) or not isinstance(of.of, Name) or of.of.name in self._bound:
            return None
        return _QUALIFIED_TYPES.get(f"{of.of.name}.{of.name}.{node.name}")

    def _index(self, node: Index) -> Run:
        of, key = self.many(node.parts())
        if node.optional:
            return lambda frame: optional_index(of(frame), key(frame))
        return lambda frame: index(of(frame), key(frame))

    # Names and calls

    def _name(self, node: Name) -> Run:
        name = node.name
        if name in NAMED_TYPES and name not in self._bound:
            return _Constant(NAMED_TYPES[name])

        def run(frame: Frame) -> Any:
            try:
                return frame.values[name]
            except KeyError:
                value = frame.values[name] = shallow(_loaded(frame, name))
                return value

        return run

    def _call(self, node: Call) -> Run:
        if is_macro(node):
            return compile_macro(self, node)
        of, name, parts = node.of, node.name, node.parts()
        if isinstance(of, Name) and of.name in SPACES and of.name not in self._bound:
            name, parts = f"{of.name}.{name}", node.arguments
        if of is None and name in ("has", "dyn"):
            if len(parts) != 1:
                raise BadCall(f"{name}() takes one argument", node)
            return self._has(parts[0]) if name == "has" else self.compile(parts[0])
        arguments = self.many(parts)
        if name in OTHERWISE:
            return _otherwise(node, arguments)
        overloads = FUNCTIONS.get(name)
        if overloads is None:
            return _asked(name, arguments)
        if len(arguments) not in ARITIES[name]:
            raise BadCall(f"{name}() does not take {len(arguments)} arguments", node)
        if name == "matches" and isinstance(parts[1], Literal) and parts[1].value.__class__ is str:
            self._patterns += 1
            if self._patterns > MAX_PATTERNS:
                raise BadCall(f"an expression has at most {MAX_PATTERNS} patterns", node)
            return _matched(arguments[0], parts[1].value)
        return _called(name, overloads, arguments)

    def _has(self, argument: Node) -> Run:
        if isinstance(argument, Select):
            self.size += 1
            return operators.has_field(self.compile(argument.of), argument.name)
        return operators.has(self.compile(argument))

    # Literals

    def _list(self, node: ListLiteral) -> Run:
        items, optional = self.many(node.items), node.optional
        if any(optional):
            return lambda frame: [
                value for item, may in zip(items, optional, strict=True) for value in _given(item(frame), may)
            ]
        if all(isinstance(item, _Constant) for item in items):
            return _Constant([item.value for item in items if isinstance(item, _Constant)])
        return lambda frame: [item(frame) for item in items]

    def _map(self, node: MapLiteral) -> Run:
        entries = [(self.compile(key), self.compile(value)) for key, value in node.entries]

        def run(frame: Frame) -> Any:
            found: dict[Any, Any] = {}
            for (key, value), may in zip(entries, node.optional, strict=True):
                named = key(frame)
                if named.__class__ is float:
                    raise no_overload("a map", named)
                for one in _given(value(frame), may):
                    if key_of(named) in found:
                        raise CelError(f"the key {str(named)[:40]} occurs twice")
                    found[key_of(named)] = one
            return found

        return run

    def _literal(self, node: Literal) -> Run:
        return _Constant(node.value)


class _Constant:
    """The function of a literal."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, frame: Frame) -> Any:
        return self.value


def _loaded(frame: Frame, name: str) -> Any:
    try:
        return frame.load(name)
    except LookupError:
        raise CelError(f"{name!r} has no value here") from None


def _given(value: Any, optional: bool) -> tuple[Any, ...]:
    """The value of an item or entry; nothing for an optional one that is missing."""
    if not optional:
        return (value,)
    if value.__class__ is not Optional:
        raise CelError("no such overload: ? takes an optional value")
    return () if value is NONE else (value.value,)


def _called(name: str, overloads: Overloads, arguments: list[Run]) -> Run:
    def run(frame: Frame) -> Any:
        values = [one(frame) for one in arguments]
        apply = overloads.get(tuple([value.__class__ for value in values]))
        if apply is None:
            raise no_overload(name, *values)
        return apply(frame.budget, *values)

    return run


def _otherwise(node: Call, arguments: list[Run]) -> Run:
    name = node.name
    if len(arguments) != 2:
        raise BadCall(f"{name}() takes one argument", node)
    of, other = arguments

    def run(frame: Frame) -> Any:
        value = of(frame)
        if value.__class__ is not Optional:
            raise no_overload(name, value)
        if value is not NONE:
            return value if name == "or" else value.value
        instead = other(frame)
        if name == "or" and instead.__class__ is not Optional:
            raise no_overload(name, value, instead)
        return instead

    return run


def _matched(of: Run, pattern: str) -> Run:
    def run(frame: Frame) -> Any:
        text = of(frame)
        if text.__class__ is not str:
            raise no_overload("matches", text, pattern)
        return found_in(frame.budget, text, pattern)

    return run


def _asked(name: str, arguments: list[Run]) -> Run:
    """A call to an instance function, which accepts names only."""

    def run(frame: Frame) -> Any:
        values = [one(frame) for one in arguments]
        frame.budget.spend(_CALL_STEPS)
        if not all(value.__class__ is str for value in values):
            raise no_overload(name, *values)
        try:
            answer = frame.functions[name](*values)
        except LookupError:
            raise CelError(f"{name}() has no answer here") from None
        frame.budget.look()
        return shallow(answer)

    return run
