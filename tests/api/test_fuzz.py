"""Whatever is posted, the daemon neither breaks nor becomes unable to answer or to start again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncropel.policy.joining import compile_join
from syncropel.record.model import ACTS
from tests.engine.rebuilt import rebuild

from .conftest import NOOP, Api, open_api

EXAMPLES = settings(max_examples=120, suppress_health_check=list(HealthCheck))

WORDS = ["", "accept", "failed", "all", "k_of_n:1", "children", "\0", "worker-a", "th_consent", "0" * 64]
WHOLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 2**53, 2**63, -(2**63), 2**64, 10**400, 1e308, 5e-324])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(WORDS)
)
"""What a record may hold."""
HALF = WHOLE | st.floats() | st.text(st.characters(), max_size=4) | st.just("\ud800")
"""And what it may not."""


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=6,
    )


VALUES, ODD = nested(WHOLE), nested(HALF)
FIELDS = ("thread", "actor", "act", "body", "clock", "parents", "data_type", "judged_by", "id", "x")
SHAPES = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ODD))

TASK, CHILD = "task", "child"
THREADS = (TASK, CHILD, "other", "th_engine_config", "th_instance_registry", "th_fleet_control",
           "th_namespace_registry", "th_actor_registry", "th_consent")  # fmt: skip
TOPICS = (
    "instance_state", "service_account", "api_token", "api_token_revoked", "freeze", "unfreeze", "drain",
    "namespace_created", "namespace_archived", "namespace_deleted", "namespace_strict", "task_started",
    "task_cancelled", "task_reopened", "fanout_spawned", "fanout_child_done", "fanout_retry_subtask",
    "fanout_amend_join", "syncropel.dispatch.session.v1", "syncropel.dispatch.complete.v1",
)  # fmt: skip
KEYS = (
    "goal", "alias", "priority", "domain", "labels", "hypothesis", "criteria", "assignee", "namespace", "at",
    "subtasks", "join", "index", "attempt", "child_thread", "child_intend", "instance", "parent_thread",
    "parent_intend", "coordinator", "budget_usd", "timeout_secs", "fulfills", "verdict", "summary",
    "cost_usd", "wall_time_secs", "worker", "did", "role", "endpoint", "version", "state", "sa_id", "scopes",
    "token_sha256", "level", "reason", "grace_secs", "strict", "hint", "explanation", "cancels", "adapter",
    "report_clock", "output", "terminate", "deadline", "emergency",
)  # fmt: skip
SENSIBLE = {
    "index": st.integers(0, 2), "attempt": st.integers(1, 3), "namespace": st.sampled_from(["a", "a/b"]),
    "verdict": st.sampled_from(["accept", "failed"]), "state": st.sampled_from(["joined", "left", "x"]),
    "did": st.just("did:sync:instance:00"), "parent_thread": st.just(TASK), "goal": st.just("g"),
    "parent_intend": st.just("0" * 64), "sa_id": st.just("sa-x"), "token_sha256": st.just("0" * 64),
    "level": st.just("soft"), "join": st.sampled_from(["all", "children.all(c, c.cost_usd < 1.0)"]),
    "subtasks": st.lists(st.just({"goal": "g", "target": "worker-x"}), min_size=1, max_size=3),
}  # fmt: skip
MEANT = ({"topic", "index", "attempt", "verdict"}, {"topic", "did", "state"}, {"topic", "namespace", "level"},
         {"topic", "sa_id", "token_sha256"}, {"goal", "parent_thread", "parent_intend", "index"},
         {"task", "goal"}, {"subtasks", "join"}, {"topic"})  # fmt: skip
"""Keys that go together in the records that the engine acts on."""


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A body that the engine would act on, with a few values that it would not expect."""
    keys = draw(st.sampled_from(MEANT)) | set(draw(st.lists(st.sampled_from(KEYS), max_size=6)))
    odd = set(draw(st.lists(st.sampled_from(sorted(keys)), max_size=2)))
    meant = {"task": st.just(True), "topic": st.sampled_from(TOPICS), **SENSIBLE}
    return {key: draw(VALUES if key in odd else meant.get(key, VALUES)) for key in sorted(keys)}


BODIES = bodies()
RECORDS = st.fixed_dictionaries(
    {
        "thread": st.sampled_from(THREADS),
        "actor": st.sampled_from(["a", "b"]),
        "act": st.sampled_from(sorted(ACTS)),
        "body": BODIES,
    },
    optional={"clock": st.integers(0, 60)},
)
LISTS = ("/health", "/v1/engine/health?details=true", "/v1/records?limit=1000", "/v1/threads", "/v1/tasks",
         "/v1/fleet/status", "/v1/fleet/instances", "/v1/service-accounts", "/v1/namespaces")  # fmt: skip


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def api(loop: asyncio.Runner, tmp_path: Path) -> Iterator[Api]:
    opened = open_api(tmp_path, NOOP, sqlite=True)
    yield loop.run(opened.__aenter__())
    loop.run(opened.__aexit__(None, None, None))


def dump(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def assert_answered(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    assert answer.is_success or answer.json()["object"] == "error"


@pytest.mark.parametrize("path", ["/v1/records", "/v1/records/batch"])
def test_any_json_gets_an_answer(loop: asyncio.Runner, api: Api, path: str) -> None:
    @EXAMPLES
    @given(ODD | SHAPES | st.lists(SHAPES | ODD, max_size=4))
    def check(value: Any) -> None:
        assert_answered(loop.run(api.operator.post(path, content=dump(value))))

    check()


@pytest.mark.parametrize("path", ["/v1/records", "/v1/records/batch", "/v1/tasks", "/v1/fleet/heartbeat"])
def test_any_bytes_get_an_answer(loop: asyncio.Runner, api: Api, path: str) -> None:
    @EXAMPLES
    @given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
    def check(raw: bytes) -> None:
        headers = {"content-type": "application/json"}
        assert_answered(loop.run(api.operator.post(path, content=raw, headers=headers)))

    check()


def test_no_record_makes_the_daemon_unable_to_answer_or_to_start_again(
    loop: asyncio.Runner, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    compile_join("size(children) > 0")  # the parser's tables are made once, not within an example
    seen: set[str] = set()
    taken: list[bool] = []

    async def read_everything() -> None:
        tasks = (await api.operator.get("/v1/tasks")).json()["data"]
        seen.update(f"/v1/tasks/{one['thread']}{rest}" for one in tasks for rest in ("", "/join", "/speedup"))
        paths = [f"/v1/threads/{thread}{rest}" for thread in THREADS
                 for rest in ("", "/state", "/participants", "/records")]  # fmt: skip
        for path in (*LISTS, *sorted(seen), *paths):
            assert_answered(await api.operator.get(path))

    async def attempt(records: list[Any]) -> None:
        answer = await api.operator.post("/v1/records/batch", content=dump(records))
        assert_answered(answer)
        taken.extend(one["status"] == "created" for one in answer.json()["data"])
        await read_everything()
        await rebuild(api.engine.store)

    @EXAMPLES
    @given(st.lists(RECORDS, min_size=1, max_size=6))
    def check(records: list[Any]) -> None:
        with caplog.at_level(logging.ERROR):
            loop.run(attempt(records))
        failed = [one for one in caplog.records if one.exc_info]
        assert not failed, failed[0].exc_info
        caplog.clear()

    check()
    assert sum(taken) > len(taken) / 4, "most of these have to get in to do any harm"
