"""Links between a coordinator and workers: what is sent, lost, refused, and made anew. Time is virtual."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from syncropel.errors import DaemonUnreachable
from syncropel.peer.link.links import Caller, Links
from syncropel.peer.link.protocol import ACK_SECS, BATCH_BYTES, PING_SECS, SILENCE_SECS, STUCK_SECS
from syncropel.peer.link.refusals import LinkRefused
from syncropel.peer.peers import Peers, RefusedByPeer
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.wire.leader import STALE_TERM
from tests.engine import virtual
from tests.engine.link_wire import Wire, Worker, did, links, until, up

A, B = did(1), did(2)
Story = Callable[[Links, Wire, Worker], Coroutine[Any, Any, None]]


def rows(count: int, thread: str = "th_1", size: int = 1) -> list[dict[str, Any]]:
    return [{"thread": thread, "body": {"text": "x" * size, "number": number}} for number in range(count)]


def linked(story: Story) -> None:
    async def play() -> None:
        coordinator = links()
        sweeping = asyncio.ensure_future(sweep(coordinator))
        worker = Worker(Wire(coordinator, A))
        await up(coordinator, A)
        await story(coordinator, worker.wire, worker)
        for task in (sweeping, worker.running):
            task.cancel()
        await asyncio.gather(sweeping, worker.running, return_exceptions=True)

    virtual.run(play())


async def sweep(coordinator: Links) -> None:
    while True:
        await asyncio.sleep(1.0)
        coordinator.sweep()


def now() -> float:
    return asyncio.get_running_loop().time()


def test_records_are_acknowledged_once_the_worker_has_written_them() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        worker.slow["/v1/records/batch"] = 3.0
        began = now()
        outcomes = await coordinator.post_records(A, rows(2))
        assert outcomes == [{"status": "created", "id": "i"}] * 2
        assert now() - began == pytest.approx(3.0)

    linked(story)


def test_each_frame_says_for_which_term_it_is_and_a_refusal_says_who_leads() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        coordinator.speaks_as = lambda: "2 me"
        await coordinator.post_records(A, rows(1))
        await coordinator.ask(A, "POST", "/v1/fleet/control", "", {"to": A}, 5.0)
        assert worker.terms == ["2 me", "2 me"]
        worker.refuses = {"code": STALE_TERM, "message": "term 2 is over", "leader": {"did": B}}
        heard: list[Any] = []
        peers = Peers(lambda to: [], links=coordinator)
        peers.hear_leader = lambda where, told: heard.append(told)
        with pytest.raises(RefusedByPeer, match="HTTP 409 term 2 is over"):
            await peers.post_records("link:", [Record("th_1", B, "KNOW", {}, 1)], A)
        assert heard == [{"did": B}]
        status, _ = await peers.output("link:", A, "th_1/x", {"offset": 0})
        assert (status, worker.paths()[-1]) == (200, "/v1/dispatches/th_1%2Fx/output")
        await peers.close()

    linked(story)


def test_a_large_batch_goes_in_parts_and_has_one_outcome_for_each_record() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        assert len(await coordinator.post_records(A, rows(10, size=BATCH_BYTES // 4))) == 10
        assert len(worker.came) == 4
        numbers = [row["body"]["number"] for one in worker.came for row in json.loads(one[3])]
        assert numbers == list(range(10))

    linked(story)


def test_control_overtakes_the_work_that_a_worker_has_not_begun() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        worker.slow["/v1/records/batch"] = 2.0
        work = [asyncio.ensure_future(coordinator.post_records(A, rows(1))) for _ in range(6)]
        await asyncio.sleep(0.5)
        began = now()
        await coordinator.ask(A, "POST", "/v1/fleet/control", "", {"to": A}, 10.0)
        assert now() - began < 0.1, "neither on the wire nor at the worker"
        older = await coordinator.post_records(A, rows(1, FLEET_CONTROL))
        assert older == [{"status": "created", "id": "i"}]
        await asyncio.wait(work)

    linked(story)


def test_what_is_not_acknowledged_in_time_is_unreachable_and_then_the_link_ends() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        worker.slow["/v1/records/batch"] = 1e6
        began = now()
        with pytest.raises(DaemonUnreachable, match="10 s"):
            await coordinator.post_records(A, rows(1))
        assert now() - began == pytest.approx(ACK_SECS)
        assert coordinator.report(A).unanswered == 1
        await asyncio.sleep(STUCK_SECS + 2.0)
        assert "does not answer" in coordinator.report(A).problem or coordinator.report(A).unanswered == 0
        worker.slow.clear()
        await up(coordinator, A)
        assert await coordinator.post_records(A, rows(1))

    linked(story)


def test_a_worker_that_answers_nothing_gets_no_more_than_four_frames() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        worker.slow["/v1/records/batch"] = worker.slow["/v1/fleet/control"] = 1e6
        asking: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(coordinator.post_records(A, rows(1, size=100_000))) for _ in range(50)
        ]
        asking += [
            asyncio.ensure_future(coordinator.ask(A, "POST", "/v1/fleet/control", "", {}, 10.0))
            for _ in range(9)
        ]
        await asyncio.sleep(1.0)
        assert coordinator.report(A).unanswered == 4
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(one, DaemonUnreachable) for one in found)

    linked(story)


def test_a_link_that_is_cut_fails_what_waits_and_is_made_anew() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        worker.slow["/v1/records/batch"] = 5.0
        waiting = asyncio.ensure_future(coordinator.post_records(A, rows(1)))
        await asyncio.sleep(1.0)
        wire.cut()
        with pytest.raises(DaemonUnreachable, match="has ended"):
            await waiting
        assert coordinator.report(A).state == "down"
        with pytest.raises(DaemonUnreachable, match="cannot be reached"):
            await coordinator.post_records(A, rows(1))
        await up(coordinator, A)
        await asyncio.sleep(5.0)
        assert len(worker.came) == 1, "what the worker had begun is finished"

    linked(story)


def test_an_acknowledgement_that_is_lost_ends_the_link_and_the_records_are_sent_again() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        wire.loses_answers = True
        with pytest.raises(DaemonUnreachable):
            await coordinator.post_records(A, rows(1))
        wire.loses_answers = False
        await up(coordinator, A)
        assert await coordinator.post_records(A, rows(1))
        assert len(worker.came) == 2

    linked(story)


def test_silence_is_noticed_by_the_worker_and_pings_prevent_it() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        await asyncio.sleep(10 * SILENCE_SECS)
        assert len(wire.asked) == 1, "pings keep an idle link"
        wire.muted = True
        muted = now()
        await until(lambda: len(wire.asked) > 1)
        assert SILENCE_SECS - PING_SECS <= now() - muted <= SILENCE_SECS + 3.5
        wire.muted = False
        await up(coordinator, A)

    linked(story)


def test_a_proxy_that_buffers_is_polled_through_after_two_streams_without_a_byte() -> None:
    async def play() -> None:
        coordinator = links()
        wire = Wire(coordinator, A)
        wire.buffered = True
        worker = Worker(wire)
        await until(lambda: coordinator.report(A).transport == "poll")
        assert ["wait" in query for _, query in wire.asked][:3] == [False, False, True]
        await asyncio.sleep(1.0)
        assert worker.link.report().transport == "poll"
        began = now()
        assert await coordinator.post_records(A, rows(3))
        assert await coordinator.ask(A, "GET", "/v1/worktrees", "here=true", None, 10.0)
        assert now() - began < 0.1
        for _ in range(60):
            await asyncio.sleep(1.0)
            coordinator.sweep()
        assert coordinator.report(A).state == "up", "also while there is nothing to say"
        worker.running.cancel()
        await asyncio.gather(worker.running, return_exceptions=True)
        for _ in range(int(SILENCE_SECS) + 30):
            await asyncio.sleep(1.0)
            coordinator.sweep()
        assert coordinator.report(A).state == "down"

    virtual.run(play())


def test_streams_without_a_byte_mean_nothing_while_heartbeats_are_not_answered_either() -> None:
    async def play() -> None:
        coordinator = links()
        wire = Wire(coordinator, A)
        wire.buffered = True
        worker = Worker(wire)
        worker.in_touch = False
        await asyncio.sleep(120.0)
        assert len(wire.asked) > 3
        assert not any("wait" in query for _, query in wire.asked), "the coordinator is stopped, no proxy"
        worker.running.cancel()
        await asyncio.gather(worker.running, return_exceptions=True)

    virtual.run(play())


@pytest.mark.parametrize(("protocol", "words"), [(1, "link protocol 1"), (4, "link protocol 4")])
def test_a_version_that_does_not_fit_is_refused_before_any_work(protocol: int, words: str) -> None:
    async def play() -> None:
        coordinator = links(protocol=3)
        worker = Worker(Wire(coordinator, A), protocol=protocol)
        await asyncio.sleep(20.0)
        assert "HTTP 409" in worker.link.report().problem
        shown = coordinator.report(A)
        assert (shown.state, words in shown.problem) == ("down", True)
        assert worker.came == []
        worker.running.cancel()
        await asyncio.gather(worker.running, return_exceptions=True)

    virtual.run(play())


def test_a_version_one_behind_works_and_is_shown() -> None:
    async def play() -> None:
        coordinator = links(protocol=3)
        worker = Worker(Wire(coordinator, A), protocol=2)
        await up(coordinator, A)
        assert "one behind" in coordinator.report(A).problem
        assert await coordinator.post_records(A, rows(1))
        worker.running.cancel()
        await asyncio.gather(worker.running, return_exceptions=True)

    virtual.run(play())


def test_who_does_not_prove_that_it_is_the_coordinator_is_told_nothing() -> None:
    async def play() -> None:
        coordinator = Links(virtual.runtime(), hello=lambda: {"leader": did(99)}, changed=lambda: None)
        wire = Wire(coordinator, A)
        worker = Worker(wire)
        await asyncio.sleep(20.0)
        assert "does not prove" in worker.link.report().problem
        assert worker.came == wire.answered == []
        worker.running.cancel()
        await asyncio.gather(worker.running, return_exceptions=True)

    virtual.run(play())


def test_a_copied_home_gets_neither_a_link_until_an_operator_looks() -> None:
    async def play() -> None:
        coordinator = links()
        both = [Worker(Wire(coordinator, A)), Worker(Wire(coordinator, A), share=0.3)]
        await until(lambda: coordinator.report(A).state == "refused")
        assert now() < 60.0
        assert "two processes" in coordinator.report(A).problem
        await asyncio.sleep(60.0)
        assert coordinator.report(A).state == "refused"
        assert all("409" in one.link.report().problem for one in both)
        both[1].running.cancel()
        assert coordinator.forgive(A)
        assert not coordinator.forgive(B)
        await up(coordinator, A)
        await asyncio.sleep(120.0)
        assert coordinator.report(A).problem == ""
        both[0].running.cancel()
        await asyncio.gather(*(one.running for one in both), return_exceptions=True)

    virtual.run(play())


def test_a_process_that_restarts_is_no_copied_home() -> None:
    async def play() -> None:
        coordinator = links()
        for _ in range(10):
            worker = Worker(Wire(coordinator, A), share=0.01)
            await up(coordinator, A)
            worker.running.cancel()
            await asyncio.gather(worker.running, return_exceptions=True)
            await asyncio.sleep(0.1)
        assert coordinator.report(A).state == "down"

    virtual.run(play())


def test_answers_are_taken_of_the_worker_that_was_asked_and_only_once() -> None:
    async def play() -> None:
        coordinator = links()
        held = {name: coordinator.open(Caller(name, "s", "i", 1), lambda link: "") for name in (A, B)}
        streams = {name: coordinator.stream(link) for name, link in held.items()}
        for stream in streams.values():
            await anext(stream)
        asking = asyncio.ensure_future(coordinator.post_records(A, rows(1)))
        other = asyncio.ensure_future(coordinator.post_records(A, rows(1)))
        frames = [json.loads((await anext(streams[A])).split(b"data: ")[1]) for _ in range(2)]
        first, second = (frame["n"] for frame in frames)
        good = [{"status": "created"}]
        for name, link, n, code in (
            (A, held[A].id, 99, "UNKNOWN_FRAME"),
            (A, held[A].id, 0, "UNKNOWN_FRAME"),
            (B, held[A].id, first, "UNKNOWN_LINK"),
            (B, held[B].id, first, "UNKNOWN_FRAME"),
            (A, held[B].id, first, "UNKNOWN_LINK"),
            ("did:sync:instance:ff", held[A].id, first, "UNKNOWN_LINK"),
        ):
            with pytest.raises(LinkRefused) as refused:
                coordinator.acknowledge(name, link, n, good)
            assert refused.value.code == code
        with pytest.raises(LinkRefused):
            coordinator.answer(A, held[A].id, first, 200, {})
        coordinator.acknowledge(A, held[A].id, second, good)
        coordinator.acknowledge(A, held[A].id, first, [])
        assert await other == good, "in whatever order"
        with pytest.raises(DaemonUnreachable, match="invalid answer"):
            await asking
        with pytest.raises(LinkRefused):
            coordinator.acknowledge(A, held[A].id, first, good)
        for stream in streams.values():
            await stream.aclose()  # type: ignore[attr-defined] # it is an async generator

    virtual.run(play())


def test_a_worker_refuses_what_is_not_asked_of_workers_and_too_much_at_once() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        for method, path in (("POST", "/v1/tokens"), ("GET", "/v1/records"), ("POST", "/v1/records/batch")):
            status, answer = await coordinator.ask(A, method, path, "", {}, 5.0)
            assert (status, answer["code"]) == (403, "FORBIDDEN")
        assert worker.came == []

    linked(story)


def test_a_revoked_worker_loses_its_link_at_once_and_a_stopping_coordinator_says_goodbye() -> None:
    async def story(coordinator: Links, wire: Wire, worker: Worker) -> None:
        coordinator.review(lambda worker, sha256: sha256 == "s")
        assert coordinator.report(A).state == "up"
        coordinator.review(lambda worker, sha256: False)
        assert coordinator.report(A).state == "down"
        await asyncio.sleep(0.1)
        assert "revoked" in worker.link.report().problem
        await up(coordinator, A)
        before = len(wire.asked)
        coordinator.close()
        began = now()
        await until(lambda: len(wire.asked) > before)
        assert now() - began >= 1.0, "not before it asked"

    linked(story)


def test_workers_that_all_lose_their_coordinator_are_back_within_a_minute() -> None:
    async def play() -> None:
        coordinator = links()
        workers = [Worker(Wire(coordinator, did(number)), share=number % 97 / 97) for number in range(300)]
        await until(lambda: len(coordinator) == len(workers), 0.5)
        coordinator.close()
        lost = now()
        await until(lambda: len(coordinator) == len(workers), 0.5)
        assert now() - lost <= 60.0
        for one in workers:
            one.running.cancel()
        await asyncio.gather(*(one.running for one in workers), return_exceptions=True)

    virtual.run(play())
