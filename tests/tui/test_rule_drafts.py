"""A rule as it is filled in: what is missing, what is sent, and the command that says the same."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from syncropel.cli import config as cli_config
from syncropel.cli.support.grammar import Grammar
from syncropel.errors import DaemonUnreachable
from syncropel.wire import ExpressionChecked, WhoAmI
from tests.tui.sample_policy import invalid, rule
from tui.model import rules
from tui.model.access import Access
from tui.model.rules import Checked, Draft

COMPILES = ExpressionChecked(context="permission", size=14)


def test_the_ops_that_can_be_named_are_those_of_the_command_line() -> None:
    assert rules.OPS == cli_config.OPS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"expression": ""}, "expression"),
        ({"ops": "record_write, read"}, "ops"),
        ({"priority": "soon"}, "priority"),
        ({}, ""),
    ],
)
def test_what_is_missing_is_named_with_its_field(changes: dict[str, str], field: str) -> None:
    given = {"name": "a", "expression": "true", "effect": "deny"} | changes
    assert Draft("permission", **given).missing()[0] == field


@pytest.mark.parametrize(
    ("draft", "command"),
    [
        (Draft("permission", "a b", "true", "deny", "record_write,thread_read", "7"),
         "spl config add-permission-rule 'a b' --priority 7 --effect deny --op record_write --op thread_read"
         " --expression true"),
        (Draft("routing", "r", '"w"'), "spl config add-rule r --priority 100 --expression '\"w\"'"),
        (Draft("health", effect="critical"),
         "spl config add-health NAME --priority 100 --severity critical --expression CEL"),
        (Draft("trigger", "t", "true", goal="look at {id}", target="worker-a"),
         "spl config add-trigger t --priority 100 --goal 'look at {id}' --target worker-a --expression true"),
        (Draft("trigger", "t"), "spl config add-trigger t --priority 100 --goal TEXT --expression CEL"),
        (Draft("fold", "stage", "state"), "spl config add-fold-rule stage --priority 100 --expression state"),
    ],
)  # fmt: skip
def test_a_draft_has_its_command(draft: Draft, command: str) -> None:
    assert draft.command() == command


def test_a_rule_drafted_as_it_stands_says_the_same() -> None:
    stands = rule(effect="deny", ops=["record_write", "thread_read"], priority=40)
    body = Draft.of("permission", stands).body("did:me")
    assert body == {
        "expression": stands.expression, "priority": 40, "effect": "deny",
        "ops": ["record_write", "thread_read"], "actor": "did:me",
    }  # fmt: skip


def test_a_trigger_drafted_as_it_stands_says_the_same_and_needs_a_goal() -> None:
    stands = rule("trigger", "look", effect="worker-a", goal="find out why", expression="true")
    draft = Draft.of("trigger", stands)
    assert draft.missing() == ("", "")
    assert draft.body("did:me") == {
        "expression": "true", "priority": 10, "effect": "worker-a", "ops": [], "actor": "did:me",
        "goal": "find out why",
    }  # fmt: skip
    assert replace(draft, goal="").missing()[0] == "goal"


@pytest.mark.parametrize("kind", rules.KINDS)
def test_every_kind_has_its_words_on_the_command_line(kind: rules.Kind) -> None:
    known = Grammar().parse(
        shlex.split(Draft(kind, "n", "true", "".join(rules.SORTS[kind].effects[:1]), goal="g").command())[1:]
    )
    assert known["kind"] == kind
    assert Grammar().parse(shlex.split(rules.removal(kind, "n"))[1:])["kind"] == kind


def test_an_expression_that_could_not_be_checked_is_left_to_the_daemon() -> None:
    asked = Checked().asking("true")
    assert asked.objection() == "the expression is being checked"
    assert asked.answered(DaemonUnreachable("no answer", "wait")).objection() == ""
    assert asked.answered(invalid("no", "x", 1)).objection() == "the expression has a mistake"
    assert asked.answered(COMPILES).objection() == ""


def test_a_token_that_may_write_other_things_cannot_do_this() -> None:
    who = WhoAmI(kind="service_account", name="bot", scopes=["records:write", "fleet:write"])
    access = Access().told(who)
    assert access.closed(0.0) == ""
    assert access.without("fleet:write") == ""
    assert access.without("config:write") == "the token of bot lacks config:write"
    assert Access().told(WhoAmI(kind="operator", name="o", scopes=["admin"])).without("config:write") == ""
    assert Access().without("config:write") == "", "an older daemon does not say"
