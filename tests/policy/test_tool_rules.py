"""What agents may do without asking: a truth table, and properties that hold for every rule and request."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncropel.errors import SetupError
from syncropel.policy.tool_rules import ALLOW, ASK, DENY, MOST_WORDS, Ruling, ToolUse, compile_rules, judge
from syncropel.settings.permissions import Decide, ToolRule, read_rules

STATUS = 'command == ["git", "status"]'


def ruled(use: ToolUse, *rules: tuple[str, Decide]) -> Ruling:
    """The ruling of these rules, which are called r0, r1, …"""
    made = [ToolRule(f"r{number}", when, decide) for number, (when, decide) in enumerate(rules)]
    return judge(compile_rules(made), use)


def run(*command: str, **more: Any) -> ToolUse:
    return ToolUse("execute", command, shell=True, **{"root": "/", **more})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A worktree with a file, and links to a place outside and to one inside."""
    inside = tmp_path / "worktree"
    (inside / "src").mkdir(parents=True)
    (inside / "src" / "a.py").write_text("")
    (tmp_path / "secret").write_text("")
    (inside / "out").symlink_to(tmp_path)
    (inside / "in").symlink_to(inside / "src")
    return inside


@pytest.mark.parametrize(
    ("use", "rules", "decide", "rule"),
    [
        (run("git", "status"), [], ASK, ""),
        (run("git", "status"), [(STATUS, "allow")], ALLOW, "r0"),
        (run("git", "status"), [(STATUS, "deny")], DENY, "r0"),
        (run("git", "status"), [(STATUS, "ask"), ("true", "deny")], ASK, "r0"),
        (run("git", "push"), [(STATUS, "allow")], ASK, ""),
        (run("git", "push"), [(STATUS, "allow"), ('command[1] == "push"', "deny")], DENY, "r1"),
        (run("git", "status"), [('tool == "edit"', "deny"), (STATUS, "allow")], ALLOW, "r1"),
        # what fails asks, and no later rule decides
        (run("git"), [('command[1] == "push"', "deny"), ("true", "deny")], ASK, "r0"),
        (run("git", "status"), [("command", "allow")], ASK, "r0"),
        (run("git", "status"), [('"yes"', "deny")], ASK, "r0"),
        (run(*["x"] * 150), [("command.all(a, command.all(b, command.all(c, a == b)))", "deny")], ASK, "r0"),
        # who asks, and for what
        (run("ls", adapter="gemini"), [('adapter == "gemini" && command == ["ls"]', "allow")], ALLOW, "r0"),
        (run("ls", namespace="docs"), [('namespace == "docs"', "deny")], DENY, "r0"),
        (run("ls", task="th_1"), [('task == "th_2"', "deny")], ASK, ""),
    ],
)
def test_the_first_rule_that_matches_decides(
    use: ToolUse, rules: list[tuple[str, Decide]], decide: str, rule: str
) -> None:
    found = ruled(use, *rules)
    assert (found.decide, found.rule) == (decide, rule)


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ("true", "word 1"),
        ('tool == "execute"', "word 1"),
        ('command[0] == "git"', "word 2"),
        ('command[0] == "git" && command[1] == "status"', "word 3"),
        ('size(command) == 2 && command[0] == "git"', "word 2"),
        ('command.exists(a, a == "status")', "word 1"),
        ('!command.exists(a, a == "push")', "word 1"),
        ('command.all(a, a.startsWith("git") || a.startsWith("st"))', "word 1"),
        ('command.all(a, a.endsWith("git") || a.endsWith("us"))', "word 1"),
        ('command.all(a, a.contains("t"))', "word 1"),
        ('command.all(a, a.matches("[a-z]+"))', "word 1"),
    ],
)
def test_a_rule_that_does_not_look_at_each_word_allows_nothing(when: str, problem: str) -> None:
    found = ruled(run("git", "status"), (when, "allow"))
    assert (found.decide, found.rule) == (ASK, "r0")
    assert problem in found.problem
    assert ruled(run("git", "status"), (when, "deny")).decide == DENY, (
        "what denies may be as wide as it likes"
    )


@pytest.mark.parametrize(
    "when",
    [
        STATUS,
        'command in [["git", "status"], ["git", "diff"]]',
        'command.all(a, a in ["git", "status"])',
        'command.all(a, a.matches("^[a-z]+$"))',
        'size(command) == 2 && command[0] == "git" && command[1].matches("^(status|diff)$")',
        'command != null && command.join(" ") == "git status"',
    ],
)
def test_a_rule_that_looks_at_each_word_allows(when: str) -> None:
    assert ruled(run("git", "status"), (when, "allow")) == Ruling(ALLOW, "r0")


