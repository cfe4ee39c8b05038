"""A request as the operator and a policy see it: what would be done, and nothing that only a shell knows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.adapters.acp.conversation import answer
from syncropel.adapters.acp.messages import Call
from syncropel.adapters.acp.permissions import arguments, request_id, request_of
from syncropel.adapters.asking import (
    ALLOW_ALWAYS,
    ALLOW_ONCE,
    CANCELLED,
    REJECT_ALWAYS,
    REJECT_ONCE,
    Option,
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("make test", ("make", "test")),
        ("  git   status ", ("git", "status")),
        (["make", "test; rm -rf /"], ("make", "test; rm -rf /")),
        (["bash", "-lc", "make test"], ("make", "test")),
        (["/bin/sh", "-c", "make"], ("make",)),
        (["bash", "-lc", "make && rm x"], None),
        (["bash", "-l", "-c", "make"], ("make",)),
        (["bash", "script.sh"], None),
        (["bash", "-l", "script.sh"], None),
        (["bash", "script.sh", "-c"], None),
        (["bash", "-c", "-l", "make"], None),
        (["bash", "-c", "-l"], None),
        (["bash"], None),
        (["bash", "-c", "make", "extra"], None),
        (["make", 3], None),
        ([], None),
        ("", None),
        (None, None),
        ("make; rm x", None),
        ("make & rm x", None),
        ("make | sh", None),
        ("make > /etc/passwd", None),
        ("echo $HOME", None),
        ("echo `id`", None),
        ("A=1 make", None),
        ("ls *.py", None),
        ("cat ~/.ssh/id_rsa", None),
        ("echo 'a b'", None),
        ("make\nrm x", None),
        ("make \\\n test", None),
        ("! make", None),
        ("echo {a,b}", None),
        ("make #x", None),
    ],
)
def test_a_command_s_arguments(command: Any, expected: tuple[str, ...] | None) -> None:
    assert arguments(command) == expected


@given(st.text(min_size=1))
def test_arguments_are_those_that_a_shell_would_pass(command: str) -> None:
    words = arguments(command)

    assert words is None or list(words) == shlex.split(command)


def test_the_request_of_an_edit_through_a_link_names_the_file_behind_it(tmp_path: Path) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    root.mkdir()
    outside.write_text("secret")
    (root / "link").symlink_to(outside)
    diff = {"type": "diff", "path": "link", "oldText": "secret", "newText": "x"}
    tool = {"title": "Edit link", "kind": "edit", "content": [diff]}

    request = request_of(Call(1, "session/request_permission", {}), tool, "run", str(root))

    assert request.paths == (str(outside.resolve()),)
    assert request.root == str(root.resolve())
    assert request.shown["diffs"] == [{"path": "link", "old": "secret", "new": "x"}]
    assert request.command is None


@pytest.mark.parametrize("folder", ["/etc", "below", "..", "a\0b"])
def test_the_request_of_a_command_elsewhere_has_no_arguments_that_a_rule_could_allow(
    tmp_path: Path, folder: str
) -> None:
    tool = {"title": "make", "kind": "execute", "rawInput": {"command": "make", "cwd": folder}}

    request = request_of(Call(1, "m", {}), tool, "run", str(tmp_path))

    assert request.command is None
    assert request.shown["command"] == "make"
    assert request.shown["cwd"] == folder


@pytest.mark.parametrize("folder", [".", "", None, "a/.."])
def test_a_command_in_the_root_has_its_arguments(tmp_path: Path, folder: str | None) -> None:
    tool = {"kind": "execute", "rawInput": {"command": "make", "cwd": folder}}

    request = request_of(Call(1, "m", {}), tool, "run", str(tmp_path))

    assert request.command == ("make",)
    assert "cwd" not in request.shown


def test_what_an_agent_says_of_a_command_outside_of_its_arguments_is_shown(tmp_path: Path) -> None:
    where = {"type": "content", "content": {"type": "text", "text": "[current working directory /etc]"}}
    tool = {"title": "make", "kind": "execute", "content": [where, {"type": "content"}]}

    request = request_of(Call(1, "m", {}), tool, "run", str(tmp_path))

    assert request.shown == {"title": "make", "details": "[current working directory /etc]"}
    assert request.command is None


def test_a_request_that_says_nothing_is_a_request_all_the_same(tmp_path: Path) -> None:
    request = request_of(Call(1, "m", {"options": "none"}), {}, "run", str(tmp_path))

    assert request.text == "a tool call that says nothing of itself"
    assert (request.options, request.paths, request.command) == ((), (), None)


def test_an_id_is_the_same_for_the_next_daemon_and_no_other_request() -> None:
    ids = {
        request_id(run, Call(number, "m", {}, count))
        for run in ("a", "b")
        for number in (1, "1", 2)
        for count in (1, 2)
    }

    assert len(ids) == 12
    assert request_id("a", Call(1, "m", {})) == request_id("a", Call(1, "other", {"x": 1}))


@pytest.mark.parametrize(
    ("chosen", "offered", "outcome"),
    [
        (ALLOW_ONCE, [ALLOW_ONCE, REJECT_ONCE], ALLOW_ONCE),
        (ALLOW_ONCE, [ALLOW_ALWAYS, REJECT_ONCE], REJECT_ONCE),
        (ALLOW_ONCE, [ALLOW_ALWAYS], "cancelled"),
        (ALLOW_ALWAYS, [ALLOW_ALWAYS, ALLOW_ONCE, REJECT_ONCE], REJECT_ONCE),
        (REJECT_ONCE, [ALLOW_ONCE, REJECT_ONCE], REJECT_ONCE),
        (REJECT_ONCE, [ALLOW_ONCE, REJECT_ALWAYS], "cancelled"),
        (CANCELLED, [ALLOW_ONCE, REJECT_ONCE], "cancelled"),
        ("", [ALLOW_ONCE, REJECT_ONCE], REJECT_ONCE),
    ],
)
def test_which_option_is_chosen(chosen: str, offered: list[str], outcome: str) -> None:
    options = [{"optionId": f"id-{kind}", "kind": kind, "name": kind} for kind in offered]

    reply = answer(Call(7, "m", {"options": options}), chosen)

    said = reply["result"]["outcome"]
    assert reply["id"] == 7
    assert said == (
        {"outcome": "cancelled"}
        if outcome == "cancelled"
        else {"outcome": "selected", "optionId": f"id-{outcome}"}
    )


ONE = {"optionId": "a", "kind": "allow_once", "name": "Allow\nonce"}


def test_everything_of_a_command_is_in_its_request_and_nothing_else(tmp_path: Path) -> None:
    own = {"command": ["make", "test"], "cwd": str(tmp_path / "here" / ".."), "timeout": 5}
    tool = {"title": "Run make\ntest", "kind": "execute", "rawInput": own, "locations": [{"path": "a.py"}]}
    (tmp_path / "here").mkdir()

    request = request_of(Call(1, "m", {"options": [ONE]}), tool, "run", str(tmp_path))

    assert request.text == "Run make"
    assert request.shown == {"title": "Run make\ntest", "command": "make test", "input": own}
    assert (request.tool, request.command) == ("execute", ("make", "test"))
    assert request.paths == (str(tmp_path / "a.py"),)
    assert request.options == (Option("allow_once", "Allow"),)


def test_everything_of_an_edit_is_in_its_request_and_nothing_else(tmp_path: Path) -> None:
    diffs = [{"type": "diff", "path": f"{name}.py", "newText": name} for name in ("b", "a", "b")]
    tool = {
        "kind": "edit",
        "content": diffs,
        "rawInput": {"file_path": "c.py", "path": "d\0.py", "content": "x"},
    }

    request = request_of(Call(1, "m", {}), tool, "run", str(tmp_path))

    shown = [{"path": f"{name}.py", "old": None, "new": name} for name in ("b", "a", "b")]
    assert request.shown == {"title": "", "diffs": shown}
    assert request.paths == tuple(str(tmp_path / f"{name}.py") for name in "abc")
    assert request.command is None
