"""Copies folded states, so that one can advance while the other stays as it is."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

State = TypeVar("State")

_LEAVES: dict[type, bool] = {}
"""Types whose values are never changed in place, so both copies may share them."""


def fork(state: State) -> State:
    """A copy that shares nothing with `state` that a fold changes in place.

    Folds change dicts, lists, sets, and dataclasses that are not frozen. Everything else is shared: strings
    and numbers, tuples, frozen dataclasses and their contents, such as a record's body.
    """
    kind = type(state)
    leaf = _LEAVES.get(kind)
    if leaf is None:
        leaf = _LEAVES[kind] = _is_leaf(kind)
    if leaf:
        return state
    copied: Any
    if kind is dict:
        copied = {key: fork(value) for key, value in state.items()}  # type: ignore[attr-defined]
    elif kind is list:
        copied = [fork(value) for value in state]  # type: ignore[attr-defined]
    elif kind is set:
        copied = set(state)  # type: ignore[call-overload]
    else:
        copied = kind.__new__(kind)
        for one in fields(state):  # type: ignore[arg-type]
            setattr(copied, one.name, fork(getattr(state, one.name)))
    return copied  # type: ignore[no-any-return]


def _is_leaf(kind: type) -> bool:
    if kind in (dict, list, set):
        return False
    if not is_dataclass(kind):
        return True
    frozen: bool = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return frozen