def test_a_command_of_which_only_a_shell_could_tell_is_asked() -> None:
    use = ToolUse("execute", None, root="/", shell=True)
    assert ruled(use, ("command == null", "allow")).problem == "only a shell could tell what the command does"
    assert ruled(use, ("command == null", "deny")).decide == DENY
    with_paths = ToolUse("execute", None, ("/x",), "/", shell=True)
    assert ruled(with_paths, ("true", "allow")).decide == ASK


def test_what_is_known_by_neither_command_nor_path_is_asked() -> None:
    assert ruled(ToolUse("fetch", root="/"), ('tool == "fetch"', "allow")).decide == ASK
    assert ruled(run(), ("command == []", "allow")).decide == ASK


def edit(within: Path | str, *paths: str | Path) -> ToolUse:
    return ToolUse("edit", None, tuple(os.path.join(within, one) for one in paths), str(within))


EDITS: tuple[str, Decide] = ('tool == "edit"', "allow")


@pytest.mark.parametrize(
    ("paths", "decide"),
    [
        (["src/a.py"], ALLOW),
        (["src/new.py", "b.py"], ALLOW),
        (["in/a.py"], ALLOW),
        (["."], ALLOW),
        (["out/secret"], ASK),
        (["src/a.py", "out/new"], ASK),
        (["../secret"], ASK),
        (["src/../../secret"], ASK),
        (["/etc/passwd"], ASK),
        (["/"], ASK),
        (["src/\0"], ASK),
        ([".git"], ASK),
        (["src/.GIT/config"], ASK),
        ([".gitignore"], ALLOW),
    ],
)
def test_an_edit_is_allowed_within_the_worktree_alone(root: Path, paths: list[str], decide: str) -> None:
    assert ruled(edit(root, *paths), EDITS).decide == decide


def test_a_folder_or_a_path_that_is_not_absolute_proves_nothing(root: Path) -> None:
    known = str(root / "src" / "a.py")
    for use in (
        ToolUse("edit", None, ("a.py",), str(root)),
        ToolUse("edit", None, (known,), ""),
        ToolUse("edit", None, (known,), "."),
        run("ls", root=""),
    ):
        assert ruled(use, ("true" if use.command is None else 'command == ["ls"]', "allow")).decide == ASK


def test_a_link_to_the_folder_itself_is_the_folder(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert ruled(edit(tmp_path / "link", root / "src" / "a.py"), EDITS).decide == ALLOW


@pytest.mark.parametrize(
    ("word", "decide"),
    [
        ("src/a.py", ALLOW),
        ("-rf", ALLOW),
        ("HEAD~1", ALLOW),
        ("--out=src/b.py", ALLOW),
        ("/etc/passwd", ASK),
        ("../secret", ASK),
        ("out/secret", ASK),
        ("~/.ssh/id_rsa", ASK),
        ("--out=/etc/x", ASK),
        ("--out=../x", ASK),
        ("-o/etc/x", ASK),
        ("-xf/etc/passwd", ASK),
        ("-xf../secret", ASK),
        ("@/etc/passwd", ASK),
        ("@src/a.py", ALLOW),
        ("-ofile", ALLOW),
        ("of=/dev/sda", ASK),
        ("a" * 5000, ALLOW),
        ("\ud800", ASK),
    ],
)
def test_a_word_that_names_a_place_outside_is_asked(root: Path, word: str, decide: str) -> None:
    words = repr(["cat", word]) if word.isascii() else None
    when = f"command == {words}" if words else 'command.all(a, a == "cat" || a.matches("^[^\\\\x01]$"))'
    assert ruled(run("cat", word, root=str(root)), (when, "allow")).decide == decide


def test_a_program_may_be_anywhere_if_the_rule_names_it(root: Path) -> None:
    assert ruled(run("/bin/ls", root=str(root)), ('command == ["/bin/ls"]', "allow")).decide == ALLOW


def test_more_than_anybody_would_list_is_asked() -> None:
    every = 'command.all(a, a == "x")'
    assert ruled(run(*["x"] * MOST_WORDS), (every, "allow")).decide == ALLOW
    assert ruled(run(*["x"] * (MOST_WORDS + 1)), (every, "allow")).decide == ASK


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8) | st.sampled_from(
    ["git", "status", "-c", "..", "/etc", "x=../y", "a.py"]
)
USES = st.builds(
    ToolUse,
    tool=st.sampled_from(["execute", "edit", ""]),
    command=st.none() | st.lists(WORDS, max_size=4).map(tuple),
    paths=st.lists(WORDS.map(lambda word: f"/tmp/{word}"), max_size=3).map(tuple),
    root=st.sampled_from(["/tmp", "/", "", "tmp"]),
    shell=st.booleans(),
)
CONDITIONS = st.sampled_from(
    [
        "true",
        "false",
        "command == null",
        "command[0] == 'git'",
        "size(command) < 3",
        "command.all(a, a.matches('^[a-z]+$'))",
        "paths.all(p, p.startsWith(root))",
        "tool == 'edit'",
        "1 / 0 == 1",
        "root",
    ]
)
RULES = st.lists(st.tuples(CONDITIONS, st.sampled_from([ALLOW, DENY, ASK])), max_size=5)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(USES, RULES)
def test_an_allowed_request_is_known_and_within_its_folder(
    use: ToolUse, rules: list[tuple[str, Any]]
) -> None:
    found = ruled(use, *rules)
    if found.decide != ALLOW:
        return
    assert not use.shell or use.command is not None
    assert use.command or use.paths
    root = os.path.realpath(use.root)
    for path in use.paths:
        assert os.path.commonpath([root, os.path.realpath(path)]) == root
    assert not any(word.startswith("/etc") for word in (use.command or ())[1:]) or root == "/"


