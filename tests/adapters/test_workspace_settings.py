"""`[workspace]` in config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.errors import SetupError
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.home import Home
from syncropel.settings.workspace import Repo


def load(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    return load_settings(Home(tmp_path), {})


def test_a_repository_is_a_path_or_a_table(tmp_path: Path) -> None:
    text = (
        '[workspace]\ncommit = false\n[workspace.repos]\napp = "/srv/app"\n'
        '[workspace.repos.site]\npath = "~/site"\nbase = "main"\ncopy = [".env"]\n'
    )
    workspace = load(tmp_path, text).workspace
    assert workspace.commit is False
    assert workspace.repos == {
        "app": Repo("app", Path("/srv/app")),
        "site": Repo("site", Path("~/site").expanduser(), "main", (".env",)),
    }


def test_commands_files_and_ports_of_a_repository_are_read(tmp_path: Path) -> None:
    text = (
        '[workspace.repos.app]\npath = "/srv/app"\ngate = ["make"]\ngate_files = []\n'
        'setup = ["npm", "ci"]\nteardown = ["docker", "compose", "down"]\nports = 10\n'
    )
    repo = load(tmp_path, text).workspace.repos["app"]
    assert (repo.gate, repo.gate_files) == (("make",), ())
    assert (repo.setup, repo.teardown, repo.ports) == (("npm", "ci"), ("docker", "compose", "down"), 10)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("repos = 1", ["repos must be a table"]),
        ('[workspace.repos]\napp = ""', ["app must be the path"]),
        ('[workspace.repos]\napp = "srv/app"', ["'srv/app' is not an absolute path"]),
        ('[workspace.repos]\n"a/b" = "/srv/app"', ["a/b: invalid name"]),
        ('[workspace.repos.app]\npath = "/a"\nbranch = "x"', ["unknown key 'branch'"]),
        ('[workspace.repos.app]\npath = "/a"\nbase = "--x"', ["base must be"]),
        ('[workspace.repos.app]\npath = "/a"\ncopy = ["../x"]', ["copy must be"]),
        ('[workspace.repos.app]\npath = "/a"\ncopy = ["/etc/passwd"]', ["copy must be"]),
        ('[workspace.repos.app]\npath = "/a"\ngate = "make test"', ["gate must be a list"]),
        ('[workspace.repos.app]\npath = "/a"\ngate = ["make", 1]', ["gate must be a list"]),
        ('[workspace.repos.app]\npath = "/a"\ngate = [""]', ["gate names no program"]),
        ('[workspace.repos.app]\npath = "/a"\nsetup = "npm ci"', ["setup must be a list"]),
        ('[workspace.repos.app]\npath = "/a"\nteardown = [""]', ["teardown names no program"]),
        ('[workspace.repos.app]\npath = "/a"\ngate_files = ["../x"]', ["gate_files must be"]),
        ('[workspace.repos.app]\npath = "/a"\nports = 101', ["ports must be a whole number from 0 to 100"]),
        ('[workspace.repos.app]\npath = "/a"\nports = true', ["ports must be"]),
        ('author = "nobody"', ["author must be"]),
        ("colour = 1", ["unknown key 'colour' in [workspace]"]),
    ],
)
def test_a_bad_value_is_named_by_its_place(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SetupError) as caught:
        load(tmp_path, f"[workspace]\n{text}\n")
    assert "config.toml" in caught.value.message
    for word in words:
        assert word in caught.value.message
    assert caught.value.hint


def test_goals_of_another_user_and_repositories_exclude_each_other(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config.write_text('[adapters]\nrun_as = "nobody"\n[workspace.repos]\napp = "/srv/app"\n')
    with pytest.raises(SetupError, match=r"run_as and \[workspace\.repos\] exclude each other"):
        load_settings(home, {})
