"""What a worker writes on its log for what its coordinator tells it, word for word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import IngestFailed
from syncropel.folds.fanout.child import END_CHILD
from syncropel.peer.peers import wire
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, NAMESPACE_REGISTRY
from syncropel.store.base import Outcome
from syncropel.store.memory import MemoryStore
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, WORKER_B, record

NOW = 1000.0
SHA = "ab" * 32
FREEZE = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "x"}
UNFREEZE = {"topic": "unfreeze", "namespace": "docs"}
HARD = {**FREEZE, "level": "hard", "grace_secs": 5}
EMERGENCY = {"topic": "freeze", "level": "emergency", "reason": "x"}
DRAIN = {"topic": "drain", "instance": WORKER_B, "state": "start"}
RULE = {"topic": "permission_rule", "name": "a", "expression": "false", "effect": "deny"}
CREDENTIAL = {"topic": "instance_credential", "did": WORKER_B, "sha256": SHA}
STRICT = {"topic": "namespace_strict", "strict": True}
ARCHIVED = {"topic": "namespace_archived", "namespace": "old"}


def control(body: dict[str, Any], clock: int = 1, **more: Any) -> Record:
    thread = NAMESPACE_REGISTRY if body["topic"].startswith("namespace") else FLEET_CONTROL
    return record("LEARN", clock, body, thread=thread, **more)


class Worker:
    """A worker's log, and how often it was written."""

    def __init__(self) -> None:
        runtime = Runtime(now=lambda: NOW, boottime=lambda: 70.0, boot_id=lambda: "boot")
        self.store = MemoryStore(clock=lambda: NOW)
        self.ingest = Ingest(self.store, LiveFolds(), Broadcast(), WORKER_A, runtime)
        self.told = ControlAdoption(self.ingest, WORKER_A, runtime)

    async def hold(self, *bodies: dict[str, Any]) -> None:
        """Put words into its log that nobody told it of."""
        records = [control(body, clock) for clock, body in enumerate(bodies, 10)]
        await self.ingest.append(records, ruled=False)

    async def take(self, *records: Record, **message: Any) -> list[Record]:
        """Take a message; gives what it wrote for it."""
        before = self.store.last_sequence
        assert await self.told.take({"base": None, "records": [wire(one) for one in records], **message})
        return [stored.record async for chunk in self.store.scan(before) for stored in chunk]


@pytest.fixture
def worker() -> Worker:
    return Worker()


UNKNOWN = {"reason": "the coordinator does not know it", "at": NOW}


@pytest.mark.parametrize(
    ("held", "written"),
    [
        (FREEZE, {"topic": "unfreeze", "namespace": "docs", **UNKNOWN}),
        (HARD, {"topic": "unfreeze", "namespace": "docs", **UNKNOWN}),
        (EMERGENCY, {"topic": "unfreeze", "level": "emergency", "namespace": "*", **UNKNOWN}),
        (DRAIN, {"topic": "drain", "instance": WORKER_B, "state": "stop", **UNKNOWN}),
        (
            CREDENTIAL,
            {"topic": "instance_credential_revoked", "did": WORKER_B, "withdrawn": True, **UNKNOWN},
        ),
        (RULE, {"topic": "permission_rule", "name": "a", "removed": True, "withdrawn": True, "at": NOW}),
        (STRICT, {"topic": "namespace_strict", "strict": False, "at": NOW}),
        (ARCHIVED, {"topic": "namespace_withdrawn", "namespace": "old", "at": NOW}),
    ],
)
async def test_how_it_takes_back_what_its_coordinator_does_not_know(
    worker: Worker, held: dict[str, Any], written: dict[str, Any]
) -> None:
    await worker.hold(held)
    (one,) = await worker.take(replace=True)
    assert (one.actor, one.act, one.thread, one.body) == (WORKER_A, "LEARN", control(held).thread, written)
    assert await worker.take(replace=True) == []


@pytest.mark.parametrize("replace", [False, "true", 1, None])
async def test_what_is_not_the_whole_set_takes_back_nothing(worker: Worker, replace: Any) -> None:
    await worker.hold(FREEZE)
    assert [one.body["topic"] for one in await worker.take(control(DRAIN), replace=replace)] == ["drain"]


