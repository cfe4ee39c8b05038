"""What every record store does, whichever database is behind it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncropel.errors import IngestFailed, InvalidRecord, Unavailable
from syncropel.record.canonical import canonical_json
from syncropel.record.model import MAX_CLOCK, MAX_POSTED_CLOCK, Record, StoredRecord, parse_record, record_id
from syncropel.record.threads import FLEET_CONTROL, RESERVED, clock_ceiling
from syncropel.store.base import Appended, Outcome, RecordFilter, RecordStore

Build = Callable[..., Record]

texts = st.text(st.characters(exclude_categories=["Cs"]))


def appended(outcomes: Sequence[Outcome]) -> list[Appended]:
    """The outcomes, all of which must be in the log."""
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Appended)]
    assert refused == []
    return [outcome for outcome in outcomes if isinstance(outcome, Appended)]


def numbers(found: Sequence[StoredRecord]) -> list[int]:
    return [stored.record.body["n"] for stored in found]


async def test_what_was_appended_is_read_back_whole(store: RecordStore, record: Build) -> None:
    sent = record(
        clock=7,
        parents=("b" * 64, "a" * 64),
        data_type="VOID",
        judged_by="c" * 64,
        body={
            "topic": "t",
            "text": 'é😀"\\\n\x7f',
            "big": 10**400,
            "small": 1e-7,
            "deep": [{"a": [None, True]}],
        },
    ).identified()
    [outcome] = appended(await store.append([sent]))
    assert outcome.created
    found = await store.get(sent.id)
    assert found == outcome.stored
    assert found is not None
    assert (found.sequence, found.received_at) == (1, 1_700_000_000.0)
    assert canonical_json(found.record.body) == sent.body_json
    assert record_id(found.record) == sent.id


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    body=st.dictionaries(
        texts,
        st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
        max_size=4,
    )
)
async def test_any_body_keeps_its_bytes(store: RecordStore, body: dict[str, Any]) -> None:
    [outcome] = appended(await store.append([Record("th", "did:a", "DO", body)]))
    found = await store.get(outcome.stored.record.id)
    assert found is not None
    assert canonical_json(found.record.body) == found.record.body_json == canonical_json(body)
    assert record_id(found.record) == found.record.id


async def test_the_log_does_not_change_with_the_body_it_got(store: RecordStore, record: Build) -> None:
    sent = record(1, clock=0)
    [outcome] = appended(await store.append([sent]))
    sent.body["n"] = 2
    assert numbers(await store.thread("th_a")) == [1]
    assert outcome.stored.record.id == record(1, clock=0).identified().id


async def test_the_same_record_twice_is_one_record(store: RecordStore, record: Build) -> None:
    [first] = appended(await store.append([record(clock=1)]))
    [second, third] = appended(await store.append([record(clock=1), record(clock=1)]))
    assert (first.created, second.created, third.created) == (True, False, False)
    assert first.stored == second.stored == third.stored
    assert store.count == 1


async def test_twice_in_one_call_is_one_record(store: RecordStore, record: Build) -> None:
    first, second, other = appended(await store.append([record(clock=1), record(clock=1), record(clock=2)]))
    assert (first.created, second.created, other.created) == (True, False, True)
    assert first.stored == second.stored
    assert [first.stored.sequence, other.stored.sequence] == [1, 2]


async def test_the_first_judge_stays(store: RecordStore, record: Build) -> None:
    [first] = appended(await store.append([record(clock=1, judged_by="a" * 64)]))
    [second] = appended(await store.append([record(clock=1)]))
    assert second.stored == first.stored
    assert second.stored.record.judged_by == "a" * 64


async def test_another_content_at_the_same_clock_is_refused_alone(store: RecordStore, record: Build) -> None:
    await store.append([record(1, clock=5)])
    fine, refused, same_in_call, again = await store.append(
        [record(2, clock=6), record(3, clock=5), record(4, clock=6), record(1, clock=5)]
    )
    assert isinstance(fine, Appended)
    assert isinstance(again, Appended)
    assert (fine.created, again.created) == (True, False)
    for outcome in (refused, same_in_call):
        assert isinstance(outcome, IngestFailed)
        assert outcome.message.startswith("DuplicateClock")
    assert numbers(await store.thread("th_a")) == [1, 2]
    assert store.count == 2


async def test_clocks_belong_to_an_actor_on_a_thread(store: RecordStore, record: Build) -> None:
    appended(
        await store.append([record(clock=0), record(clock=0, actor="did:b"), record(clock=0, thread="th_b")])
    )
    assert store.count == 3


async def test_a_record_without_a_clock_gets_the_next_one(store: RecordStore, record: Build) -> None:
    await store.append([record(clock=9, actor="did:b")])
    outcomes = appended(
        await store.append(
            [
                record(1),
                record(2, thread="new"),
                record(3, clock=40),
                record(4),
                record(5, clock=2),
                record(6),
            ]
        )
    )
    assert [outcome.stored.record.clock for outcome in outcomes] == [10, 0, 40, 41, 2, 42]
    assert all(outcome.stored.record.id == record_id(outcome.stored.record) for outcome in outcomes)


@pytest.mark.parametrize(
    "thread", ["music.library", 'a "quoted" \\ name', "東京 \U0001f600", "\u2028", "%_'"]
)
async def test_any_thread_name_counts_its_clocks(store: RecordStore, record: Build, thread: str) -> None:
    for clock in range(3):
        [outcome] = appended(await store.append([record(thread=thread)]))
        assert outcome.stored.record.clock == clock
    assert len(await store.thread(thread)) == 3


async def test_equal_records_without_clocks_are_two(store: RecordStore, record: Build) -> None:
    first, second = appended(await store.append([record(), record()]))
    assert [first.stored.record.clock, second.stored.record.clock] == [0, 1]
    assert first.created
    assert second.created


async def test_concurrent_callers_get_different_clocks(store: RecordStore, record: Build) -> None:
    answers = await asyncio.gather(*(store.append([record(n)]) for n in range(50)))
    clocks = [outcome.stored.record.clock for answer in answers for outcome in appended(answer)]
    assert {*clocks} == {*range(50)}


async def test_a_refused_record_takes_no_clock_and_no_sequence(store: RecordStore, record: Build) -> None:
    await store.append([record(1, clock=0)])
    refused, after = await store.append([record(2, clock=0), record(3)])
    assert isinstance(refused, IngestFailed)
    [after] = appended([after])
    assert (after.stored.record.clock, after.stored.sequence) == (1, 2)


async def test_the_last_clock_can_be_used_but_has_no_next(store: RecordStore, record: Build) -> None:
    last, next_one = await store.append([record(clock=clock_ceiling("th_a")), record()])
    assert isinstance(last, Appended)
    assert isinstance(next_one, IngestFailed)
    assert "no clock is left" in next_one.message


@pytest.mark.parametrize("poison", [MAX_CLOCK, clock_ceiling("th_a") + 1])
async def test_a_clock_above_the_ceiling_does_not_count(
    store: RecordStore, record: Build, poison: int
) -> None:
    """From an older log: were it the highest, nothing could ever come after it."""
    answers = [await store.append(call) for call in ([record(1, clock=poison)], [record(2)], [record(3)])]
    assert [appended(one)[0].stored.record.clock for one in answers] == [poison, 0, 1]
    together = [record(4, clock=7), record(5, clock=poison, actor="did:b"), record(6)]
    assert appended(await store.append(together))[-1].stored.record.clock == 8


async def test_the_next_clock_after_the_highest_that_may_be_posted_is_one_higher(
    store: RecordStore, record: Build
) -> None:
    *_, after = appended(await store.append([record(1, clock=MAX_POSTED_CLOCK), record(2)]))
    assert after.stored.record.clock == MAX_POSTED_CLOCK + 1


NOW_MS = 1_700_000_001_000


@pytest.mark.parametrize("thread", sorted(RESERVED))
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], NOW_MS),
        ([7], NOW_MS),
        ([NOW_MS], NOW_MS + 1),
        ([NOW_MS + 5000], NOW_MS + 5001),
        ([MAX_CLOCK], NOW_MS),
        ([MAX_POSTED_CLOCK, MAX_POSTED_CLOCK + 1], NOW_MS),
        ([NOW_MS + 2, clock_ceiling(FLEET_CONTROL) + 1], NOW_MS + 3),
        ([clock_ceiling(FLEET_CONTROL) - 1], clock_ceiling(FLEET_CONTROL)),
    ],
)
async def test_a_reserved_thread_counts_in_milliseconds(
    store: RecordStore, record: Build, thread: str, before: list[int], expected: int
) -> None:
    """A log restored from an older copy uses no clock a second time, and one that was poisoned goes on."""
    await store.append([record(thread="th_c"), *[record(thread=thread, clock=one) for one in before]])
    first, second = appended(await store.append([record(8, thread=thread), record(9, thread="th_b")]))
    assert first.stored.record.clock == expected
    assert second.stored.record.clock == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"body": {"x": float("nan")}},
        {"body": {"x": "\ud800"}},
        {"thread": "\ud800"},
        {"clock": -1},
        {"clock": 2**63},
    ],
)
async def test_a_record_that_has_no_id_is_refused_alone(
    store: RecordStore, record: Build, fields: dict[str, Any]
) -> None:
    for clock in {fields.get("clock", 3), fields.get("clock")}:
        bad = record(1, **{**fields, "clock": clock})
        refused, fine = await store.append([bad, record(2, thread="other")])
        assert isinstance(refused, InvalidRecord)
        assert isinstance(fine, Appended)


async def test_sequences_count_up_without_gaps(store: RecordStore, record: Build) -> None:
    for size in (1, 3, 700, 2):
        await store.append([record(n, thread=f"th_{size}") for n in range(size)])
    found = [stored.sequence async for chunk in store.scan() for stored in chunk]
    assert found == list(range(1, 707))
    assert store.last_sequence == store.count == 706


async def test_a_cancelled_caller_disturbs_nobody(store: RecordStore, record: Build) -> None:
    calls = [asyncio.create_task(store.append([record(n, clock=n)])) for n in range(10)]
    calls[3].cancel()
    await asyncio.sleep(0)
    calls[5].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, list) for answer in answers) >= 8
    [after] = appended(await store.append([record(99)]))
    assert after.stored.sequence == store.count


async def test_settled_hears_of_appends_in_the_order_of_the_log(store: RecordStore, record: Build) -> None:
    heard: list[list[Outcome]] = []
    calls = [asyncio.create_task(store.append([record(n), record(n)], heard.append)) for n in range(20)]
    await asyncio.sleep(0)
    calls[7].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    await store.append([], heard.append)
    told = [outcome.stored.sequence for outcomes in heard for outcome in appended(outcomes)]
    assert told == list(range(1, 41))
    assert heard[-1] == []
    assert all(answer in heard for answer in answers if isinstance(answer, list))


async def test_a_mistake_in_settled_harms_no_other_caller(
    store: RecordStore, record: Build, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(_: list[Outcome]) -> None:
        raise ValueError("a mistake")

    answers = await asyncio.gather(
        *(store.append([record(n)], mistaken if n == 1 else None) for n in range(4))
    )
    assert len([outcome for answer in answers for outcome in appended(answer)]) == store.count == 4
    assert "a mistake" in caplog.text


async def test_records_from_the_wire_and_from_inside_meet(store: RecordStore) -> None:
    posted = parse_record({"thread": "th", "actor": "did:a", "act": "DO", "body": {"x": 2.0}, "clock": 0})
    built = Record("th", "did:a", "DO", {"x": 2}, 0)
    first, second = appended(await store.append([posted, built]))
    assert (first.created, second.created) == (True, False)


async def test_a_closed_store_says_so(store: RecordStore, record: Build) -> None:
    await store.append([record()])
    await store.close()
    await store.close()
    for attempt in (
        store.append([record()]),
        store.get("a"),
        store.query(RecordFilter()),
        store.thread("th_a"),
        store.acknowledge(["a"]),
        store.acknowledged(["a"]),
        store.checkpoint(),
        anext(aiter(store.scan())),
    ):
        with pytest.raises(Unavailable):
            await attempt
    assert store.count == 1
    assert await store.size_bytes() >= 0


async def test_closing_answers_what_is_queued(store: RecordStore, record: Build) -> None:
    calls = [asyncio.create_task(store.append([record(n)])) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    for call in calls:
        appended(await call)
    assert store.count == 20
