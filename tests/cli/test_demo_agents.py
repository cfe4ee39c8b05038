"""The scratch repository of `spl demo`: offered where git works, and left out where it does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from syncropel.cli import demo_agents
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home


def test_the_repository_is_in_the_config_and_has_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    home = Home(tmp_path / "home")
    assert demo_agents.offer_repository(home, tmp_path)
    repo = load_settings(home, {}).workspace.repos[demo_agents.NAME]
    monkeypatch.delenv("GIT_DIR")
    log = subprocess.run(
        ["git", "-C", str(repo.path), "log", "--format=%s"], check=True, capture_output=True, text=True
    )
    assert log.stdout == "Begin\n"
    assert {where["repo"] for _, where in demo_agents.GOALS} == {demo_agents.NAME}


def test_without_git_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert not demo_agents.offer_repository(Home(tmp_path / "home"), tmp_path)
    assert list(tmp_path.iterdir()) == []