@pytest.mark.parametrize("body", [FREEZE, EMERGENCY, DRAIN, RULE, CREDENTIAL, STRICT, ARCHIVED])
async def test_it_says_a_word_again_in_its_own_name(worker: Worker, body: dict[str, Any]) -> None:
    """Without what only makes sense on the coordinator's log."""
    told = control({**body, "rule": SHA, "heard": {"left": 1}})
    (one,) = await worker.take(told)
    assert (one.actor, one.act, one.thread) == (WORKER_A, "LEARN", told.thread)
    assert one.body == {"author": OPERATOR, **body, "source": told.id}
    assert await worker.take(told) == []


async def test_what_another_instance_repeated_keeps_its_author(worker: Worker) -> None:
    told = control({**FREEZE, "author": "did:sync:user:ada", "source": SHA}, actor=COORDINATOR)
    (one,) = await worker.take(told)
    assert one.body == {"author": "did:sync:user:ada", **FREEZE, "source": SHA}


@pytest.mark.parametrize(
    ("grace", "lefts", "left"),
    [
        (5, None, 5.0),
        (5, {}, 5.0),
        (5, {"other": 1}, 5.0),
        (5, {"own": 2}, 2.0),
        (5, {"own": 9}, 5.0),
        (5, {"own": -3}, 0.0),
        (5, {"own": "soon"}, 0.0),
        (5, ["own"], 5.0),
        ("none", {}, 60.0),
        (None, {}, 0.0),
        ("long", {}, 0.0),
    ],
)
async def test_a_grace_runs_on_from_what_is_left_of_it(
    worker: Worker, grace: Any, lefts: Any, left: float
) -> None:
    told = control({**FREEZE, "level": "hard"} | ({} if grace == "none" else {"grace_secs": grace}))
    if isinstance(lefts, dict) and "own" in lefts:
        lefts = {told.id: lefts["own"]}
    (one,) = await worker.take(told, grace=lefts)
    assert one.body["heard"] == {"left": left, "at": NOW, "boot": 70.0, "boot_id": "boot"}
    assert worker.told.state()["grace"] == {told.id: left}


async def test_only_a_freeze_has_a_grace(worker: Worker) -> None:
    await worker.hold(HARD)
    (lifted,) = await worker.take(control({**UNFREEZE, "level": "hard"}, 20))
    assert "heard" not in lifted.body


async def test_a_grace_goes_on_after_a_restart(worker: Worker) -> None:
    told = control(HARD)
    await worker.take(told, grace={told.id: 4})
    runtime = Runtime(now=lambda: NOW + 1, boottime=lambda: 71.0, boot_id=lambda: "boot")
    ingest = Ingest(worker.store, await rebuild(worker.store), Broadcast(), WORKER_A, runtime)
    again = ControlAdoption(ingest, WORKER_A, runtime)
    await again.load()
    assert again.state() == {**worker.told.state(), "grace": {told.id: 3.0}}


async def test_no_rule_of_the_worker_keeps_its_coordinator_out(worker: Worker) -> None:
    bodies: list[dict[str, Any]] = [
        {**RULE, "expression": "true"},
        {"topic": "permissions_enabled", "enabled": True},
    ]
    records = [record("LEARN", clock, body, thread=ENGINE_CONFIG) for clock, body in enumerate(bodies)]
    await worker.ingest.append(records, ruled=False)
    assert worker.ingest.live.rules.enforced
    (one,) = await worker.take(control(FREEZE))
    assert one.body["topic"] == "freeze"


async def test_a_grace_that_runs_is_only_ever_shortened(worker: Worker) -> None:
    told = control(HARD)
    await worker.take(told)
    for tells, left in ((9, 5.0), (2, 2.0), (4, 2.0)):
        assert await worker.take(told, grace={told.id: tells}) == []
        assert worker.told.state()["grace"] == {told.id: left}


async def test_what_stops_something_is_written_before_what_lets_it_go_on(worker: Worker) -> None:
    await worker.hold({**FREEZE, "namespace": "a"}, {**FREEZE, "namespace": "c"})
    lifts = [control({**UNFREEZE, "namespace": name}, clock) for name, clock in (("a", 20), ("c", 21))]
    written = await worker.take(*lifts, control({**FREEZE, "namespace": "b"}, 22))
    assert [(one.body["topic"], one.body["namespace"]) for one in written] == [
        ("freeze", "b"),
        ("unfreeze", "a"),
        ("unfreeze", "c"),
    ]
    again = await worker.take(control(DRAIN, 1), replace=True)
    assert [one.body["topic"] for one in again] == ["drain", "unfreeze"]


