"""The kill switch in the real console, on a real fleet, with the keyboard alone."""

from __future__ import annotations

import signal

import psutil

from .conftest import Machine, until
from .test_console_terminal import Terminal, console

__all__ = ["console"]

ENTER, ESC, RIGHT = "\r", "\x1b", "\x1b[C"


def waiting_work(machine: Machine) -> None:
    """A fan-out in docs/v0.11 that waits for a worker that there is not."""
    machine.spl("task", "add", "Write the guide", "--alias", "GUIDE-1", "--namespace", "docs/v0.11")
    machine.spl("task", "fan-out", "GUIDE-1", "--subtask", "goal=first,target=worker-z", "--allow-unknown")


def closes(console: Terminal, words: str) -> None:
    """Dismiss the dialog, and look until it is gone."""
    console.press(ESC)
    until(lambda: console.read() or words not in console.text)


def test_from_freeze_to_unfreeze(machine: Machine, console: Terminal) -> None:
    console.sees("LIVE", "worker-a", "worker-b")
    waiting_work(machine)
    console.press("2")
    console.sees("TASKS 1", "GUIDE-1", "docs/v0.11")
    console.press("F")
    console.sees("0 in flight · 1 pending", "3 instances will have to confirm", "it needs a reason")
    console.press("rwrong prices" + ENTER)
    console.sees("$ spl kill --namespace docs/v0.11 --reason 'wrong prices'", "▸[Freeze (f)]")
    console.press(ENTER)
    console.sees("confirmed by all 3 instances", "FROZEN soft: docs/v0.11", "wrong prices")
    closes(console, "Close (esc)")
    assert machine.json("fleet", "status")["freezes"][0]["reason"] == "wrong prices"
    code, _, err = machine.run("task", "add", "more", "--namespace", "docs/v0.11")
    assert code == 1
    assert "wrong prices" in err
    console.press("U")
    console.sees("1 freeze is in force", "$ spl unkill --namespace docs/v0.11")
    console.press("u")
    console.sees("nothing is frozen any more")
    closes(console, "Close (esc)")
    assert "FROZEN" not in console.text
    assert machine.json("fleet", "status")["freezes"] == []
    machine.spl("task", "add", "more", "--namespace", "docs/v0.11")


def test_a_hard_freeze_names_who_does_not_answer(machine: Machine, console: Terminal) -> None:
    console.sees("LIVE", "worker-a", "worker-b")
    worker = psutil.Process(machine.pids()[".syncro-worker-b"])
    worker.send_signal(signal.SIGSTOP)
    try:
        console.press("F")
        console.sees("which namespace?")
        console.press("ndocs" + ENTER)
        console.sees("it needs a reason")
        console.press("now" + ENTER)
        console.sees("▸[Freeze (f)]")
        console.press("l")
        console.press(RIGHT)
        console.sees("type docs to confirm")
        console.press(ENTER)
        console.press("doc" + ENTER)
        console.sees("type docs to confirm")
        console.press("s" + ENTER)
        console.sees("▸[Freeze (f)]")
        console.press(ENTER)
        console.sees("confirmed by 2 of 3 instances", "worker-b not reached for", "2 of 3, not worker-b")
    finally:
        worker.send_signal(signal.SIGCONT)
    console.sees("confirmed by all 3 instances")


def test_a_drill_from_the_first_key_to_the_report(machine: Machine, console: Terminal) -> None:
    console.sees("LIVE", "worker-a", "worker-b")
    console.press("D")
    console.sees("no drill was ever run here", "Start the drill")
    console.press("s")
    console.sees("drill passed", "0 (must be 0)", "3 instances", "1 drill, 0 failed")
    (held,) = machine.json("drill", "history")["data"]
    assert held["ok"] is True
    assert held["leaked"] == 0
    assert held["refused"] == 45
    assert machine.json("fleet", "status")["freezes"] == []
    closes(console, "Close (esc)")
    console.press("q")
    assert console.ended() == 0
