"""The check of `spl doctor` on adapters: what the config enables, and whether it could run."""

from __future__ import annotations

import os
from collections.abc import Iterator

from syncropel.adapters.contract import Place
from syncropel.adapters.registry import GROUP, Enabled, enable, installed
from syncropel.errors import SetupError
from syncropel.launcher.finding import Finding, Patient
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import load_settings


def adapters(patient: Patient) -> Iterator[Finding]:
    home, types = patient.home, installed()
    try:
        settings = load_settings(home, os.environ)
    except SetupError:
        return  # the config is told of by itself
    for name, why in types.broken.items():
        yield Finding("plug-ins", "warn", f"{name}: {why}", f"repair or remove what installs it in {GROUP}")
    place = Place(home.work, home.run, Runtime(), secrets=home.secrets)
    try:
        made = enable(settings.adapters.enabled(), types, place)
    except SetupError as error:
        yield Finding("adapters", "fail", error.message, error.hint)
        return
    problems = [finding for name, one in made.items() for finding in _problems(name, one)]
    yield from problems
    if (default := settings.dispatch.adapter) not in made:
        hint = f"enable it: [adapters.{default}] in {home.config}; or change [dispatch] adapter"
        yield Finding("adapters", "warn", f"the default adapter {default!r} is not enabled", hint)
    elif not problems:
        yield Finding("adapters", "ok", ", ".join(sorted(made)))


def _problems(name: str, one: Enabled) -> Iterator[Finding]:
    about = f"adapter {name}"
    if one.problem:
        yield Finding(about, "warn", one.problem, f"see [adapters.{name}] in config.toml; spl adapter list")
