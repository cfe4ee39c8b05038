"""/v1/drain, and how work moves between workers that are only heartbeats here."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DID, NOOP, Api, MakeApi, until

A = "did:sync:instance:000000000000000a"
B = "did:sync:instance:000000000000000b"


async def beat(api: Api, did: str, **changes: Any) -> dict[str, Any]:
    """A heartbeat of a worker that takes nothing: its endpoint does not answer."""
    fields = {
        "did": did,
        "alias": f"worker-{did[-1]}",
        "role": "worker",
        "endpoint": "http://127.0.0.1:9",
        "version": "1",
        "uptime_secs": 1.0,
        "control": api.engine.control.propagation.digest(),
    }
    answer = await api.operator.post("/v1/fleet/heartbeat", json={**fields, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def drain(api: Api, **fields: Any) -> Any:
    return await api.operator.post("/v1/drain", json={"state": "start", **fields})


async def given(api: Api, *targets: str, **fields: Any) -> str:
    """A fan-out whose subtasks were all spawned; gives its thread."""
    thread = (await api.task(alias="T"))["thread"]
    subtasks = [{"goal": f"goal {index}", "target": target} for index, target in enumerate(targets)]
    answer = await api.operator.post("/v1/tasks/T/fan-out", json={"subtasks": subtasks, **fields})
    assert answer.status_code == 201, answer.text
    await until(lambda: spawned(api, len(targets)))
    return thread


async def spawned(api: Api, count: int) -> bool:
    return (await api.get("/v1/tasks/T/join"))["spawned"] == count


async def intends(api: Api, thread: str) -> dict[tuple[int, int], str]:
    """The child INTEND of each (index, attempt)."""
    found = await topics(api, thread, "fanout_spawned")
    return {(body["index"], body["attempt"]): body["child_intend"] for body in found}


async def topics(api: Api, thread: str, topic: str) -> list[dict[str, Any]]:
    page = await api.get("/v1/records", thread=thread, topic=topic)
    return [one["body"] for one in page["data"]]


async def subtask(api: Api, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/v1/tasks/T/join"))["subtasks"][index]
    return found


async def test_a_draining_instance_is_shown_so_whatever_it_beats(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    written = await drain(api, instance="worker-a", reason="new disk", deadline_secs=60)
    assert (written.status_code, written.json()["instance"]) == (201, A)
    assert (await beat(api, A))["status"] == "draining"
    shown = await api.get(f"/v1/fleet/instances/{A}")
    assert (shown["status"], shown["health"]) == ("draining", "draining")
    (row,) = (await api.get("/v1/drain"))["instances"]
    assert (row["alias"], row["reason"], row["then"], row["confirmed"]) == (
        "worker-a",
        "new disk",
        "reassign",
        True,
    )
    await drain(api, state="stop", instance=A)
    assert (await beat(api, A))["status"] == "live"
    assert not (await api.get("/v1/drain"))["draining"]


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"instance": "worker-z"}, 404, "worker-z"),
        ({"state": "stop"}, 404, "the fleet is not draining"),
        ({"state": "stop", "instance": "worker-a"}, 404, "worker-a is not draining"),
        ({"state": "stop", "deadline_secs": 5}, 400, "belong to a start"),
        ({"then": "reassign"}, 400, "no instance left to take its work"),
        ({"deadline_secs": -1}, 422, "deadline_secs"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    make_api: MakeApi, fields: dict[str, Any], status: int, told: str
) -> None:
    api = await make_api()
    await beat(api, A)
    answer = await drain(api, **fields)
    assert (answer.status_code, told in answer.json()["message"]) == (status, True), answer.text


async def test_draining_twice_is_refused_but_another_deadline_is_taken(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    await drain(api, instance=A)
    assert (await drain(api, instance=A)).status_code == 409
    assert (await drain(api, instance=A, deadline_secs=5)).status_code == 201
    answer = await drain(api, state="stop")
    assert (answer.status_code, answer.json()["hint"]) == (404, "these do: worker-a; name one: --instance")


async def test_the_whole_fleet_drains_and_goes_on(make_api: MakeApi) -> None:
    api = await make_api(NOOP)
    await drain(api)
    await api.task(alias="T")
    await api.fan_out("T", {}, {})
    waiting = await subtask(api)
    assert (waiting["state"], waiting["why"]) == ("pending", "coordinator is draining")
    await drain(api, state="stop")
    assert await until(lambda: complete(api))


async def complete(api: Api) -> bool:
    return bool((await api.get("/v1/tasks/T/join"))["complete"])


async def test_what_a_draining_worker_will_not_begin_goes_elsewhere_once(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    thread = await given(api, "least-loaded-worker", "worker-a")
    held = list((await intends(api, thread)).values())
    await beat(api, B)
    before = api.engine.control.propagation.digest()
    await drain(api, instance=A)
    await beat(api, A, held=held, control=before)
    assert (await api.get("/v1/drain"))["in_flight"] == 2, "a beat from before the drain proves nothing"
    for _ in range(3):
        await beat(api, A, held=held)
    moved = await until(lambda: on(api, B))
    assert moved["attempt"] == 2
    assert len(await topics(api, thread, "fanout_reassign_subtask")) == 1
    bound = await subtask(api, 1)
    assert "spl task retry T --subtask 1 --target OTHER" in bound["why"]
    status = await api.get("/v1/drain")
    assert (status["in_flight"], status["held"]) == (0, 1)


async def on(api: Api, did: str) -> dict[str, Any] | None:
    one = await subtask(api)
    return one if one["instance"] == did and not one["predicted"] else None


async def archive(api: Api, did: str) -> None:
    body = {
        "topic": "instance_state",
        "did": did,
        "alias": f"worker-{did[-1]}",
        "role": "worker",
        "state": "archived",
    }
    await api.wrote(thread="th_instance_registry", body=body)


async def test_an_archived_workers_work_goes_elsewhere_once_and_it_is_told_when_it_is_back(
    make_api: MakeApi,
) -> None:
    api = await make_api()
    await beat(api, A)
    thread = await given(api, "round-robin")
    await archive(api, A)
    waiting = await subtask(api)
    assert waiting["why"] == "worker-a is archived, and no other worker is live to take it"
    await beat(api, B)
    assert (await until(lambda: on(api, B)))["attempt"] == 2
    api.engine.fan_outs.reconciler.mark_all()
    await api.engine.fan_outs.reconciler.drain()
    assert len(await topics(api, thread, "fanout_reassign_subtask")) == 1
    old = (await intends(api, thread))[(0, 1)]
    attempt = {"child_intend": old, "parent_thread": thread, "index": 0, "attempt": 1}
    strange = {**attempt, "child_intend": "f" * 64}
    answer = await beat(api, A, open=[attempt, strange])
    ends = [one["body"] for one in answer["control"] if one["body"].get("topic") == "fanout_end_child"]
    assert [(one["child_intend"], one["reason"]) for one in ends] == [(old, "superseded")]


async def test_a_bound_subtask_waits_for_its_archived_worker_until_it_is_sent_elsewhere(
    make_api: MakeApi,
) -> None:
    api = await make_api()
    await beat(api, A)
    await given(api, "worker-a")
    await beat(api, B)
    await archive(api, A)
    assert "bring it back, or spl task retry T --subtask 0 --target OTHER" in (await subtask(api))["why"]
    bad = await api.operator.post("/v1/tasks/T/retry", json={"index": 0, "target": "nowhere"})
    assert bad.status_code == 400
    good = await api.operator.post("/v1/tasks/T/retry", json={"index": 0, "target": "worker-b"})
    assert good.status_code == 201
    moved = await until(lambda: on(api, B))
    assert (moved["attempt"], moved["target"]) == (2, "worker-b")


async def test_a_fan_outs_live_spend_warns_once_and_then_ends_it(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    thread = await given(api, "worker-a", "worker-a", budget_usd=1.0)
    running = [
        {"child_intend": intend, "child_thread": "th", "cost_usd": 0.4}
        for intend in (await intends(api, thread)).values()
    ]
    for _ in range(2):
        await beat(api, A, spend=running)
    (warning,) = await until(lambda: topics(api, thread, "fanout_budget_warning"))
    assert (warning["spent_usd"], warning["budget_usd"]) == (0.8, 1.0)
    (fanout,) = (await api.get("/v1/fleet/status"))["fanouts"]
    assert (fanout["cost_usd"], fanout["budget_usd"]) == (0.8, 1.0)
    running[0]["cost_usd"] = 0.6
    for _ in range(2):
        await beat(api, A, spend=running)
    assert len(await until(lambda: topics(api, thread, "fanout_budget_exceeded"))) == 1
    dispatches = (await api.get("/v1/fleet/status"))["dispatches"]
    assert [one["cost_usd"] for one in dispatches] == [0.6, 0.4]
    again = await api.operator.post("/v1/tasks/T/retry", json={"index": 0})
    assert (again.status_code, "spent its budget" in again.json()["message"]) == (409, True)
    assert DID not in {one["instance"] for one in dispatches}
