"""One record: posted, refused, read back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from syncropel.record.model import MAX_BODY_BYTES
from syncropel.wire import PostedRecord, RecordOut

from .conftest import ACTOR, Api, assert_error, record

VECTORS = Path(__file__).parents[1] / "vectors" / "record_ids.json"


async def test_a_new_record_is_created_and_read_back(durable: Api) -> None:
    posted = await durable.post(body={"topic": "played", "n": 1}, clock=4)
    assert PostedRecord.model_validate(posted).duplicate is False
    assert (posted["thread"], posted["actor"], posted["clock"]) == ("music.library", ACTOR, 4)
    assert (posted["data_type"], posted["judged_by"], posted["parents"]) == ("SCALAR", None, [])
    read = await durable.get(f"/v1/records/{posted['id']}")
    assert RecordOut.model_validate(read)
    assert read == {key: value for key, value in posted.items() if key != "duplicate"}


async def test_the_same_record_twice_is_one_record(durable: Api) -> None:
    first = await durable.post(clock=0)
    again = await durable.operator.post("/v1/records", json=record(clock=0))
    assert again.status_code == 200
    assert again.json() == {**first, "duplicate": True}


async def test_another_content_at_the_same_clock_is_refused(durable: Api) -> None:
    await durable.post(clock=0)
    answer = await durable.operator.post("/v1/records", json=record(clock=0, body={"x": 1}))
    assert_error(answer, 400, "INGEST_FAILED", ACTOR)
    assert answer.json()["message"].startswith("DuplicateClock")


async def test_without_a_clock_the_next_one_on_the_thread_is_assigned(durable: Api) -> None:
    assert (await durable.post(body={"n": 0}))["clock"] == 0
    await durable.post(body={"n": 1}, clock=41, actor="did:sync:user:other")
    assert (await durable.post(body={"n": 2}))["clock"] == 42
    assert (await durable.post(body={"n": 0}, thread="elsewhere"))["clock"] == 0


@pytest.mark.parametrize("case", json.loads(VECTORS.read_text("utf-8")), ids=lambda case: case["name"])
async def test_ids_are_the_protocols(api: Api, case: dict[str, Any]) -> None:
    fields = {"actor", "act", "body", "clock", "data_type", "parents", "thread"}
    answer = await api.operator.post(
        "/v1/records", json={key: value for key, value in case["record"].items() if key in fields}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == case["id"]


async def test_numbers_come_back_exact_and_integral_floats_as_integers(durable: Api) -> None:
    big = 2**80 + 1
    sent = f'{{"a":2.0,"b":-0.0,"c":1e21,"d":1e-07,"e":{big}}}'
    raw = f'{{"thread":"t","actor":"a","act":"KNOW","clock":0,"body":{sent}}}'
    answer = await durable.operator.post("/v1/records", content=raw)
    body = f'{{"a":2,"b":0,"c":1000000000000000000000,"d":1e-07,"e":{big}}}'
    assert f'"body":{body}' in answer.text
    hashed = (
        f'{{"act":"KNOW","actor":"a","body":{body},"clock":0,"data_type":"SCALAR","parents":[],"thread":"t"}}'
    )
    assert answer.json()["id"] == hashlib.sha256(hashed.encode()).hexdigest()
    read = await durable.operator.get(f"/v1/records/{answer.json()['id']}")
    assert f'"body":{body}' in read.text


async def test_unicode_is_kept_as_it_came(durable: Api) -> None:
    names = {"thread": "música/日本 🎵", "actor": "did:sync:user:é"}
    body = {"é": "e\u0301", "line": "\u2028", "quote": '"\\', "nul": "\0"}
    posted = await durable.post(**names, body=body)
    read = await durable.get(f"/v1/records/{posted['id']}")
    assert (read["thread"], read["actor"], read["body"]) == (names["thread"], names["actor"], body)


async def test_the_content_type_does_not_matter(api: Api) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}  # what curl -d sends
    answer = await api.operator.post("/v1/records", content=json.dumps(record()), headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON at line 1 column 2"),
        (b'{"a":1}{"b":2}', "not JSON"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"[]", "a list"),
        (b"null", "null"),
        (b"7", "a number"),
        (b'{"act":"KNOW","actor":"a","thread":"t","body":{"a":NaN}}', "NaN"),
        (b'{"act":"KNOW","actor":"a","thread":"t","body":{"a":Infinity}}', "Infinity"),
        (b'{"act":"KNOW","actor":"a","thread":"t","body":{"a":1e999}}', "finite"),
        (b'{"act":"KNOW","actor":"a","thread":"t","body":{"a":"\\ud800"}}', "surrogate"),
        (b'{"act":"KNOW","actor":"a","thread":"\\ud800"}', "surrogate"),
        (b'{"act":"KNOW","actor":"\\udfff","thread":"t","clock":0}', "surrogate"),
        (b'{"act":"KNOW","actor":"a","thread":"t","id":"\\ud800","clock":0}', "hashes to"),
        (b'{"act":"KNOW","actor":"a","thread":"t","\\ud800":0}', "unknown field"),
        (b"[" * 100_000, "nested"),
        (
            b'{"act":"KNOW","actor":"a","thread":"t","body":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
            "nested",
        ),
        (b'{"act":"KNOW","actor":"a","thread":"t","body":{"a":' + b"9" * 5000 + b"}}", "5000 characters"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
async def test_what_is_no_record_is_refused_in_words(durable: Api, raw: bytes, words: str) -> None:
    assert_error(await durable.operator.post("/v1/records", content=raw), 422, "INVALID_RECORD", words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"act": None}, "act"),
        ({"act": "KNOWS"}, "KNOWS"),
        ({"act": ["KNOW"]}, "act"),
        ({"act": {}}, "act"),
        ({"thread": None}, "thread"),
        ({"thread": ""}, "thread"),
        ({"thread": 5}, "thread"),
        ({"thread": "a\nb"}, "control character"),
        ({"thread": "x" * 513}, "512"),
        ({"actor": "x" * 513}, "512"),
        ({"actor": "\x7f"}, "control character"),
        ({"body": []}, "body"),
        ({"body": "text"}, "body"),
        ({"clock": -1}, "clock"),
        ({"clock": 1.5}, "clock"),
        ({"clock": "1"}, "clock"),
        ({"clock": True}, "clock"),
        ({"clock": 2**63}, "clock"),
        ({"clock": 10**4000}, "clock"),
        ({"parents": "x"}, "parents"),
        ({"parents": ["x"]}, "parents"),
        ({"parents": [["x"]]}, "parents"),
        ({"data_type": "VECTOR"}, "VECTOR"),
        ({"data_type": []}, "data_type"),
        ({"judged_by": "me"}, "judged_by"),
        ({"colour": "red"}, "colour"),
        ({"id": "0" * 64, "clock": 0}, "hashes to"),
    ],
)
async def test_a_bad_field_is_named(api: Api, changes: dict[str, Any], words: str) -> None:
    answer = await api.operator.post("/v1/records", content=json.dumps(record(**changes)))
    assert_error(answer, 422, "INVALID_RECORD", words)


async def test_over_a_limit_the_answer_names_it(api: Api) -> None:
    at_limit = {"a": "x" * (MAX_BODY_BYTES - len('{"a":""}'))}
    await api.post(body=at_limit)
    over = {"a": at_limit["a"] + "x"}
    answer = await api.operator.post("/v1/records", json=record(body=over))
    assert_error(answer, 413, "TOO_LARGE", str(MAX_BODY_BYTES))
    answer = await api.operator.post("/v1/records", json=record(parents=["0" * 64] * 257))
    assert_error(answer, 413, "TOO_LARGE", "256")
    answer = await api.operator.post("/v1/records", content=b" " * (2 * MAX_BODY_BYTES + 1))
    assert_error(answer, 413, "TOO_LARGE", str(2 * MAX_BODY_BYTES))


async def test_a_refused_record_leaves_no_trace(durable: Api) -> None:
    before = durable.engine.store.count
    await durable.operator.post("/v1/records", json=record(act="KNOWS"))
    assert durable.engine.store.count == before
    assert (await durable.operator.get("/v1/threads/music.library")).status_code == 404


async def test_an_unknown_id_is_not_found(api: Api) -> None:
    assert_error(await api.operator.get("/v1/records/" + "0" * 64), 404, "NOT_FOUND")
    assert_error(await api.operator.get("/v1/records/nonsense"), 404, "NOT_FOUND")
