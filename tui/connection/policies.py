"""Reads everything that the Policy screen shows. A part that fails does not affect the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from syncropel.client import Call, calls, config_calls
from syncropel.errors import RemoteError, SyncropelError
from tui.connection.stream_follower import Asks
from tui.model import policy
from tui.model.policies import Policies
from tui.model.rules import KINDS, WORK

_INTERNAL: Final = 500


async def read(asks: Asks, clock: Callable[[], float], before: Policies) -> Policies:
    """Request everything at once. While nothing at all can be read, keep what was known `before`."""
    wanted: dict[str, Call[Any]] = {
        **{kind: config_calls.rules(kind) for kind in KINDS},
        policy.NAMESPACES: calls.namespaces(),
        "cache": config_calls.expression_cache(),
        "checks": calls.engine_health(),
    }
    answers = await asyncio.gather(*(_asked(asks, call) for call in wanted.values()))
    found = dict(zip(wanted, answers, strict=True))
    trouble = {name: _told(one) for name, one in found.items() if isinstance(one, SyncropelError)}
    trouble = {policy.ABOUT_WORK if name in WORK else name: words for name, words in trouble.items()}
    again = any(isinstance(one, SyncropelError) and not _is_refusal(one) for one in answers)
    good: dict[str, Any] = {name: one for name, one in found.items() if not isinstance(one, SyncropelError)}
    if not good:
        return replace(before, trouble=trouble, again=again)
    return Policies(
        lists={kind: good[kind] for kind in KINDS if kind in good},
        namespaces=good.get(policy.NAMESPACES),
        cache=good.get("cache"),
        checks=tuple(good["checks"].checks) if "checks" in good else (),
        trouble=trouble,
        again=again,
        read_at=clock(),
    )


def _is_refusal(error: SyncropelError) -> bool:
    """Whether the daemon would answer the same again: it knows the caller, and refuses."""
    return isinstance(error, RemoteError) and error.status < _INTERNAL


async def _asked(asks: Asks, call: Call[Any]) -> Any:
    try:
        return await asks.send(call)
    except SyncropelError as error:
        return error


def _told(error: SyncropelError) -> str:
    return f"{error.message} → {error.hint}" if error.hint else error.message
