"""/v1/control/blast: what a freeze would meet, asked before it is set."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DID, Api, MakeApi, until

SUBTASKS = [
    {"goal": "first", "target": f"specific:{DID}"},
    {"goal": "second", "target": f"specific:{DID}", "depends_on": [0]},
]


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    return await make_api()


async def given(api: Api, namespace: str) -> None:
    """A fan-out there, its first subtask given to this instance, its second waiting."""
    await api.task(alias="T", namespace=namespace)
    answer = await api.operator.post("/v1/tasks/T/fan-out", json={"subtasks": SUBTASKS})
    assert answer.status_code == 201, answer.text

    async def spawned() -> bool:
        return bool((await api.get("/v1/tasks/T/join"))["spawned"])

    await until(spawned)


async def blast(api: Api, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = await api.get("/v1/control/blast", **query)
    return found


async def test_it_tells_what_a_freeze_would_meet_and_changes_nothing(api: Api) -> None:
    await given(api, "docs/v0.11")
    before = api.engine.store.count
    found = await blast(api, namespace="docs")
    assert found["pending"] + found["in_flight"] >= 1
    assert found["descendants_named"] == ["docs/v0.11"]
    assert found["fanouts_met"][0]["alias"] == "T"
    assert found["ends"] == "never"
    assert found["confirming"] == 1
    assert api.engine.store.count == before


@pytest.mark.parametrize(
    ("query", "ends"),
    [
        ({"namespace": "docs", "level": "hard"}, "after the grace"),
        ({"namespace": "docs", "terminate": "true"}, "at once"),
        ({"level": "emergency"}, "never"),
    ],
)
async def test_it_says_what_becomes_of_the_work_in_flight(api: Api, query: dict[str, str], ends: str) -> None:
    assert (await blast(api, **query))["ends"] == ends


async def test_a_place_that_no_freeze_could_be_of_is_refused(api: Api) -> None:
    for query in ({}, {"level": "emergency", "namespace": "docs"}, {"namespace": "Not A Name"}):
        answer = await api.operator.get("/v1/control/blast", params=query)
        assert answer.status_code == (422 if query.get("namespace") == "Not A Name" else 400), answer.text
        assert answer.json()["hint"]


async def test_it_names_the_freezes_over_it(api: Api) -> None:
    body = {"namespace": "docs", "reason": "wrong prices"}
    assert (await api.operator.post("/v1/fleet/freeze", json=body)).status_code == 201
    assert (await blast(api, namespace="docs/v0.11"))["frozen"] == ["soft: docs: wrong prices"]
