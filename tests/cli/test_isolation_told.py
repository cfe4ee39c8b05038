"""What `spl doctor`, `spl agent setup`, and `spl fleet start` make of `isolation`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.launcher.plan import FleetPlan, plan_workers, prepare_worker
from syncropel.settings.home import Home

from .conftest import Ran

Spl = Callable[..., Ran]
SANDBOX = '[adapters]\nisolation = "sandbox"\n'
NO = "echo 'bwrap: no' >&2; exit 1"


def isolation(spl: Spl) -> dict[str, Any] | None:
    """What `spl doctor` finds of it."""
    findings = spl("doctor", "-o", "json").json["findings"]
    return next((one for one in findings if one["about"] == "isolation"), None)


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = home / "bin"
    folder.mkdir()
    for name in ("git", "sh", "sleep"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "state", "told"),
    [
        ("exit 0", "ok", "a program ran in a sandbox, as goals of bash will"),
        (NO, "fail", "goals of bash would fail: no sandbox can be made here: bwrap: no"),
        ("exec sleep 60", "warn", "it is unknown whether a sandbox works here"),
    ],
)
def test_a_sandbox_is_tried(
    spl: Spl, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, state: str, told: str
) -> None:
    assert spl("init").code == 0
    assert isolation(spl) is None
    (home / ".syncro" / "config.toml").write_text(f"{SANDBOX}bash = true\n")
    program(folder, "bwrap", script)
    monkeypatch.setattr("syncropel.adapters.sandbox.CHECK_SECS", 0.3 if state == "warn" else 30.0)
    found = isolation(spl)
    assert found is not None
    assert (found["state"], found["told"][: len(told)]) == (state, told)


def test_a_setup_says_what_contains_the_agents(
    spl: Spl, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(folder, "claude", "echo 2.1.0")
    repo = home / "app"
    repo.mkdir()
    git = ["git", "-C", str(repo), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "begin"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.chdir(repo)
    (home / ".syncro").mkdir()
    setup = ("agent", "setup", "--gate", "true", "--dry-run")
    without = spl(*setup).out
    assert "Isolation: none: agents can do what your user can\n  isolation = " in without
    assert "outside of the agent's sandbox" in without
    program(folder, "bwrap", "exit 0")
    assert "A sandbox works here" in spl(*setup).out
    (home / ".syncro" / "config.toml").write_text(SANDBOX)
    contained = spl(*setup)
    assert "Isolation: sandbox, which holds the gate, too; a trial of it worked\n" in contained.out
    assert "outside of the agent's sandbox" not in contained.out
    program(folder, "bwrap", NO)
    failing = spl(*setup)
    assert "warning: the agents will not start: no sandbox can be made here: bwrap: no" in failing.err
    told = spl(*setup, "-o", "json").json["isolation"]
    assert (told["kind"], told["sandbox_problem"][:26]) == ("sandbox", "no sandbox can be made her")


def test_no_worker_runs_outside_of_the_sandbox_what_the_coordinator_runs_in_one(tmp_path: Path) -> None:
    coordinator, url = Home(tmp_path / ".syncro"), "http://127.0.0.1:9100"
    there, _ = plan_workers(coordinator, FleetPlan(2))
    prepare_worker(there, FleetPlan(2), url)
    coordinator.path.mkdir(parents=True)
    tables = '[adapters.{0}]\ntype = "exec"\ncommand = ["{0}"]\n'
    free = f'{tables.format("free")}isolation = "none"\n'
    coordinator.config.write_text(f"{SANDBOX}{tables.format('mine')}{free}")
    plan = FleetPlan(2, adapter="mine")
    present, new = (prepare_worker(one, plan, url)[0].adapters for one in plan_workers(coordinator, plan))
    assert (present.isolation, present.isolation_of(present.tables["mine"])) == ("", "sandbox")
    assert new.isolation == "sandbox"
    found = {name: new.isolation_of(one) for name, one in new.enabled().items()}
    assert found == {"echo": "sandbox", "mine": "sandbox", "free": "none"}
