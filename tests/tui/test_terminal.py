"""The real console in a pseudo-terminal: what it does to the terminal, and what becomes of it."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.pseudo_terminal import LIMIT_SECS, Terminal, colourful
from tests.tui import console_sample as sample
from tests.tui.fake_daemon import FakeDaemon
from tests.tui.sample_threads import ThreadClient, fan_out

Opener = Callable[..., Terminal]


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens `spl console` on a daemon, `under` another program if one is given."""
    with ExitStack() as stack:

        def opener(
            daemon: FakeDaemon,
            *words: str,
            size: tuple[int, int] = (120, 40),
            under: tuple[str, ...] = (),
            **environ: str,
        ) -> Terminal:
            plain = {key: value for key, value in os.environ.items() if not key.startswith("SPL_")}
            spl = (sys.executable, "-m", "syncropel.cli.main")
            command = [*under, *spl, "console", "--url", daemon.url, *words]
            terminal = Terminal(
                command,
                colourful(plain) | {"SYNCROPEL_HOME": str(tmp_path)} | environ,
                columns=size[0],
                rows=size[1],
            )
            stack.callback(terminal.close)
            return terminal

        yield opener


SHELL = """
set -m
after() {
    case $(kill -l "$1") in
        TSTP | STOP)
            echo "$((times += 1)) stopped"
            read -r
            fg > /dev/null
            after $? ;;
        *) echo "ended with $1" ;;
    esac
}
"$@"
after $?
"""
"""Does as an interactive shell does: it takes the terminal back when its job stops, and each line is an `fg`.

It recurs, since bash leaves a loop whose job stops.
"""


@pytest.fixture
def replayed(daemon: FakeDaemon) -> FakeDaemon:
    """A daemon that has the records of a task to replay."""
    known = ThreadClient()
    known.hold(sample.THREAD, fan_out())
    for words in (["replay"], ["replay", "changes"]):
        told = known._look(sample.THREAD, words, {})
        daemon.answers["/".join(["/v1/threads", sample.THREAD, *words])] = told.model_dump_json().encode()
    return daemon


def replay(terminal: Terminal) -> None:
    """Show the records of the first task."""
    terminal.sees("● LIVE", "INSTANCES 4")
    terminal.press("2")
    terminal.sees("not done yet")
    terminal.press("t")
    terminal.sees("RECORDS 9")


def stopped(terminal: Terminal) -> None:
    """Wait until the program stands still."""
    while terminal.process.status() != psutil.STATUS_STOPPED:
        terminal.read()


@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}], ids=["colour", "no-colour"])
def test_it_waits_for_its_daemon_loses_it_and_finds_it_again(
    daemon: FakeDaemon, opened: Opener, colour: dict[str, str]
) -> None:
    with daemon.running():
        """It has a port now, where nobody answers afterwards."""
    terminal = opened(daemon, size=(100, 30), **colour)
    terminal.sees("DOWN", "spl serve")
    with daemon.running():
        terminal.press("r")
        terminal.sees("● LIVE", "◐ stale")
        terminal.press("2")
        terminal.sees("not done yet")
    terminal.sees("DOWN", "DOCS-11")
    with daemon.running():
        terminal.sees("● LIVE")
        terminal.press("q")
        assert terminal.ended() == 0
    assert terminal.is_restored
    sequences = re.findall(rb"\x1b\[([\d;]*)m", terminal.raw)
    codes = {int(code or 0) for sequence in sequences for code in sequence.split(b";")}
    coloured = codes & {*range(30, 50), *range(90, 108)}  # 39 and 49 are words of colour too
    assert bool(coloured) == (not colour), coloured


def test_what_lies_behind_a_dialog_is_as_true_as_the_dialog(daemon: FakeDaemon, opened: Opener) -> None:
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("● LIVE", "INSTANCES 4")
        terminal.press("L")
        terminal.sees("nothing is frozen")
    terminal.sees("DOWN", "? was live", "nothing is frozen")
    with daemon.running():
        terminal.sees("● LIVE", "● live", "nothing is frozen")
        terminal.loses("? was", "DOWN")


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (120, 40)], ids=str)
def test_a_resize_draws_the_whole_screen_anew(
    daemon: FakeDaemon, opened: Opener, size: tuple[int, int]
) -> None:
    with daemon.running():
        terminal = opened(daemon, COLUMNS="100", LINES="20")  # as some shells export them
        terminal.sees("● LIVE", "FAN-OUTS 2", "1 Fleet")
        terminal.resize(60, 12)
        terminal.sees("● LIVE", "1 Fleet")
        terminal.resize(*size)
        terminal.sees("INSTANCES 4", "RUNNING 3", "FAN-OUTS 2", "worker-c", "SITE-4", "1 Fleet")
        assert "1 Fleet" in terminal.screen.display[-1]
        assert len(terminal.screen.display) == size[1]


def test_stopped_it_gives_the_terminal_back_and_draws_anew_when_it_goes_on(
    daemon: FakeDaemon, opened: Opener
) -> None:
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("● LIVE", "INSTANCES 4")
        assert not terminal.is_restored
        stops = (partial(terminal.signal, signal.SIGTSTP), partial(terminal.press, "\x1a"))
        for stop in stops:
            terminal.forget()
            stop()
            stopped(terminal)
            terminal.writes(b"\x1b[?1049l")
            terminal.writes(b"\x1b[?25h")
            assert terminal.is_restored
            terminal.screen.reset()
            terminal.forget()
            terminal.signal(signal.SIGCONT)
            terminal.sees("● LIVE", "INSTANCES 4", "worker-c", "1 Fleet")
            assert b"\x1b[?1049h" in terminal.raw
        terminal.press("q")
        assert terminal.ended() == 0


