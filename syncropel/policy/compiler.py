"""From CEL's syntax tree to a Python function: parser and types are cel-python's, evaluation is ours.

cel-python's own runners evaluate both sides of `&&`, convert every binding whole, cannot be stopped, and run
what they generate in the globals of one module. Here a node becomes a closure: it stops where CEL may stop,
touches only the values it needs, counts its steps, and can run on several threads at a time. A corpus in the
tests is evaluated by cel-python too and must give the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import celpy
import lark
from celpy import celtypes
from celpy.evaluation import base_functions, celbytes, celstr

from syncropel.policy.budget import Budget
from syncropel.policy.macros import MACROS, compile_macro
from syncropel.policy.operators import (
    CONVERSIONS,
    OPERATORS,
    add,
    check_pattern,
    compare,
    contains,
    has,
    logic,
    size,
)
from syncropel.policy.syntax import BadLiteral, TooDeep, inner
from syncropel.policy.values import WHOLE, CelError, index, select, shallow, solid, truth

MAX_NESTING: Final = 60
Run = Callable[["Frame"], Any]


class Frame:
    """One evaluation: names seen so far, where the others come from, and what it may still cost."""

    __slots__ = ("budget", "functions", "load", "values")

    def __init__(
        self,
        load: Callable[[str], Any],
        functions: Mapping[str, Callable[..., Any]],
        budget: Budget,
    ) -> None:
        self.values: dict[str, Any] = {}
        self.load = load
        self.functions = functions
        self.budget = budget


class Compiler:
    """Compiles one source. `size`: how many parts it has, which is what it costs without macros."""

    def __init__(self) -> None:
        self.size = 0

    def compile(self, node: Any, depth: int = 0) -> Run:
        """The function of a node."""
        node = inner(node)
        if depth > MAX_NESTING:
            raise TooDeep(node)
        self.size += 1
        build: Callable[[Any, int], Run] = getattr(self, f"_{node.data}")
        return build(node, depth + 1)

    def many(self, node: Any, depth: int) -> list[Run]:
        """The functions of a list of arguments, which may be missing."""
        return [self.compile(child, depth) for child in node.children] if node is not None else []

    # Logic: an error on one side gives way to the other side's answer (cel-spec, logical operators).

    def _expr(self, node: Any, depth: int) -> Run:
        condition, yes, no = (self.compile(child, depth) for child in node.children)

        def run(frame: Frame) -> Any:
            chosen = condition(frame)
            if not isinstance(chosen, celtypes.BoolType):
                raise CelError("no such overload: the condition before ? is not a boolean")
            return yes(frame) if chosen else no(frame)

        return run

    def _conditionalor(self, node: Any, depth: int) -> Run:
        return logic([self.compile(child, depth) for child in _chain(node)], decisive=True)

    def _conditionaland(self, node: Any, depth: int) -> Run:
        return logic([self.compile(child, depth) for child in _chain(node)], decisive=False)

    # Operators

    def _binary(self, node: Any, depth: int) -> Run:
        if isinstance(node.children[0], lark.Tree) and node.children[0].data in OPERATORS:
            name, left_node = node.children[0].data, node.children[0].children[0]
        else:
            raise AssertionError(node.data)
        left, right = self.compile(left_node, depth), self.compile(node.children[1], depth)
        if name == "relation_in":
            return contains(left, right)
        if name == "addition_add":
            return add(left, right)
        if name.startswith("relation"):
            return compare(name, left, right)
        apply = OPERATORS[name]

        def run(frame: Frame) -> Any:
            one, other = left(frame), right(frame)
            if one.__class__ in WHOLE or other.__class__ in WHOLE:
                one, other = solid(one, frame.budget), solid(other, frame.budget)
            return apply(one, other)

        return run

    _relation = _addition = _multiplication = _binary

    def _unary(self, node: Any, depth: int) -> Run:
        run_inner = self.compile(node.children[1], depth)
        if node.children[0].data == "unary_neg":
            return lambda frame: operator.neg(run_inner(frame))

        def run(frame: Frame) -> Any:
            value = run_inner(frame)
            if not isinstance(value, celtypes.BoolType):
                raise CelError("no such overload: ! takes a boolean")
            return truth(not value)

        return run

    # Members

    def _member_dot(self, node: Any, depth: int) -> Run:
        of, name = self.compile(node.children[0], depth), str(node.children[1])
        base = inner(node.children[0])
        if base.data != "ident":
            return lambda frame: select(of(frame), name)
        variable = str(base.children[0])

        def run(frame: Frame) -> Any:
            # The commonest of all: a field of a name that was seen already, as in every turn of a macro.
            known = frame.values.get(variable)
            return select(of(frame) if known is None else known, name)

        return run

    def _member_index(self, node: Any, depth: int) -> Run:
        of, key = (self.compile(child, depth) for child in node.children)
        return lambda frame: index(of(frame), key(frame))

    def _member_dot_arg(self, node: Any, depth: int) -> Run:
        of, name = node.children[0], str(node.children[1])
        arguments = node.children[2] if len(node.children) > 2 else None
        if name in MACROS:
            return compile_macro(self, name, of, arguments, node, depth)
        return self._call(name, [self.compile(of, depth), *self.many(arguments, depth)], node)

    def _member_object(self, node: Any, depth: int) -> Run:
        raise BadLiteral("there are no message types here", node)

    # Names and calls

    def _ident(self, node: Any, depth: int) -> Run:
        name = str(node.children[0])

        def run(frame: Frame) -> Any:
            try:
                return frame.values[name]
            except KeyError:
                value = frame.values[name] = shallow(frame.load(name))
                return value

        return run

    _dot_ident = _ident

    def _ident_arg(self, node: Any, depth: int) -> Run:
        name = str(node.children[0])
        arguments = self.many(node.children[1] if len(node.children) > 1 else None, depth)
        if name in ("has", "dyn"):
            if len(arguments) != 1:
                raise BadLiteral(f"{name}() takes one argument", node)
            return has(arguments[0]) if name == "has" else arguments[0]
        return self._call(name, arguments, node)

    _dot_ident_arg = _ident_arg

    def _call(self, name: str, arguments: list[Run], node: Any) -> Run:
        builtin = base_functions.get(name)
        if builtin is None or not name.isidentifier():
            return lambda frame: shallow(frame.functions[name](*[one(frame) for one in arguments]))
        if name == "size":
            return size(arguments, node)

        def run(frame: Frame) -> Any:
            found = [one(frame) for one in arguments]
            if name in CONVERSIONS and found and isinstance(found[0], WHOLE):
                raise CelError(f"no such overload: {name}()")
            given = [solid(one, frame.budget) for one in found]
            if name == "matches":
                check_pattern(given, frame.budget)
            try:
                value = builtin(*given)
            except (TypeError, AttributeError):
                raise CelError(f"no such overload: {name}()") from None
            if isinstance(value, celpy.CELEvalError):
                raise CelError(str(value.args[0]) if value.args else name)
            return value

        return run

    # Literals

    def _list_lit(self, node: Any, depth: int) -> Run:
        items = self.many(node.children[0], depth) if node.children else []
        if all(isinstance(item, _Constant) for item in items):
            return _Constant(celtypes.ListType([item(None) for item in items]))  # type: ignore[arg-type]
        return lambda frame: [item(frame) for item in items]

    def _map_lit(self, node: Any, depth: int) -> Run:
        parts = self.many(node.children[0], depth) if node.children else []

        def run(frame: Frame) -> Any:
            values = [solid(part(frame), frame.budget) for part in parts]
            return celtypes.MapType(list(zip(values[0::2], values[1::2], strict=True)))

        return run

    def _literal(self, node: Any, depth: int) -> Run:
        token = node.children[0]
        try:
            value = _LITERALS[token.type](token)
            if isinstance(value, str):
                value.encode()  # a lone surrogate is no character
        except (ValueError, OverflowError):
            raise BadLiteral(f"{str(token)[:40]} is out of range", token) from None
        return _Constant(value)


class _Constant:
    """The function of a literal."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __call__(self, frame: Frame) -> Any:
        return self._value


def _chain(node: Any) -> list[Any]:
    """The terms of `a || b || c`, which the grammar nests to the left."""
    terms: list[Any] = []
    kind = node.data
    while node.data == kind and len(node.children) == 2:
        terms.append(node.children[1])
        node = _step(node.children[0], kind)
    return [node, *reversed(terms)]


def _step(node: Any, kind: str) -> Any:
    found = inner(node)
    return found if found.data == kind else node


_LITERALS: Final[dict[str, Callable[[Any], Any]]] = {
    "FLOAT_LIT": lambda token: celtypes.DoubleType(str(token)),
    "INT_LIT": lambda token: celtypes.IntType(str(token)),
    "UINT_LIT": lambda token: celtypes.UintType(str(token)[:-1]),
    "STRING_LIT": celstr,
    "MLSTRING_LIT": celstr,
    "BYTES_LIT": celbytes,
    "BOOL_LIT": lambda token: truth(str(token) == "true"),
    "NULL_LIT": lambda token: None,
}
