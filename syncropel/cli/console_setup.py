"""What the console is opened with: the fleets that the contexts name, and the settings of this home."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from syncropel import contexts
from syncropel.cli.connect import (
    chosen_context,
    chosen_url,
    context_target,
    import_client,
    this_home,
    url_target,
)
from syncropel.contexts import Context

if TYPE_CHECKING:
    from tui.setup import Fleet, Setup


def make_setup(args: Namespace, screen: str, *, firm: bool = False) -> Setup:
    """From the flags, the contexts and the settings. `firm`: what is read-only cannot be unlocked.

    Raises as `connect.target` does.
    """
    from tui.setup import Setup

    known, current = _fleets(args, firm)
    return Setup(known, current, screen=screen, ascii_only=getattr(args, "ascii", False))


def _fleets(args: Namespace, firm: bool) -> tuple[tuple[Fleet, ...], str]:
    """The fleets to choose from, and the name of the one that was asked for; an unnamed URL is first."""
    from tui.setup import Fleet

    import_client()
    flag = getattr(args, "read_only", False)
    known = [
        Fleet(one.name, context_target(one), _why(one, flag), one.colour, here=not one.url, firm=firm)
        for one in contexts.load(this_home()).all()
    ]
    if not (url := chosen_url(args)):
        return tuple(known), chosen_context(args).name
    where = url_target(url)
    unnamed = Context(url.partition("://")[2], where.url)
    return (Fleet(unnamed.name, where, _why(unnamed, flag), firm=firm), *known), unnamed.name


def _why(context: Context, flag: bool) -> str:
    """Why a fleet opens read-only; empty when it does not."""
    if flag:
        return "--read-only"
    if context.read_only:
        return "its context says so"
    return "" if context.read_only is False or contexts.is_local(context.url) else "not on this machine"
