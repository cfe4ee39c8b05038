"""Which clocks a posted record may bring."""

from __future__ import annotations

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import Conflict, InvalidRecord, SyncropelError
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.policy.authority import ANYONE, ENGINE, OPERATOR, Writer
from syncropel.policy.clocks import (
    AHEAD_MS,
    HIGHEST_RESTORED,
    check_bundled_clock,
    check_clock,
    placed_report,
)
from syncropel.policy.guard import check, check_restored
from syncropel.record.authors import AUTHORS
from syncropel.record.model import MAX_CLOCK, MAX_POSTED_CLOCK, Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, RESERVED, clock_ceiling
from tests.folds.build import COORDINATOR, THREAD, WORKER_A, done, parent, record, spawned, subtask
from tests.policy.test_guard import after

NOW = 1_700_000_000.0
NOW_MS = 1_700_000_000_000
CEILING = clock_ceiling(FLEET_CONTROL)
POSTING = [Writer(author) for author in AUTHORS if author not in ("engine", "coordinator")]


def refusal(candidate: Record, *before: Record, by: Writer = ANYONE) -> SyncropelError | None:
    return check_clock(candidate, after(*before), by, NOW)


def at(clock: int, thread: str = THREAD) -> Record:
    return record("KNOW", clock, thread=thread)


@pytest.mark.parametrize("by", POSTING)
@pytest.mark.parametrize(
    ("clock", "passes"),
    [(0, True), (NOW_MS, True), (MAX_POSTED_CLOCK, True), (MAX_POSTED_CLOCK + 1, False), (MAX_CLOCK, False)],
)
def test_an_ordinary_thread(by: Writer, clock: int, passes: bool) -> None:
    told = refusal(at(clock), by=by)
    assert (told is None) == passes
    if told is not None:
        assert isinstance(told, InvalidRecord)
        assert str(MAX_POSTED_CLOCK) in told.message


@pytest.mark.parametrize("thread", sorted(RESERVED))
@pytest.mark.parametrize("by", POSTING)
@pytest.mark.parametrize(
    ("heads", "clock", "passes"),
    [
        ([], 0, True),
        ([], NOW_MS + AHEAD_MS, True),
        ([], NOW_MS + AHEAD_MS + 1, False),
        ([7], NOW_MS + AHEAD_MS, True),
        ([NOW_MS - 1], NOW_MS + AHEAD_MS + 1, False),
        ([NOW_MS + 5], NOW_MS + AHEAD_MS + 5, True),
        ([NOW_MS + 5, 3], NOW_MS + AHEAD_MS + 6, False),
        ([2**61], 2**61 + AHEAD_MS, True),
        ([2**61], 2**61 + AHEAD_MS + 1, False),
        ([MAX_CLOCK, MAX_POSTED_CLOCK], NOW_MS + AHEAD_MS, True),
        ([MAX_CLOCK, MAX_POSTED_CLOCK], NOW_MS + AHEAD_MS + 1, False),
        ([CEILING + 1], NOW_MS + AHEAD_MS + 1, False),
        ([], MAX_CLOCK, False),
    ],
)
def test_a_reserved_thread(thread: str, by: Writer, heads: list[int], clock: int, passes: bool) -> None:
    told = refusal(at(clock, thread), *(at(one, thread) for one in heads), by=by)
    assert (told is None) == passes
    if told is not None:
        assert isinstance(told, InvalidRecord)
        assert repr(thread) in told.message
        assert "leave the clock out" in told.hint


def test_no_record_moves_the_head_of_another_thread() -> None:
    assert refusal(at(NOW_MS + AHEAD_MS + 1, FLEET_CONTROL), at(NOW_MS + 9, ENGINE_CONFIG)) is not None


def test_a_fact_of_a_fan_out_above_the_ceiling_is_no_head_either() -> None:
    fact = record("DO", MAX_CLOCK, {"topic": CHILD_DONE}, thread=FLEET_CONTROL)
    assert refusal(at(NOW_MS + AHEAD_MS + 1, FLEET_CONTROL), fact) is not None


@pytest.mark.parametrize("thread", [THREAD, FLEET_CONTROL])
def test_bundles_the_engine_and_a_worker_s_coordinator_keep_their_clocks(thread: str) -> None:
    assert check_restored(at(MAX_CLOCK, thread), LiveFolds(), NOW, COORDINATOR) is None
    for by in (ENGINE, Writer("coordinator")):
        assert refusal(at(MAX_CLOCK, thread), by=by) is None
    assert isinstance(check(at(MAX_CLOCK), LiveFolds(), NOW, COORDINATOR, ANYONE), InvalidRecord)


