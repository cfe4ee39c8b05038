"""What a coordinator knows of who enforces its words: state by state, and grace by grace."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from syncropel.engine.control import propagation as reaching
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import DaemonUnreachable
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.peer.peers import OlderPeer, wire
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, INSTANCE_REGISTRY
from tests.engine.rebuilt import rebuild
from tests.engine.test_propagation import Fleet
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B, record

GRACE_SECS = 10.0
_BODY = {"topic": FREEZE, "level": "soft", "namespace": "docs", "reason": "x"}


def soft(clock: int, namespace: str = "docs") -> Record:
    return record("LEARN", clock, {**_BODY, "namespace": namespace}, thread=FLEET_CONTROL)


def lift(clock: int, namespace: str = "docs") -> Record:
    return record("LEARN", clock, {"topic": UNFREEZE, "namespace": namespace}, thread=FLEET_CONTROL)


HARD = record(
    "LEARN", 1, {**_BODY, "level": "hard", "grace_secs": GRACE_SECS, "at": 1000.0}, thread=FLEET_CONTROL
)


class Coordinator(Fleet):
    """A coordinator whose clocks the test sets, and whose messages reach nobody before it says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.boot = 50.0
        super().__init__(Runtime(now=lambda: self.now, boottime=lambda: self.boot, boot_id=lambda: "boot"))
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.wire.answering = self.answer

    async def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(message)
        if "error" in self.answers:
            raise self.answers["error"]
        return {"did": WORKER_A, "digest": "f" * 64, "version": "v1", **self.answers}

    async def start(self) -> None:
        await self.join(WORKER_A, "joined", 0)
        await self.reach.load()
        await self.settle()

    async def join(self, did: str, state: str, clock: int) -> None:
        alias = {WORKER_A: "worker-a", WORKER_B: "worker-b", COORDINATOR: "coordinator"}[did]
        body = {"topic": "instance_state", "did": did, "alias": alias, "state": state, "at": 1}
        await self.say(record("KNOW", clock, body, thread=INSTANCE_REGISTRY))

    def beat(self, digest: str | None = None, version: str | None = "v1", **more: Any) -> dict[str, Any]:
        """What worker-a's heartbeat is answered; by default it enforces what is in force."""
        return self.reach.answer(WORKER_A, digest or self.reach.digest(), version, **more)

    async def alone(self, one: Record) -> None:
        """Say something that no push brings to the worker."""
        self.answers = {"error": DaemonUnreachable("nobody there")}
        await self.say(one)
        await self.settle()


@pytest.fixture
async def fleet() -> Coordinator:
    fleet = Coordinator()
    await fleet.start()
    return fleet


async def test_an_instance_of_which_nothing_is_known_is_asked_first(fleet: Coordinator) -> None:
    await fleet.alone(soft(1))
    fleet.asked.clear()
    fleet.answers = {"digest": "e" * 64, "version": "v7", "grace": None}
    with pytest.raises(DaemonUnreachable, match="does not enforce"):
        await fleet.reach.ensure(WORKER_A)
    whole = {"base": "v7", "replace": True, "records": [wire(soft(1))], "grace": {}}
    to = {"coordinator": COORDINATOR, "to": WORKER_A, "leading": None}
    assert fleet.asked == [{**to, "base": "", "replace": False, "records": []}, *[{**to, **whole}] * 3]


async def test_who_follows_is_asked_nothing(fleet: Coordinator) -> None:
    fleet.beat()
    fleet.reach._peer(WORKER_A).waits = True
    fleet.asked.clear()
    await fleet.reach.ensure(WORKER_A)
    await fleet.reach.ensure(COORDINATOR)
    assert (fleet.asked, fleet.reach._peer(WORKER_A).waits) == ([], False)


async def test_who_is_not_in_the_registry_cannot_be_reached(fleet: Coordinator) -> None:
    with pytest.raises(DaemonUnreachable, match="is not in the registry"):
        await fleet.reach.ensure(WORKER_B)


