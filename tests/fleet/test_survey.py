"""What a promotion finds before it changes anything, and a fleet beside one that has been promoted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from syncropel.errors import BadRequest, Conflict, SetupError
from syncropel.launcher.carried import Drained, Ruled
from syncropel.launcher.local import local_workers
from syncropel.launcher.one_promotion import one_promotion
from syncropel.launcher.plan import FleetPlan, plan_workers
from syncropel.launcher.promoted import refuse_beside_another, refuse_fenced
from syncropel.launcher.survey import Former, Freeze, survey
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home
from syncropel.settings.keyring import Keyring
from syncropel.wire import LeaderOut
from tests.network import replace_network

from .launching import URL, home, launcher, status

_COUNTS = (
    "ingested_total", "reconciled_total", "reconcile_queue_depth", "dispatch_running", "dispatch_queued",
    "outbox_pending", "watchers", "store_bytes",
)  # fmt: skip


def worker_of(coordinator: Home, alias: str, url: str, did: str = "") -> Home:
    """A worker's home that was introduced to the coordinator, or to the one with this DID."""
    worker = coordinator.sibling(alias)
    make_home(worker)
    fleet = f'alias = "{alias}"\ncoordinator_url = "{url}"'
    worker.config.write_text(f"[server]\nport = 9201\n\n[fleet]\n{fleet}\n")
    known = did or load_or_create_identity(coordinator).did
    Keyring(worker).trust(known, "ab" * 32, url or URL)
    load_or_create_identity(worker)
    return worker


@pytest.mark.parametrize("its_url", ["", "http://127.0.0.1:9201", "http://localhost:9201/"])
def test_no_fleet_starts_beside_a_promoted_worker(tmp_path: Path, its_url: str) -> None:
    coordinator = home(tmp_path)
    worker_of(coordinator, "worker-a", URL)
    refuse_beside_another(coordinator)
    promoted = worker_of(coordinator, "worker-b", its_url)
    config = promoted.config.read_text()
    with pytest.raises(SetupError, match=r"worker-b leads this fleet at http://127.0.0.1:9201") as caught:
        launcher(coordinator, []).run()
    assert f"SYNCROPEL_HOME={promoted.display()} spl fleet start" in caught.value.hint
    assert promoted.config.read_text() == config
    assert not coordinator.pid_file.exists()


