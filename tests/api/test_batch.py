"""Many records in one request, as a list or a line each; every record has an outcome of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncropel.wire import BatchResult

from .conftest import Api, assert_error, record


async def post(api: Api, content: bytes) -> dict[str, Any]:
    answer = await api.operator.post("/v1/records/batch", content=content)
    assert answer.status_code == 200, answer.text
    BatchResult.model_validate(answer.json())
    return answer.json()


def as_list(records: list[Any]) -> bytes:
    return json.dumps(records).encode()


def as_lines(records: list[Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in records)


@pytest.mark.parametrize("encode", [as_list, as_lines])
async def test_outcomes_come_in_the_order_sent(durable: Api, encode: Any) -> None:
    known = await durable.post(clock=0)
    mixed = [
        record(clock=0),
        record(clock=0, body={"another": True}),
        record(clock=1),
        record(act="KNOWS"),
        record(body={"clockless": True}),
        7,
        record(clock=1),
    ]
    answer = await post(durable, encode(mixed))
    told = [one["status"] for one in answer["data"]]
    assert told == ["duplicate", "error", "created", "error", "created", "error", "duplicate"]
    assert (answer["created"], answer["duplicates"], answer["errors"]) == (2, 2, 3)
    codes = [one["error"]["code"] for one in answer["data"] if one["status"] == "error"]
    assert codes == ["INGEST_FAILED", "INVALID_RECORD", "INVALID_RECORD"]
    assert answer["data"][0]["id"] == known["id"]
    assert answer["data"][4]["clock"] == 2
    assert answer["data"][6]["id"] == answer["data"][2]["id"]
    assert (await durable.get("/v1/threads/music.library"))["records"] == 3


async def test_a_bad_line_is_named_and_the_others_go_in(durable: Api) -> None:
    lines = [json.dumps(record(body={"n": 0})), "", '{"broken":', "\udcff", json.dumps(record(body={"n": 1}))]
    answer = await post(durable, "\r\n".join(lines).encode("utf-8", "surrogateescape"))
    assert [one["status"] for one in answer["data"]] == ["created", "error", "error", "created"]
    assert answer["data"][1]["error"]["message"].startswith("line 3: not JSON")
    assert answer["data"][2]["error"]["message"].startswith("line 4: not UTF-8")


async def test_a_line_separator_within_a_text_does_not_end_a_line(durable: Api) -> None:
    answer = await post(durable, json.dumps(record(body={"a": "\u2028\x85"}), ensure_ascii=False).encode())
    assert answer["created"] == 1


async def test_half_of_a_surrogate_pair_in_one_record_spares_the_others(durable: Api) -> None:
    bad = [record(thread="\ud800"), record(body={"\ud800": 1}), record(id="\ud800", clock=3)]
    answer = await post(durable, as_list([record(body={"n": 0}), *bad, record(body={"n": 1})]))
    assert [one["status"] for one in answer["data"]] == ["created", "error", "error", "error", "created"]


async def test_an_empty_list_is_an_empty_answer(api: Api) -> None:
    assert (await post(api, b" [] "))["data"] == []


async def test_what_is_no_batch_is_refused(api: Api) -> None:
    for raw, words in ((b"", "empty"), (b" \n ", "empty"), (b"[1", "not JSON"), (b"[" * 9999, "nested")):
        answer = await api.operator.post("/v1/records/batch", content=raw)
        assert_error(answer, 422, "INVALID_RECORD", words)


async def test_too_many_or_too_much(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for raw in (as_list([1] * 10_001), as_lines([1] * 10_001)):
        assert_error(await api.operator.post("/v1/records/batch", content=raw), 413, "TOO_LARGE", "10000")
    monkeypatch.setattr("syncropel.api.records.records.BATCH_LIMIT", 1000)
    answer = await api.operator.post("/v1/records/batch", content=b" " * 1001)
    assert_error(answer, 413, "TOO_LARGE", "1000 bytes")


async def test_a_long_batch_goes_in_whole(durable: Api) -> None:
    answer = await post(durable, as_lines([record(body={"n": n, "pad": "x" * 100}) for n in range(1000)]))
    assert answer["created"] == 1000
    assert [one["clock"] for one in answer["data"]] == list(range(1000))