@settings(max_examples=100, deadline=None)
@given(USES, RULES, WORDS)
def test_no_rule_that_allows_a_command_allows_it_with_an_odd_word_more(
    use: ToolUse, rules: list[tuple[str, Any]], word: str
) -> None:
    if use.command is None or ruled(use, *rules).decide != ALLOW:
        return
    longer = ToolUse(use.tool, (*use.command, word + "\x01"), use.paths, use.root, shell=use.shell)
    assert ruled(longer, *[one for one in rules if one[1] == ALLOW]).decide == ASK


@settings(max_examples=100, deadline=None)
@given(USES, RULES, RULES)
def test_rules_behind_the_one_that_decides_change_nothing(
    use: ToolUse, rules: list[tuple[str, Any]], more: list[tuple[str, Any]]
) -> None:
    found = ruled(use, *rules)
    if found.rule:
        assert ruled(use, *rules, *more) == found


def test_an_expression_that_does_not_compile_stops_the_start_with_the_rules_name() -> None:
    with pytest.raises(SetupError, match="one: unknown name 'comand'"):
        compile_rules([ToolRule("one", "comand == null", "deny")])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("no", "must be tables"),
        (["no"], "rule 1 .* must be a table"),
        ([{"name": "a", "when": "true"}], "decide must be a text"),
        ([{"name": "a", "when": " ", "decide": "deny"}], "when must be a text"),
        ([{"name": "a", "when": "true", "decide": "never"}], "allow, deny or ask, not 'never'"),
        ([{"name": "A b", "when": "true", "decide": "deny"}], "invalid name"),
        ([{"name": "a", "when": "true", "decide": "deny", "then": 1}], "unknown key 'then'"),
        ([{"name": "a", "when": "true", "decide": "deny"}] * 2, "named 'a'"),
    ],
)
def test_a_rule_that_is_no_rule_is_named(values: Sequence[Any], words: str) -> None:
    with pytest.raises(SetupError, match=words):
        read_rules(values, Path("config.toml"))


@pytest.mark.parametrize(
    ("use", "decide", "rule"),
    [
        (run("git", "status"), ALLOW, "look"),
        (run("git", "status", "-v"), ASK, ""),
        (run("pytest", "tests", "tests/test_a.py"), ALLOW, "tests"),
        (run("pytest", "tests", "../x"), ASK, ""),
        (run("pytest", "-p", "evil"), ASK, ""),
        (run("git", "push"), DENY, "no-push"),
        (ToolUse("execute", None, root="/", shell=True), ASK, ""),
        (ToolUse("edit", None, ("/w/a",), "/w"), ALLOW, "edits"),
        (ToolUse("edit", None, ("/x",), "/w"), ASK, "edits"),
    ],
)
def test_the_rules_of_the_page(use: ToolUse, decide: str, rule: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "howto" / "questions.md"
    _, text = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    rules = read_rules(tomllib.loads(text)["permissions"]["rules"], page)
    found = judge(compile_rules(rules), use)
    assert (found.decide, found.rule) == (decide, rule)