def goes_on(terminal: Terminal) -> None:
    """Let the shell continue its job, and wait until that is in front and runs: only then ^Z is for it."""
    terminal.press("\n")
    while True:
        job = terminal.in_front
        states = {one.status() for one in (job, *job.children(recursive=True))}
        if job != terminal.process and psutil.STATUS_STOPPED not in states:
            return
        terminal.read()


def leave(terminal: Terminal) -> None:
    """End the pager, and wait until the console has the terminal again."""
    terminal.forget()
    terminal.press("\n")
    terminal.writes(b"\x1b[?1049h")


def test_a_pager_is_stopped_together_with_the_console_and_goes_on_with_it(
    replayed: FakeDaemon, opened: Opener
) -> None:
    pager = "bash -c 'echo paged; read -r line; echo read'"
    with replayed.running():
        terminal = opened(replayed, under=("bash", "-c", SHELL, "shell"), PAGER=pager)
        replay(terminal)
        terminal.press("e")
        terminal.sees("paged")
        for times in (1, 2):
            terminal.press("\x1a")
            terminal.sees(f"{times} stopped")
            goes_on(terminal)
        leave(terminal)
        terminal.press("\x1a")
        terminal.sees("3 stopped")
        goes_on(terminal)
        terminal.press("?")
        terminal.sees("Keys: Replay")
        terminal.press("\x1b")
        terminal.loses("Keys: Replay")
        terminal.press("q")
        terminal.sees("ended with 0")


def test_ctrl_c_and_ctrl_z_in_a_pager_are_the_pagers(replayed: FakeDaemon, opened: Opener) -> None:
    pager = 'bash -c \'trap "" TSTP; trap "echo caught" INT; echo paged; read -r line\''
    with replayed.running():
        terminal = opened(replayed, PAGER=pager)
        replay(terminal)
        terminal.press("e")
        terminal.sees("paged")
        terminal.press("\x1a")
        terminal.press("\x03")
        terminal.sees("caught")
        leave(terminal)
        terminal.press("?")
        terminal.sees("Keys: Replay")
        terminal.press("\x1b")
        terminal.loses("Keys: Replay")
        terminal.press("q")
        assert terminal.ended() == 0


def test_a_pager_that_cannot_be_run_gives_the_terminal_back(replayed: FakeDaemon, opened: Opener) -> None:
    with replayed.running():
        terminal = opened(replayed, PAGER="/nowhere/pager")
        replay(terminal)
        terminal.press("e")
        terminal.sees("cannot be run", "RECORDS 9")
        terminal.press("q")
        assert terminal.ended() == 0


def test_asked_to_end_it_gives_the_terminal_back(daemon: FakeDaemon, opened: Opener) -> None:
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("● LIVE")
        terminal.signal(signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM
    assert terminal.is_restored
    assert b"\x1b[?1049l" in terminal.raw
    assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize("ignore", [False, True], ids=["hung-up", "ignoring-it"])
def test_it_ends_with_its_terminal(
    daemon: FakeDaemon, opened: Opener, ignore: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with daemon.running():
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignore else signal.SIG_DFL)  # as nohup does
        try:
            terminal = opened(daemon)
        finally:
            signal.signal(signal.SIGHUP, before)
        terminal.sees("● LIVE")
        terminal.hang_up().wait(LIMIT_SECS)


def test_ctrl_c_ends_nothing_and_says_what_does(daemon: FakeDaemon, opened: Opener) -> None:
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("● LIVE")
        terminal.press("\x03")
        terminal.sees("to quit")
        assert terminal.alive
        terminal.press("q")
        assert terminal.ended() == 0


def test_a_slow_daemon_is_waited_for(daemon: FakeDaemon, opened: Opener) -> None:
    daemon.slow = 2.0
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("CONNECTING", "1 Fleet")
        terminal.press("2")
        terminal.sees("TASKS ?", "nothing has been read yet: ↻ CONNECTING")
        terminal.sees("● LIVE", "DOCS-11", "not done yet")


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (500, "HTTP 500"),
        (b"event: fleet.snapshot\ndata: {not json\n\n", ""),
        (b'event: fleet.snapshot\ndata: {"live": "many"}\n\n', "cannot read"),
        (b"<html>the wrong port</html>", "answered a web page"),
        (b"", "closed the stream"),
    ],
    ids=["500", "malformed", "another-schema", "html", "empty"],
)
def test_a_lying_stream_is_not_believed(
    daemon: FakeDaemon, opened: Opener, stream: bytes | int, words: str
) -> None:
    daemon.stream = stream
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("DOWN", words)
        assert "LIVE" not in terminal.text
        terminal.press("2")
        terminal.sees("Tasks")
        terminal.press("q")
        assert terminal.ended() == 0
    assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize(
    "answer",
    [500, b"{not json", b'{"data": 7}', b"", b"<html>"],
    ids=["500", "malformed", "schema", "empty", "html"],
)
def test_a_lying_answer_is_told_and_the_rest_goes_on(
    daemon: FakeDaemon, opened: Opener, answer: bytes | int
) -> None:
    daemon.answers["/v1/tasks"] = answer
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("● LIVE", "INSTANCES 4", "tasks could not be read")
        del daemon.answers["/v1/tasks"]
        terminal.press("2")
        terminal.sees("DOCS-11")
        terminal.press("q")
        assert terminal.ended() == 0
    assert b"Traceback" not in terminal.raw


def test_a_body_without_an_end_is_given_up(daemon: FakeDaemon, opened: Opener) -> None:
    daemon.stream, daemon.endless = b"", True
    with daemon.running():
        terminal = opened(daemon)
        terminal.sees("DOWN")
        assert terminal.process.memory_info().rss < 300 * 2**20
        terminal.press("q")
        assert terminal.ended() == 0
