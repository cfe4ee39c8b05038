"""The frame of every screen: header, banner, and footer, made from the world."""

from __future__ import annotations

from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from rich.cells import cell_len

from tui.model import actions, contexts, first_run, fleet, freezes, inbox, leader, link, log_state
from tui.model.bars import Piece, pack
from tui.model.feed import names_of
from tui.model.glyphs import Glyphs, Tone, hue
from tui.model.request_state import hindrance
from tui.model.text import plain
from tui.model.world import TASKS
from tui.widgets.lines import Span, Spans
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from textual.geometry import Size

    from syncropel.wire import FleetStatus
    from tui.connection.session import Session
    from tui.model.world import World
    from tui.widgets.console import Console

LEAST_WIDTH: Final = 60
LEAST_HEIGHT: Final = 16
_HEADER_AND_FOOTER: Final = 2
_LEAST_BODY: Final = 10
_LEADER_LINES: Final = 2
_WAYS_TO_TELL: Final = ((2, 4), (1, 4), (1, 3), (1, 2), (1, 1))
"""How many unsound logs the banner tells of, and in how many lines each of their two texts: the first that
leaves room for the body is taken.
"""


class Framed(Protocol):
    """A screen, as far as its frame needs to know it."""

    name_: ClassVar[str]

    @property
    def console(self) -> Console: ...

    @property
    def session(self) -> Session: ...

    @property
    def world(self) -> World: ...

    @property
    def size(self) -> Size: ...

    @property
    def trail(self) -> str:
        """The breadcrumb trail."""

    @property
    def wants(self) -> str | None:
        """The task whose join this screen shows."""


def header(screen: Framed, now: float, width: int) -> Spans:
    """Breadcrumbs, connection, whether changes are allowed, and the fleet in one line."""
    app, session, world = screen.console, screen.session, screen.world
    state = world.link.at(now)
    words, tone = link.label(state, now, app.glyphs)
    if session.fleet.offline:
        words, tone = f"{app.glyphs.sign('archived')} OFFLINE {plain(session.fleet.offline)}", "cold"
    status = world.status
    counts = fleet.counts(status) if status else ""
    was = "was " if counts and not state.is_live else ""
    url = plain(status.coordinator_url) if status and status.coordinator_url else session.target.name
    url = "" if session.fleet.offline else url
    access, alert = session.access.label(now)
    why = session.closed
    name = f"[{session.fleet.name}]" if app.fleets.several else ""
    left = [
        Piece(name, hue(session.fleet.colour), 0),
        Piece(contexts.behind(app.fleets.unseen), "warn", 1),
        Piece(screen.trail, "strong", 2),
        Piece(words, tone, 0),
        Piece(
            inbox.alert(world, app.glyphs, app.keymap.first(actions.ATTENTION)) if state.is_live else "",
            "warn",
            1,
        ),
        Piece(access, alert, 1),
        Piece(f"({why})" if why else "", "muted", 4),
    ]
    right = [
        Piece(f"{was}{counts}", "muted" if was else "plain", 3),
        Piece(url, "muted", 5),
        _version(status, app.setup.version),
    ]
    kept = pack([*left, *right], width - 2)
    first = [one for one in kept if one in left]
    last = [one for one in kept if one not in left]
    used = sum(cell_len(one.text) + 2 for one in kept)
    spans = [Span(" ")]
    for one in first:
        spans += [Span(clip(one.text, width - 2), one.tone), Span("  ")]
    spans.append(Span(" " * max(0, width - used - 1)))
    for one in last:
        spans += [Span(one.text, one.tone), Span("  ")]
    return tuple(spans)


def too_small(screen: Framed, now: float) -> list[Spans]:
    """What is shown instead of everything when the terminal is too small; empty otherwise."""
    width, height = screen.size
    if width >= LEAST_WIDTH and height >= LEAST_HEIGHT:
        return []
    world, glyphs = screen.world, screen.console.glyphs
    state, tone = link.label(world.link.at(now), now, glyphs)
    lines: list[tuple[str, Tone]] = [
        (f"{width}x{height} is too small", "warn"),
        (f"needs {LEAST_WIDTH}x{LEAST_HEIGHT}; q quits", "plain"),
        (state, tone),
    ]
    if world.status is not None:
        at = world.moment(now)
        lines += [(words, "alarm") for words in freezes.banner_lines(world.status, at, glyphs)]
        lines += [(one.wrong, one.tone) for one in leader.leader_lines(world.status, glyphs)]
        for log in log_state.unsound(world.status, names_of(world), glyphs):
            lines += [(log.wrong, "alarm"), (log.helps, "warn")]
        if world.link.at(now).is_live and (
            waits := inbox.alert(world, glyphs, screen.console.keymap.first(actions.ATTENTION))
        ):
            lines.append((waits, "warn"))
    room = max(1, width - 2)
    return [(Span(" " + clip(words, room, glyphs.ellipsis), tone),) for words, tone in lines]


def _version(status: FleetStatus | None, own: str) -> Piece:
    """The daemon's version, and the console's own when they differ: then something may be missing."""
    if status is None:
        return Piece("")
    if own and own != status.version:
        return Piece(f"daemon v{status.version}, console v{own}", "warn", 1)
    return Piece(f"v{status.version}", "muted", 6)


