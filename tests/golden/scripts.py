"""Logs that clients wrote record by record: plain threads, tasks, and what no version writes any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncropel.record.model import MAX_CLOCK, Record
from syncropel.record.threads import (
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
)
from tests.golden.writing import Line

ADA = "did:sync:user:ada"
BOB = "did:sync:user:bob"
BOT = "did:sync:agent:bot"
ENGINE = "did:sync:instance:00000000000000c0"
WORKER = "did:sync:instance:000000000000000a"
NOBODY = "ab" * 32
"""An id that no record has."""


class Log:
    """A log that is written line by line. Clocks count up on each thread unless they are given."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._clocks: dict[str, int] = {}

    def say(
        self,
        thread: str,
        act: str,
        body: dict[str, Any] | None = None,
        actor: str = ADA,
        clock: int | None = None,
        parents: Iterable[str] = (),
    ) -> str:
        """One record; gives its id."""
        at = self._clocks.get(thread, -1) + 1 if clock is None else clock
        self._clocks[thread] = (
            max(at, self._clocks.get(thread, -1)) if at < MAX_CLOCK else self._clocks[thread]
        )
        record = Record(thread, actor, act, body or {}, at, tuple(sorted(parents))).identified()
        self.lines.append((record, 1_700_000_000.0 + len(self.lines)))
        return record.id


def logs() -> dict[str, list[Line]]:
    """Each log by its name."""
    return {"plain": _plain(), "tasks": _tasks(), "oddities": _oddities()}


def _plain() -> list[Line]:
    """Threads without a task, through every phase and out of every way."""
    log = Log()
    say = log.say
    say("opened", "INTEND", {"goal": "deploy v2"})
    say("acted", "INTEND", {"goal": "deploy v2"})
    say("acted", "DO", {"topic": "push"}, BOT)
    say("called", "INTEND", {"goal": "ask around"})
    say("called", "CALL", {"topic": "http"}, BOT)
    say("observed", "INTEND", {"goal": "look"})
    say("observed", "DO", {"topic": "push"}, BOT)
    say("observed", "KNOW", {"topic": "note", "text": "458/458 pass"}, BOT)
    aim = say("fulfilled", "INTEND", {"goal": "deploy v2"})
    say("fulfilled", "DO", {"topic": "push"}, BOT)
    say("fulfilled", "KNOW", {"topic": "note"}, BOT)
    say("fulfilled", "KNOW", {"fulfills": aim, "summary": "deployed"}, BOT)
    say("fulfilled", "LEARN", {"topic": "note"})
    aim = say("cancelled", "INTEND", {"goal": "deploy v3"})
    say("cancelled", "DO", {"cancels": aim, "reason": "not yet"}, BOB)
    say("refused", "INTEND", {"goal": "deploy v4"})
    say("refused", "DO", {"topic": "push"}, BOT)
    say("refused", "KNOW", {"verdict": "reject", "notes": "no"}, BOB)
    say("accepted", "INTEND", {"goal": "deploy v5"})
    say("accepted", "KNOW", {"verdict": "accept"}, BOB)
    for name, act, word in (
        ("part done", "KNOW", "fulfills"),
        ("part cancelled", "DO", "cancels"),
        ("part refused", "KNOW", "fulfills"),
    ):
        say(name, "INTEND", {"goal": "the whole"})
        part = say(name, "INTEND", {"goal": "a part"})
        say(name, act, {word: part, "verdict": "reject" if name == "part refused" else "accept"}, BOB)
    aim = say("whole done", "INTEND", {"goal": "the whole"})
    say("whole done", "INTEND", {"goal": "a part"})
    say("whole done", "KNOW", {"fulfills": aim}, BOT)
    say("whole done", "DO", {"topic": "push"}, BOT)
    aim = say("again", "INTEND", {"goal": "first"})
    say("again", "KNOW", {"fulfills": aim}, BOT)
    say("again", "INTEND", {"goal": "second"})
    say("again", "DO", {"topic": "push"}, BOT)
    say("effects", "INTEND", {"goal": "read and write"})
    for act in ("GET", "PUT", "MAP", "LEARN"):
        say("effects", act, {"topic": "file"}, BOT)
    say("unopened", "KNOW", {"topic": "note"}, BOT)
    say("unopened", "DO", {"topic": "push"}, BOT)
    say("missing", "INTEND", {"goal": "deploy v6"})
    say("missing", "KNOW", {"fulfills": NOBODY}, BOT)
    say("music.library", "LEARN", {"topic": "track", "title": "née ☕"})
    return log.lines


def _task(log: Log, alias: str, **more: Any) -> str:
    body = {"task": True, "goal": f"do {alias}", "alias": alias, "priority": "medium", "domain": "docs"}
    return log.say(f"th_{alias}", "INTEND", {**body, "namespace": "docs", **more})


