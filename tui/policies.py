"""Asking the daemon for all that the Policy screen shows. One part that fails leaves the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from syncropel.client import Call, calls, config_calls
from syncropel.errors import SyncropelError
from tui.model import policy
from tui.model.policies import Policies
from tui.model.rules import KINDS, WORK
from tui.tail import Asks


async def read(asks: Asks, clock: Callable[[], float]) -> Policies:
    """Everything, asked for together."""
    wanted: dict[str, Call[Any]] = {
        **{kind: config_calls.rules(kind) for kind in KINDS},
        policy.NAMESPACES: calls.namespaces(),
        "cache": config_calls.expression_cache(),
        "checks": calls.engine_health(),
    }
    answers = await asyncio.gather(*(_asked(asks, call) for call in wanted.values()))
    found = dict(zip(wanted, answers, strict=True))
    trouble = {name: _told(one) for name, one in found.items() if isinstance(one, SyncropelError)}
    good = {name: None if name in trouble else one for name, one in found.items()}
    return Policies(
        lists={kind: found[kind] for kind in KINDS if kind not in trouble},
        namespaces=good[policy.NAMESPACES],
        cache=good["cache"],
        checks=tuple(good["checks"].checks) if good["checks"] is not None else (),
        trouble={policy.ABOUT_WORK if name in WORK else name: words for name, words in trouble.items()},
        read_at=clock(),
    )


async def _asked(asks: Asks, call: Call[Any]) -> Any:
    try:
        return await asks.send(call)
    except SyncropelError as error:
        return error


def _told(error: SyncropelError) -> str:
    return f"{error.message} → {error.hint}" if error.hint else error.message
