"""The log of any instance: the coordinator asks for it, and nobody else gets it that way."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.api.http.auth import required_scope
from syncropel.api.http.bearers import _OF_COORDINATOR
from syncropel.api.http.reading import read_op

from .conftest import MakeApi, assert_error
from .test_links import linked
from .two_instances import Two, two_instances

LOG = "/v1/fleet/instances/{}/log"


@pytest.fixture(params=[False, True], ids=["connected", "link"])
async def two(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    async with linked(tmp_path) if request.param else two_instances(tmp_path) as both:
        yield both


async def lines(two: Two, name: str, **query: Any) -> list[dict[str, Any]]:
    answer = await two.coordinator.operator.get(LOG.format(name), params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def write(two: Two, alias: str, *words: str) -> None:
    for one in words:
        level = logging.WARNING if "bad" in one else logging.INFO
        two.network.rings[alias].handle(logging.LogRecord("t", level, __file__, 1, one, (), None))


async def test_the_lines_of_a_worker_come_from_the_worker(two: Two) -> None:
    write(two, "worker-b", "one", "a bad two", "three")
    write(two, "coordinator", "mine")
    told = [one["message"] for one in await lines(two, "worker-b")]
    assert told[-3:] == ["one", "a bad two", "three"]
    assert "mine" not in told
    assert [one["message"] for one in await lines(two, "worker-b", level="WARN")][-1:] == ["a bad two"]
    assert len(await lines(two, "worker-b", limit=1)) == 1


async def test_it_goes_on_from_a_sequence(two: Two) -> None:
    write(two, "worker-b", "one")
    answer = (await two.coordinator.operator.get(LOG.format("worker-b"))).json()
    write(two, "worker-b", "two")
    told = await lines(two, "worker-b", since=answer["next_cursor"])
    assert [one["message"] for one in told] == ["two"]


async def test_a_worker_that_is_down_says_where_its_log_is(two: Two) -> None:
    await two.stop("worker-b")
    answer = await two.coordinator.operator.get(LOG.format("worker-b"))
    assert_error(answer, 503, "UNAVAILABLE", "worker-b does not give its log: it does not answer")
    assert "spl logs" in answer.json()["hint"]


async def test_its_own_log_is_an_instances_too_and_an_unknown_name_is_refused(two: Two) -> None:
    write(two, "coordinator", "mine")
    did = two.coordinator.engine.instance.did
    assert [one["message"] for one in await lines(two, did)][-1:] == ["mine"]
    answer = await two.coordinator.operator.get(LOG.format("nobody"))
    assert answer.status_code == 404


async def test_only_the_coordinator_asks_a_worker(two: Two) -> None:
    answer = await two.worker.operator.get("/v1/fleet/log")
    assert_error(answer, 403, "WRONG_AUTHOR", "only the coordinator")


@pytest.mark.parametrize("path", ["/v1/fleet/instances/worker-b/log", "/v1/fleet/instances/a%2Fb/log"])
def test_it_needs_the_scope_and_the_rule_that_read_configuration(path: str) -> None:
    assert required_scope("GET", path) == "config:read"
    assert read_op("GET", path) == "config_read"
    assert required_scope("GET", "/v1/fleet/log") in _OF_COORDINATOR
    assert "config:read" not in _OF_COORDINATOR


async def test_a_token_without_it_is_refused(make_api: MakeApi) -> None:
    api = await make_api()
    refused = await api.tcp.get(LOG.format("x"), headers=await api.bearer("records:read"))
    assert_error(refused, 403, "FORBIDDEN", "config:read")
