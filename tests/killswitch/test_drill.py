"""The drill: what it measures, what fails it, and that its freeze is lifted on every way out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from syncropel.client import Call, Target
from syncropel.client.drill import DrillReport, KillDrill, reach
from syncropel.errors import Conflict, DaemonUnreachable, RemoteError, SyncropelError
from syncropel.wire import (
    ChildOut,
    Confirmation,
    ControlWritten,
    FleetStatus,
    FreezeOut,
    InstanceOut,
    JoinStatus,
    Page,
    PostedRecord,
    RunningDispatch,
)

ACTOR = "did:sync:user:tester"


def instance(alias: str, **changes: Any) -> InstanceOut:
    facts: dict[str, Any] = {
        "did": f"did:{alias}",
        "alias": alias,
        "role": "worker",
        "endpoint": f"http://{alias}",
    }
    more = {"status": "live", "health": "healthy", "version": "1", "since": 0.0}
    return InstanceOut(**facts | more | changes)


class Fleet:
    """A fleet that answers as one would; what it does wrong is set by a test."""

    def __init__(self) -> None:
        self.instances = [instance("coordinator", role="coordinator"), instance("worker-a")]
        self.frozen = ""
        self.slow: list[str] = []
        self.leaks: tuple[str, ...] = ()
        self.blocks: tuple[str, ...] = ()
        self.goes_on = True
        self.runs_on = False
        self.fail: dict[str, SyncropelError] = {}
        self.asked: Counter[str] = Counter()
        self.kept: list[dict[str, Any]] = []
        self.closed: list[str] = []
        self.before: Callable[[str], object] = lambda path: None

    async def send(self, call: Call[Any]) -> Any:
        await asyncio.sleep(0)
        self.before(call.path)
        self.asked[call.path] += 1
        answer = self._answer(call)
        if call.path in self.fail:
            raise self.fail[call.path]
        return answer

    def _answer(self, call: Call[Any]) -> Any:
        if call.path == "/v1/fleet/status":
            return self._status()
        if call.path == "/v1/fleet/freeze":
            self.frozen = "f" * 64
            return ControlWritten(record=self.frozen, namespace=call.body["namespace"])
        if call.path == "/v1/fleet/unfreeze":
            if not self.frozen:
                raise RemoteError(404, "not_found", "NOT_FOUND", "not frozen", "")
            self.frozen = ""
            return ControlWritten(record="0" * 64, namespace=call.body["namespace"])
        if call.path == "/v1/records":
            return self._record(call.body)
        if call.path == "/v1/dispatches":
            mine = RunningDispatch.model_construct(child_thread="th_child")
            other = RunningDispatch.model_construct(child_thread="th_other")
            return Page[RunningDispatch].model_construct(data=[other, mine] if self.runs_on else [other])
        given = ChildOut.model_construct(instance_alias="worker-a", child_thread="th_child")
        unspawned = ChildOut.model_construct(instance_alias=None, child_thread=None)
        return JoinStatus.model_construct(
            spawned=1, complete=self.goes_on, explanation="waits", subtasks=[given, unspawned]
        )

    def _status(self) -> FleetStatus:
        freezes = []
        if self.frozen:
            confirmed = [Confirmation(instance="did:worker-a", alias="worker-a", at=10.02)]
            freezes = [
                FreezeOut(
                    level="soft", namespace="drill/1", reason="drill", grace_secs=60, at=10.0,
                    record=self.frozen, confirmed=confirmed, waiting=self.slow,
                )
            ]  # fmt: skip
        return FleetStatus.model_construct(instances=self.instances, live=2, freezes=freezes, at=9.0)

    def _record(self, record: dict[str, Any]) -> PostedRecord:
        act, topic = record["act"], record["body"]["topic"]
        if topic == "kill_drill":
            self.kept.append(record)
        elif act in (
            *self.blocks,
            *(one for one in ("INTEND", "DO", "CALL", "PUT", "MAP") if one not in self.leaks),
        ):
            raise RemoteError(403, "frozen", "NAMESPACE_FROZEN", "frozen", "")
        return PostedRecord.model_construct(id="ab" * 32)

    async def close(self) -> None:
        self.closed.append("")


def drill(
    fleet: Fleet, heard: list[tuple[str, str, bool]] | None = None, worker: Fleet | None = None
) -> KillDrill:
    time = iter(range(10_000))

    async def sleep(secs: float) -> None:
        await asyncio.sleep(0)

    return KillDrill(
        fleet,
        {"coordinator": fleet, "worker-a": worker or fleet},
        actor=ACTOR,
        token="1",
        limit_secs=20,
        now=lambda: float(next(time)),
        sleep=sleep,
        say=lambda step, words, good: heard.append((step, words, good)) if heard is not None else None,
    )


async def test_a_drill_that_passes_tells_each_step_and_is_recorded() -> None:
    fleet = Fleet()
    heard: list[Any] = []
    report = await drill(fleet, heard).run()
    assert report.ok
    assert (report.refused, report.leaked, report.passed, report.confirmed_ms) == (30, 0, 12, 20.0)
    begun = [step for step, words, _ in heard if not words]
    assert begun == ["set up", "freeze", "refuse", "drain", "lift", "recover", "escape", "record"]
    assert [step for step, words, good in heard if words and good] == begun
    assert fleet.kept[0]["actor"] == ACTOR
    assert fleet.kept[0]["body"]["ok"] is True
    assert not fleet.frozen


@pytest.mark.parametrize(
    ("wrong", "step", "told"),
    [
        ({"leaks": ("DO",)}, "refuse", ""),
        ({"slow": ["worker-a"]}, "freeze", "not confirmed by worker-a"),
        ({"blocks": ("KNOW",)}, "refuse", "6 KNOW or LEARN were refused: running work cannot drain"),
        ({"runs_on": True}, "drain", "what ran did not drain in time"),
        ({"goes_on": False}, "recover", "the fan-out did not go on: waits"),
    ],
    ids=["leak", "silent instance", "no draining", "runs on", "no recovery"],
)
async def test_what_fails_a_drill(wrong: dict[str, Any], step: str, told: str) -> None:
    fleet = Fleet()
    heard: list[Any] = []
    vars(fleet).update(wrong)
    report = await drill(fleet, heard).run()
    assert not report.ok
    assert [one for one, _, good in heard if not good] == [step]
    assert report.problems == ([told] if told else [])
    assert report.leaked == (6 if "leaks" in wrong else 0)
    assert fleet.kept[0]["body"]["ok"] is False
    assert not fleet.frozen, "the freeze is lifted all the same"


async def test_a_worker_that_does_not_answer_fails_the_drill_and_does_not_break_it_off() -> None:
    fleet, worker = Fleet(), Fleet()
    heard: list[Any] = []
    asked: list[Any] = []

    def silent(path: str) -> None:
        asked.append(path)
        raise DaemonUnreachable("no answer in time")

    worker.before = silent
    report = await drill(fleet, heard, worker).run()
    assert not report.ok
    assert report.problems == ["worker-a did not answer: what it accepts and runs is unknown"]
    assert [(step, words) for step, words, good in heard if not good] == [
        ("refuse", "15 writes refused, 0 leaked, 6 passed as they may; worker-a did not answer"),
        ("drain", "not known of worker-a"),
    ]
    assert report.drain_secs is None
    assert asked == ["/v1/records"], "it is not waited for again and again"
    assert fleet.kept[0]["body"]["problems"] == report.problems
    assert not fleet.frozen


async def test_a_worker_that_goes_silent_while_it_drains_has_not_drained() -> None:
    fleet, worker = Fleet(), Fleet()
    worker.fail["/v1/dispatches"] = DaemonUnreachable("no answer in time")
    report = await drill(fleet, None, worker).run()
    assert report.problems == ["what ran did not drain in time"]


async def test_a_coordinator_that_does_not_answer_breaks_it_off() -> None:
    fleet = Fleet()
    fleet.fail["/v1/records"] = DaemonUnreachable("no answer in time")
    with pytest.raises(DaemonUnreachable):
        await drill(fleet).run()
    assert not fleet.frozen


@pytest.mark.parametrize("path", ["/v1/fleet/freeze", "/v1/records", "/v1/dispatches"])
async def test_cancelling_lifts_the_freeze(path: str) -> None:
    fleet = Fleet()
    running = asyncio.ensure_future(drill(fleet).run())
    fleet.before = lambda asked: running.cancel() if asked == path else None
    with pytest.raises(asyncio.CancelledError):
        await running
    assert fleet.asked["/v1/fleet/unfreeze"] == 1
    assert not fleet.frozen
    assert not fleet.kept


async def test_work_that_never_came_to_its_worker_is_drained() -> None:
    fleet = Fleet()
    assert (await drill(fleet).run()).ok
    assert fleet.asked["/v1/dispatches"] > 0


async def test_a_freeze_without_an_answer_is_lifted_too() -> None:
    fleet = Fleet()
    fleet.fail["/v1/fleet/freeze"] = DaemonUnreachable("no answer in time")
    with pytest.raises(DaemonUnreachable, match="no answer in time"):
        await drill(fleet).run()
    assert not fleet.frozen


async def test_who_listens_and_fails_cannot_keep_the_freeze_standing() -> None:
    fleet = Fleet()

    class Deaf(list[tuple[str, str, bool]]):
        def append(self, heard: tuple[str, str, bool]) -> None:
            if heard[0] in ("drain", "lift"):
                raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="the screen is gone"):
        await drill(fleet, Deaf()).run()
    assert not fleet.frozen


async def test_a_freeze_that_was_never_taken_needs_no_lifting() -> None:
    fleet = Fleet()
    fleet.before = lambda path: setattr(fleet, "frozen", "") if path == "/v1/fleet/unfreeze" else None
    fleet.fail["/v1/records"] = DaemonUnreachable("gone")
    with pytest.raises(DaemonUnreachable, match="gone"):
        await drill(fleet).run()


async def test_a_freeze_that_cannot_be_lifted_is_told_with_the_command() -> None:
    fleet = Fleet()
    fleet.fail["/v1/fleet/unfreeze"] = DaemonUnreachable("gone")
    with pytest.raises(SyncropelError, match="may still stand: gone") as raised:
        await drill(fleet).run()
    assert raised.value.hint == "lift it: spl unkill --namespace drill/1"


async def test_without_a_worker_there_is_nothing_to_practise_on() -> None:
    fleet = Fleet()
    fleet.instances = [instance("coordinator", role="coordinator"), instance("worker-a", status="stale")]
    with pytest.raises(Conflict, match="no live worker"):
        await drill(fleet).run()
    assert fleet.asked["/v1/fleet/freeze"] == 0


async def test_every_live_instance_is_reached_with_the_fleets_token_and_let_go() -> None:
    fleet, made = Fleet(), []
    fleet.instances += [instance("worker-b", status="archived")]

    def client(target: Target) -> Fleet:
        made.append(target)
        return fleet

    async with reach(fleet, Target(fleet_token="secret"), client) as clients:
        assert sorted(clients) == ["coordinator", "worker-a"]
    assert [(one.url, one.token) for one in made] == [("http://worker-a", "secret")]
    assert len(fleet.closed) == 1, "the coordinator's client is not ours to close"
    async with reach(fleet, Target(), client) as clients:
        assert sorted(clients) == ["coordinator"]


def test_instances_that_were_not_probed_are_counted() -> None:
    assert DrillReport("drill/1", 3, ["coordinator"]).unprobed == 2
