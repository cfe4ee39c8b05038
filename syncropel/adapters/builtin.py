"""Types of adapters that come with the package."""

from __future__ import annotations

from typing import Final

from syncropel.adapters.base import Adapter
from syncropel.adapters.bash import BashAdapter
from syncropel.adapters.configured import ConfiguredProgram
from syncropel.adapters.contract import AdapterType, Capabilities, Place
from syncropel.adapters.http import HttpAdapter
from syncropel.adapters.synthetic import EchoAdapter, NoopAdapter
from syncropel.settings.adapters import AdapterTable

_PROGRAM: Final = (
    *("set", "secrets", "cwd", "idle_secs", "model", "models", "default_budget_usd"),
    *("isolation", "read_only_paths", "read_write_paths", "network"),
)


def _echo(table: AdapterTable, place: Place) -> Adapter:
    table.refuse_all_but("max_concurrent")
    return EchoAdapter(place.runtime)


def _noop(table: AdapterTable, place: Place) -> Adapter:
    table.refuse_all_but("max_concurrent")
    return NoopAdapter()


def _bash(table: AdapterTable, place: Place) -> Adapter:
    table.refuse_all_but("max_concurrent", *_PROGRAM)
    return BashAdapter(
        place.work,
        table.folder,
        place.runtime,
        place.runs,
        place.orphan_secs,
        place.user,
        place.secrets,
        table,
        place.workspaces,
        place.sandbox,
    )


def _exec(table: AdapterTable, place: Place) -> Adapter:
    table.refuse_all_but("max_concurrent", "command", "args", "env", *_PROGRAM)
    return ConfiguredProgram(table, place)


def _http(table: AdapterTable, place: Place) -> Adapter:
    return HttpAdapter(table, place)


HTTP: Final = AdapterType(
    _http, Capabilities(cost="end"), "posts the goal to a URL; the answer is the result"
)
ECHO: Final = AdapterType(
    _echo, Capabilities(cost="request"), "accepts after a second at no cost, to try a fleet out"
)
NOOP: Final = AdapterType(_noop, Capabilities(cost="request"), "accepts at once, to measure the engine")
BASH: Final = AdapterType(_bash, Capabilities(text=True, cost="request"), "the goal is a shell script")
EXEC: Final = AdapterType(
    _exec, Capabilities(text=True, cost="request"), "a program; the goal is on its stdin"
)
