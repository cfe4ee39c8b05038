"""The text below each field of a model, as its source has it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any


def texts_below(model: type[Any]) -> Mapping[str, str]:
    """The text below each field, by its name; empty where the source is not available."""
    return _texts_of(model.__module__).get(model.__qualname__, {})


@cache
def _texts_of(module: str) -> dict[str, dict[str, str]]:
    """The same of every model of a module: its source is read once."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        return {}
    return {one.name: _texts_in(one) for one in ast.parse(source).body if isinstance(one, ast.ClassDef)}


def _texts_in(model: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, text in zip(model.body, model.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                found[name] = inspect.cleandoc(said)
    return found
