"""Who leads after a promotion: terms, the fenced coordinator, and until then a split fleet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from syncropel.api.http.linked import LinkedDoor
from syncropel.settings.keyring import Keyring

from .conftest import assert_error, beat, record
from .fleet_of_three import TOKEN, Three, three
from .leading import A, B, C, assert_error_code, fenced, fleet, promoted_and_heard, shows, until, whole

__all__ = ["fleet"]


async def test_nobody_was_promoted(fleet: Three) -> None:
    first = await fleet.leader("a")
    assert (first["did"], first["term"], first["place"], first["since"]) == (A, 1, "leads", None)
    follows = await fleet.leader("b")
    assert (follows["did"], follows["term"], follows["place"], follows["address"]) == (
        A,
        1,
        "follows",
        "http://a",
    )
    again = await fleet["a"].operator.post("/v1/leader/take", json={})
    assert_error(again, 409, "CONFLICT", "leads already, in term 1")
    worker = await fleet["b"].operator.post("/v1/leader/take", json={})
    assert_error(worker, 409, "CONFLICT", "is a worker", "spl fleet promote")


async def test_the_old_one_is_fenced_at_first_contact_and_until_then_the_fleet_is_split(fleet: Three) -> None:
    await fleet.end("a")
    taken = await fleet.promote("b")
    assert (taken["did"], taken["term"], taken["place"]) == (B, 2, "leads")
    assert (taken["split"]["did"], taken["split"]["url"]) == (A, "http://a")

    async def refused() -> Any:
        return (await fleet.leader("b"))["split"]["problem"]

    assert "http://a" in await until(refused)
    status = await fleet["b"].get("/v1/fleet/status")
    assert status["leader"]["split"]["did"] == A
    await fleet.start("a")
    found = await fenced(fleet["a"])
    assert (found["did"], found["term"], found["address"]) == (B, 2, "http://b")
    assert (await whole(fleet["b"]))["told"] == "acknowledged"
    health = await fleet["a"].get("/v1/engine/health")
    assert "this coordinator is fenced: b leads the fleet at http://b in term 2" in health["takes_no_work"]


async def test_a_fenced_one_changes_nothing_and_still_answers_reads(fleet: Three) -> None:
    task = await fleet["a"].task(alias="T")
    await fleet.promote("b")
    await fenced(fleet["a"])
    api = fleet["a"]
    for path, body in (
        ("/v1/records", record()),
        ("/v1/tasks", {"goal": "g"}),
        ("/v1/tasks/T/fan-out", {"subtasks": [{"goal": "g"}]}),
        ("/v1/fleet/freeze", {"namespace": "docs", "level": "soft", "reason": "r"}),
        ("/v1/fleet/credentials", {"did": C, "sha256": "ab" * 32}),
        ("/v1/drain", {"instance": "c", "state": "draining"}),
    ):
        answer = await api.operator.post(path, json=body)
        assert answer.status_code == 421, answer.text
        told = answer.json()
        assert told["code"] == "NOT_LEADER"
        assert (told["leader"]["did"], told["leader"]["address"]) == (B, "http://b")
        assert "proof" not in told["leader"]
        assert "spl fleet status --url http://b" in told["hint"]
    assert (await api.get("/v1/tasks/T"))["thread"] == task["thread"]
    assert (await api.operator.post("/v1/records/query", json={})).status_code == 200


async def test_it_is_fenced_after_a_restart_too(fleet: Three) -> None:
    await fleet.promote("b")
    await fenced(fleet["a"])
    await fleet.end("b")
    await fleet.end("a")
    await fleet.start("a")
    assert (await fleet.leader("a"))["place"] == "fenced"
    assert_error_code(await fleet["a"].operator.post("/v1/tasks", json={"goal": "g"}), 421, "NOT_LEADER")


async def test_a_worker_of_the_new_term_fences_the_old_one(fleet: Three) -> None:
    """The leader is gone again; the old coordinator meets a worker that has heard of the term."""
    await promoted_and_heard(fleet)
    await fleet.end("b")
    await fleet.start("a")
    found = await fenced(fleet["a"])
    assert (found["did"], found["term"]) == (B, 2)


async def test_a_worker_keeps_the_term_and_refuses_an_older_one_by_name(fleet: Three) -> None:
    old = Keyring(fleet.home("a")).towards(C)
    await promoted_and_heard(fleet)
    await fleet.end("b")
    await fleet.end("c")
    await fleet.start("c", "b")  # it knows from its log alone
    message = {"coordinator": A, "to": C, "base": ""}
    for bearer, proven in ((old, True), (TOKEN, True), ("spl_x_y_z", False)):
        headers = {"authorization": f"Bearer {bearer}", "syncropel-term": f"1 {A}"}
        answer = await fleet["c"].tcp.post("/v1/fleet/control", json=message, headers=headers)
        assert_error_code(answer, 409, "STALE_TERM")
        told = answer.json()
        assert "term 1 is over: b leads the fleet at http://b in term 2" in told["message"]
        assert (told["leader"]["did"], told["leader"]["term"]) == (B, 2)
        assert ("proof" in told["leader"]) is proven
    door = LinkedDoor(fleet["c"].app)
    for path, body in (("/v1/fleet/control", message), ("/v1/records/batch", [])):
        status, content = await door("POST", path, "", json.dumps(body).encode(), A, f"1 {A}")
        assert (status, json.loads(content)["code"]) == (409, "STALE_TERM"), "neither through a link"


async def test_a_stolen_token_of_a_worker_deposes_nobody(fleet: Three) -> None:
    api = fleet["a"]
    before = api.engine.store.last_sequence
    claim = {"did": C, "term": 2, "alias": "c", "address": "http://evil", "since": 1.0}
    spent = {**claim, "proof": f"spl_succession_{C[-16:]}_{'0' * 48}"}
    for body in (claim, spent, {**claim, "did": B}, {**claim, "term": 1}):
        answer = await api.tcp.post("/v1/leader/announce", json=body, headers=shows(fleet, "c"))
        assert answer.status_code in (403, 422), answer.text
    for headers in ({"authorization": f"Bearer {TOKEN}"}, {}):
        answer = await api.tcp.post("/v1/leader/announce", json=spent, headers=headers)
        assert answer.status_code in (401, 403), answer.text
    assert (await api.operator.post("/v1/leader/announce", json=claim)).status_code == 403
    body = {"topic": "leading", **claim}
    forged = record(thread="th_instance_registry", actor=C, body=body)
    for client, headers in ((api.tcp, shows(fleet, "c")), (api.operator, {})):
        answer = await client.post("/v1/records", json=forged, headers=headers)
        assert_error_code(answer, 403, "WRONG_AUTHOR")
    told = beat("c", did=C, alias="c", endpoint="http://evil", leading=spent)
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=told, headers=shows(fleet, "c"))
    assert answer.status_code == 200
    found = await fleet.leader("a")
    assert (found["did"], found["term"], found["place"]) == (A, 1, "leads")
    assert "does not prove that its operator promoted it" in found["problem"]
    topics = [one.record.topic for one in await api.engine.store.thread("th_instance_registry")]
    assert "leading" not in topics
    assert before <= api.engine.store.last_sequence


async def test_without_the_second_secret_it_stays_split_until_the_operator_says_that_it_is_gone(
    tmp_path: Path,
) -> None:
    async with three(tmp_path, may_succeed=False) as fleet:
        await fleet.promote("b")

        async def refused() -> Any:
            split = (await fleet.leader("b"))["split"]
            return split["problem"] if "prove" in split["problem"] else ""

        assert "does not prove that its operator promoted it" in await until(refused)
        assert (await fleet.leader("a"))["place"] == "leads"
        done = await fleet["b"].operator.post("/v1/leader/forget-former", json={})
        assert done.status_code == 201
        assert (done.json()["split"], done.json()["told"]) == (None, "gone")
        again = await fleet["b"].operator.post("/v1/leader/forget-former", json={})
        assert_error(again, 409, "CONFLICT", "is not split")


async def test_a_clock_that_is_off_changes_nothing(fleet: Three) -> None:
    await fleet.end("a")
    fleet.skews["a"] = -90.0
    await fleet.promote("b")
    await fleet.start("a")
    assert (await fenced(fleet["a"]))["term"] == 2
    fleet.skews["a"] = 90.0
    await fleet.end("a")
    await fleet.start("a")
    assert (await fleet.leader("a"))["place"] == "fenced"
    await whole(fleet["b"])


async def test_of_two_in_one_term_the_lower_did_leads(fleet: Three) -> None:
    await fleet.end("a")
    await fleet.promote("c")
    fleet["c"].engine.announcing.again_secs = 0.2
    await fleet.promote("b")
    assert [(await fleet.leader(one))["term"] for one in "bc"] == [2, 2]
    await fleet.start("a")
    beaten = await fenced(fleet["c"])
    assert (beaten["did"], beaten["term"]) == (B, 2)
    assert [one["did"] for one in beaten["rivals"]] == [C]
    assert (await fenced(fleet["a"]))["did"] == B
    led = await whole(fleet["b"])
    assert (led["place"], [one["did"] for one in led["rivals"]]) == ("leads", [C])
    await fleet.end("c")
    await fleet.introduce("b", "c")
    await fleet.start("c", "b")

    async def settled() -> bool:
        return not (await fleet.leader("b"))["rivals"]

    await until(settled)


async def test_an_older_term_that_is_told_again_counts_no_more(fleet: Three) -> None:
    await fleet.promote("b")
    await fenced(fleet["a"])
    taken = await fleet["a"].operator.post("/v1/leader/take", json={})
    assert (taken.json()["did"], taken.json()["term"], taken.json()["place"]) == (A, 3, "leads")
    old = fleet["b"].engine.leading.told()
    answer = await fleet["a"].tcp.post("/v1/leader/announce", json=old, headers=shows(fleet, "b"))
    assert_error_code(answer, 409, "STALE_TERM")
    higher = {**(old or {}), "term": 4}
    answer = await fleet["a"].tcp.post("/v1/leader/announce", json=higher, headers=shows(fleet, "b"))
    assert_error(answer, 403, "WRONG_AUTHOR", "was promoted in term 2, not in term 4")
    assert (await fleet.leader("a"))["term"] == 3


async def test_who_was_made_a_coordinator_by_hand_has_no_term(fleet: Three) -> None:
    await fleet.end("b")
    await fleet.start("b")
    found = await fleet.leader("b")
    assert (found["place"], found["term"], found["did"]) == ("unclaimed", 1, A)
    assert "without a term" in found["problem"]
    assert (await fleet["b"].operator.post("/v1/leader/take", json={})).json()["term"] == 2


async def test_the_secret_is_worth_nothing_once_it_was_used(fleet: Three) -> None:
    await fleet.promote("b")
    assert Keyring(fleet.home("b")).succession() == ""
    again = await fleet["b"].operator.post("/v1/leader/take", json={})
    assert again.json()["term"] == 2


async def test_a_drain_is_carried_over_before_its_instance_reports(fleet: Three) -> None:
    body = {"state": "start", "instance": C, "then": "end", "reason": "disk"}
    assert (await fleet["a"].operator.post("/v1/drain", json={**body, "instance": "c"})).status_code == 201

    async def drains() -> Any:
        return (await fleet["c"].get("/v1/fleet/status"))["drains"]

    assert await until(drains) == [{"instance": C, "deadline": None, "then": "end", "reason": "disk"}]
    await fleet["a"].operator.post("/v1/drain", json={"state": "stop", "instance": C})

    async def heard() -> bool:
        return not (await fleet["b"].get("/v1/fleet/status"))["drains"]

    await until(heard)
    await fleet.end("a")
    await fleet.promote("b")
    assert (await fleet["b"].operator.post("/v1/drain", json=body)).status_code == 201
    assert (await fleet["b"].get("/v1/fleet/status"))["drains"][0]["instance"] == C
    unknown = await fleet["b"].operator.post("/v1/drain", json={**body, "instance": C[:-1] + "f"})
    assert unknown.status_code == 404
