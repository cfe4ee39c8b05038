"""Exit codes and errors: whatever happens, a user reads one line and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli import version
from syncropel.errors import SetupError

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]


def test_no_words_show_the_help_and_are_a_usage_error(spl: Spl) -> None:
    ran = spl()
    assert (ran.code, ran.out) == (2, "")
    assert "COMMAND" in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stauts"], "error: unknown command 'stauts'\nhint: did you mean status?\n"),
        (["fleet"], "hint: spl fleet --help"),
        (["fleet", "lst"], "did you mean list?"),
        (["fleet", "start", "--workers", "0"], "is not a number above 0"),
        (["fleet", "start", "--workers", "2", "--port", "70000"], "is not a port from 0 to 65535"),
        (["fleet", "start", "--workers", "2", "--share"], "--share needs --adapter bash"),
        (["fleet", "stop"], "--workers --all --instance"),
        (["fleet", "stop", "--all", "--workers"], "not allowed with"),
        (["serve", "--foreground", "--stop"], "not allowed with"),
        (["task", "show"], "NAME"),
        (["task", "add", "  "], "the goal is empty"),
        (["task", "fan-out", "A"], "at least one --subtask"),
        (["task", "fan-out", "A", "--subtask", "goal=x"], "subtask 0: target is missing"),
        (["task", "fan-out", "A", "--subtask", "goal=x,target=t", "--budget", "0"], "above 0"),
        (["task", "retry", "A", "--subtask", "-1"], "--subtask"),
        (["status", "-o", "xml"], "known: text, json, yaml"),
        (["status", "--url", "localhost:9100"], "is not a URL"),
        (["token", "save", "hunter2"], "spl_<env>_<service account>_"),
        (["task", "add", "goal \udcff"], "not valid UTF-8"),
    ],
)
def test_words_that_make_no_sense_exit_2(spl: Spl, words: list[str], told: str) -> None:
    ran = spl(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert told in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["task", "list"],
        ["task", "add", "goal"],
        ["task", "show", "A"],
        ["task", "join-status", "A"],
        ["task", "speedup", "A"],
        ["task", "retry", "A", "--subtask", "0"],
        ["task", "fan-out", "A", "--subtask", "goal=x,target=worker-a"],
        ["fleet", "status"],
        ["fleet", "status", "--live"],
        ["fleet", "show", "worker-a"],
        ["fleet", "ping", "worker-a"],
    ],
)
def test_without_a_daemon_every_command_says_how_to_start_it(spl: Spl, words: list[str]) -> None:
    ran = spl(*words)
    assert ran.code == 1
    assert ran.err == "error: no daemon is running at ~/.syncro\nhint: start it: spl serve\n"


def test_a_list_without_a_daemon_is_empty_and_no_error(spl: Spl) -> None:
    ran = spl("fleet", "list")
    assert (ran.code, ran.out) == (0, "0 live · 0 stale · 0 archived\n")
    assert "spl fleet start --workers 2" in ran.err
    assert spl("fleet", "list", "-o", "json").json["data"] == []


def test_stop_without_a_daemon_fails(spl: Spl) -> None:
    for words in (["stop"], ["serve", "--stop"]):
        ran = spl(*words)
        assert ran.code == 1
        assert "not running" in ran.err


def test_a_refusal_shows_the_daemons_message_and_hint(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.refuse("/v1/tasks/A", 404, "NOT_FOUND", "no task 'A'", "see the tasks: spl task list")
    ran = spl("task", "show", "A")
    assert (ran.code, ran.err) == (1, "error: no task 'A'\nhint: see the tasks: spl task list\n")


def test_a_bad_fan_out_is_a_usage_error_whoever_finds_it(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.refuse("/v1/tasks/A/fan-out", 422, "INVALID_FANOUT", "subtask 0: depends_on makes a cycle")
    assert spl("task", "fan-out", "A", "--subtask", "goal=x,target=worker-a,depends=0").code == 2


def test_a_missing_token_says_how_the_command_line_gets_one(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.refuse("/health", 401, "UNAUTHORIZED", "this needs a bearer token", "send Authorization: Bearer …")
    ran = spl("status", "--url", "http://127.0.0.1:1")
    assert ran.code == 1
    assert "spl token save" in ran.err


def test_an_unexpected_error_goes_to_a_file(spl: Spl, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_: object) -> int:
        raise ZeroDivisionError("secret\nsauce")

    monkeypatch.setattr(version, "run", break_down)
    ran = spl("version")
    log = home / ".syncro" / "logs" / "cli.log"
    assert ran.code == 1
    assert (
        ran.err == f"error: unexpected ZeroDivisionError: secret sauce\n"
        f"hint: this is a bug; the details are in {log}\n"
    )
    assert "Traceback" in log.read_text()


def test_an_unexpected_error_is_told_even_where_nothing_can_be_written(
    spl: Spl, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(version, "run", break_down)
    (home / ".syncro").write_text("a file in the way")
    assert (
        spl("version").err == "error: unexpected ZeroDivisionError\nhint: this is a bug; please report it\n"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (SetupError("no", "do"), 1)],
)
def test_interrupts_are_quiet(
    spl: Spl, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def end(_: object) -> int:
        raise error

    monkeypatch.setattr(version, "run", end)
    ran = spl("version")
    assert ran.code == code
    assert ran.err == ("" if code == 130 else "error: no\nhint: do\n")


def _spl(*words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "syncropel.cli.main", *words],
        capture_output=True,
        env={**os.environ, **environ},
        timeout=90,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "syncropel.cli.main", "version"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_glyphs_degrade_where_the_encoding_has_none() -> None:
    ran = _spl("fleet", "list", PYTHONIOENCODING="ascii")
    assert ran.stdout == b"0 live | 0 stale | 0 archived\n"


def test_colour_is_for_terminals_only() -> None:
    assert b"\x1b" not in _spl("init").stdout


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["version"], {"httpx", "pydantic", "psutil", "rich", "textual"}),
        (["--help"], {"httpx", "pydantic", "psutil", "rich", "textual"}),
        (["task", "--help"], {"httpx", "pydantic", "psutil", "rich", "textual"}),
        (["fleet", "list"], {"psutil", "rich", "click", "textual", "uvicorn", "re2"}),
        (["fleet", "stop", "--all"], {"rich", "click", "textual", "uvicorn", "re2"}),
    ],
)
def test_a_command_imports_only_what_it_uses(words: list[str], absent: set[str]) -> None:
    program = (
        "import sys, syncropel.cli.main as cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.rpartition("MODULES")[2].split())
    assert not loaded & absent


def test_a_process_ends_without_a_look_at_what_it_imported() -> None:
    """Python's collector looks at everything once more at the end, unless it was set aside."""
    code = "import gc, sys; sys.argv = ['spl', 'version']; from syncropel.cli.main import process\n"
    code += "code = process(); print(code, gc.get_freeze_count() > 10_000)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "0 True"
