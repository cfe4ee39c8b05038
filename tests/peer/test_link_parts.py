"""The parts of a link that need no other end: frames, versions, admission, waits, and copied homes."""

from __future__ import annotations

import heapq
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.peer.link.admission import Admission
from syncropel.peer.link.copies import Copies
from syncropel.peer.link.frames import BrokenFrame, Frame, FrameReader, as_text, encoded, numbered
from syncropel.peer.link.protocol import is_link, may_ask, version_problem
from syncropel.peer.link.reconnects import FIRST_SECS, LONGEST_SECS, PROVEN_SECS, Reconnects

WORDS = st.text(max_size=30)
OBJECTS = st.dictionaries(WORDS, st.one_of(WORDS, st.integers(-9999, 9999), st.none()), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(["hello", "ping", "ask"]), OBJECTS), max_size=6), st.randoms())
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[str, dict[str, object]]], random: Random
) -> None:
    wire = b"".join(encoded(event, as_text(data)) for event, data in sent)
    reader, found = FrameReader(), list[Frame]()
    while wire:
        size = random.randint(1, len(wire))
        found += reader.feed(wire[:size])
        wire = wire[size:]
    assert found == [Frame(event, data) for event, data in sent]


def test_a_number_is_put_before_what_a_frame_has() -> None:
    assert numbered(7, '{"kind":"work"}') == '{"n":7,"kind":"work"}'


@pytest.mark.parametrize(
    "wire",
    [
        b"event: ping\ndata: {\n\n",
        b"event: ping\ndata: []\n\n",
        b"data: {}\n\n",
        b"\xff\xfe\n\n",
        b'event: ask\ndata: {"a":1,"a":2}\n\n',
        b"event: ask\ndata: " + b"x" * 200,
        b"event: ask\ndata: " + b"x" * 200 + b"\n\n",
    ],
)
def test_what_is_no_frame_or_a_giant_one_is_refused(wire: bytes) -> None:
    with pytest.raises(BrokenFrame):
        FrameReader(longest=100).feed(wire)


@pytest.mark.parametrize(
    ("protocol", "ours", "problem"),
    [
        (3, 3, ""),
        (2, 3, ""),
        (1, 3, "TOO_OLD"),
        (0, 3, "TOO_OLD"),
        (4, 3, "TOO_NEW"),
        (1, 1, ""),
        (2, 1, "TOO_NEW"),
    ],
)
def test_a_coordinator_speaks_its_version_and_the_one_before(protocol: int, ours: int, problem: str) -> None:
    assert version_problem(protocol, ours) == problem


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("POST", "/v1/fleet/control", True),
        ("GET", "/v1/dispatches/th_1%2Fx/output", True),
        ("GET", "/v1/worktrees", True),
        ("GET", "/v1/fleet/log", True),
        ("GET", "/v1/engine/log", False),
        ("POST", "/v1/worktrees/remove", True),
        ("POST", "/v1/worktrees/allow", True),
        ("POST", "/v1/merges", True),
        ("GET", "/v1/records", False),
        ("POST", "/v1/records", False),
        ("POST", "/v1/records/batch", False),
        ("GET", "/v1/fleet/control", False),
        ("POST", "/v1/dispatches/th_1/output", False),
        ("GET", "/v1/dispatches/a/b/output", False),
        ("GET", "/v1/dispatches/a/output\n", False),
        ("GET", "/v1/worktrees/../tokens", False),
        ("get", "/v1/worktrees", False),
        ("POST", "/v1/merges/", False),
        ("POST", "/v1/tokens", False),
        ("DELETE", "/v1/worktrees", False),
    ],
)
def test_only_what_a_coordinator_asks_today_may_be_asked(method: str, path: str, *, may: bool) -> None:
    assert may_ask(method, path) is may


def test_an_endpoint_says_whether_its_instance_is_linked() -> None:
    assert is_link("link:")
    assert not is_link("http://127.0.0.1:9201")


def test_fifty_are_admitted_at_once_and_fifty_a_second_after_that() -> None:
    admission = Admission(50)
    waits = [admission.wait_secs(0.0) for _ in range(150)]
    assert waits[:50] == [0.0] * 50
    assert waits[50:] == sorted(waits[50:])
    assert 1.0 < waits[50] < waits[-1] <= 3.0, "the last of them come later than the first"
    assert sum(admission.wait_secs(1.0) == 0.0 for _ in range(150)) == 50
    assert max(admission.wait_secs(1.0) for _ in range(10_000)) == 30.0


def test_the_first_try_has_jitter_and_a_success_is_thirty_seconds_long() -> None:
    waits = Reconnects(lambda: 1.0)
    assert waits.first() == FIRST_SECS
    assert [waits.after(0.0) for _ in range(6)] == [3.0, 6.0, 12.0, 24.0, LONGEST_SECS, LONGEST_SECS]
    assert waits.after(PROVEN_SECS - 0.1) == LONGEST_SECS
    assert waits.after(PROVEN_SECS) == FIRST_SECS
    assert waits.after(0.0, retry_after=60.0) == 61.0, "never before the coordinator asked"
    none = Reconnects(lambda: 0.0)
    assert (none.first(), none.after(0.0), none.after(0.0, retry_after=5.0)) == (0.0, 0.0, 5.0)


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_a_whole_fleet_is_back_soon_and_never_all_at_once(seed: int, workers: int) -> None:
    """Workers that all lose their links at 0 and try as they do; time is simulated."""
    random, admission = Random(seed), Admission()
    waits = [Reconnects(random.random) for _ in range(workers)]
    due = [(one.after(60.0), number) for number, one in enumerate(waits)]
    heapq.heapify(due)
    linked: list[float] = []
    while due:
        now, number = heapq.heappop(due)
        told = admission.wait_secs(now)
        if told == 0.0:
            linked.append(now)
        else:
            heapq.heappush(due, (now + waits[number].after(0.0, float(int(told) + 1)), number))
    assert len(linked) == workers
    assert linked[-1] <= 60.0
    assert all(sum(at <= one < at + 1.0 for one in linked) <= 101 for at in linked[::20])


def test_three_take_overs_within_a_minute_are_a_copied_home() -> None:
    copies = Copies()
    assert not copies.taken_over("a", 0.0)
    assert copies.suspected(1.0)
    assert not copies.taken_over("a", 61.0), "a minute later it counts anew"
    assert not copies.suspected(200.0)
    assert not copies.taken_over("a", 200.0)
    assert not copies.taken_over("a", 210.0)
    assert copies.taken_over("a", 220.0)
    assert copies.refuses("a")
    assert not copies.refuses("b"), "a new credential is another matter"
    copies.forget()
    assert not copies.refuses("a")
    assert not copies.suspected(221.0)