async def test_of_several_words_on_one_thing_the_newest_is_repeated(worker: Worker) -> None:
    words = [control(FREEZE, 1), control(UNFREEZE, 2), control({**FREEZE, "reason": "newest"}, 3)]
    (one,) = await worker.take(*words)
    assert (one.body["reason"], one.body["source"]) == ("newest", words[2].id)


async def test_the_end_of_an_attempt_is_taken_as_it_is_and_nothing_else(worker: Worker) -> None:
    end = record("LEARN", 7, {"topic": END_CHILD, "child_intend": SHA}, thread="th_child", actor=COORDINATOR)
    other = record("LEARN", 8, {"topic": "note"}, thread="th_child", actor=COORDINATOR)
    assert await worker.take(end, other) == [end]
    both = await worker.take(control(FREEZE), end)
    assert [one.body["topic"] for one in both] == ["freeze"], "the end is there already"


@pytest.mark.parametrize(
    ("base", "taken"), [(None, True), ("", False), (SHA, False), (7, False), ("version", True)]
)
async def test_a_message_builds_on_a_version(worker: Worker, base: Any, taken: bool) -> None:
    assert worker.told.version == ""
    assert await worker.told.take({"base": "", "records": []})
    await worker.hold(FREEZE)
    version = worker.told.version
    assert version == (await worker.store.thread(FLEET_CONTROL))[-1].record.id
    message = {"base": version if base == "version" else base, "records": [wire(control(DRAIN))]}
    assert await worker.told.take(message) is taken
    assert len(worker.ingest.live.drains.drains) == taken


async def test_records_of_other_threads_are_no_version(worker: Worker) -> None:
    await worker.ingest.append([record("DO", 1, thread="th_a")])
    assert worker.told.version == ""
    await worker.hold(STRICT)
    version = worker.told.version
    await worker.ingest.append([record("DO", 2, thread="th_a")])
    assert worker.told.version == version != ""


async def test_nothing_is_written_where_nothing_is_new(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.ingest, "append", lambda *_, **__: pytest.fail("it wrote"))
    assert await worker.take(control(UNFREEZE)) == []


async def test_what_the_log_refuses_is_logged(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(records: Sequence[Record], **_: Any) -> list[Outcome]:
        return [IngestFailed("no", "try") for _ in records]

    monkeypatch.setattr(worker.ingest, "append", refuse)
    await worker.take(control(FREEZE))
    assert caplog.messages == ["cannot apply the coordinator's message: no"]


async def test_what_cannot_be_read_or_has_no_clock_is_left_out(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    clockless = Record(FLEET_CONTROL, OPERATOR, "LEARN", FREEZE)
    end = Record("th_child", COORDINATOR, "LEARN", {"topic": END_CHILD, "child_intend": SHA})
    wires = ["nonsense", wire(clockless), wire(end), wire(control(DRAIN))]
    assert await worker.told.take({"base": None, "records": wires})
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("the coordinator sent an invalid record: ")
    assert caplog.records[0].levelno == logging.ERROR
    assert worker.store.count == 1


async def test_a_message_without_records_says_nothing(worker: Worker) -> None:
    assert await worker.told.take({})
    assert worker.store.count == 0


async def test_what_it_writes_itself_needs_no_other_word(worker: Worker) -> None:
    """Only a control record that came by another way makes it ask its coordinator again."""
    here = [StoredRecord(control(FREEZE), 1, NOW)]
    there = [StoredRecord(record("DO", 1, thread="th_a"), 2, NOW)]
    assert worker.told.nobody_told(here)
    assert worker.told.nobody_told([*there, *here])
    assert not worker.told.nobody_told(there)
    heard: list[bool] = []
    worker.ingest.subscribe(lambda records: heard.append(worker.told.nobody_told(records)))
    await worker.take(control(FREEZE))
    await asyncio.sleep(0)
    await worker.hold(DRAIN)
    assert heard == [False, True]
