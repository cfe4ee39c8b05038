"""Goals under a user of their own: a boundary where the daemon may make one, a refusal where it may not."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import BashAdapter, Job, Remains, other_user
from syncropel.adapters.configured import ConfiguredProgram
from syncropel.adapters.contract import Place
from syncropel.adapters.other_user import OtherUser, missing_capabilities
from syncropel.errors import SetupError
from syncropel.folds.fanout.child import STREAM_EVENT
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of others")
NOBODY = "nobody"
EVERYTHING = "CapEff:\t000001ffffffffff\n"


@pytest.fixture
def user(tmp_path: Path) -> Iterator[OtherUser]:
    found = other_user.other_user(NOBODY, tmp_path / "work")
    yield found
    shutil.rmtree(found.goals)


@ROOT
async def test_a_goal_runs_as_that_user_and_cannot_touch_its_supervisor(
    tmp_path: Path, user: OtherUser
) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(kind: str, body: dict[str, Any]) -> None:
        seen.append((kind, body))

    secret = tmp_path / "secret"
    secret.write_text("key")
    secret.chmod(0o600)
    adapter = BashAdapter(tmp_path / "work", None, Runtime(), user=user)
    goal = (
        f"id -u; echo $USER; cat {secret} && echo read; kill -9 $PPID && echo killed; touch here;"
        ' echo 0.5 >> "$SPL_COST_FILE"; grep NoNewPrivs /proc/self/status; setsid sleep 701 & true'
    )
    for attempt in (1, 2):
        remains = Remains(proven=False)
        outcome = await adapter.run(Job("th_1", goal, attempt, 60.0, remains=remains), observe)
        assert outcome.output is not None
        lines = Path(outcome.output).read_text().splitlines()
        assert outcome.verdict == "accept"
        assert lines[:2] == [str(pwd.getpwnam(NOBODY).pw_uid), NOBODY]
        assert "read" not in lines
        assert "killed" not in lines
        assert "NoNewPrivs:\t1" in lines
        assert remains.proven
    assert sum(body["cost_usd"] for kind, body in seen if kind == STREAM_EVENT) == 1.0
    assert (user.goals / "th_1" / "cwd" / "here").stat().st_uid == user.uid


@ROOT
async def test_a_configured_program_runs_as_that_user_too(tmp_path: Path, user: OtherUser) -> None:
    async def observe(kind: str, body: dict[str, Any]) -> None:
        return

    place = Place(tmp_path / "work", tmp_path / "run", Runtime(), user=user)
    command = ("bash", "-c", "id -u; pwd; cat; touch here; echo word >&2")
    adapter = ConfiguredProgram(AdapterTable("mine", "exec", command), place)
    outcome = await adapter.run(Job("th_1", "the goal", 1, 60.0), observe)
    cwd = user.goals / "th_1" / "cwd"
    assert (outcome.verdict, outcome.summary) == ("accept", f"{user.uid}\n{cwd}\nthe goal")
    assert (cwd / "here").stat().st_uid == user.uid
    assert (tmp_path / "work" / "th_1" / "attempt-1.err").read_text() == "word\n"


@ROOT
async def test_nothing_that_the_user_put_there_is_followed(tmp_path: Path, user: OtherUser) -> None:
    async def observe(kind: str, body: dict[str, Any]) -> None:
        return

    victim = tmp_path / "victim"
    adapter = BashAdapter(tmp_path / "work", None, Runtime(), user=user)
    place = user.goals / "th_1"
    goal = f"cd {place}; ln -s {victim} attempt-2.cost; ln -s {victim} attempt-2.sh; echo done"
    assert (await adapter.run(Job("th_1", goal, 1, 60.0), observe)).verdict == "accept"
    assert (await adapter.run(Job("th_1", "echo two", 2, 60.0), observe)).summary == "two"
    assert not victim.exists()


@pytest.mark.parametrize(
    ("name", "euid", "status", "problem"),
    [
        ("no-such-user-here", 0, EVERYTHING, "there is no user 'no-such-user-here'"),
        ("root", 0, EVERYTHING, "'root' is root, which does not confine a goal"),
        ("root", 1000, EVERYTHING, "'root' is root, which does not confine a goal"),
        (NOBODY, pwd.getpwnam(NOBODY).pw_uid, EVERYTHING, "is the daemon's own user"),
        (NOBODY, 1000, EVERYTHING, "only root may start goals as 'nobody'"),
        (NOBODY, 0, "CapEff:\t0000000000000000\n", "lacks CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID"),
        (NOBODY, 0, "CapEff:\t00000000000000e0\n", "lacks CAP_CHOWN"),
    ],
)
def test_where_it_may_not_it_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, euid: int, status: str, problem: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr("syncropel.adapters.other_user.tree.status_of", lambda _: status)
    with pytest.raises(SetupError, match=problem):
        other_user.other_user(name, tmp_path)


def test_capabilities_that_are_not_told_are_not_missed() -> None:
    assert missing_capabilities("Name:\tx\n") == []
    assert missing_capabilities(EVERYTHING) == []
    assert missing_capabilities("CapEff:\t00000000000000c1\n") == ["CAP_KILL"]


@ROOT
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    found = other_user.other_user(NOBODY, tmp_path / "work")
    assert found.goals.stat().st_mode & 0o777 == 0o711
    os.chown(found.goals, found.uid, found.gid)
    with pytest.raises(SetupError, match="belongs to another user"):
        other_user.other_user(NOBODY, tmp_path / "work")
    found.goals.rmdir()
    found.goals.symlink_to("/tmp")
    with pytest.raises(SetupError, match="belongs to another user"):
        other_user.other_user(NOBODY, tmp_path / "work")
