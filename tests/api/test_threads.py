"""One thread: its line, state, records and participants."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from syncropel.wire import Page, Participant, ThreadState, ThreadSummary

from .conftest import ACTOR, Api, assert_error

OTHER = "did:sync:user:other"


async def test_a_thread_in_a_line(api: Api) -> None:
    await api.post(act="INTEND", body={"goal": "listen"})
    await api.post(actor=OTHER)
    line = ThreadSummary.model_validate(await api.get("/v1/threads/music.library"))
    assert (line.kind, line.title, line.status) == ("other", "listen", "open")
    assert (line.records, line.participants) == (2, 2)


async def test_state_counts_acts_and_lists_what_is_open(api: Api) -> None:
    first = await api.post(act="INTEND", clock=0)
    second = await api.post(act="INTEND", clock=1)
    await api.post(actor=OTHER, body={"fulfills": first["id"]}, clock=9)
    state = ThreadState.model_validate(await api.get("/v1/threads/music.library/state"))
    assert (state.opened_by, state.clock) == (ACTOR, 9)
    assert state.acts == {"INTEND": 2, "KNOW": 1}
    assert state.open_intends == [second["id"]]
    assert (state.task, state.child) == (None, None)


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