def banner(screen: Framed, now: float, width: int) -> list[Spans]:
    """Freezes, a fleet that is split, and unsound logs in red, trouble, and what could not be read. Empty
    when all is well.

    It leaves room for the body and the footer: logs are told in as many lines as the rest leaves them.
    """
    frozen, rest = [*_frozen(screen, now, width), *_led(screen, width)], _trouble(screen, now, width)
    room = screen.size.height - _HEADER_AND_FOOTER - _LEAST_BODY - len(frozen) - len(rest)
    return [*frozen, *_logs(screen, width, room), *rest]


def _frozen(screen: Framed, now: float, width: int) -> list[Spans]:
    world, glyphs = screen.world, screen.console.glyphs
    if world.status is None:
        return []
    lines = freezes.banner_lines(world.status, world.moment(now), glyphs)
    return [_alarm(glyphs, words, width) for words in lines]


def _led(screen: Framed, width: int) -> list[Spans]:
    glyphs, lines = screen.console.glyphs, list[Spans]()
    for one in leader.leader_lines(screen.world.status, glyphs):
        show = _alarm if one.tone == "alarm" else _warned
        lines += [show(glyphs, part, width) for part in _wrapped(one.wrong, width, _LEADER_LINES, glyphs)]
        lines += [_warned(glyphs, part, width) for part in _wrapped(one.helps, width, _LEADER_LINES, glyphs)]
    return lines


def _logs(screen: Framed, width: int, room: int) -> list[Spans]:
    """The unsound logs in `room` lines: the first ones in full, and how many more there are."""
    world, glyphs = screen.world, screen.console.glyphs
    found = log_state.unsound(world.status, names_of(world), glyphs) if world.status else []
    lines: list[Spans] = []
    for shown, most in _WAYS_TO_TELL:
        lines = []
        for log in found[:shown]:
            lines += [_alarm(glyphs, part, width) for part in _wrapped(log.wrong, width, most, glyphs)]
            lines += [_warned(glyphs, part, width) for part in _wrapped(log.helps, width, most, glyphs)]
        if more := len(found) - shown if len(found) > shown else 0:
            key = screen.console.keymap.first(actions.TO_FLEET)
            lines.append(_alarm(glyphs, log_state.more_line(more, key, glyphs), width))
        if len(lines) <= room:
            break
    return lines


def _trouble(screen: Framed, now: float, width: int) -> list[Spans]:
    world, glyphs = screen.world, screen.console.glyphs
    lines = freezes.pause_lines(world.status, glyphs) if world.status is not None else []
    state = world.link.at(now)
    if world.status is None:
        key = screen.console.keymap.shown(actions.START)
        state = replace(state, hint=first_run.hint(screen.session.fleet, state, key) or state.hint)
    lines += link.trouble(state, now, glyphs, screen.console.keymap.first(actions.RECONNECT))
    if world.trouble and state.is_live and (world.failing == TASKS or screen.wants is not None):
        lines.append(glyphs.text(f"{world.failing} could not be read: {world.trouble}"))
    return [_warned(glyphs, words, width) for words in lines]


def _wrapped(words: str, width: int, most: int, glyphs: Glyphs) -> list[str]:
    """Words whose end matters, since a command stands there, in several lines where one does not suffice."""
    return wrap(
        words,
        width - 2,
        subsequent_indent="  ",
        max_lines=most,
        placeholder=f" {glyphs.ellipsis}",
        break_on_hyphens=False,
    )


def _warned(glyphs: Glyphs, words: str, width: int) -> Spans:
    return (Span(" " + clip(words, width - 2, glyphs.ellipsis), "warn"),)


def _alarm(glyphs: Glyphs, words: str, width: int) -> Spans:
    text = clip(words, width - 2, glyphs.ellipsis)
    return (Span((" " + text).ljust(width), "alarm"),)


def _rank(action: actions.Action, place: int) -> int:
    """The drop order: help is never dropped, since it lists all the others, nor what stops the fleet."""
    return -1 if action.id in ("help", "freeze") else place


def footer(screen: Framed, now: float, width: int) -> Spans:
    """The keys, as many as fit; clicks work too. Keys that cannot be used now are greyed."""
    shown, glyphs = actions.footer(screen.name_), screen.console.glyphs
    key_of = screen.console.keymap.first
    waits = inbox.count(screen.world, live=screen.world.link.at(now).is_live)
    waits = "" if screen.session.fleet.offline else waits
    pieces = [
        Piece(f"{key_of(one)} {one.footer}", rank=_rank(one, place), action=one.target)
        if one is not actions.TO_INBOX or not waits
        else Piece(f"{key_of(one)} {one.footer} {waits}", rank=-1, action=one.target)
        for place, one in enumerate(shown)
    ]
    link = screen.world.link.at(now)
    greyed = {
        one.target
        for one in shown
        if one.changes and hindrance(screen.session.closed, link, glyphs, freezes=one.freezes)
    }
    spans: list[Span] = [Span(" ")]
    shown_now = f"app.mode('{screen.console.fleet_screens.name}')"
    for one in pack(pieces, width - 2):
        key, _, words = one.text.partition(" ")
        tone: Tone = "muted" if one.action in greyed else "strong"
        here: Tone = "strong" if one.action == shown_now else "muted"
        if one.action == actions.TO_INBOX.target and waits:
            here = "warn"
        spans += [Span(key, tone, one.action), Span(f" {words}", here, one.action), Span("  ")]
    return tuple(spans)
