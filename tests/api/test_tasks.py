"""Tasks and fan-outs: made, refused, run, retried, measured."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.cli.text.diagnosis import tree_lines
from syncropel.record.model import Record
from syncropel.store.base import Appended
from syncropel.wire import JoinStatus, Page, PostedRecord, Speedup, TaskDetail, TaskSummary
from syncropel.wire.diagnosis import TaskTree

from .conftest import ACTOR, DID, Api, assert_error, beat, until


async def joined(api: Api, name: str) -> JoinStatus:
    async def look() -> JoinStatus | None:
        status = JoinStatus.model_validate(await api.get(f"/v1/tasks/{name}/join"))
        return status if status.complete else None

    return await until(look)


AWAY = "did:sync:instance:00000000000000aa"


async def report(api: Api, name: str, index: int, verdict: str, **fields: Any) -> None:
    """Give a subtask to a worker that no test has, and report it as that would."""
    thread = (await api.get(f"/v1/tasks/{name}"))["thread"]
    about = {"index": index, "attempt": 1}
    given = {"topic": "fanout_spawned", **about, "instance": AWAY, "child_intend": "0" * 64}
    done = {"topic": "fanout_child_done", **about, "worker": AWAY, "verdict": verdict}
    done |= {"cost_usd": 0.5, "wall_time_secs": 2.0, **fields}
    records = [Record(thread, DID, "DO", given), Record(thread, AWAY, "DO", done)]
    for outcome in await api.engine.ingest.append(records):
        assert isinstance(outcome, Appended)


async def test_a_task_is_created_and_found_by_both_names(durable: Api) -> None:
    fields = {
        "goal": "write the docs", "alias": "DOC-1", "priority": "high", "domain": "docs",
        "labels": ["a", "b"], "hypothesis": "h", "criteria": ["c"], "assignee": "x", "namespace": "docs",
        "actor": ACTOR,
    }  # fmt: skip
    made = TaskDetail.model_validate(await durable.task(**fields))
    assert made.thread.startswith("th_")
    for key in set(fields) - {"actor"}:
        assert getattr(made, key) == fields[key]
    for name in ("DOC-1", made.thread):
        assert TaskDetail.model_validate(await durable.get(f"/v1/tasks/{name}")) == made
    (written,) = (await durable.get("/v1/records", thread=made.thread))["data"]
    assert (written["act"], written["actor"], written["clock"]) == ("INTEND", ACTOR, 0)


async def test_without_an_alias_one_is_made(api: Api) -> None:
    await api.task(alias="TASK-0002")
    assert [(await api.task())["alias"] for _ in range(3)] == ["TASK-0003", "TASK-0004", "TASK-0005"]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"goal": ""}, 422, "goal"),
        ({"goal": None}, 422, "goal"),
        ({"alias": "a b"}, 422, "alias"),
        ({"alias": "x" * 65}, 422, "alias"),
        ({"aliass": "x"}, 422, "aliass"),
        ({"labels": "x"}, 422, "labels"),
        ({"actor": ""}, 422, "actor"),
        ({"actor": "a\nb"}, 422, "control character"),
        ({"goal": "x" * 1_048_577}, 413, "1048576"),
    ],
)
async def test_a_bad_task_is_refused(api: Api, fields: dict[str, Any], status: int, words: str) -> None:
    answer = await api.operator.post("/v1/tasks", json={"goal": "g", **fields})
    assert_error(answer, status, "TOO_LARGE" if status == 413 else "INVALID_RECORD", words)


@pytest.mark.parametrize("alias", ["a b", "日本-1", "-x", "x" * 65, "a\x1b[31m"])
async def test_what_cannot_be_an_alias_is_told_in_words(api: Api, alias: str) -> None:
    answer = await api.operator.post("/v1/tasks", json={"goal": "g", "alias": alias})
    assert_error(answer, 422, "INVALID_RECORD", f"alias: {alias!r} cannot be one")
    assert answer.json()["hint"].startswith("up to 64 letters, digits")


async def test_an_alias_is_given_once(api: Api) -> None:
    await api.task(alias="A")
    assert_error(await api.operator.post("/v1/tasks", json={"goal": "g", "alias": "A"}), 409, "CONFLICT", "A")


async def test_the_list_is_newest_change_first_and_can_be_narrowed(api: Api) -> None:
    for alias in ("A", "B", "C"):
        await api.task(alias=alias)
    first = await api.get("/v1/tasks/A")
    await api.post(thread=first["thread"], act="DO", body={"topic": "task_started"})
    page = Page[TaskSummary].model_validate(await api.get("/v1/tasks"))
    assert [one.alias for one in page.data] == ["A", "C", "B"]
    started = await api.get("/v1/tasks", status="in_progress")
    assert [one["alias"] for one in started["data"]] == ["A"]
    since = page.data[2].revision
    assert [one["alias"] for one in (await api.get("/v1/tasks", since=since))["data"]] == ["A", "C"]
    assert len((await api.get("/v1/tasks", limit=1))["data"]) == 1


async def test_a_fan_out_runs_and_joins(durable: Api) -> None:
    await durable.task(alias="F")
    answer = await durable.fan_out("F", {}, {}, {"depends_on": [0, 1], "budget_usd": 1}, budget_usd=5)
    assert answer.status_code == 201
    parent = PostedRecord.model_validate(answer.json())
    status = await joined(durable, "F")
    assert (status.parent_intend, status.verdict, status.accepted) == (parent.id, "accept", 3)
    assert [one.state for one in status.subtasks] == ["accept"] * 3
    assert status.subtasks[2].depends_on == [0, 1]
    assert status.subtasks[0].instance == DID
    speed = Speedup.model_validate(await durable.get("/v1/tasks/F/speedup"))
    assert (speed.complete, speed.subtasks, speed.has_dependencies) == (True, 3, True)
    assert all(wall is not None for wall in speed.walls)
    assert (await durable.get("/v1/tasks/F"))["status"] == "approved"
    assert (await durable.get("/v1/fleet/status"))["joined"] == [status.thread]


@pytest.mark.parametrize(
    ("subtasks", "fields", "words"),
    [
        ([], {}, ["at least one subtask"]),
        ([{"goal": ""}], {}, ["subtask 0", "goal"]),
        ([{}, {"target": "somewhere"}], {}, ["subtask 1", "target"]),
        ([{"colour": "red"}], {}, ["subtask 0", "colour"]),
        ([{"budget_usd": "much"}], {}, ["subtask 0", "budget_usd"]),
        ([{"timeout_secs": -1}], {}, ["subtask 0", "timeout_secs"]),
        ([{"depends_on": [0]}], {}, ["subtask 0", "itself"]),
        ([{"depends_on": [9]}], {}, ["subtask 0", "0 to 0"]),
        ([{"depends_on": [1]}, {"depends_on": [0]}], {}, ["cycle", "[0] → [1]"]),
        ([{}], {"join": ""}, ["join"]),
        ([{}], {"join": "most"}, ["column 1", "most"]),
        ([{}], {"join": "k_of_n:2"}, ["k_of_n"]),
        ([{}], {"join": "k_of_n:x"}, ["k_of_n"]),
        ([{}], {"join": "children.all(c, c.verdictt == 'accept')"}, ["column 19", "verdictt"]),
        ([{}], {"join": "size(children) >"}, ["column"]),
        ([{}], {"join": "size(children)"}, ["true or false"]),
        ([{}], {"colour": "red"}, ["colour"]),
    ],
)
async def test_a_bad_fan_out_is_refused_and_writes_nothing(
    api: Api, subtasks: list[dict[str, Any]], fields: dict[str, Any], words: list[str]
) -> None:
    await api.task(alias="F")
    before = api.engine.store.count
    answer = await api.fan_out("F", *subtasks, **fields)
    assert answer.status_code == 422, answer.text
    assert_error(answer, 422, answer.json()["code"], *words)
    assert api.engine.store.count == before


async def test_fan_outs_that_the_state_excludes(api: Api) -> None:
    assert_error(await api.fan_out("none", {}), 404, "NOT_FOUND", "none")
    await api.task(alias="F")
    await api.fan_out("F", {"target": "worker-nobody"})
    assert_error(await api.fan_out("F", {}), 409, "CONFLICT", "fanned out already", "join-status F")
    await api.task(alias="G")
    await api.post(
        thread=(await api.get("/v1/tasks/G"))["thread"], act="DO", body={"topic": "task_cancelled"}
    )
    assert_error(await api.fan_out("G", {}), 409, "CONFLICT", "cancelled", "reopen")
    for path in ("join", "speedup"):
        assert_error(await api.operator.get(f"/v1/tasks/G/{path}"), 409, "CONFLICT", "not fanned out")
        assert_error(await api.operator.get(f"/v1/tasks/none/{path}"), 404, "NOT_FOUND", "none")


async def test_a_bad_fan_out_as_a_plain_record_is_refused_too(api: Api) -> None:
    task = await api.task()
    bad = {"subtasks": [{"goal": "g", "target": "round-robin"}], "join": "children.exists(c, c.x)"}
    answer = await api.operator.post(
        "/v1/records", json={"thread": task["thread"], "actor": ACTOR, "act": "INTEND", "body": bad}
    )
    assert_error(answer, 422, answer.json()["code"], "column")


async def test_join_status_says_what_is_waited_for(api: Api) -> None:
    await api.task(alias="F")
    await api.fan_out("F", {"target": "worker-nobody"}, {"target": "round-robin"}, {"depends_on": [0]})
    status = JoinStatus.model_validate(await api.get("/v1/tasks/F/join"))
    assert (status.complete, status.satisfiable, status.spawned) == (False, True, 0)
    assert "worker-nobody has never joined" in status.subtasks[0].why
    assert "no worker is live" in status.subtasks[1].why
    assert status.subtasks[2].why == "waits for [0]"


async def test_a_task_can_be_a_part_of_a_subtask(durable: Api) -> None:
    await durable.task(alias="F", namespace="docs/v1")
    await durable.fan_out("F", {}, {"depends_on": [0]})

    async def first_thread() -> str | None:
        return JoinStatus.model_validate(await durable.get("/v1/tasks/F/join")).subtasks[0].child_thread

    spawned = await until(first_thread)
    by_number = TaskDetail.model_validate(await durable.task(alias="PART-1", parent="F:0"))
    by_thread = TaskDetail.model_validate(await durable.task(alias="PART-2", parent=spawned, namespace="x"))
    of_all = TaskDetail.model_validate(await durable.task(alias="PART-3", parent="F"))
    assert (by_number.parent_thread, by_thread.parent_thread) == (spawned, spawned)
    assert (by_number.namespace, by_thread.namespace) == ("docs/v1", "x"), "a freeze of the parent covers it"
    await durable.fan_out("PART-1", {"target": "worker-nobody"})
    whole = JoinStatus.model_validate(await durable.get("/v1/tasks/F/join"))
    assert [one.alias for one in whole.subtasks[0].parts] == ["PART-1", "PART-2"]
    assert whole.subtasks[0].parts[0].subtasks == 1
    assert [one.alias for one in whole.parts] == ["PART-3"]
    assert of_all.parent_thread == whole.thread


@pytest.mark.parametrize(
    ("parent", "status", "words"),
    [
        ("NO", 404, ("no task 'NO'", "NAME:N")),
        ("NO:1", 404, ("no task 'NO'",)),
        ("F:7", 404, ("no subtask 7", "0 to 1")),
        ("F:1", 409, ("not spawned yet",)),
        ("PLAIN:0", 409, ("not fanned out",)),
    ],
)
async def test_a_parent_that_cannot_be_one_is_refused(
    api: Api, parent: str, status: int, words: tuple[str, ...]
) -> None:
    await api.task(alias="PLAIN")
    await api.task(alias="F")
    await api.fan_out("F", {"target": "worker-nobody"}, {"target": "round-robin", "depends_on": [0]})
    answer = await api.operator.post("/v1/tasks", json={"goal": "g", "alias": "P", "parent": parent})
    assert_error(answer, status, answer.json()["code"], *words)
    assert (await api.operator.get("/v1/tasks/P")).status_code == 404


async def test_a_join_that_can_no_longer_be_names_the_blame_and_a_retry_mends_it(durable: Api) -> None:
    await durable.task(alias="F")
    await durable.fan_out("F", {"target": "worker-nobody"}, {"target": "worker-nobody"})
    await report(durable, "F", 1, "failed", summary="no such file")
    status = JoinStatus.model_validate(await durable.get("/v1/tasks/F/join"))
    assert (status.satisfiable, status.status, status.blame) == (False, "blocked", [1])
    assert status.hint == "spl task retry F --subtask 1"
    assert status.subtasks[1].summary == "no such file"
    answer = await durable.operator.post(
        "/v1/tasks/F/retry", json={"index": 1, "actor": ACTOR, "hint": "look in lib"}
    )
    assert answer.status_code == 201
    body = PostedRecord.model_validate(answer.json()).body
    assert (body["topic"], body["index"], body["hint"]) == ("fanout_retry_subtask", 1, "look in lib")
    status = JoinStatus.model_validate(await durable.get("/v1/tasks/F/join"))
    assert (status.satisfiable, status.subtasks[1].attempt) == (True, 2)


async def test_retries_that_are_refused(api: Api) -> None:
    await api.task(alias="F")
    assert_error(await api.operator.post("/v1/tasks/F/retry", json={"index": 0}), 409, "CONFLICT")
    await api.task(alias="WAITS")
    await api.fan_out("WAITS", {"target": "worker-nobody"}, {"target": "worker-nobody"})
    for index in (-1, 2, 10**30):
        answer = await api.operator.post("/v1/tasks/WAITS/retry", json={"index": index})
        assert_error(answer, 400, "BAD_REQUEST", "0 to 1")
    assert_error(await api.operator.post("/v1/tasks/F/retry", json={}), 422, "INVALID_RECORD", "index")


async def test_speedup_against_a_serial_run(api: Api) -> None:
    await api.task(alias="F")
    await api.fan_out("F", {"target": "worker-nobody"}, {"target": "worker-nobody"})
    await report(api, "F", 0, "accept", wall_time_secs=3.0)
    half = Speedup.model_validate(await api.get("/v1/tasks/F/speedup"))
    assert (half.complete, half.walls, half.elapsed_secs) == (False, [3.0, None], None)
    await report(api, "F", 1, "accept", wall_time_secs=1.0)
    await joined(api, "F")
    serial = await api.task(alias="S")
    answer = await api.operator.get("/v1/tasks/F/speedup", params={"vs_serial": "S"})
    assert_error(answer, 409, "CONFLICT", "S is not done")
    answer = await api.operator.get("/v1/tasks/F/speedup", params={"vs_serial": "none"})
    assert_error(answer, 404, "NOT_FOUND", "none")
    intend = (await api.get("/v1/records", thread=serial["thread"]))["data"][0]["id"]
    await api.post(thread=serial["thread"], body={"fulfills": intend})
    speed = Speedup.model_validate(await api.get("/v1/tasks/F/speedup", vs_serial=serial["thread"]))
    assert (speed.complete, speed.parallel_wall_secs, speed.serial_estimate_secs) == (True, 3.0, 4.0)
    assert speed.estimated_speedup == pytest.approx(4 / 3)
    assert speed.total_cost_usd == 1.0
    assert speed.serial is not None
    assert speed.serial.thread == serial["thread"]


async def test_a_target_that_nobody_has_is_refused_at_once(api: Api) -> None:
    await api.task(alias="T-1")
    asked = {"subtasks": [{"goal": "g", "target": "worker-z"}, {"goal": "g", "target": "round-robin"}]}
    answer = await api.operator.post("/v1/tasks/T-1/fan-out", json=asked)
    assert_error(answer, 400, "BAD_REQUEST", "subtask 0", "worker-z", "coordinator", "--allow-unknown")
    assert (await api.get("/v1/tasks/T-1"))["subtasks"] == 0
    later = await api.operator.post("/v1/tasks/T-1/fan-out", json={**asked, "allow_unknown": True})
    assert later.status_code == 201
    retry = {"index": 0, "target": "specific:did:sync:instance:ffffffffffffffff"}
    assert_error(await api.operator.post("/v1/tasks/T-1/retry", json=retry), 400, "BAD_REQUEST", "joined")
    run = await api.operator.post("/v1/dispatch", json={"goal": "g", "target": "worker-z"})
    assert_error(run, 400, "BAD_REQUEST", "worker-z")
    assert {one["alias"] for one in (await api.get("/v1/tasks"))["data"]} == {"T-1"}


async def test_a_retry_of_what_has_joined_is_noted_and_runs_nothing(durable: Api) -> None:
    await durable.task(alias="T-1")
    await durable.fan_out("T-1", {}, {})
    before = await joined(durable, "T-1")
    answer = await durable.operator.post("/v1/tasks/T-1/retry", json={"index": 0})
    assert answer.status_code == 201
    thread = (await durable.get("/v1/tasks/T-1"))["thread"]
    topics = [one["body"].get("topic") for one in (await durable.get("/v1/records", thread=thread))["data"]]
    assert topics.count("fanout_retry_subtask") == 1
    after = JoinStatus.model_validate(await durable.get("/v1/tasks/T-1/join"))
    assert after.complete
    assert after.subtasks == before.subtasks
    assert (await durable.get("/v1/tasks/T-1"))["status"] == "approved"


async def test_a_second_fan_out_is_told_what_to_do_without_a_circle(durable: Api) -> None:
    await durable.task(alias="T-1")
    await durable.fan_out("T-1", {})
    await joined(durable, "T-1")
    for _ in range(2):
        again = await durable.fan_out("T-1", {})
        assert_error(again, 409, "CONFLICT", "has joined", "spl task add GOAL --parent T-1")
        assert "reopen" not in again.json()["hint"]
        thread = (await durable.get("/v1/tasks/T-1"))["thread"]
        await durable.post(thread=thread, act="DO", body={"topic": "task_reopened"})
    part = await durable.task(alias="T-2", parent="T-1")
    assert part["parent_thread"] == thread
    assert (await durable.fan_out("T-2", {})).status_code == 201


async def test_the_thread_of_a_subtask_elsewhere_names_who_has_it(api: Api) -> None:
    await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"target": "worker-a"})

    async def given() -> str | None:
        (child,) = (await api.get("/v1/tasks/T-1/join"))["subtasks"]
        return child["child_thread"]

    child = await until(given)
    answer = await api.operator.get(f"/v1/threads/{child}/state")
    assert_error(answer, 404, "NOT_FOUND", "worker-a", "T-1[0]", f"thread show {child}")


async def test_a_tree_holds_the_parts_of_parts(api: Api) -> None:
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"target": "worker-nobody"})
    await api.task(alias="P-1", parent="T-1")
    await api.task(alias="P-2", parent="P-1")
    await api.fan_out("P-2", {"target": "worker-nobody"})
    tree = TaskTree.model_validate(await api.get("/v1/tasks/T-1/tree"))
    (part,) = tree.tasks
    (inner,) = part.tasks
    assert (part.alias, inner.alias, [one.goal for one in inner.nodes]) == ("P-1", "P-2", ["goal 0"])
    assert tree_lines(tree)[1:] == [
        "├─ · [0] goal 0  pending · worker-nobody has never joined this fleet",
        "└─ · P-1 a goal  open",
        "   └─ · P-2 a goal  in_progress",
        "      └─ · [0] goal 0  pending · worker-nobody has never joined this fleet",
    ]
