"""CEL's syntax tree as cel-python's parser gives it, and what can be wrong with one that parsed."""

from __future__ import annotations

from typing import Any

import lark


class TooDeep(Exception):
    """Raised when a source is nested too deeply, at `node`."""

    def __init__(self, node: Any) -> None:
        super().__init__("the expression is nested too deeply")
        self.node = node


class BadLiteral(Exception):
    """Raised for what the grammar lets pass and that means nothing, at `node`."""

    def __init__(self, message: str, node: Any) -> None:
        super().__init__(message)
        self.node = node


def inner(node: Any) -> Any:
    """The node below the grammar's one node per level of precedence, and below parentheses."""
    while (
        isinstance(node, lark.Tree)
        and len(node.children) == 1
        and isinstance(node.children[0], lark.Tree)
        and node.data not in ("list_lit", "map_lit", "exprlist")
    ):
        node = node.children[0]
    return node


def position(node: Any) -> tuple[int, int]:
    """Line and column of a node or a token, from 1."""
    place = node if isinstance(node, lark.Token) else node.meta
    return getattr(place, "line", None) or 1, getattr(place, "column", None) or 1
