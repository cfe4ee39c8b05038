"""What every list can be printed as: text, wide, JSON, YAML, names; again when it changes; by labels."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from docs_tools.cli_page import commands
from syncropel.cli.support.documents import as_yaml, names_in, wide
from syncropel.cli.support.parsing import UsageError
from syncropel.cli.support.selectors import parse_selector
from syncropel.wire import Page, TaskSummary

from .conftest import FakeDaemon, Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).parents[2]
LISTS = {
    path: parser
    for path, parser in commands().items()
    if path.rpartition(" ")[2].startswith("list") or path in ("drill history", "thread records")
}
NAMELESS = {"drill history"}


def row(alias: str, *labels: str, revision: int = 1) -> TaskSummary:
    return TaskSummary(
        thread=f"th_{alias}", alias=alias, goal="a goal", status="open", priority="high", domain="",
        namespace="docs", labels=list(labels), records=1, created_at=1.0, updated_at=2.0, revision=revision,
    )  # fmt: skip


def page(*rows: TaskSummary, cursor: int | None = None) -> Page[TaskSummary]:
    return Page[TaskSummary](data=list(rows), next_cursor=cursor)


@pytest.fixture
def tasks(daemon: FakeDaemon) -> FakeDaemon:
    daemon.answer("/v1/tasks", page(row("A-1", "docs", "team=web"), row("B-2", "draft"), row("C-3")))
    return daemon


@pytest.mark.parametrize("path", LISTS)
def test_every_list_has_the_same_flags(path: str) -> None:
    flags = LISTS[path]._option_string_actions
    assert "--watch" in flags
    choices = set(flags["-o"].choices or ())
    assert {"text", "wide", "json", "yaml"} <= choices
    assert ("-q" in flags) is ("name" in choices) is (path not in NAMELESS)


def test_every_other_command_with_documents_prints_yaml() -> None:
    for path, parser in commands().items():
        output = parser._option_string_actions.get("-o")
        assert output is None or "yaml" in (output.choices or ()), path


def test_a_list_in_each_form(spl: Run, tasks: FakeDaemon) -> None:
    whole = spl("task", "list", "-o", "json").json
    assert yaml.safe_load(spl("task", "list", "-o", "yaml").out) == whole
    names = "A-1\nB-2\nC-3\n"
    assert spl("task", "list", "-o", "name").out == names
    assert spl("task", "list", "-q").out == spl("task", "list", "--quiet").out == names
    text = spl("task", "list").out
    assert text == spl("task", "list", "-o", "text").out
    table = spl("task", "list", "-o", "wide").out.splitlines()
    assert {"THREAD", "ALIAS", "NAMESPACE", "LABELS", "REVISION"} <= set(table[0].split())
    assert "docs,team=web" in table[1]


def test_what_is_no_list_has_no_form_of_one(spl: Run, tasks: FakeDaemon) -> None:
    ran = spl("task", "show", "A-1", "-o", "wide")
    assert (ran.code, ran.out) == (2, "")
    assert "wide" in ran.err
    ran = spl("task", "show", "A-1", "-o", "name")
    assert ran.code == 2


def test_errors_are_documents_for_programs_and_text_for_people(spl: Run, daemon: FakeDaemon) -> None:
    daemon.refuse("/v1/tasks", 403, "FORBIDDEN", "not you")
    for form in ("json", "yaml"):
        assert yaml.safe_load(spl("task", "list", "-o", form).err)["code"] == "FORBIDDEN"
    assert spl("task", "list", "-q").err.startswith("error: not you")
    assert json.loads(spl("task", "list", "--output=yaml", "--no-such-flag").err)["code"] == "USAGE"


# labels


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("docs", "A-1"),
        ("!docs", "B-2 C-3"),
        ("!docs,!draft", "C-3"),
        ("team=web", "A-1"),
        ("team==web, docs", "A-1"),
        ("team!=web", "B-2 C-3"),
        ("docs,draft", ""),
    ],
)
def test_tasks_are_chosen_by_their_labels(spl: Run, tasks: FakeDaemon, selector: str, names: str) -> None:
    assert spl("task", "list", "-q", "-l", selector).out.split() == names.split()


def test_a_selector_looks_through_every_page_until_it_has_enough(spl: Run, daemon: FakeDaemon) -> None:
    pages = [page(row("A", revision=9), cursor=9), page(row("B", "x", revision=8), cursor=8)]
    daemon.answers_in_turn("/v1/tasks", *pages, page(row("C", "x", revision=7), row("D", "x", revision=6)))
    assert spl("task", "list", "-q", "-l", "x").out.split() == ["B", "C", "D"]
    assert [one.url.params.get("before") for one in daemon.requests] == [None, "9", "8"]
    daemon.answers_in_turn("/v1/tasks", *pages, page(row("C", "x", revision=7), row("D", "x", revision=6)))
    some = spl("task", "list", "-l", "x", "--limit", "2", "-o", "json").json
    assert ([one["alias"] for one in some["data"]], some["next_cursor"]) == (["B", "C"], 7)


@pytest.mark.parametrize("selector", ["", ",", "docs,", "!", "=web", "!=web"])
def test_an_empty_term_is_a_mistake(selector: str) -> None:
    with pytest.raises(UsageError, match="invalid selector"):
        parse_selector(selector)


# again and again


class Sleeps:
    """Stands in for sleeping; interrupts, as Ctrl-C does, at the end."""

    def __init__(self, *between: Callable[[], None]) -> None:
        self._between = list(between)
        self.secs: list[float] = []

    def __call__(self, secs: float) -> None:
        self.secs.append(secs)
        if not self._between:
            raise KeyboardInterrupt
        self._between.pop(0)()


def test_watch_prints_what_has_changed_and_nothing_twice(
    spl: Run, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answer("/v1/tasks", page(row("A")))
    sleeps = Sleeps(lambda: None, lambda: daemon.answer("/v1/tasks", page(row("B"))), lambda: None)
    monkeypatch.setattr("syncropel.cli.support.watching.time.sleep", sleeps)
    ran = spl("task", "list", "-q", "--watch", "0.5")
    assert (ran.code, ran.out, ran.err) == (130, "A\nB\n", "")
    assert set(sleeps.secs) == {0.5}


def test_watch_outlives_a_daemon_that_is_away_and_says_so_once(
    spl: Run, daemon: FakeDaemon, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answer("/v1/tasks", page(row("A")))
    socket = home / ".syncro/run/spl.sock"
    sleeps = Sleeps(socket.unlink, lambda: None, socket.touch)
    monkeypatch.setattr("syncropel.cli.support.watching.time.sleep", sleeps)
    ran = spl("task", "list", "-q", "--watch")
    assert ran.code == 130
    assert ran.out == "A\nA\n"  # again, since it was said that it may be out of date
    assert ran.err.count("error:") == 1
    assert "may be out of date" in ran.err


def test_watch_ends_at_once_where_nothing_answers(spl: Run, home: Path) -> None:
    ran = spl("task", "list", "--watch")
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize("secs", ["0", "-1", "nan", "inf", "soon"])
def test_watch_takes_seconds(spl: Run, home: Path, secs: str) -> None:
    assert spl("task", "list", f"--watch={secs}").code == 2


# the documents alone

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON))
def test_yaml_says_what_json_says(document: dict[str, Any]) -> None:
    assert yaml.safe_load(as_yaml(document)) == document


@given(st.lists(st.dictionaries(st.text(min_size=1), JSON, max_size=4), max_size=4))
def test_a_wide_table_has_a_row_for_each_item_and_no_empty_column(items: list[dict[str, Any]]) -> None:
    header, rows = wide({"data": items})
    assert len(rows) == len(items)
    assert all(len(one) == len(header) for one in rows)
    assert all(any(column) for column in zip(*rows, strict=True))


def test_the_first_field_that_says_something_names_an_item() -> None:
    document = {"data": [{"alias": "", "did": "d1"}, {"alias": "a", "did": "d2"}, {"x": 1}]}
    assert names_in(document, ["alias", "did"]) == ["d1", "a"]


# the manual page


def test_the_manual_page_names_every_command_and_flag() -> None:
    text = (ROOT / "docs/man/spl.1").read_text()
    for path, parser in commands().items():
        assert f'.SH "SPL {path.upper()}"'.replace("-", "\\-") in text
        for action in parser._actions:
            if action.help != argparse.SUPPRESS:
                assert all(flag.replace("-", "\\-") in text for flag in action.option_strings)
    assert not re.search(r"^[.'](?!\\\"|TH |SH |B |TP|PP)", text, re.MULTILINE)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_troff_finds_no_fault() -> None:
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(ROOT / "docs/man/spl.1")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
