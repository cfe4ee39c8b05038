"""One thread: its line, state, records and participants."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from syncropel.record.model import parse_record
from syncropel.wire import Page, Participant, ThreadState, ThreadSummary

from .conftest import ACTOR, Api, assert_error, record, until

OTHER = "did:sync:user:other"


async def test_a_thread_in_a_line(api: Api) -> None:
    await api.post(act="INTEND", body={"goal": "listen"})
    await api.post(actor=OTHER)
    line = ThreadSummary.model_validate(await api.get("/v1/threads/music.library"))
    assert (line.kind, line.title, line.status) == ("other", "listen", "observed")
    assert (line.records, line.participants) == (2, 2)


async def test_state_counts_acts_and_lists_what_is_open(api: Api) -> None:
    first = await api.post(act="INTEND", clock=0)
    second = await api.post(act="INTEND", clock=1)
    await api.post(actor=OTHER, body={"fulfills": second["id"]}, clock=9)
    state = ThreadState.model_validate(await api.get("/v1/threads/music.library/state"))
    assert (state.opened_by, state.clock) == (ACTOR, 9)
    assert state.acts == {"INTEND": 2, "KNOW": 1}
    assert state.open_intends == [first["id"]]
    assert (state.thread.status, state.closed_by, state.closed_as) == ("observed", None, "")
    assert (state.task, state.child) == (None, None)


STEPS: list[tuple[dict[str, Any], str]] = [
    ({"act": "INTEND", "body": {"goal": "deploy"}}, "open"),
    ({"act": "PUT"}, "open"),
    ({"act": "CALL"}, "active"),
    ({"act": "KNOW", "body": {"fulfills": "ab" * 32}}, "observed"),
    ({"act": "DO"}, "active"),
    ({"act": "DO", "body": {"cancels": "ab" * 32}}, "active"),
]
CLOSING: list[tuple[dict[str, Any], str]] = [
    ({"act": "KNOW", "body": {"fulfills": "OPENING"}}, "fulfilled"),
    ({"act": "DO", "body": {"cancels": "OPENING"}}, "cancelled"),
    ({"act": "KNOW", "body": {"verdict": "reject"}}, "rejected"),
]


@pytest.mark.parametrize(("closing", "way"), CLOSING)
async def test_a_thread_goes_through_its_lifecycle(api: Api, closing: dict[str, Any], way: str) -> None:
    path, ids = "/v1/threads/music.library", list[str]()
    for clock, (changes, status) in enumerate(STEPS):
        ids.append((await api.post(clock=clock, **changes))["id"])
        assert (await api.get(path))["status"] == status
    body = {key: ids[0] if value == "OPENING" else value for key, value in closing["body"].items()}
    last = await api.post(actor=OTHER, act=closing["act"], body=body)
    state = ThreadState.model_validate(await api.get(path + "/state"))
    assert (state.thread.status, state.closed_by, state.closed_as) == ("closed", last["id"], way)
    assert state.open_intends == []
    frames = (await api.get(path + "/replay"))["data"]
    assert [one["status_after"] for one in frames] == [*(status for _, status in STEPS), "closed"]
    again = await api.post(act="INTEND", body={"goal": "once more"})
    state = ThreadState.model_validate(await api.get(path + "/state"))
    assert (state.thread.status, state.open_intends) == ("open", [again["id"]])


async def test_a_result_that_comes_before_its_intend_counts(durable: Api) -> None:
    intend = parse_record(record(act="INTEND", clock=7))
    await durable.post(actor=OTHER, act="DO", clock=5)
    closing = await durable.post(actor=OTHER, body={"fulfills": intend.id}, clock=3)
    assert (await durable.get("/v1/threads/music.library"))["status"] == "active"
    await durable.post(act="INTEND", clock=7)
    state = ThreadState.model_validate(await durable.get("/v1/threads/music.library/state"))
    assert (state.thread.status, state.closed_by, state.open_intends) == ("closed", closing["id"], [])


async def test_a_thread_that_begins_otherwise_is_taken_and_marked(api: Api) -> None:
    await api.post(act="DO")
    await api.post(act="INTEND")
    assert not (await api.get("/v1/threads/music.library"))["starts_with_intend"]
    listed = {one["id"]: one["starts_with_intend"] for one in (await api.get("/v1/threads"))["data"]}
    assert listed == {name: name != "music.library" for name in listed}


async def test_cancels_cancels_a_task(api: Api) -> None:
    task = await api.task(alias="T-1")
    path = f"/v1/threads/{task['thread']}/state"
    intend = (await api.get(path))["open_intends"][0]
    await api.post(thread=task["thread"], act="DO", body={"cancels": intend, "reason": "not now"})
    state = ThreadState.model_validate(await api.get(path))
    assert (state.thread.status, state.open_intends) == ("cancelled", [])
    found = await api.get("/v1/tasks/T-1")
    assert (found["status"], found["reason"]) == ("cancelled", "not now")


async def test_a_joined_fan_out_leaves_no_intend_open(api: Api) -> None:
    task = await api.task(alias="T-1")
    assert (await api.fan_out("T-1", {})).status_code == 201
    path = f"/v1/threads/{task['thread']}/state"

    async def joined() -> bool:
        return bool((await api.get("/v1/tasks/T-1"))["joined"])

    await until(joined)
    assert (await api.get(path))["open_intends"] == []


async def test_a_tasks_thread_has_its_task(api: Api) -> None:
    task = await api.task(alias="T-1")
    state = ThreadState.model_validate(await api.get(f"/v1/threads/{task['thread']}/state"))
    assert state.thread.kind == "task"
    assert state.task is not None
    assert state.task.alias == "T-1"


async def test_participants_have_roles(api: Api) -> None:
    await api.post(act="INTEND", clock=0)
    await api.post(actor=OTHER, body={"verdict": "accept"}, clock=4)
    page = Page[Participant].model_validate(await api.get("/v1/threads/music.library/participants"))
    assert [(one.actor, one.roles, one.last_clock) for one in page.data] == [
        (ACTOR, ["opener"], 0),
        (OTHER, ["reviewer"], 4),
    ]


@pytest.mark.parametrize(
    "name",
    ["music.library", "docs/v0.11", "a/b/records", "/", "a b", "%2F", "ü?#&=+", "th_engine_config", "..."],
)
async def test_any_legal_name_can_be_asked_for(durable: Api, name: str) -> None:
    posted = await durable.post(thread=name)
    path = f"/v1/threads/{quote(name, safe='')}"
    assert (await durable.get(path + "/state"))["thread"]["id"] == name
    assert ACTOR in [one["actor"] for one in (await durable.get(path + "/participants"))["data"]]
    ids = [one["id"] for one in (await durable.get(path + "/records"))["data"]]
    assert posted["id"] in ids
    if not name.endswith("/records"):  # such a name alone is taken for the thread's records
        assert (await durable.get(path))["id"] == name


async def test_an_unknown_thread_is_not_found(api: Api) -> None:
    for path in ("", "/state", "/records", "/participants"):
        assert_error(await api.operator.get(f"/v1/threads/nowhere{path}"), 404, "NOT_FOUND", "nowhere")
