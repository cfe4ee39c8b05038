"""How long a start is waited for: as long as the daemon reads on."""

from __future__ import annotations

import io
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from syncropel.cli.support.progress import FIRST_PLAIN_SECS, PLAIN_EVERY_SECS, ProgressLines, replace_line
from syncropel.errors import SetupError
from syncropel.launcher import convergence, converging, launcher, starting
from syncropel.launcher.launcher import Launcher
from syncropel.launcher.plan import FleetPlan
from syncropel.launcher.starting import Progress, StartUps, wait_answer, wait_ready
from syncropel.settings.home import Home
from syncropel.wire import Start

PID = 4711


class Daemon:
    """One that answers what it is given, one answer a look; a look takes so many seconds of its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[Start | None], secs: float) -> None:
        self.now, self.secs, self.answers = 0.0, secs, answers
        self.home = Home(Path("/nowhere"))
        self.death: SetupError | None = None
        monkeypatch.setattr(starting, "ask_start", self.look)
        monkeypatch.setattr(starting, "answering_pid", lambda _: None)
        monkeypatch.setattr(
            starting, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: self.now)
        )

    def look(self, _: Home) -> Start | None:
        self.now += self.secs
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def started(self) -> Any:
        return SimpleNamespace(home=self.home, pid=PID, died=lambda: self.death)

    def progress(self) -> Progress:
        return Progress(60.0, clock=lambda: self.now)


def at(read: int, state: str = "reading", pid: int = PID) -> Start:
    return Start(state=state, pid=pid, version="1", records_read=read, records=1_000_000)  # type: ignore[arg-type]


def test_a_daemon_that_reads_on_is_waited_for_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [None, *(at(n * 100_000) for n in range(10)), at(1_000_000, "serving")]
    daemon, told = Daemon(monkeypatch, answers, 50.0), list[str]()
    wait_ready(daemon.started, told.append, daemon.progress())
    assert daemon.now == 600.0
    assert told[0] == "reading the log: 0 of 1,000,000 records"
    assert told[5] == "reading the log: 500,000 of 1,000,000 records, 2,000/s, 250 s left"
    assert told[-1] == "", "the line is taken away"


@pytest.mark.parametrize(
    ("stuck", "how_far"), [(None, ""), (at(7), " (reading the log: 7 of 1,000,000 records)")]
)
def test_one_that_stands_still_is_given_up_with_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch, stuck: Start | None, how_far: str
) -> None:
    daemon = Daemon(monkeypatch, [stuck], 10.0)
    with pytest.raises(SetupError) as given_up:
        wait_ready(daemon.started, progress=daemon.progress())
    assert given_up.value.message == f"PID {PID} has made no progress for 60s{how_far}"
    assert daemon.now == 70.0 + 10.0 * (stuck is not None), "the first answer was news"


def test_one_that_ends_is_told_at_once_and_another_daemons_answer_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    daemon = Daemon(monkeypatch, [at(5, "serving", pid=1)], 1.0)
    daemon.death = SetupError("the port is taken", "")
    with pytest.raises(SetupError, match="the port is taken"):
        wait_ready(daemon.started, progress=daemon.progress())
    assert daemon.now == 1.0


def test_a_running_daemon_that_ends_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(monkeypatch, [at(1), at(2)], 1.0)
    ended = iter([False, True])
    monkeypatch.setattr(starting, "is_gone", lambda _: next(ended))
    monkeypatch.setattr(starting, "is_stopped", lambda _: False)
    assert wait_answer(daemon.home, PID, progress=daemon.progress()) is False


def test_of_a_stopped_daemon_nobody_waits_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, told = Daemon(monkeypatch, [None], 2.0), list[str]()
    monkeypatch.setattr(starting, "is_stopped", lambda _: True)
    with pytest.raises(SetupError, match="it is stopped") as stopped:
        wait_answer(daemon.home, PID, told.append, daemon.progress())
    assert (stopped.value.hint, daemon.now) == (f"let it go on: kill -CONT {PID}", 0.0)
    assert told == [""], "the line is taken away"


def test_a_daemon_that_is_stopped_while_it_reads_is_told_without_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    daemon, told = Daemon(monkeypatch, [at(1)], 1.0), list[str]()
    stopped = iter([False, True])
    monkeypatch.setattr(starting, "is_stopped", lambda _: next(stopped))
    monkeypatch.setattr(starting, "is_gone", lambda _: False)
    with pytest.raises(SetupError, match="it is stopped"):
        wait_answer(daemon.home, PID, told.append, daemon.progress())
    assert (bool(told[0]), told[-1]) == (True, "")


def test_a_terminal_shows_how_far_it_is_while_the_fleet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal, reads = io.StringIO(), iter(["reading the log: 5", "reading the log: 9", ""])
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    waiting = iter([1, 1, 1, 0])
    start_ups = SimpleNamespace(words="")

    def look() -> bool:
        start_ups.words = next(reads)
        return False

    start_ups.go_on = look
    monkeypatch.setattr(launcher, "StartUps", lambda _: start_ups)
    monkeypatch.setattr(converging, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0))
    monkeypatch.setattr(convergence, "missing", lambda *_: [None] * next(waiting))
    monkeypatch.setattr(convergence, "progress_line", lambda *_: "1/2 live")
    show, shown = ProgressLines(terminal), list[str]()
    fleet = Launcher(
        Home(Path("/nowhere")),
        FleetPlan(workers=1),
        say=shown.append,
        warn=lambda *_: None,
        progress=lambda line: (replace_line(terminal, line), shown.append(terminal.getvalue()))[0],
        reading=show,
    )
    monkeypatch.setattr(Launcher, "_client", lambda _: nullcontext(SimpleNamespace(send=lambda _: None)))
    fleet._converge([])
    assert [one.rpartition("\x1b[K")[2] for one in shown] == [
        "reading the log: 5",
        "reading the log: 9",
        "1/2 live",
    ]


def test_of_several_the_one_that_still_reads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(monkeypatch, [at(5), at(5), at(9), at(9, "serving")], 0.0)
    start_ups = StartUps([daemon.started])

    def look() -> tuple[bool, str]:
        daemon.now += 2.0
        return start_ups.go_on(), start_ups.words

    assert start_ups.go_on() is False, "they are asked once in a while"
    assert look() == (True, "/nowhere: reading the log: 5 of 1,000,000 records")
    assert look() == (False, "/nowhere: reading the log: 5 of 1,000,000 records")
    assert look() == (True, "/nowhere: reading the log: 9 of 1,000,000 records, 1/s, 999991 s left")
    assert look() == (False, "")


def test_a_terminal_has_one_line_and_a_file_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    show = ProgressLines(terminal)
    monkeypatch.setenv("COLUMNS", "5")
    for words in ("one\x07", "two that would be broken", ""):
        show(words)
    assert terminal.getvalue() == "\r\x1b[Kone\ufffd\r\x1b[Ktwo \r\x1b[K"
    plain, now = io.StringIO(), 0.0
    lines = ProgressLines(plain, clock=lambda: now)
    for second in range(int(FIRST_PLAIN_SECS + 2 * PLAIN_EVERY_SECS)):
        now = float(second)
        lines(f"{second} s")
    lines("")
    assert plain.getvalue() == "5 s\n15 s\n"
