"""An adapter that no target has, and a model that none allows, are refused before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.wire import FleetStatus

from .conftest import Api, assert_error, beat

A, B = beat("a")["did"], beat("b")["did"]


def adapter(name: str, *models: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": name, "models": list(models), **more}


BROKEN = adapter("broken", usable=False, problem="why")
ADAPTERS = [adapter("echo"), adapter("review", "small", "large"), BROKEN]


async def heard(api: Api, letter: str, **told: Any) -> None:
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat(letter, **told))
    assert answer.status_code == 200, answer.text


async def asked(api: Api, name: str, *subtasks: dict[str, Any], **more: Any) -> Any:
    await api.task(alias=name)
    whole = [{"goal": f"goal {index}", **one} for index, one in enumerate(subtasks)]
    return await api.operator.post(f"/v1/tasks/{name}/fan-out", json={"subtasks": whole, **more})


@pytest.mark.parametrize(
    ("subtask", "words"),
    [
        (
            {"target": "worker-a", "adapter": "claude"},
            ["worker-a lacks the adapter 'claude'", "echo, review"],
        ),
        ({"target": f"specific:{A}", "adapter": "claude"}, ["worker-a lacks the adapter 'claude'"]),
        ({"target": "worker-a", "adapter": "broken"}, ["worker-a lacks the adapter 'broken'"]),
        ({"target": "round-robin", "adapter": "claude"}, ["no live worker has the adapter 'claude'"]),
        ({"target": "least-loaded-worker", "adapter": "claude"}, ["no live worker has"]),
        (
            {"target": "worker-a", "adapter": "review", "model": "huge"},
            ["the adapter 'review' does not allow the model 'huge'", "allowed: large, small"],
        ),
        ({"target": "worker-a", "adapter": "echo", "model": "small"}, ["does not allow", "allowed: none"]),
    ],
)
async def test_what_no_instance_can_run_is_refused_unless_it_may_come_later(
    api: Api, subtask: dict[str, Any], words: list[str]
) -> None:
    await heard(api, "a", adapters=ADAPTERS)
    assert_error(await asked(api, "T", subtask), 400, "BAD_REQUEST", *words)
    assert (await asked(api, "U", subtask, allow_unknown=True)).status_code == 201
    both = await asked(api, "V", {"target": "worker-a"}, subtask)
    assert_error(both, 400, "BAD_REQUEST", "subtask 1: ")
    body = {"goal": "one", **subtask}
    assert_error(await api.operator.post("/v1/dispatch", json=body), 400, "BAD_REQUEST", words[0])


@pytest.mark.parametrize(
    "subtask",
    [
        {"target": "worker-a", "adapter": "review"},
        {"target": "worker-a", "adapter": "review", "model": "large"},
        {"target": "least-loaded-worker", "adapter": "review", "model": "small"},
        {"target": "worker-b", "adapter": "anything", "model": "any"},
        {"target": "worker-a"},
    ],
)
async def test_what_may_run_is_taken(api: Api, subtask: dict[str, Any]) -> None:
    await heard(api, "a", adapters=ADAPTERS)
    await heard(api, "b")  # an older one, which tells nothing
    assert (await asked(api, "T", subtask)).status_code == 201


async def test_an_open_target_goes_to_a_worker_that_has_the_adapter(api: Api) -> None:
    await heard(api, "a", adapters=[adapter("echo")])
    await heard(api, "b", adapters=ADAPTERS)
    one = {"target": "least-loaded-worker", "adapter": "review"}
    assert (
        await asked(api, "T", one, one, {**one, "adapter": "none"}, allow_unknown=True)
    ).status_code == 201
    await api.engine.fan_outs.reconciler.drain()
    found = (await api.get("/v1/tasks/T/join"))["subtasks"]
    assert [child["instance"] for child in found] == [B, B, None]
    assert "no live worker has the adapter 'none'" in str(found[2])


async def test_the_fleet_tells_what_every_instance_has(api: Api) -> None:
    await heard(api, "a", adapters=ADAPTERS)
    await heard(api, "b")
    status = FleetStatus.model_validate(await api.get("/v1/fleet/status"))
    told = {one.alias: one.adapters for one in status.instances}
    assert told["worker-b"] is None
    assert [one.name for one in told["worker-a"] or []] == ["echo", "review", "broken"]
    assert [one.name for one in told["coordinator"] or []] == ["echo", "noop"]