@pytest.mark.parametrize(
    ("state", "pushed"),
    [("joined", 2), ("draining", 2), ("stale", 2), ("left", 1), ("archived", 1), ("quarantined", 1)],
)
async def test_whom_a_push_goes_to(fleet: Coordinator, state: str, pushed: int) -> None:
    """To everybody who can be reached, and never to the coordinator itself."""
    await fleet.join(WORKER_B, state, 1)
    await fleet.join(COORDINATOR, "joined", 2)
    fleet.pushes.clear()
    await fleet.say(soft(1))
    names = [one.get_name() for one in fleet.pushes]
    assert names == ["control to worker-a", "control to worker-b"][:pushed]
    await fleet.settle()


@pytest.mark.parametrize(
    ("one", "pushes"),
    [
        (soft(9), 1),
        (
            record(
                "LEARN", 9, {"topic": "namespace_created", "namespace": "a"}, thread="th_namespace_registry"
            ),
            1,
        ),
        (record("LEARN", 9, {"topic": "note"}, thread=FLEET_CONTROL), 0),
        (record("DO", 9, {}, thread="th_a"), 0),
        (record("LEARN", 9, {"topic": "api_token"}, thread=ENGINE_CONFIG), 0),
    ],
)
async def test_what_is_pushed(fleet: Coordinator, one: Record, pushes: int) -> None:
    fleet.beat()
    fleet.pushes.clear()
    seen = fleet.changed.count
    await fleet.say(one)
    assert (len(fleet.pushes), fleet.changed.count > seen) == (pushes, bool(pushes))
    assert fleet.reach._follows(fleet.reach._peer(WORKER_A)) is not bool(pushes)
    await fleet.settle()


async def test_ordinary_records_cost_no_digest(fleet: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "digest", lambda _: pytest.fail("it made one"))
    await fleet.say(record("DO", 9, {}, thread="th_a"))


async def test_a_word_without_an_effect_is_confirmed_too(fleet: Coordinator) -> None:
    await fleet.alone(lift(1))
    assert fleet.reach.confirmed_at(lift(1).id).keys() == {COORDINATOR}
    fleet.beat()
    assert fleet.reach.confirmed_at(lift(1).id).keys() == {COORDINATOR, WORKER_A}


async def test_a_push_that_reaches_nobody_is_logged(
    fleet: Coordinator, caplog: pytest.LogCaptureFixture
) -> None:
    await fleet.alone(soft(1))
    assert caplog.messages == [
        f"control did not reach {WORKER_A}: nobody there; trying again when it is heard"
    ]


async def test_the_last_answer_counts_too(fleet: Coordinator) -> None:
    async def late(message: dict[str, Any]) -> dict[str, Any]:
        answer = await fleet.answer(message)
        if len(fleet.asked) == 4:
            answer["digest"] = fleet.reach.digest()
        return answer

    await fleet.alone(soft(1))
    fleet.asked.clear()
    fleet.answers = {}
    fleet.wire.answering = late
    await fleet.reach.ensure(WORKER_A)
    assert len(fleet.asked) == 4


async def test_who_follows_waits_for_no_message_that_hangs(fleet: Coordinator) -> None:
    fleet.beat()
    async with fleet.reach._peer(WORKER_A).one_at_a_time, asyncio.timeout(60):
        await fleet.reach.ensure(WORKER_A)


async def test_a_rule_of_this_instance_that_judges_freezes_makes_another_state(fleet: Coordinator) -> None:
    """Workers are not told of it, so that they are not told that they follow."""
    fleet.beat()
    before = fleet.reach.digest()
    body = {"topic": "permission_rule", "name": "freeze-soft", "expression": "false", "effect": "deny"}
    await fleet.say(record("LEARN", 1, body, thread=ENGINE_CONFIG))
    assert fleet.reach.digest() != before
    assert not fleet.reach._follows(fleet.reach._peer(WORKER_A))


