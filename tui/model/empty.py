"""What a screen says where it has nothing to show: what to type next."""

from __future__ import annotations

from tui.model.cells import Cell, Line
from tui.model.link import Link, Phase


def no_fleet(link: Link, where: str) -> tuple[Line, ...]:
    """Before the first snapshot."""
    if link.phase is Phase.CONNECTING:
        return (_say(f"connecting to {where or 'the daemon'}"),)
    lines = [_say(link.reason or "the daemon does not answer", "bad")]
    if link.phase is Phase.DENIED:
        return (*lines, _say(link.hint or "check the token"))
    if link.phase is not Phase.DOWN:
        return (*lines, _say(link.hint), _next("see what it does", "spl status"))
    return (
        *lines,
        _say(""),
        _next("start a fleet", "spl fleet start --workers 2"),
        _next("or one daemon", "spl serve --daemon"),
        _say(""),
        _say("this console connects by itself as soon as it answers"),
    )


def no_workers() -> tuple[Line, ...]:
    return (_next("no workers yet", "spl fleet start --workers 2"),)


def no_tasks(loaded: bool) -> tuple[Line, ...]:
    if not loaded:
        return (_say("reading tasks"),)
    return (
        _next("no tasks yet", 'spl task add "what to do" --alias TUT-001'),
        _next("then fan it out", 'spl task fan-out TUT-001 --subtask "goal=…,target=worker-a" --join all'),
    )


def no_fan_out(name: str) -> tuple[Line, ...]:
    return (
        _say(f"{name} is not fanned out"),
        _next("fan it out", f'spl task fan-out {name} --subtask "goal=…,target=worker-a" --join all'),
    )


def nothing_matches(source: str, hidden: int) -> tuple[Line, ...]:
    return (_say(f"nothing matches {source}; {hidden:,} hidden, esc shows them"),)


def say(text: str) -> tuple[Line, ...]:
    return (_say(text),)


def _say(text: str, tone: str = "quiet") -> Line:
    return (Cell(f"   {text}", "bad" if tone == "bad" else "quiet"),)


def _next(what: str, command: str) -> Line:
    return (Cell(f"   {what}: ", "quiet"), Cell(command, "head"))
