"""What is said of subtasks that are lost with their worker, or that a join did without."""

from __future__ import annotations

from typing import Any

from syncropel.cli.text.task import child_lines
from syncropel.client.timeline import spans
from syncropel.wire import ChildOut

from .conftest import DID, Api, MakeApi, until
from .test_drain import A, B, archive, beat, given, intends, on, subtask, topics

THERE = f"specific:{DID}"


async def runs(api: Api, did: str, thread: str, index: int = 0, **changes: Any) -> float:
    """A heartbeat by which this subtask runs there; gives since when."""
    spawned_at = (await subtask(api, index))["spawned_at"]
    began = spawned_at + 0.001
    intend = (await intends(api, thread))[(index, 1)]
    spend = {"child_intend": intend, "child_thread": "th_c", "cost_usd": 0.0, "began_at": began}
    await beat(api, did, spend=[spend], active_dispatches=1, **changes)
    return began


def text(one: dict[str, Any]) -> str:
    return child_lines(ChildOut(**one))[1].strip()


async def test_what_ran_until_its_worker_left_is_lost_and_not_queued(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    thread = await given(api, "worker-a", "worker-a")
    began = await runs(api, A, thread)
    assert ((await subtask(api))["standing"], (await subtask(api))["began_at"]) == ("", began)
    await beat(api, A, health="draining")  # what it ran has been ended
    await beat(api, A, health="draining", leaving=True)
    one, other = await subtask(api), await subtask(api, 1)
    assert (one["standing"], one["queued"], one["hangs"], one["began_at"]) == ("lost", False, True, began)
    assert one["lost_at"] > began
    assert one["why"] == "worker-a has left; its work goes on when it is back"
    assert text(one).startswith("lost 20")
    assert (other["standing"], other["began_at"], other["queued"]) == ("lost", None, False)
    (row,) = (one for one in (await api.get("/v1/fleet/status"))["dispatches"] if one["index"] == 0)
    assert (row["lost_at"], row["queued"], row["began_at"]) == (one["lost_at"], False, began)
    (running,) = (one for one in (await api.get("/v1/dispatches"))["data"] if one["index"] == 0)
    assert running["elapsed_secs"] == one["lost_at"] - began
    told = await api.get("/v1/tasks/T/why")
    assert "worker-a has left" in told["sentence"]
    what_if = (await api.get("/v1/tasks/T/what-if", join="any"))["subtasks"][0]
    assert (what_if["began_at"], what_if["lost_at"]) == (began, one["lost_at"])
    await beat(api, A)  # it is back and has not begun it again
    assert ((await subtask(api))["standing"], (await subtask(api))["lost_at"]) == ("", None)


async def test_after_a_restart_of_the_coordinator_it_is_known_that_it_is_lost_but_not_since_when_it_ran(
    make_api: MakeApi,
) -> None:
    api = await make_api()
    await beat(api, A)
    thread = await given(api, "worker-a")
    await runs(api, A, thread)
    await archive(api, A)
    leases = api.engine.leases
    leases._ran.clear(), leases._beats.clear(), leases._heard_at.clear()
    one = await subtask(api)
    assert (one["standing"], one["began_at"], one["queued"]) == ("lost", None, False)
    assert one["lost_at"] >= one["spawned_at"]


async def test_the_record_that_gives_work_away_tells_how_long_it_ran(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    thread = await given(api, "least-loaded-worker")
    began = await runs(api, A, thread)
    await archive(api, A)
    await beat(api, B)
    again = await until(lambda: on(api, B))
    (moved,) = await topics(api, thread, "fanout_reassign_subtask")
    (earlier,) = again["earlier"]
    assert (moved["began_at"], earlier["began_at"]) == (began, began)
    assert moved["lost_at"] == earlier["lost_at"] >= began
    api.engine.leases._ran.clear()
    assert (await subtask(api))["earlier"] == [earlier]
    first, _ = spans(ChildOut(**await subtask(api)), earlier["lost_at"] + 100)
    assert (first.began, first.end, first.lost, first.going) == (began, earlier["lost_at"], True, False)
    replayed = (await api.get(f"/v1/threads/{thread}/replay/{await last(api, thread)}"))["join"]
    assert replayed["subtasks"][0]["earlier"] == [earlier]


async def last(api: Api, thread: str) -> int:
    return int((await api.get(f"/v1/threads/{thread}/replay", limit=1))["total"])


async def test_what_a_join_did_without_says_so(make_api: MakeApi) -> None:
    api = await make_api()
    await beat(api, A)
    await api.task(alias="T")
    subtasks = [
        {"goal": "quick", "target": THERE},
        {"goal": "never", "target": "worker-a"},
        {"goal": "nowhere", "target": "worker-a", "depends_on": [1]},
    ]
    await api.operator.post("/v1/tasks/T/fan-out", json={"subtasks": subtasks, "join": "any"})

    async def over() -> Any:
        return (await api.get("/v1/tasks/T/join"))["complete"]

    await until(over)
    one, after = await subtask(api, 1), await subtask(api, 2)
    assert (one["state"], one["standing"], one["queued"], one["hangs"]) == (
        "in_progress",
        "not_begun",
        False,
        False,
    )
    assert one["why"] == "worker-a had not taken it when the fan-out was over"
    assert text(one) == "not begun (worker-a had not taken it when the fan-out was over)"
    assert (after["state"], after["standing"], after["instance"]) == ("pending", "not_spawned", None)
    assert text(after) == "not spawned (the fan-out was over first)"
    told = (await api.get("/v1/tasks/T/why"))["sentence"]
    assert told.endswith(
        "; without a result: [1] worker-a had not taken it when the fan-out was over, [2] not spawned"
    )
    tree = (await api.get("/v1/tasks/T/tree"))["nodes"]
    assert [one["standing"] for one in tree] == ["", "not_begun", "not_spawned"]
    await archive(api, A)
    one = await subtask(api, 1)
    assert (one["standing"], one["hangs"]) == ("not_begun", False)
    assert one["why"] == "worker-a is archived and has not reported it"
    await beat(api, A)
    intend = (await intends(api, (await api.get("/v1/tasks/T"))["thread"]))[(1, 1)]
    spend = {"child_intend": intend, "child_thread": "th_c", "cost_usd": 0.0, "began_at": one["spawned_at"]}
    await beat(api, A, spend=[spend])
    one = await subtask(api, 1)
    assert (one["standing"], one["began_at"]) == ("", one["spawned_at"])
    assert one["why"] == "runs on: the fan-out was over before it ended"


async def test_what_was_cancelled_before_it_was_spawned_says_so(make_api: MakeApi) -> None:
    api = await make_api()
    await api.task(alias="T")
    await api.fan_out("T", {"target": "worker-q"})
    thread = (await api.get("/v1/tasks/T"))["thread"]
    await api.post(thread=thread, act="DO", body={"topic": "task_cancelled", "reason": "enough"})
    one = await subtask(api)
    assert (one["state"], one["standing"], one["predicted"]) == ("pending", "not_spawned", True)