@pytest.mark.parametrize("thread", sorted(RESERVED))
@pytest.mark.parametrize(
    ("clock", "passes"),
    [
        (0, True),
        (NOW_MS + 10 * AHEAD_MS, True),
        (HIGHEST_RESTORED, True),
        (HIGHEST_RESTORED + 1, False),
        (CEILING - 1, False),
        (CEILING, False),
        (CEILING + 1, True),
        (MAX_CLOCK, True),
    ],
)
def test_a_bundle_leaves_room_on_a_reserved_thread(thread: str, clock: int, passes: bool) -> None:
    told = check_bundled_clock(at(clock, thread))
    assert (told is None) == passes
    assert check_bundled_clock(at(clock)) is None
    if told is not None:
        assert isinstance(told, InvalidRecord)
        assert str(clock) in told.message
        assert repr(thread) in told.message


def test_a_record_without_a_clock_gets_the_next() -> None:
    for thread in (THREAD, FLEET_CONTROL):
        waiting = Record(thread, "did:a", "KNOW", {})
        assert refusal(waiting, at(5, thread)) is None
        assert placed_report(waiting, after(), set()) is waiting


FAN_OUT = parent([subtask(), subtask(), subtask()])
BEGUN = (FAN_OUT, spawned(0, 11), spawned(1, 12), spawned(1, 1_000_012, attempt=2))


@pytest.mark.parametrize(
    ("index", "attempt", "clock", "passes"),
    [
        (0, 1, 14, True),
        (0, 1, 13, False),
        (0, 1, 15, False),
        (0, 1, 11, False),
        (0, 1, MAX_CLOCK, False),
        (1, 1, 15, True),
        (1, 1, 1_000_015, False),
        (1, 2, 1_000_015, True),
        (1, 2, 15, False),
    ],
)
def test_a_report_comes_at_exactly_its_clock(index: int, attempt: int, clock: int, passes: bool) -> None:
    told = refusal(done(index, clock, attempt=attempt), *BEGUN)
    assert (told is None) == passes
    if told is not None:
        assert isinstance(told, InvalidRecord)
        assert "report_clock" in told.hint


@pytest.mark.parametrize("act", ["DO", "KNOW", "LEARN", "PUT"])
def test_a_report_is_known_by_its_topic(act: str) -> None:
    """The fold takes it whatever its act is."""
    body = done(0, 13).body
    assert refusal(record(act, 13, body, actor=WORKER_A), *BEGUN) is not None


@pytest.mark.parametrize(
    ("index", "attempt"), [(2, 1), (0, 2), (0, 0), (3, 1), (-1, 1), (True, 1), ("0", 1), (None, 1), (0, None)]
)
@pytest.mark.parametrize("clock", [14, None])
def test_a_report_of_what_was_never_spawned_is_refused(
    index: object, attempt: object, clock: int | None
) -> None:
    body = {**done(0, 14).body, "index": index, "attempt": attempt}
    told = refusal(Record(THREAD, WORKER_A, "DO", body, clock).identified(), *BEGUN)
    assert isinstance(told, Conflict)
    assert repr(index) in told.message


def test_a_report_on_a_thread_without_a_fan_out_is_refused() -> None:
    for before in ((), (record("INTEND", 0, {"task": True}),), (spawned(0, 11),)):
        assert isinstance(refusal(done(0, 12), *before), Conflict)


def test_a_report_may_have_a_clock_above_what_may_be_posted() -> None:
    high = (FAN_OUT, spawned(0, MAX_POSTED_CLOCK))
    assert refusal(done(0, MAX_POSTED_CLOCK + 3), *high) is None


def test_the_coordinator_s_own_word_on_an_attempt_lies_behind_the_report() -> None:
    own = record("DO", 99, done(0, 99).body, actor=COORDINATOR)
    assert refusal(own, *BEGUN, by=ENGINE) is None
    assert refusal(own, *BEGUN, by=OPERATOR) is not None


def test_a_report_without_a_clock_gets_the_one_that_was_promised() -> None:
    """Child INTENDs of the first versions did not name it."""
    waiting = Record(THREAD, WORKER_A, "DO", done(1, 0, attempt=2).body)
    assert refusal(waiting, *BEGUN) is None
    assert placed_report(waiting, after(*BEGUN), set()).clock == 1_000_015
    assert placed_report(waiting, after(FAN_OUT), set()) is waiting
    early = done(1, 4)
    assert placed_report(early, after(*BEGUN), set()) is early
