"""Which changes of the permission rules would lock somebody out: who is named, and what helps."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.rules import ENABLED_TOPIC, PERMISSION, ROUTING, Rules
from syncropel.policy.lockout import may_lock_out, refuse_lockout
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, WORKER_B, record, store

ADA, BOB = "did:sync:user:ada", "did:sync:user:bob"
ACCOUNT = "did:sync:service:ci"
ALL_OPS = "record_write, thread_read, config_read are not allowed for"


def only(*actors: str) -> str:
    return " || ".join(f"current_actor() == '{actor}'" for actor in actors)


def rule(name: str, expression: str, actor: str = OPERATOR, **more: Any) -> Record:
    body = {"topic": PERMISSION, "name": name, "expression": expression, "effect": "allow", **more}
    return Record(ENGINE_CONFIG, actor, "LEARN", body)


def removed(name: str, actor: str = OPERATOR) -> Record:
    return Record(ENGINE_CONFIG, actor, "LEARN", {"topic": PERMISSION, "name": name, "removed": True})


def enabled(value: Any = True, actor: str = OPERATOR) -> Record:
    return Record(ENGINE_CONFIG, actor, "LEARN", {"topic": ENABLED_TOPIC, "enabled": value})


def rules_of(*records: Record) -> Rules:
    rules = Rules()
    for stored in store(one.with_clock(clock) for clock, one in enumerate(records)):
        rules.apply(stored)
    return rules


DAEMON = rule("daemon", only(COORDINATOR))
ALL_DAEMONS = rule("daemons", "current_actor().startsWith('did:sync:instance:')")
EVERYBODY = rule("all", "true")
OF_OPERATOR = rule("r0", only(OPERATOR))
OF_ADA = rule("r1", only(ADA))
ON = enabled()

ENFORCED = rules_of(OF_OPERATOR, ON)
NOT_ENFORCED = rules_of(OF_OPERATOR)


@pytest.mark.parametrize(
    ("change", "rules", "elsewhere", "asked"),
    [
        (enabled(), NOT_ENFORCED, (), True),
        (enabled(), ENFORCED, (), True),
        (enabled(False), ENFORCED, (WORKER_A,), False),
        (enabled("true"), ENFORCED, (), False),
        (enabled(1), ENFORCED, (), False),
        (enabled(None), ENFORCED, (), False),
        (removed("r0"), ENFORCED, (), True),
        (removed("r0"), NOT_ENFORCED, (), False),
        (removed("r0"), NOT_ENFORCED, (WORKER_A,), True),
        (rule("r0", "true"), ENFORCED, (), True),
        (rule("new", "false", effect="deny"), ENFORCED, (), False),
        (removed("new"), ENFORCED, (WORKER_A,), False),
        (
            record("LEARN", 1, {"topic": PERMISSION, "name": ["r0"]}, thread=ENGINE_CONFIG),
            ENFORCED,
            (),
            False,
        ),
        (record("LEARN", 1, {"topic": PERMISSION}, thread=ENGINE_CONFIG), ENFORCED, (), False),
        (record("LEARN", 1, {"topic": ROUTING, "name": "r0"}, thread=ENGINE_CONFIG), ENFORCED, (), False),
        (record("KNOW", 1, dict(ON.body), thread=ENGINE_CONFIG), ENFORCED, (), False),
        (record("KNOW", 1, dict(removed("r0").body), thread=ENGINE_CONFIG), ENFORCED, (), False),
        (record("LEARN", 1, dict(ON.body), thread=FLEET_CONTROL), ENFORCED, (), False),
    ],
)
def test_which_records_are_asked_about(
    change: Record, rules: Rules, elsewhere: Collection[str], asked: bool
) -> None:
    assert may_lock_out(change, rules, elsewhere) is asked


async def refusal(change: Record, rules: Rules, *elsewhere: str) -> tuple[str, str] | None:
    """Message and hint."""
    told = await refuse_lockout(change, rules, LiveFolds(), 0.0, COORDINATOR, elsewhere)
    return None if told is None else (told.message, told.hint)


REFUSED = {
    "the operator's last rule": (
        [DAEMON, OF_OPERATOR, ON], removed("r0"),
        f"removing 'r0' would lock the operator out: {ALL_OPS} {OPERATOR}",
    ),
    "the daemon's last rule": (
        [DAEMON, OF_OPERATOR, ON], removed("daemon"),
        f"removing 'daemon' would lock this daemon out: {ALL_OPS} {COORDINATOR}",
    ),
    "a rule that lets in less": (
        [DAEMON, OF_OPERATOR, ON], rule("r0", only(OPERATOR), ops=["config_read", "thread_read"]),
        f"changing 'r0' so would lock the operator out: record_write is not allowed for {OPERATOR}",
    ),
    "a rule that does not let the config be read": (
        [DAEMON, OF_OPERATOR, ON], rule("r0", f"{only(OPERATOR)} && op != 'config_read'"),
        f"changing 'r0' so would lock the operator out: config_read is not allowed for {OPERATOR}",
    ),
    "of both, people are told of first": (
        [EVERYBODY, ON], removed("all"), f"removing 'all' would lock the operator out: {ALL_OPS} {OPERATOR}",
    ),
    "enabling, the daemon is told of first": (
        [], ON, f"enabling now would lock this daemon out: {ALL_OPS} {COORDINATOR}",
    ),
    "enabling without a person": (
        [DAEMON], ON, f"enabling now would lock the operator out: {ALL_OPS} {OPERATOR}",
    ),
    "who asks is named": (
        [DAEMON, OF_ADA, ON], removed("r1", BOB),
        f"removing 'r1' would lock the operator out: {ALL_OPS} {BOB}",
    ),
    "an account is no person": (
        [DAEMON, OF_OPERATOR, rule("ci", only(ACCOUNT)), ON], removed("r0", ACCOUNT),
        f"removing 'r0' would lock the operator out: {ALL_OPS} {OPERATOR}",
    ),
    "nor is an instance": (
        [ALL_DAEMONS, OF_OPERATOR, ON], removed("r0", WORKER_A),
        f"removing 'r0' would lock the operator out: {ALL_OPS} {OPERATOR}",
    ),
    "people are shut out already, and now the daemon": (
        [DAEMON, ON], removed("daemon"),
        f"removing 'daemon' would lock this daemon out: {ALL_OPS} {COORDINATOR}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "change", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_who_would_be_locked_out(before: list[Record], change: Record, message: str) -> None:
    told = await refusal(change, rules_of(*before))
    assert told is not None
    assert told[0] == message
    first, command = told[1].split("\n")
    actor = message.rpartition(" ")[2]
    name = "allow-daemon" if actor == COORDINATOR else "operators"
    assert command.startswith(f"spl config add-permission-rule {name} --priority 1 --effect allow ")
    assert f"\"current_actor() == '{actor}'\"" in command
    if change.topic == ENABLED_TOPIC:
        assert first == "allow them first:"
    else:
        assert first.endswith("or switch off there: spl config permissions-disable")


ALLOWED = {
    "while nothing is enforced": ([DAEMON, OF_OPERATOR], removed("r0")),
    "another rule lets them in": ([DAEMON, OF_OPERATOR, EVERYBODY, ON], removed("r0")),
    "one that lets more in": ([DAEMON, OF_OPERATOR, ON], rule("r0", only(OPERATOR, ADA))),
    "a person whom a rule names": ([DAEMON, OF_OPERATOR, OF_ADA, ON], removed("r0")),
    "the one who asks": (
        [DAEMON, OF_OPERATOR, rule("a", "current_actor().endsWith('ada')"), ON],
        removed("r0", ADA),
    ),
    "the operator, whoever asks": ([DAEMON, OF_OPERATOR, OF_ADA, ON], removed("r1", BOB)),
    "they were shut out before": ([DAEMON, rule("x", "false"), ON], removed("x")),
    "enforced again where all were shut out": ([ON], ON),
    "everybody is let in": ([EVERYBODY], ON),
    "a rule that looks at what is written": (
        [
            DAEMON,
            rule(
                "w",
                "op != 'record_write' ? record.thread == '' : (record.act == 'LEARN'"
                " && record.thread == 'th_engine_config'"
                " && record.body.topic == 'permissions_enabled' && record.actor == current_actor()"
                " && record.namespaces == ['default'] && thread == record.thread)",
            ),
        ],
        ON,
    ),
}


@pytest.mark.parametrize(("before", "change"), ALLOWED.values(), ids=ALLOWED.keys())
async def test_nobody_is_locked_out(before: list[Record], change: Record) -> None:
    assert await refusal(change, rules_of(*before)) is None


@pytest.mark.parametrize(("named_before", "refused"), [(0, False), (31, False), (32, True)])
async def test_so_many_people_are_asked_about(named_before: int, refused: bool) -> None:
    others = [f"did:sync:user:p{number}" for number in range(named_before)]
    names_many = rule("many", f"size({others!r}) < 0 || {only(ADA)}")
    rules = rules_of(DAEMON, OF_OPERATOR, names_many, ON)
    assert (await refusal(removed("r0"), rules) is not None) is refused


async def test_workers_that_enforce_the_rules_are_asked_about_too() -> None:
    rules = rules_of(ALL_DAEMONS, OF_OPERATOR, rule("x", "false"))
    for name, whose, actor in (
        ("r0", f"the operator of {WORKER_A}", OPERATOR),
        ("daemons", f"the worker {WORKER_A}", WORKER_A),
    ):
        assert await refusal(removed(name), rules) is None
        told = await refusal(removed(name), rules, WORKER_A, WORKER_B)
        assert told is not None
        assert told[0] == f"removing '{name}' would lock {whose} out: {ALL_OPS} {actor}"
    assert await refusal(removed("x"), rules, WORKER_A) is None
    assert await refusal(rule("daemons", only(WORKER_A)), rules, WORKER_A) is None
    told = await refusal(rule("daemons", only(WORKER_A)), rules, WORKER_A, WORKER_B)
    assert told is not None
    assert f"the worker {WORKER_B} out" in told[0]


async def test_of_a_worker_people_are_told_of_first() -> None:
    told = await refusal(removed("all"), rules_of(EVERYBODY), WORKER_A)
    assert told is not None
    assert f"the operator of {WORKER_A} out" in told[0]


async def test_what_is_shut_at_a_worker_is_made_no_worse() -> None:
    assert await refusal(removed("x"), rules_of(rule("x", "false")), WORKER_A) is None
    assert await refusal(enabled(), rules_of(DAEMON, OF_OPERATOR), WORKER_A) is None
