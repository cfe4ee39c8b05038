"""`spl config …` and `spl expr …` against a real daemon: what they print, and how they refuse."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("live")

KINDS = [
    ("permission", "permission-rule", "permission-rules", ["--effect", "deny", "--op", "thread_read"]),
    ("routing", "rule", "rules", []),
    ("health", "health", "health", ["--severity", "critical"]),
]
TRUE = {"permission": "actor == 'x'", "routing": "parent.domain", "health": "engine.records >= 0"}


@pytest.mark.parametrize(("kind", "noun", "nouns", "more"), KINDS)
def test_a_rule_is_added_listed_replaced_and_removed(
    spl: Spl, kind: str, noun: str, nouns: str, more: list[str]
) -> None:
    added = spl("config", f"add-{noun}", "mine", "--expression", TRUE[kind], "--priority", "7", *more)
    assert (added.code, added.out) == (0, f"✓ {kind} rule 'mine' recorded\n")
    listed = spl("config", f"list-{nouns}")
    (line,) = [one for one in listed.out.splitlines() if " mine " in one]
    assert line.split()[:2] == ["7", "mine"]
    assert line.endswith(TRUE[kind])
    spl("config", f"add-{noun}", "mine", "--expression", TRUE[kind], "--priority", "9", *more)
    rules = spl("config", f"list-{nouns}", "-o", "json").json["data"]
    (rule,) = [one for one in rules if one["name"] == "mine"]
    assert (rule["priority"], rule["expression"], rule["kind"]) == (9, TRUE[kind], f"{kind}_rule")
    assert rule["actor"] == "did:sync:user:tester"
    removed = spl("config", f"remove-{noun}", "mine")
    assert (removed.code, removed.out) == (0, f"✓ {kind} rule 'mine' removed\n")
    assert " mine " not in spl("config", f"list-{nouns}").out
    again = spl("config", f"remove-{noun}", "mine")
    assert again.code == 1
    assert "mine" in again.err


def test_the_list_of_permission_rules_says_whether_they_are_enforced(spl: Spl) -> None:
    first, head, *rows = spl("config", "list-permission-rules").out.splitlines()
    assert first == "Permissions: disabled (only freeze rules deny)"
    assert head.split() == ["PRIORITY", "NAME", "EFFECT", "OPS", "FROM", "EXPRESSION"]
    assert [row.split()[1:3] for row in rows] == [
        ["freeze-emergency", "(default)"], ["freeze-hard", "(default)"], ["freeze-soft", "(default)"],
    ]  # fmt: skip
    assert spl("config", "list-permission-rules", "-o", "json").json["enabled"] is False


def test_enabling_is_refused_with_the_command_that_allows_it(spl: Spl) -> None:
    ran = spl("config", "permissions-enable")
    assert (ran.code, ran.out) == (1, "")
    assert "record_write" in ran.err
    assert "spl config add-permission-rule" in ran.err
    everybody = ["--effect", "allow", "--expression", "true", "--priority", "500"]
    assert spl("config", "add-permission-rule", "everybody", *everybody).code == 0
    assert spl("config", "permissions-enable").out == "✓ permissions enabled\n"
    assert spl("config", "list-permission-rules").out.startswith("Permissions: enabled (what no rule matches")
    assert spl("config", "permissions-disable").out == "✓ permissions disabled\n"
    assert spl("config", "remove-permission-rule", "everybody").code == 0


def test_a_default_rule_that_was_replaced_is_restored(spl: Spl) -> None:
    replaced = ["--effect", "deny", "--expression", "false", "--priority", "0"]
    assert spl("config", "add-permission-rule", "freeze-soft", *replaced).code == 0
    restored = spl("config", "restore-default-rules", "-o", "json")
    assert restored.json["names"] == ["freeze-soft"]
    assert spl("config", "restore-default-rules").out == "✓ the default rules are already in force\n"


def test_permissions_are_not_unlocked_under_a_running_daemon(live: Path) -> None:
    words = [sys.executable, "-m", "syncropel.cli.main", "config", "permissions-unlock"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "stop that daemon first" in ran.stderr


@pytest.mark.parametrize(
    ("words", "column", "known"),
    [
        (["add-permission-rule", "bad", "--effect", "allow", "--expression", "record.actt"], 8, "actor"),
        (["add-rule", "bad", "--expression", "nobody.alias"], 1, "parent"),
        (["add-health", "bad", "--expression", "engine.speed > 1"], 8, "uptime_secs"),
        (["add-trigger", "bad", "--goal", "g", "--expression", "record.what"], 8, "topic"),
        (["add-fold-rule", "bad", "--expression", "record.what"], 8, "topic"),
        (["add-aitl", "bad", "--expression", "record.what"], 8, "topic"),
        (["add-precondition", "bad", "--expression", "subtask.gaol == ''"], 9, "goal"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_refused_with_a_caret(spl: Spl, words: list[str], column: int, known: str) -> None:
    ran = spl("config", *words)
    assert (ran.code, ran.out) == (1, "")
    _, source, caret, *hint = ran.err.splitlines()
    assert source.strip() == words[words.index("--expression") + 1]
    assert caret.index("^") - (len(source) - len(source.lstrip())) == column - 1
    assert f"column {column}" in ran.err
    assert known in " ".join(hint)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["config"], "VERB"),
        (["config", "add-permission-rule", "x", "--expression", "true"], "--effect"),
        (["config", "add-permission-rule", "x", "--expression", "true", "--effect", "maybe"], "allow, deny"),
        (["config", "add-rule", "x"], "--expression"),
        (["config", "add-health", "x", "--expression", "true", "--severity", "loud"], "warning, critical"),
        (["config", "add-rule", "x", "--expression", "''", "--priority", "first"], "first"),
        (["config", "list-permision-rules"], "did you mean list-permission-rules?"),
        (["expr", "eval", "1"], "--context"),
        (["expr", "eval", "1", "--context", "joins"], "did you mean join?"),
        (["expr", "eval", "1", "--context", "trigger", "--record", "/nowhere"], "/nowhere"),
    ],
)
def test_words_that_make_no_sense_exit_2(spl: Spl, words: list[str], told: str) -> None:
    ran = spl(*words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "Traceback" not in ran.err


# expressions


@pytest.mark.parametrize(
    ("expression", "value", "kind"),
    [
        ("true && 1 < 2", True, "bool"),
        ("1 + 1", 2, "int"),
        ("1.5 * 2.0", 3, "double"),
        ("'a' + 'é'", "aé", "string"),
        ("[1, 2].map(n, n * 2)", [2, 4], "list"),
        ("{'a': 1}", {"a": 1}, "map"),
        ("null", None, "null_type"),
        ("fleet_frozen_namespaces()", [], "list"),
    ],
)
def test_a_value_comes_with_its_type_and_cost(spl: Spl, expression: str, value: object, kind: str) -> None:
    ran = spl("expr", "eval", expression, "--context", "trigger")
    first, second = ran.out.splitlines()
    assert (ran.code, json.loads(first)) == (0, value)
    words = second.split()
    assert (words[0], words[3], words[-1]) == (kind, "steps", "µs")
    answer = spl("expr", "eval", expression, "--context", "trigger", "-o", "json").json
    assert (answer["value"], answer["type"]) == (value, kind)
    assert answer["steps"] > 0


def test_an_expression_about_a_task_and_a_record(spl: Spl, tmp_path: Path) -> None:
    assert spl("task", "add", "Try it", "--alias", "TRY-1", "--domain", "docs").code == 0
    about = ["--context", "precondition", "--thread", "TRY-1"]
    assert spl("expr", "eval", "task.domain + task.alias", *about).out.startswith('"docsTRY-1"\n')
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"thread": "t", "actor": "did:a", "act": "DO", "body": {"n": 3}}))
    one = ["--context", "permission", "--record", str(record)]
    assert spl("expr", "eval", "record.act == 'DO' && record.body.n == 3", *one).out.startswith("true\n")
    record.write_text('{"thread": "t", "actor": "did:a", "act": "DO", "act": "KNOW"}')
    refused = spl("expr", "eval", "record.act == 'DO'", *one)
    assert (refused.code, "the key 'act' occurs twice" in refused.err) == (2, True)


def test_an_expression_is_read_from_stdin(spl: Spl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("1 +\n 1\n"))
    assert spl("expr", "eval", "-", "--context", "trigger").out.startswith("2\n")


@pytest.mark.parametrize("verb", ["check", "eval"])
@pytest.mark.parametrize(
    ("expression", "column", "told"),
    [
        ("record.actt == 'DO'", 8, "known: "),
        ("1 +", 3, "not a CEL expression"),
        ("'日本' == recrod.act", 9, "recrod"),
    ],
)
def test_a_mistake_has_a_caret_below_it(spl: Spl, verb: str, expression: str, column: int, told: str) -> None:
    ran = spl("expr", verb, expression, "--context", "trigger")
    assert (ran.code, ran.out) == (1, "")
    first, source, caret, *_ = ran.err.splitlines()
    assert first.startswith("error: ")
    assert f"line 1, column {column}" in first
    assert source.strip() == expression
    assert caret.index("^") - source.index(expression) == column - 1
    assert told in ran.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["1 / 0", "--context", "trigger"], 1, "divide by zero"),
        (["subtask.index", "--context", "routing"], 2, "no value here"),
        (["task.alias", "--context", "precondition", "--thread", "NOBODY-9"], 1, "no thread 'NOBODY-9'"),
        (["[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, "
          "[1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, a + b + c + d + e > 0)))))",
          "--context", "trigger"], 1, "stopped"),
    ],
)  # fmt: skip
def test_an_evaluation_without_a_value_says_why(spl: Spl, words: list[str], code: int, told: str) -> None:
    ran = spl("expr", "eval", *words)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_a_check_says_that_it_compiles(spl: Spl) -> None:
    ran = spl("expr", "check", "children.size() > 0", "--context", "join")
    assert ran.code == 0
    assert ran.out.startswith("✓ compiles in join (")
    assert spl("expr", "check", "true", "--context", "join", "-o", "json").json["ok"] is True


def test_the_cache_counts(spl: Spl) -> None:
    before = spl("expr", "cache", "-o", "json").json
    for _ in range(2):
        spl("expr", "check", "1 + 2 + 3 == 6", "--context", "trigger")
    after = spl("expr", "cache", "-o", "json").json
    assert (after["hits"] - before["hits"], after["misses"] - before["misses"]) == (1, 1)
    text = spl("expr", "cache").out
    assert f"of {after['capacity']}" in text
    assert "Hits: " in text


def test_strict_namespaces_are_told_by_their_list(spl: Spl) -> None:
    assert "Strict" not in spl("namespace", "list").out
    assert spl("namespace", "strict", "on").code == 0
    assert "Strict: only these may be used" in spl("namespace", "list").out
    assert spl("namespace", "list", "-o", "json").json["strict"] is True
    assert spl("namespace", "strict", "off").code == 0


def test_without_a_daemon_every_command_says_so(
    spl: Spl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SYNCROPEL_HOME", str(tmp_path / "nobody"))
    for words in (["config", "list-rules"], ["expr", "check", "1", "--context", "join"], ["expr", "cache"]):
        ran = spl(*words)
        assert (ran.code, ran.out) == (1, "")
        assert "spl serve" in ran.err


def test_the_list_tells_of_a_rule_that_could_not_be_evaluated(spl: Spl) -> None:
    assert spl("config", "add-health", "broken", "--expression", "1 / 0 == engine.records").code == 0
    assert "could not be" not in spl("config", "list-health").out
    spl("status")
    assert "'broken' could not be evaluated once: divide by zero" in spl("config", "list-health").out
    spl("status")
    assert "'broken' could not be evaluated 2 times: divide by zero" in spl("config", "list-health").out
    assert spl("config", "remove-health", "broken").code == 0
