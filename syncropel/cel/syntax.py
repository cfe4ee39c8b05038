"""The syntax tree of an expression: made by the parser, used by name checks, compiler, and messages.

`at` is the offset of a node's first character in the source, `named_at` that of a selected or called name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class BadSyntax(Exception):
    """Raised for a source that is not an expression, or is too large; `at` is an offset."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class BadCall(Exception):
    """Raised for a call that parses but can never be valid, at `node`."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.node = node


@dataclass(slots=True)
class Node:
    """A part of an expression."""

    at: int

    def parts(self) -> tuple[Node, ...]:
        """Its parts, in source order."""
        return ()


@dataclass(slots=True)
class Literal(Node):
    """A literal value."""

    value: Any


@dataclass(slots=True)
class Name(Node):
    """A variable or a type."""

    name: str


@dataclass(slots=True)
class Select(Node):
    """`of.name`, or `of.?name`."""

    of: Node
    name: str
    named_at: int
    optional: bool = False

    def parts(self) -> tuple[Node, ...]:
        return (self.of,)


@dataclass(slots=True)
class Index(Node):
    """`of[key]`, or `of[?key]`."""

    of: Node
    key: Node
    optional: bool = False

    def parts(self) -> tuple[Node, ...]:
        return self.of, self.key


@dataclass(slots=True)
class Call(Node):
    """`name(…)`, or `of.name(…)`."""

    of: Node | None
    name: str
    named_at: int
    arguments: tuple[Node, ...]

    def parts(self) -> tuple[Node, ...]:
        return self.arguments if self.of is None else (self.of, *self.arguments)


@dataclass(slots=True)
class Unary(Node):
    """`!of` or `-of`."""

    operator: str
    of: Node

    def parts(self) -> tuple[Node, ...]:
        return (self.of,)


@dataclass(slots=True)
class Binary(Node):
    """Arithmetic, a relation, or `in`."""

    operator: str
    left: Node
    right: Node

    def parts(self) -> tuple[Node, ...]:
        return self.left, self.right


@dataclass(slots=True)
class Logic(Node):
    """A chain of `&&` or of `||`."""

    operator: str
    terms: tuple[Node, ...]

    def parts(self) -> tuple[Node, ...]:
        return self.terms


@dataclass(slots=True)
class Choice(Node):
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node

    def parts(self) -> tuple[Node, ...]:
        return self.condition, self.yes, self.no


@dataclass(slots=True)
class ListLiteral(Node):
    """`[…]`; `optional` says for each item whether it is omitted when it has no value."""

    items: tuple[Node, ...]
    optional: tuple[bool, ...]

    def parts(self) -> tuple[Node, ...]:
        return self.items


@dataclass(slots=True)
class MapLiteral(Node):
    """`{…}`; `optional` says for each entry whether it is omitted when its value has no value."""

    entries: tuple[tuple[Node, Node], ...]
    optional: tuple[bool, ...]

    def parts(self) -> tuple[Node, ...]:
        return tuple(part for entry in self.entries for part in entry)


def position(source: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    before = source[:at]
    return before.count("\n") + 1, at - before.rfind("\n")