async def test_a_beat_that_follows_is_answered_with_nothing_but_the_graces(fleet: Coordinator) -> None:
    assert fleet.beat() == {"control": [], "grace": {}}
    await fleet.alone(HARD)
    fleet.boot += 4
    assert fleet.beat() == {"control": [], "grace": {HARD.id: 6.0}}
    assert fleet.beat("e" * 64, "v2") == {
        "control": [wire(HARD)],
        "base": "v2",
        "replace": True,
        "grace": {HARD.id: 6.0},
    }


async def test_who_is_behind_is_told_what_has_changed_since(fleet: Coordinator) -> None:
    before = fleet.reach.digest()
    await fleet.alone(soft(1))
    first = fleet.reach.digest()
    await fleet.alone(soft(2, "code"))
    told = [wire(one) for one in (soft(1), soft(2, "code"))]
    for digest, records in ((before, told), (first, told[1:])):
        assert fleet.beat(digest, "v3") == {"control": records, "base": "v3", "replace": False, "grace": {}}
    await fleet.alone(lift(3))
    assert fleet.beat(first)["control"] == [wire(lift(3)), told[1]]
    assert fleet.beat("e" * 64)["control"] == [told[1]], "of the whole set, what is in force"


async def test_the_oldest_states_are_forgotten(fleet: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "_STATES_KEPT", 3)
    free = fleet.reach.digest()
    digests = []
    for clock, one in enumerate(("a", "b"), 1):
        await fleet.alone(soft(clock, one))
        digests.append(fleet.reach.digest())
    assert fleet.beat(free)["replace"] is False, "three are kept"
    await fleet.alone(lift(3, "b"))
    assert fleet.reach.digest() == digests[0]
    await fleet.alone(soft(4, "c"))
    assert [fleet.beat(one)["replace"] for one in (free, *digests)] == [True, False, False]
    await fleet.alone(soft(5, "d"))
    assert [fleet.beat(one)["replace"] for one in digests] == [False, True], "one that came again is newer"


async def test_it_tells_when_each_word_was_confirmed(fleet: Coordinator) -> None:
    fleet.beat()
    await fleet.alone(soft(1))
    seen = fleet.changed.count
    fleet.now = 2000.0
    fleet.beat()
    assert fleet.changed.count == seen + 1
    fleet.now = 3000.0
    fleet.beat()
    assert fleet.changed.count == seen + 1, "that is no news"
    assert fleet.reach.confirmed_at(soft(1).id) == {COORDINATOR: 1000.0, WORKER_A: 2000.0}
    await fleet.alone(soft(2, "code"))
    fleet.beat()
    assert fleet.reach.confirmed_at(soft(1).id)[WORKER_A] == 2000.0
    assert fleet.reach.confirmed_at(soft(2, "code").id)[WORKER_A] == 3000.0
    assert fleet.reach.confirmed_at("e" * 64) == {}


@pytest.mark.parametrize(("left", "confirmed"), [(10.0, True), (10.5, True), (10.6, False), (99.0, False)])
async def test_a_grace_that_is_longer_there_confirms_nothing(
    fleet: Coordinator, left: float, confirmed: bool
) -> None:
    """Messages take time: half a second of difference is none."""
    await fleet.alone(HARD)
    answer = fleet.beat(grace={HARD.id: left, "e" * 64: 99.0})
    assert (WORKER_A in fleet.reach.confirmed_at(HARD.id)) is confirmed
    assert answer == {"control": [], "grace": {HARD.id: GRACE_SECS}}
    assert fleet.reach._follows(fleet.reach._peer(WORKER_A)) is confirmed
    assert sorted(fleet.reach.lefts()) == pytest.approx(sorted([GRACE_SECS, left]))


@pytest.mark.parametrize(
    ("beats", "boot", "all_refuse"),
    [
        ([], 59.9, False),
        ([], 60.0, True),
        ([GRACE_SECS], 59.9, False),
        ([GRACE_SECS], 60.0, True),
        ([10.4], 60.0, False),
        ([10.4], 60.5, True),
        ([None], 99.0, False),
    ],
)
async def test_when_every_write_is_refused(
    fleet: Coordinator, beats: list[float | None], boot: float, all_refuse: bool
) -> None:
    """When the grace is over at each instance that confirmed the freeze, this one among them."""
    await fleet.alone(HARD)
    for left in beats:
        fleet.beat(grace={} if left is None else {HARD.id: left})
    fleet.boot = boot
    assert fleet.reach.refuses_all(HARD.id) is all_refuse
    assert fleet.reach.refuses_all("e" * 64) is False, "nobody has confirmed that"


