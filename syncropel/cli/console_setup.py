"""What the console is opened with: the fleets named by contexts, and this home's settings."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel import __version__
from syncropel.cli.support.connect import (
    chosen_context,
    chosen_url,
    context_target,
    import_client,
    this_home,
    url_target,
)
from syncropel.cli.support.grammar import Grammar
from syncropel.cli.support.parsing import UsageError
from syncropel.settings import contexts
from syncropel.settings.config import load_settings
from syncropel.settings.contexts import Context
from syncropel.settings.home import Home

if TYPE_CHECKING:
    from tui.model.setup import Fleet, Setup


_TABLES = ("[console.keys]", "[console.notify]")


def make_setup(args: Namespace, screen: str, *, firm: str = "") -> Setup:
    """Built from flags, contexts, and settings. `firm` is the reason a read-only fleet cannot be unlocked.

    Raises as `connect.target` does.
    """
    from tui.model.setup import Setup

    home = this_home()
    return Setup(
        _fleets(args, firm),
        _front(args),
        screen=screen,
        ascii_only=getattr(args, "ascii", False),
        keys=_keys(home),
        where=lambda name: _line_of(home.config, name),
        preferences=home.path / "console.json",
        grammar=Grammar(),
        program=(sys.executable, "-P", "-m", "syncropel.cli.main"),
        version=__version__,
        notify=load_settings(home, os.environ).console.notify,
        again=lambda: _fleets(args, firm),
    )


def make_bundle_setup(args: Namespace) -> Setup:
    """A bundle in place of a fleet, opened on its threads unless another screen was requested."""
    from tui.model.setup import Fleet, Setup

    import_client()
    from syncropel.client import Target

    home, bundle = this_home(), Path(args.bundle)
    fleet = Fleet(
        "bundle",
        Target(url="http://bundle"),
        "records of the past",
        firm="a bundle cannot be changed: restore it with spl thread restore",
        offline=bundle.name,
    )
    return Setup(
        (fleet,),
        fleet.name,
        screen=args.screen or "threads",
        ascii_only=args.ascii,
        keys=_keys(home),
        where=lambda name: _line_of(home.config, name),
        bundle=bundle,
    )


def _keys(home: Home) -> dict[str, tuple[str, ...]]:
    """`[console.keys]`: one key or a list of them for an action. Raises BadRequest for anything else."""
    keys: dict[str, tuple[str, ...]] = {}
    for name, value in load_settings(home, os.environ).console.keys.items():
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
            raise UsageError(
                f"{_line_of(home.config, name)}: {name} must be a key or a list of keys",
                f'for example {name} = ["ctrl+f"]',
            )
        keys[name] = tuple(several)
    return keys


def _line_of(config: Path, name: str) -> str:
    """`…/config.toml:12`, where an action's keys are set; without the number when it cannot be found."""
    pattern = re.compile(rf"""\s*(console\.keys\.)?["']?{re.escape(name)}["']?\s*=""")
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    start = next((at for at, line in enumerate(lines) if line.strip() in _TABLES), 0)
    for number, line in enumerate(lines[start:], start + 1):
        if pattern.match(line):
            return f"{config}:{number}"
    return str(config)


def _front(args: Namespace) -> str:
    """The name of the requested fleet; a URL is its own name."""
    url = chosen_url(args)
    return url_target(url).url.partition("://")[2] if url else chosen_context(args).name


def _fleets(args: Namespace, firm: str) -> tuple[Fleet, ...]:
    """The fleets to choose from, as configured now; an unnamed URL is first."""
    from tui.model.setup import Fleet

    import_client()
    flag = getattr(args, "read_only", False)
    known = [
        Fleet(one.name, context_target(one), _why(one, flag), one.colour, here=not one.url, firm=firm)
        for one in contexts.load(this_home()).all()
    ]
    if not (url := chosen_url(args)):
        return tuple(known)
    where = url_target(url)
    unnamed = Context(_front(args), where.url)
    return (Fleet(unnamed.name, where, _why(unnamed, flag), firm=firm), *known)


def _why(context: Context, flag: bool) -> str:
    """Why a fleet opens read-only; empty when it does not."""
    if flag:
        return "--read-only"
    if context.read_only:
        return "its context says so"
    return "" if context.read_only is False or contexts.is_local(context.url) else "not on this machine"
