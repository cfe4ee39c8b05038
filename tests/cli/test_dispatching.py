"""`spl run`, `spl task dispatch` and the data folder, with a daemon that echoes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.task_verbs.task_file import remember_alias

from .conftest import Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]

Spl = Callable[..., Ran]


def test_run_waits_for_the_end_and_prints_it(live: Path, spl: Spl) -> None:
    ran = spl("run", "say hi", "--alias", "RUN-1")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "◇ Dispatched: say hi"
    assert "  alias: RUN-1" in lines
    assert lines[-2].startswith("✓ accept ($0.00, 1s) on coordinator")
    assert lines[-1] == "  echo: say hi"


def test_what_cannot_be_done_exits_1_with_the_reason(live: Path, spl: Spl) -> None:
    ran = spl("run", "say hi", "--adapter", "bash", "--allow-unknown", "-o", "json")
    assert ran.code == 1
    (child,) = ran.json["subtasks"]
    assert (child["verdict"], "not enabled" in child["summary"]) == ("failed", True)


def test_a_task_is_dispatched_with_its_file_and_can_be_awaited(live: Path, spl: Spl, home: Path) -> None:
    assert spl("task", "add", "write it", "--alias", "W-1").code == 0
    file = home / ".syncro-data" / "tasks" / "W-1.md"
    assert file.is_file()
    ran = spl("task", "dispatch", "W-1", "--timeout", "30", "--wait", "-o", "json")
    assert (ran.code, ran.json["subtasks"][0]["timeout_secs"]) == (0, 30)
    told = spl("records", "query", '{"body.content": {"$exists": true}}', "-o", "json")
    assert [record["body"]["content"] for record in told.json["data"]] == [str(file)]


def test_without_waiting_it_says_where_to_look(live: Path, spl: Spl) -> None:
    ran = spl("run", "later", "--alias", "L-1", "--detach", "-o", "json")
    assert (ran.code, ran.json["attempt"]) == (0, 1)
    again = spl("task", "dispatch", "L-1")
    assert again.code == 1
    assert "spl task join-status L-1" in again.err


def test_an_empty_goal_is_a_mistake_of_words(live: Path, spl: Spl) -> None:
    assert spl("run", "  ").code == 2


def test_aliases_are_remembered_beside_the_tasks(live: Path, spl: Spl, home: Path) -> None:
    for alias in ("A-1", "A.2"):
        assert spl("task", "add", "x", "--alias", alias).code == 0
    known = tomllib.loads((home / ".syncro-data" / "aliases.toml").read_text())["aliases"]
    assert set(known) == {"A-1", "A.2"}
    assert all(spl("task", "show", thread).code == 0 for thread in known.values())


def test_a_file_of_aliases_that_is_broken_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "aliases.toml"
    path.write_text("[aliases\n")
    with pytest.raises(ValueError, match="not TOML"):
        remember_alias(tmp_path, "A-1", "th_1")
    assert path.read_text() == "[aliases\n"