async def test_an_answer_to_a_push_tells_the_graces_too(fleet: Coordinator) -> None:
    await fleet.alone(HARD)
    for grace, lefts in (({HARD.id: 9.0}, [9.0, 10.0]), ({HARD.id: "soon"}, [0.0, 10.0]), ("none", [10.0])):
        fleet.reach._peer(WORKER_A).revision = 0
        fleet.answers = {"digest": fleet.reach.digest(), "grace": grace}
        await fleet.reach.ensure(WORKER_A)
        assert sorted(fleet.reach.lefts()) == lefts


async def test_an_instance_that_knows_no_digest_is_told_records_and_proves_nothing(
    fleet: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fleet.reach.proves(WORKER_A)
    fleet.answers = {"error": OlderPeer("HTTP 404")}
    with monkeypatch.context() as patch:
        patch.setattr(fleet.wire, "post_records", lambda *_: pytest.fail("there is no word yet"))
        await fleet.reach.ensure(WORKER_A)
    assert not fleet.reach.proves(WORKER_A)
    await fleet.say(soft(1))
    await fleet.settle()
    assert fleet.wire.posted == [soft(1)]
    assert WORKER_A in fleet.reach.confirmed_at(soft(1).id)
    fleet.beat()
    assert fleet.reach.proves(WORKER_A), "it was upgraded"


async def test_an_older_instance_confirms_by_the_ids_of_the_words(fleet: Coordinator) -> None:
    await fleet.alone(soft(2, "code"))
    await fleet.alone(soft(1))
    words = [soft(2, "code"), soft(1)]
    assert fleet.beat("e" * 64, None) == {"control": [wire(one) for one in words]}
    assert not fleet.reach.proves(WORKER_A)
    assert WORKER_A not in fleet.reach.confirmed_at(soft(1).id)
    ids = "".join(sorted(one.id for one in words))
    assert fleet.beat(hashlib.sha256(ids.encode()).hexdigest(), None) == {"control": []}
    assert WORKER_A in fleet.reach.confirmed_at(soft(1).id)
    assert fleet.beat(None, None) == {"control": [], "grace": {}}, "it has the digest all the same"


async def test_an_older_instance_that_refuses_a_word_has_not_confirmed_it(
    fleet: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(endpoint: str, records: Any, to: str) -> list[dict[str, Any]]:
        return [{"status": "created"}, {"status": "error"}][: len(records)]

    monkeypatch.setattr(fleet.wire, "post_records", refuses)
    await fleet.alone(soft(1))
    await fleet.alone(soft(2, "code"))
    fleet.answers = {"error": OlderPeer("HTTP 404")}
    with pytest.raises(DaemonUnreachable, match="worker-a refused a control record"):
        await fleet.reach.ensure(WORKER_A)
    assert WORKER_A not in fleet.reach.confirmed_at(soft(1).id)


async def test_what_stood_in_the_log_at_the_start_is_known(fleet: Coordinator) -> None:
    """A grace that nobody began in this process begins with the first look."""
    await fleet.alone(HARD)
    store = fleet.ingest.store
    runtime = Runtime(now=lambda: 1004.0, boottime=lambda: 4.0, boot_id=lambda: "next boot")
    ingest = Ingest(store, await rebuild(store), Broadcast(), COORDINATOR, runtime)
    again = reaching.ControlPropagation(ingest, fleet.wire, COORDINATOR, runtime, fleet.changed, fleet.spawn)
    await again.load()
    assert again.confirmed_at(HARD.id) == {COORDINATOR: 1004.0}
    assert again.answer(WORKER_A, "e" * 64, "v1")["control"] == [wire(HARD)]
    assert again.answer(WORKER_A, again.digest(), "v1")["grace"] == {HARD.id: 6.0}
