"""Editing TOML in place: values change, everything that a person wrote stays."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import Settings, dump_settings, edit_settings, load_settings
from syncropel.settings.home import Home
from syncropel.toml_text import REMOVED, edited, read, write

OPERATORS = """\
# Ask Ana before you change this one.
[fleet]
alias = "worker-a" # the one under the desk
# slower, the network is bad
heartbeat_interval_secs = 9.0

# noisy until the leak is found
[log]
level = "DEBUG"
"""


def test_a_new_table_within_a_section_is_set_off_from_the_next_one() -> None:
    text = edited("[a]\nx = 1\n\n[z]\ny = 2\n", {("a", "b", "c"): "new"})
    assert text == '[a]\nx = 1\n\n[a.b]\nc = "new"\n\n[z]\ny = 2\n'


def test_a_change_keeps_comments_and_order() -> None:
    text = edited(OPERATORS, {("fleet", "alias"): "worker-b", ("log", "level"): REMOVED})
    assert text == OPERATORS.replace('"worker-a"', '"worker-b"').replace('level = "DEBUG"\n', "")


def test_a_new_key_stands_before_the_comment_of_the_next_table() -> None:
    text = edited(OPERATORS, {("fleet", "coordinator_url"): "http://127.0.0.1:9100"})
    added = 'coordinator_url = "http://127.0.0.1:9100"\n'
    assert text == OPERATORS.replace("secs = 9.0\n", f"secs = 9.0\n{added}")


def test_line_endings_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(OPERATORS.replace("\n", "\r\n").encode())
    write(path, edited(read(path), {("fleet", "alias"): "worker-b"}))
    assert path.read_bytes() == OPERATORS.replace("worker-a", "worker-b").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet",
        'fleet.alias = "a"\nfleet.most_workers = 3\n',
        'fleet = {alias = "a"}\n',
        "[fleet]\n# alias\n",
        "[fleet.sub]\nx = 1\n[log]\n[fleet]\n",
        '[console.keys]\nx = ["a"]\n[fleet]\n[console.notify]\nbell = false\n',
    ],
)
def test_whatever_way_a_table_is_written(text: str) -> None:
    made = tomllib.loads(edited(text, {("fleet", "alias"): "b", ("console", "notify", "bell"): True}))
    assert (made["fleet"]["alias"], made["console"]["notify"]["bell"]) == ("b", True)
    before = tomllib.loads(text)
    assert before.get("console", {}).get("keys") == made["console"].get("keys")


@pytest.mark.parametrize("text", ["[fleet", "fleet = 3\n", "[[fleet]]\nalias = 'a'\n"])
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"edited|Expected"):
        edited(text, {("fleet", "alias"): "b"})


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    kept, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    kept.write_text("a = 1\n")
    kept.chmod(0o600)
    link.symlink_to(kept)
    write(link, "a = 2\n")
    assert (link.is_symlink(), kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (
        True,
        "a = 2\n",
        0o600,
    )
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_no_file_reads_as_no_text(tmp_path: Path) -> None:
    assert read(tmp_path / "config.toml") == ""
    write(tmp_path / "config.toml", "a = 1\n")
    assert read(tmp_path / "config.toml") == "a = 1\n"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_written_as_valid_toml(cwd: str) -> None:
    settings = Settings(adapters=AdapterSettings(bash=True, bash_cwd=cwd))
    for text in (dump_settings(settings), edit_settings(OPERATORS, Settings(), settings)):
        assert tomllib.loads(text)["adapters"].get("bash_cwd", "") == cwd


def test_a_new_file_has_every_setting_and_reads_back(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config.write_text(dump_settings(Settings()))
    assert load_settings(home, {}) == Settings()
    assert set(tomllib.loads(home.config.read_text())) == {
        "backup",
        "server",
        "auth",
        "fleet",
        "dispatch",
        "permissions",
        "adapters",
        "store",
        "traces",
        "workspace",
        "log",
        "console",
    }
