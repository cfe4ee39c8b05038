"""A worker's place in its fleet: revoked, let in anew, or not heard from since its start; in virtual time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.engine.fleet.membership import Membership
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import CredentialRevoked, DaemonUnreachable
from syncropel.peer.peers import Peers, RefusedByPeer, RevokedByPeer
from syncropel.peer.runtime import Runtime
from syncropel.policy.standing import Standing
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.keyring import Keyring
from syncropel.store.memory import MemoryStore
from syncropel.wire import Heartbeat
from tests.engine import virtual
from tests.engine.fleet_sim import FleetSim, Node
from tests.engine.registrar import beat
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B

OTHER = "did:sync:instance:00000000000000ff"
LONG = 1_000.0


class Story:
    """A fleet whose instances know each other by credentials of their own, and one worker of it."""

    def __init__(self, home: Path) -> None:
        self.sim = FleetSim(home, seed=3)
        self.sim.run_secs = lambda job: LONG
        self.coordinator, self.worker = self.sim.coordinator, self.sim.workers[0]

    async def start(self) -> Story:
        await self.sim.start()
        for worker in self.sim.workers:
            await self.introduce(worker)
        return self

    async def introduce(self, worker: Node, *, anew: bool = False) -> None:
        mine, its = Keyring(self.coordinator.home), Keyring(worker.home)
        body = {"did": worker.did, "sha256": its.make_own(worker.did, anew=anew), "reissue": anew}
        assert (await self.ask("POST", "/v1/fleet/credentials", body)).is_success
        its.trust(self.coordinator.did, mine.make_towards(worker.did, self.coordinator.did, anew=anew))

    async def ask(self, method: str, path: str, body: Any = None, node: Node | None = None) -> httpx.Response:
        answer = await (node or self.coordinator).operator(method, path, body)
        assert answer is not None
        return answer

    async def adds(self, alias: str, namespace: str = "docs") -> str:
        """The code with which the worker answers who adds a task there; empty when it takes it."""
        body = {"goal": "g", "alias": alias, "namespace": namespace}
        answer = await self.ask("POST", "/v1/tasks", body, self.worker)
        return "" if answer.is_success else str(answer.json()["code"])

    async def health(self) -> dict[str, Any]:
        told: dict[str, Any] = (await self.ask("GET", "/v1/engine/health", None, self.worker)).json()
        return told

    async def give(self, count: int, namespace: str = "docs") -> None:
        """Have the worker run so many goals, as far as it can."""
        await self.ask("POST", "/v1/tasks", {"goal": "all", "alias": "T-1", "namespace": namespace})
        subtasks = [{"goal": f"goal {index}", "target": "worker-a"} for index in range(count)]
        spec = {"subtasks": subtasks, "join": "all", "namespace": namespace}
        assert (await self.ask("POST", "/v1/tasks/T-1/fan-out", spec)).is_success
        await self.sees(lambda: self.engine.dispatcher.running == min(count, 3))

    async def sees(self, look: Callable[[], object], limit_secs: float = 120) -> None:
        async def seen() -> bool:
            return bool(look())

        await self.sim.until(seen, limit_secs)

    @property
    def engine(self) -> Any:
        assert self.worker.engine is not None
        return self.worker.engine

    @property
    def is_revoked(self) -> bool:
        return self.engine.ingest.live.standing.revoked is not None


def told(home: Path, story: Callable[[Story], Awaitable[None]]) -> None:
    async def tell() -> None:
        one = await Story(home).start()
        await story(one)
        assert one.sim.problems == []
        await one.sim.stop()

    virtual.run(tell())


@pytest.mark.parametrize("reached", [True, False], ids=["told by a push", "told by a refused heartbeat"])
def test_a_worker_that_is_revoked_stops_and_stays_so_until_it_has_a_new_credential(
    tmp_path: Path, reached: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(one: Story) -> None:
        await one.give(4)
        assert await one.adds("W-1") == (await one.health())["takes_no_work"] == ""
        if not reached:  # the coordinator has nothing by which this worker would know it
            for token in (one.coordinator.home.secrets / "peers").iterdir():
                token.unlink()
        with caplog.at_level(logging.ERROR, "syncropel.engine.membership"):
            answer = await one.ask("POST", "/v1/fleet/instances/worker-a/revoke", {"reason": "laptop lost"})
            assert answer.is_success
            await one.sees(lambda: one.is_revoked)
        assert any("revoked" in line and "--reissue" in line for line in caplog.messages)
        await one.sees(lambda: one.engine.dispatcher.running == 0)
        assert await one.adds("W-2") == "INSTANCE_REVOKED"
        assert "revoked" in (await one.health())["takes_no_work"]
        for _ in range(2):
            one.worker.crash("to see whether it remembers", back=False)
            if not reached:
                one.coordinator.crash("it cannot be asked either", back=False)
            await one.worker.start()
            assert one.is_revoked
            assert await one.adds("W-3") == "INSTANCE_REVOKED"
            assert one.engine.dispatcher.running == 0
            if not reached:
                await one.coordinator.start()
        runs = [run for run in one.sim.runs if run[0] == "worker-a"]
        assert len(runs) == 3, "nothing began anew"
        await one.introduce(one.worker, anew=True)
        await one.sees(lambda: one.engine.ingest.live.standing.may_begin)
        assert await one.adds("W-4") == ""
        assert (await one.health())["takes_no_work"] == ""

    told(tmp_path, story)


def test_what_a_revoked_worker_ran_is_ended_as_revoked(tmp_path: Path) -> None:
    async def story(one: Story) -> None:
        await one.give(1)
        await one.ask("POST", "/v1/fleet/instances/worker-a/revoke", {})

        def results() -> list[tuple[str, str]]:
            held = one.engine.ingest.live.children.held()
            bodies = [result.body for _, child in held for result in child.results.values()]
            return [(body["verdict"], body["reason"]) for body in bodies]

        await one.sees(results)
        assert results() == [("terminated", "revoked")]
        assert one.engine.dispatcher.running == 0

    told(tmp_path, story)


def test_only_the_one_that_was_revoked_stops(tmp_path: Path) -> None:
    async def story(one: Story) -> None:
        await one.ask("POST", "/v1/fleet/instances/worker-b/revoke", {})
        other = one.sim.workers[1]
        assert other.engine is not None
        live = other.engine.ingest.live
        await one.sees(lambda: live.standing.revoked)
        await one.sees(lambda: one.engine.ingest.live.credentials.is_revoked(other.did))
        assert await one.adds("W-1") == ""
        assert not one.is_revoked

    told(tmp_path, story)


def test_who_left_and_cannot_reach_its_coordinator_begins_nothing_under_a_freeze_it_missed(
    tmp_path: Path,
) -> None:
    async def story(one: Story) -> None:
        await one.give(2)
        begun = len(one.sim.runs)
        await one.worker.stop()
        assert (await one.ask("POST", "/v1/fleet/freeze", {"namespace": "docs", "reason": "r"})).is_success
        (freeze,) = (await one.ask("GET", "/v1/fleet/status")).json()["freezes"]
        assert "worker-a" not in freeze["waiting"], "it said goodbye"
        one.coordinator.crash("it cannot be reached", back=False)
        await one.worker.start()
        assert await one.adds("W-1") == await one.adds("W-2", "elsewhere") == "COORDINATOR_NOT_HEARD"
        assert "not heard" in (await one.health())["takes_no_work"]
        await one.sim.until(_later(one, 60), 100)
        assert len(one.sim.runs) == begun
        await one.coordinator.start()
        await one.sees(lambda: one.engine.ingest.live.standing.may_begin)
        assert (await one.adds("W-1"), await one.adds("W-2", "elsewhere")) == ("NAMESPACE_FROZEN", "")
        assert len(one.sim.runs) == begun
        await one.ask("POST", "/v1/fleet/unfreeze", {"namespace": "docs"})
        await one.sees(lambda: len(one.sim.runs) == begun + 2)

    told(tmp_path, story)


def test_who_heard_once_goes_on_alone(tmp_path: Path) -> None:
    async def story(one: Story) -> None:
        one.coordinator.crash("for good", back=False)
        await one.sim.until(_later(one, 600), 700)
        assert await one.adds("W-1") == ""

    told(tmp_path, story)


def _later(one: Story, secs: float) -> Callable[[], Awaitable[bool]]:
    end = one.sim.loop.time() + secs

    async def over() -> bool:
        return one.sim.loop.time() >= end

    return over


def test_a_freeze_is_pushed_to_a_worker_whose_heartbeats_are_refused(tmp_path: Path) -> None:
    """Also after the coordinator has been restarted, before any heartbeat says that it is there."""

    async def story(one: Story) -> None:
        coordinator = one.coordinator
        await one.worker.stop()
        one.worker.home.instance_token.unlink()
        one.worker.home.fleet_token.unlink()
        await one.worker.start()
        assert coordinator.engine is not None
        leases = coordinator.engine.leases
        await one.sees(lambda: leases.why_refused(one.worker.did))
        await one.ask("POST", "/v1/fleet/freeze", {"namespace": "docs", "reason": "r"})
        await one.sees(lambda: "docs" in one.engine.ingest.live.control.freezes)
        (freeze,) = (await one.ask("GET", "/v1/fleet/status")).json()["freezes"]
        assert "worker-a" in [confirmed["alias"] for confirmed in freeze["confirmed"]]
        assert await one.adds("W-1") == "COORDINATOR_NOT_HEARD", "that it was told so is no heartbeat taken"
        coordinator.crash("to see whether it remembers", back=False)
        one.worker.crash("and this one is slow", back=False)
        await coordinator.start()
        await one.ask("POST", "/v1/fleet/freeze", {"namespace": "more", "reason": "r"})
        *_, freeze = (await one.ask("GET", "/v1/fleet/status")).json()["freezes"]
        assert (freeze["namespace"], "worker-a" in freeze["waiting"]) == ("more", True)
        await one.worker.start()
        await one.sees(lambda: "more" in one.engine.ingest.live.control.freezes)

    told(tmp_path, story)


def answer(status: int, content: bytes | dict[str, Any]) -> Peers:
    def give(_: httpx.Request) -> httpx.Response:
        if isinstance(content, bytes):
            return httpx.Response(status, content=content)
        return httpx.Response(status, json=content)

    return Peers(lambda to: ["spl_instance_a_b", "spl_prod_sa-fleet_c"], httpx.MockTransport(give))


REVOKED = CredentialRevoked(WORKER_A, COORDINATOR, "hint").envelope()


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (401, REVOKED, RevokedByPeer),
        (401, {**REVOKED, "instance": None}, RevokedByPeer),
        (403, REVOKED, RefusedByPeer),
        (409, REVOKED, RefusedByPeer),
        (500, REVOKED, DaemonUnreachable),
        (407, REVOKED, DaemonUnreachable),
        (401, {**REVOKED, "code": "UNAUTHORIZED"}, RefusedByPeer),
        (401, {"error": "revoked"}, RefusedByPeer),
        (401, [REVOKED], DaemonUnreachable),
        (401, b"<html>revoked</html>", DaemonUnreachable),
        (401, b"", DaemonUnreachable),
    ],
)
async def test_which_answers_say_that_an_instance_was_revoked(
    status: int, content: Any, kind: type[Exception]
) -> None:
    peers = answer(status, content)
    with pytest.raises(DaemonUnreachable) as refused:
        await peers.heartbeat("http://127.0.0.1:1", beat())
    assert type(refused.value) in (kind, RefusedByPeer if kind is DaemonUnreachable else kind)
    assert isinstance(refused.value, RevokedByPeer) == (kind is RevokedByPeer)
    await peers.close()


async def test_who_has_no_token_sends_none() -> None:
    """An empty one is no header at all, and would keep the heartbeat from being sent and refused."""
    shown: list[httpx.Headers] = []

    def give(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers)
        return httpx.Response(401, json={"code": "UNAUTHORIZED"})

    peers = Peers(lambda to: [], httpx.MockTransport(give))
    with pytest.raises(RefusedByPeer):
        await peers.heartbeat("http://127.0.0.1:1", beat())
    assert ["authorization" in one for one in shown] == [False]
    await peers.close()


KNOWN = {"a file": COORDINATOR, "whoever took its beats": COORDINATOR, "a damaged file": "", "nobody": ""}


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("about", [WORKER_A, WORKER_B, "", "None"])
@pytest.mark.parametrize("by", [COORDINATOR, OTHER, "", "None"])
async def test_whose_word_counts(
    tmp_path: Path, known: str, about: str, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home(tmp_path / "home")
    make_home(home)
    live = LiveFolds()
    live.standing = Standing(WORKER_A, live.credentials)
    ingest = Ingest(MemoryStore(clock=lambda: 0.0), live, Broadcast(), WORKER_A, Runtime())
    changes: list[bool] = []
    membership = Membership(ingest, Keyring(home), Runtime(), lambda: changes.append(True))
    if known == "a file":
        Keyring(home).trust(COORDINATOR, "ab" * 32)
        membership.let_in(OTHER)
    elif known == "a damaged file":
        home.coordinator_key.write_text("{")
        membership.let_in(COORDINATOR)
    elif known != "nobody":
        membership.let_in(COORDINATOR)
    changes.clear()
    told = RevokedByPeer("no", {**REVOKED, "instance": about, "coordinator": by})
    counts = about == WORKER_A and by == KNOWN[known] != ""
    for _ in range(3):
        await membership.hear_revoked(told)
        assert (live.standing.revoked is not None) is counts
    assert ingest.store.count == int(counts), "said once"
    assert changes == [True] * counts
    assert sum("ignored, since" in line for line in caplog.messages) == int(not counts)


async def test_a_log_that_takes_nothing_now_takes_it_at_the_next_heartbeat(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    make_home(home)
    live = LiveFolds()
    live.standing = Standing(WORKER_A, live.credentials)
    ingest = Ingest(MemoryStore(clock=lambda: 0.0), live, Broadcast(), WORKER_A, Runtime())
    membership = Membership(ingest, Keyring(home), Runtime(), lambda: None)
    membership.let_in(COORDINATOR)
    ingest.open = False
    await membership.hear_revoked(RevokedByPeer("no", REVOKED))
    assert live.standing.revoked is None
    ingest.open = True
    await membership.hear_revoked(RevokedByPeer("no", REVOKED))
    assert live.standing.revoked is not None
    await membership.hear_revoked(RevokedByPeer("no", REVOKED))
    assert ingest.store.count == 1


def test_who_says_goodbye_accepts_nothing_more(tmp_path: Path) -> None:
    """From that on no freeze waits for it, and the goodbye takes a moment."""

    async def story(one: Story) -> None:
        taken = []

        async def heartbeat(endpoint: str, beat: Heartbeat) -> dict[str, Any]:
            if beat.leaving:
                taken.append(await one.adds("W-1"))
            answer = await heard(endpoint, beat)
            if beat.leaving:
                taken.append(await one.adds("W-2"))
            return answer

        heard, one.engine.peers.heartbeat = one.engine.peers.heartbeat, heartbeat
        await one.worker.stop()
        assert len(taken) >= 2
        assert set(taken) == {"COORDINATOR_NOT_HEARD"}

    told(tmp_path, story)