def test_a_promoted_workers_fleet_is_the_one_beside_it(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    promoted = worker_of(coordinator, "worker-b", "")
    for alias in ("worker-a", "worker-c"):
        worker_of(coordinator, alias, URL)
    assert [one.alias for one in local_workers(promoted)] == ["worker-a", "worker-c"]
    planned = plan_workers(promoted, FleetPlan(3))
    assert [one.home for one in planned] == [coordinator.sibling(f"worker-{one}") for one in "acd"]
    refuse_beside_another(promoted)
    alone = Home(tmp_path / "x-worker-a")  # a coordinator that is only called like a worker
    make_home(alone)
    assert plan_workers(alone, FleetPlan(1))[0].home == alone.sibling("worker-a")


def test_who_follows_a_promoted_worker(tmp_path: Path) -> None:
    coordinator, other = home(tmp_path), "did:sync:instance:00000000000000ff"
    worker = worker_of(coordinator, "worker-a", URL)
    own = load_or_create_identity(worker).did
    worker_of(coordinator, "worker-b", URL)
    worker_of(coordinator, "worker-c", "http://127.0.0.1:9209", own)  # of a promotion that was interrupted
    worker_of(coordinator, "worker-d", "http://127.0.0.1:7", other)
    worker_of(coordinator, "worker-e", "")
    found = survey(coordinator, "worker-a")
    assert found.former == Former(load_or_create_identity(coordinator).did, URL, coordinator)
    assert [one.alias for one in found.followers] == ["worker-b", "worker-c"]
    assert found.left_alone == [
        "worker-d is left alone: it reports to another coordinator, http://127.0.0.1:7",
        "worker-e is left alone: it is a coordinator itself",
    ]
    assert found.unasked == ["worker-a", "worker-b", "worker-c"]
    with pytest.raises(BadRequest, match="is the coordinator"):
        survey(coordinator, "coordinator")


def test_a_worker_that_was_revoked_stays_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = home(tmp_path)
    for alias in ("worker-a", "worker-b"):
        one = worker_of(coordinator, alias, URL)
        one.socket.parent.mkdir(parents=True, exist_ok=True)
        one.socket.touch()
    health = dict.fromkeys(_COUNTS, 0) | {"did": "d", "role": "worker", "alias": "b", "home": "", "pid": 7}
    answers = {
        "/v1/engine/health": json.dumps(health | {"uptime_secs": 1, "revoked": True}),
        "/v1/dispatches": json.dumps({"data": []}),
        "/v1/fleet/status": status().model_dump_json(),
        "/v1/config/rules/permission": json.dumps({"data": [], "enabled": False}),
    }
    replace_network(
        monkeypatch, httpx.MockTransport(lambda asked: httpx.Response(200, content=answers[asked.url.path]))
    )
    runs = {coordinator.sibling("worker-b"): 7}
    monkeypatch.setattr("syncropel.launcher.survey.find_daemon", runs.get)
    found = survey(coordinator, "worker-a")
    assert found.followers == []
    assert "worker-b is left alone: it was revoked" in found.left_alone[0]
    with pytest.raises(SetupError, match="worker-b was revoked"):
        survey(coordinator, "worker-b")


def frozen(level: str, namespace: str = "docs") -> Freeze:
    return Freeze(level, namespace, "r", 60.0, terminate=False)


def test_freezes_that_only_others_know(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    for alias in ("worker-a", "worker-b", "worker-c"):
        worker_of(coordinator, alias, URL)
    found = survey(coordinator, "worker-a")
    found.freezes = {
        "worker-a": [frozen("soft"), frozen("hard", "x")],
        "worker-b": [frozen("hard"), frozen("soft", "x"), frozen("emergency", "*")],
        "worker-c": [frozen("hard")],
    }
    assert found.missed == [("worker-b", frozen("hard")), ("worker-b", frozen("emergency", "*"))]
    ends = replace(frozen("hard"), terminate=True)
    assert [ends.is_in([frozen("hard")]), frozen("hard").is_in([ends])] == [False, True], "it ends what runs"
    assert frozen("emergency", "*").fields("me") == {"level": "emergency", "reason": "r", "actor": "me"}
    found.running = {"worker-b"}
    found.save()
    # Run again while none of them answers, it knows what it knew.
    again = survey(coordinator, "worker-a")
    assert again.take_up()
    assert (again.missed, again.running) == (found.missed, {"worker-b"})
    again.worker.home.promotion.write_text("{}")
    with pytest.raises(SetupError, match="interrupted promotion left"):
        again.take_up()


def test_drains_and_rules_that_only_others_know(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    did = load_or_create_identity(worker_of(coordinator, "worker-b", URL)).did
    worker_of(coordinator, "worker-a", URL)
    worker_of(coordinator, "worker-c", URL)
    drain, fleet = Drained(did, 2e9, "end", "disk"), Drained("*", None, "end", "")
    rule, other = Ruled("ask", "false", 5, "deny", ("write",)), Ruled("ask", "true", 5, "deny", ("write",))
    mine = replace(rule, name="mine")
    found = survey(coordinator, "worker-a")
    found.drains = {"worker-a": [fleet], "worker-b": [drain, fleet], "worker-c": [drain]}
    found.rules = {"worker-a": [mine], "worker-b": [rule, replace(mine, priority=9)], "worker-c": [other]}
    assert found.missed_drains == [("worker-b", drain)]
    assert found.missed_rules == ([("worker-b", rule)], [("worker-b", "mine"), ("worker-c", "ask")])
    assert [found.name_of(one) for one in (did, "*", "did:x")] == ["worker-b", "the whole fleet", "did:x"]
    found.save()
    again = survey(coordinator, "worker-a")
    assert again.take_up()
    assert (again.drains, again.rules) == (found.drains, found.rules)
    assert fleet.fields("me") == {
        "state": "start", "instance": "*", "then": "end", "reason": "", "actor": "me",
    }  # fmt: skip
    assert drain.fields("me")["deadline_secs"] > 0
    assert replace(drain, deadline=1.0).fields("me")["deadline_secs"] == 0
    assert rule.fields("me")["ops"] == ["write"]


def test_a_promotion_of_an_older_version_is_gone_on_with(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    worker = worker_of(coordinator, "worker-a", URL)
    worker.run.mkdir(parents=True, exist_ok=True)
    worker.promotion.write_text('{"running": [], "freezes": {}}')
    assert survey(coordinator, "worker-a").take_up()


def test_one_promotion_at_a_time(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    with one_promotion(coordinator):
        pass  # nobody is there to promote
    promoted = worker_of(coordinator, "worker-b", "")
    worker_of(coordinator, "worker-a", URL)
    with one_promotion(coordinator):
        for one in (coordinator, promoted):
            with pytest.raises(Conflict, match="another promotion"), one_promotion(one):
                pass
    with one_promotion(promoted):
        pass


def test_a_fenced_coordinator_starts_no_fleet() -> None:
    refuse_fenced(status())
    fields = {"did": "d", "alias": "worker-b", "term": 2, "address": "http://b", "instance": "c"}
    for place in ("leads", "fenced"):
        leader = LeaderOut.model_validate({**fields, "place": place})
        found = status().model_copy(update={"leader": leader})
        if place == "leads":
            refuse_fenced(found)
            continue
        with pytest.raises(SetupError, match="fenced: worker-b leads at http://b"):
            refuse_fenced(found)
