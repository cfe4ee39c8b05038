"""Completion in real shells, typed with the tab key, with names from a real daemon."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from syncropel.cli.completion import SHELLS
from syncropel.settings.home import Home

from .conftest import LIMIT_SECS, Daemon, Start, python_path

EVIL = "$(touch${IFS}evil)"
"""A thread may have any name; a shell that read this one would make a file."""


@pytest.fixture
def daemon(start: Start, home: Home) -> Daemon:
    daemon = start().ready()
    with daemon.operator() as client:
        for alias in ("DOCS-001", "DOCS-002", "OTHER"):
            assert client.post("/v1/tasks", json={"goal": "x", "alias": alias}).status_code == 201
    for thread in (EVIL, "two words", "music.library"):
        daemon.post(1, thread=thread)
    return daemon


@pytest.fixture
def environ(home: Home, tmp_path: Path) -> dict[str, str]:
    """Of a user with `spl` on the path, and nothing of whoever runs the tests."""
    folder = tmp_path / "bin"
    folder.mkdir()
    spl = folder / "spl"
    # A busy machine may take longer to answer than a person is to wait.
    patient = 'case "$2" in --names) set -- "$@" --within 60;; esac'
    spl.write_text(f'#!/bin/sh\n{patient}\nexec "{sys.executable}" -m syncropel.cli.main "$@"\n')
    spl.chmod(0o755)
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "SYNCROPEL_HOME": str(home.path),
        "PYTHONPATH": python_path(),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def spl(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        ["spl", *words], env=environ, capture_output=True, text=True, timeout=LIMIT_SECS, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


WHOLE = {
    "spl task join-st": "join-status",
    "spl task show OTH": "OTHER",
    "spl kill --level ha": "hard",
    "spl fleet ping coor": "coordinator",
    "spl thread show mus": "music.library",
}
"""What stands on the line when the tab key is pressed, and its last word afterwards."""


@contextmanager
def zsh(environ: dict[str, str], folder: Path) -> Iterator[pexpect.spawn[str]]:
    """A terminal with zsh, which has read the completion."""
    (folder / "spl.zsh").write_text(spl(environ, "completion", "zsh").stdout)
    terminal = pexpect.spawn(
        needs("zsh"),
        ["-f"],
        env=environ,
        cwd=str(folder),
        encoding="utf-8",
        timeout=LIMIT_SECS,
        echo=False,
        dimensions=(50, 200),
    )
    try:
        terminal.sendline("autoload -U compinit; compinit -u -D; unsetopt beep; PROMPT='> '")
        terminal.sendline("eval \"$(cat spl.zsh)\"; echo re''ady")
        terminal.expect("ready")
        yield terminal
    finally:
        terminal.close(force=True)


def test_zsh_completes_at_the_tab_key(daemon: Daemon, environ: dict[str, str], tmp_path: Path) -> None:
    needs("zsh")
    with zsh(environ, tmp_path) as terminal:
        for typed, word in WHOLE.items():
            terminal.send(f"{typed}\t")
            rest = word.removeprefix(typed.rpartition(" ")[2])
            terminal.expect(re.escape(rest))
            terminal.send("\x15")
        terminal.send("spl task show \t")
        terminal.expect("DOCS-001")
        terminal.expect("DOCS-002")
        terminal.send("\x15")
    assert not (tmp_path / "evil").exists()


def test_bash_completes_the_same(daemon: Daemon, environ: dict[str, str], tmp_path: Path) -> None:
    bash = needs("bash")
    script = tmp_path / "spl.bash"
    script.write_text(spl(environ, "completion", "bash").stdout)

    def offered(line: str) -> list[str]:
        words = " ".join(f"'{word}'" for word in line.split(" "))
        ask = (
            f"source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
            "$(complete -p spl | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        ran = subprocess.run(
            [bash, "--norc", "--noprofile", "-c", ask],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECS,
            check=True,
        )
        return ran.stdout.split()

    for typed, word in WHOLE.items():
        assert offered(typed) == [word]
    assert set(offered("spl task show ")) == {"DOCS-001", "DOCS-002", "OTHER"}
    assert EVIL not in offered("spl thread show ")
    assert not (tmp_path / "evil").exists()


def test_fish_completes_the_same(daemon: Daemon, environ: dict[str, str], tmp_path: Path) -> None:
    fish = needs("fish")
    script = tmp_path / "spl.fish"
    script.write_text(spl(environ, "completion", "fish").stdout)

    def offered(line: str) -> list[str]:
        ran = subprocess.run(
            [fish, "--no-config", "-c", f"source {script}; complete -C '{line}'"],
            env=environ, capture_output=True, text=True, timeout=LIMIT_SECS, check=True,
        )  # fmt: skip
        return [one.partition("\t")[0] for one in ran.stdout.splitlines()]

    for typed, word in WHOLE.items():
        assert offered(typed) == [word]
    assert {"DOCS-001", "DOCS-002", "OTHER"} <= set(offered("spl task show "))
    assert EVIL not in offered("spl thread show ")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_parse_what_it_is_given(environ: dict[str, str], tmp_path: Path, shell: str) -> None:
    script = tmp_path / "script"
    script.write_text(spl(environ, "completion", shell).stdout)
    ran = subprocess.run([needs(shell), "-n", str(script)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_name_that_a_shell_would_act_on_is_never_offered(daemon: Daemon, environ: dict[str, str]) -> None:
    with daemon.operator() as client:
        threads = {one["id"] for one in client.get("/v1/threads").json()["data"]}
    assert {EVIL, "two words", "music.library"} <= threads
    offered = spl(environ, "completion", "--names", "threads").stdout.splitlines()
    assert set(offered) == threads - {EVIL, "two words"}


def test_names_of_other_kinds(daemon: Daemon, environ: dict[str, str]) -> None:
    assert spl(environ, "completion", "--names", "instances").stdout == "coordinator\n"
    assert spl(environ, "completion", "--names", "contexts").stdout == "local\n"
    assert spl(environ, "completion", "--names", "tasks").stdout == "DOCS-001\nDOCS-002\nOTHER\n"
    assert spl(environ, "completion", "--names", "namespaces").stdout == "default\n"


@pytest.mark.parametrize("kind", ["tasks", "threads", "instances", "namespaces"])
def test_without_a_daemon_nothing_is_said(environ: dict[str, str], kind: str) -> None:
    ran = spl(environ, "completion", "--names", kind)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_a_daemon_that_hangs_holds_nobody_up(daemon: Daemon, environ: dict[str, str]) -> None:
    daemon.signal(signal.SIGSTOP)
    try:
        ran = spl(
            environ, "completion", "--names", "tasks"
        )  # it ends: a daemon that is stopped never answers
        assert (ran.stdout, ran.stderr) == ("", "")
    finally:
        daemon.signal(signal.SIGCONT)