def _tasks() -> list[Line]:
    """Tasks through every step of a life, as the command line writes them."""
    log = Log()

    def step(alias: str, topic: str, **more: Any) -> None:
        log.say(f"th_{alias}", "DO", {"topic": topic, "reason": "for the record", **more})

    def judge(alias: str, verdict: str, actor: str = BOB) -> None:
        log.say(f"th_{alias}", "KNOW", {"verdict": verdict, "notes": "looked at", "domain": "docs"}, actor)

    def done(alias: str, intend: str) -> None:
        log.say(f"th_{alias}", "KNOW", {"fulfills": intend, "summary": "it works", "domain": "docs"}, BOT)

    _task(log, "OPEN", labels=["a", "b"], criteria=["it works"], hypothesis="it can be done", assignee="bot")
    for alias, topic in (("STARTED", "task_started"), ("BLOCKED", "task_blocked"), ("FAILED", "task_failed")):
        _task(log, alias)
        step(alias, topic)
    _task(log, "DEFERRED")
    step("DEFERRED", "task_deferred")
    _task(log, "CANCELLED")
    step("CANCELLED", "task_started")
    step("CANCELLED", "task_cancelled")
    done("DONE", _task(log, "DONE"))
    done("APPROVED", _task(log, "APPROVED"))
    judge("APPROVED", "accept")
    done("REJECTED", _task(log, "REJECTED"))
    judge("REJECTED", "reject")
    done("REOPENED", _task(log, "REOPENED"))
    judge("REOPENED", "reject")
    step("REOPENED", "task_reopened")
    _task(log, "CANCELS")
    log.say("th_CANCELS", "DO", {"cancels": log.lines[-1][0].id, "reason": "by the manual's word"}, BOB)
    _task(log, "PART", parent_thread="th_OPEN")
    log.say("th_PART", "KNOW", {"topic": "task_comment", "text": "half of it"}, BOB)
    return log.lines


def _oddities() -> list[Line]:
    """What other clients and older versions left: late, misplaced, of the wrong type, above the ceiling."""
    log = Log()
    say = log.say
    aim = say("late", "INTEND", {"goal": "skewed clocks"}, clock=1_000)
    say("late", "KNOW", {"fulfills": aim}, BOT, clock=900)
    say("late", "DO", {"topic": "push"}, BOT, clock=950)
    aim = say("tied", "INTEND", {"goal": "one clock"}, clock=5)
    say("tied", "KNOW", {"topic": "note"}, BOT, clock=5)
    say("tied", "DO", {"topic": "push"}, BOB, clock=5, parents=[aim])
    aim = say("by a DO", "INTEND", {"goal": "the wrong act"})
    say("by a DO", "DO", {"fulfills": aim})
    aim = say("by a KNOW", "INTEND", {"goal": "the wrong act"})
    say("by a KNOW", "KNOW", {"cancels": aim})
    for name, value in (
        ("a list", [NOBODY]),
        ("true", True),
        ("a number", 7),
        ("null", None),
        ("text", "why"),
    ):
        say(f"fulfills {name}", "INTEND", {"goal": "typed wrongly"})
        say(f"fulfills {name}", "KNOW", {"fulfills": value})
        say(f"cancels {name}", "INTEND", {"goal": "typed wrongly"})
        say(f"cancels {name}", "DO", {"cancels": value})
    say("verdict", "INTEND", {"goal": "typed wrongly"})
    say("verdict", "KNOW", {"verdict": ["reject"]}, BOB)
    other = say("elsewhere", "INTEND", {"goal": "another thread's"})
    say("here", "INTEND", {"goal": "mine"})
    say("here", "KNOW", {"fulfills": other}, BOT)
    say("above", "INTEND", {"goal": "a clock above the ceiling"})
    say("above", "KNOW", {"verdict": "reject"}, BOB, clock=MAX_CLOCK)
    say("th_OLD", "DO", {"topic": "task_started"}, clock=7)
    say(
        "th_OLD", "INTEND", {"task": True, "goal": "came late", "alias": "OLD", "namespace": "Docs!"}, clock=3
    )
    say("th_OLD", "INTEND", {"task": True, "goal": "a second one", "alias": "OLDER"}, BOB, clock=8)
    say("th_OLD", "KNOW", {"verdict": "accept"}, BOB, clock=9)
    _observed(log)
    say(
        FLEET_CONTROL,
        "LEARN",
        {"topic": "freeze", "namespace": "old", "level": "soft", "reason": "then"},
        ENGINE,
    )
    say(FLEET_CONTROL, "DO", {"cancels": NOBODY}, ENGINE)
    say(CONSENT, "LEARN", {"topic": "note"})
    say(NAMESPACE_REGISTRY, "LEARN", {"topic": "namespace_created", "namespace": "docs"}, ENGINE)
    say(INSTANCE_REGISTRY, "KNOW", {"topic": "instance_state", "did": WORKER, "state": "joined"}, ENGINE)
    say(ENGINE_CONFIG, "LEARN", {"topic": "permissions_enabled", "enabled": False})
    return log.lines


def _observed(log: Log) -> None:
    """A subtask's thread, and threads of its runs as they were before they began with an INTEND."""
    body = {"goal": "sweep", "parent_thread": "th_gone", "parent_intend": NOBODY, "index": 0, "attempt": 1}
    intend = log.say("th_child", "INTEND", {**body, "namespace": "docs", "coordinator": ENGINE}, ENGINE)

    def observe(thread: str, kind: str, **more: Any) -> None:
        about = {"kind": f"syncropel.dispatch.{kind}.v1", "child_thread": "th_child", "child_intend": intend}
        log.say(
            thread, "KNOW", {**about, "attempt": 1, "namespace": "docs", **more}, WORKER, parents=[intend]
        )

    observe("th_run_held", "session", adapter="bash", pid=7)
    observe("th_run_held", "not_started", pid=7)
    observe("th_run_lost", "session", adapter="bash", pid=8)
    observe("th_run_left", "session", adapter="bash", pid=9)
    observe("th_run_left", "interrupted")
    observe("th_run_left", "reattached", pid=9)
    observe("th_run_left", "complete", verdict="accept", success=True)
    result = {"fulfills": intend, "verdict": "accept", "summary": "swept", "attempt": 1}
    log.say("th_child", "KNOW", result, WORKER)
    log.say("th_child", "KNOW", {"verdict": "reject"}, BOB)
