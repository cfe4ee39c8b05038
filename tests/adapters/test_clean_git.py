"""What clean git leaves behind: nothing, also of a process that was killed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from syncropel.system import clean_git
from syncropel.system.clean_git import LEFT_BEHIND_SECS, Repository
from tests.git_repository import git


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, in which nobody has swept yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clean_git._sweep.cache_clear()
    return tmp_path


def test_the_folders_of_killed_processes_go_and_no_others(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("project")
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Begin")
    old = time.time() - LEFT_BEHIND_SECS - 60
    for name in ("spl-git-old", "spl-git-young", "other"):
        (place / name).mkdir()
        (place / name / "HEAD").touch()
    kept = tmp_path_factory.mktemp("kept")
    (place / "spl-git-link").symlink_to(kept)
    for name in ("spl-git-old", "other"):
        os.utime(place / name, (old, old))
    os.utime(place / "spl-git-link", (old, old), follow_symlinks=False)
    repository = Repository.find(folder)
    with repository.scratch(repository.commit()):
        assert len(list(place.glob("spl-git-*"))) == 3
    assert sorted(path.name for path in place.iterdir()) == ["other", "spl-git-link", "spl-git-young"]
    assert kept.is_dir()
