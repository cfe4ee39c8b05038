"""What is sent on a link, and when: control before work, within the limits."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.errors import DaemonUnreachable
from syncropel.peer.link.outgoing import Outgoing, Window
from syncropel.peer.link.protocol import (
    ACK_SECS,
    CONTROL_BYTES,
    MOST_ASKS,
    MOST_BYTES,
    MOST_FRAMES,
    STUCK_SECS,
    Lane,
)

LANES: tuple[Lane, ...] = ("control", "work", "ask")


def frame(lane: Lane, size: int = 10) -> Outgoing:
    data = json.dumps({"x": "y" * max(0, size - 8)}, separators=(",", ":"))
    return Outgoing(lane, "ask" if lane == "ask" else "records", data, ACK_SECS)


def number(sent: bytes | None) -> int:
    assert sent is not None
    found: int = json.loads(sent.split(b"data: ")[1])["n"]
    return found


async def test_control_goes_before_work_and_a_place_is_kept_for_it() -> None:
    window = Window()
    work = [frame("work") for _ in range(MOST_FRAMES + 1)]
    for one in work:
        window.add(one)
    for _ in range(MOST_FRAMES - 1):
        window.take(0.0)
    assert window.take(0.0) is None, "the last place is not for work"
    freeze, later = frame("control"), frame("control")
    window.add(freeze)
    window.add(later)
    assert number(window.take(0.0)) == freeze.n == MOST_FRAMES
    assert window.take(0.0) is None
    assert window.answered(work[0].n) is work[0]
    assert number(window.take(0.0)) == later.n, "control before the work that has waited longer"


async def test_large_work_goes_alone_and_does_not_keep_a_freeze_back() -> None:
    window = Window()
    huge, next_one, freeze = frame("work", 3 * MOST_BYTES), frame("work"), frame("control", MOST_BYTES)
    for one in (huge, next_one):
        window.add(one)
    assert window.take(0.0) is not None
    assert window.take(0.0) is None
    window.add(freeze)
    assert number(window.take(0.0)) == freeze.n
    window.answered(huge.n)
    assert window.take(0.0) is None, "a freeze of this size uses up all that may be unanswered"
    window.answered(freeze.n)
    assert number(window.take(0.0)) == next_one.n


async def test_who_gives_up_frees_no_place_before_the_worker_has_answered() -> None:
    window = Window()
    asks = [frame("ask") for _ in range(MOST_ASKS + 2)]
    for one in asks:
        window.add(one)
    for _ in range(MOST_ASKS):
        window.take(0.0)
    window.withdraw(asks[0])
    assert window.take(0.0) is None
    window.withdraw(asks[MOST_ASKS])
    window.answered(asks[0].n)
    assert number(window.take(0.0)) == asks[-1].n, "what was withdrawn is not sent"


async def test_a_frame_that_is_not_answered_is_stuck_after_its_own_limit_and_more() -> None:
    window = Window()
    window.add(frame("work"))
    window.take(5.0)
    limit = 5.0 + ACK_SECS + STUCK_SECS
    assert window.stuck(limit) is None
    assert window.stuck(limit + 0.1) is not None


async def test_all_fail_when_the_link_ends_and_a_late_answer_changes_nothing() -> None:
    window = Window()
    sent, waiting = frame("work"), frame("work")
    window.add(sent)
    window.take(0.0)
    window.add(waiting)
    window.fail("cut")
    for one in (sent, waiting):
        with pytest.raises(DaemonUnreachable, match="cut"):
            await one.answered
        one.answer([])
    assert window.unanswered() == 0
    assert window.answered(sent.n) is None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.sampled_from(LANES), st.integers(8, MOST_BYTES + 100_000)),
            st.tuples(st.just("take"), st.none(), st.none()),
            st.tuples(st.just("answer"), st.none(), st.integers(0, 10)),
        ),
        max_size=40,
    )
)
@settings(max_examples=150, deadline=None)
def test_the_limits_hold_whatever_happens(steps: list[Any]) -> None:
    async def play() -> None:
        window, out = Window(), dict[int, Outgoing]()
        added: dict[Lane, list[Outgoing]] = {lane: [] for lane in LANES}
        for what, lane, value in steps:
            if what == "add":
                one = frame(lane, value)
                window.add(one)
                added[lane].append(one)
            elif what == "answer" and out:
                n = list(out)[value % len(out)]
                assert window.answered(n) is out.pop(n)
                assert window.answered(n) is None, "once"
            elif what == "take" and (sent := window.take(0.0)) is not None:
                n = number(sent)
                (one,) = (one for lane in LANES for one in added[lane] if one.n == n)
                out[n] = one
                if one.lane == "work":
                    assert not added["control"] or added["control"][-1].n or _full(out), "control first"
            counted = [one for one in out.values() if one.lane != "ask"]
            assert len(counted) <= MOST_FRAMES
            assert sum(one.lane == "work" for one in counted) < MOST_FRAMES
            assert len(out) - len(counted) <= MOST_ASKS
            for lane in ("control", "work"):
                mine = [one.size for one in counted if one.lane == lane]
                assert len(mine) <= 1 or sum(mine) <= MOST_BYTES
            works = [one.size for one in counted if one.lane == "work"]
            assert len(works) <= 1 or sum(works) <= MOST_BYTES - CONTROL_BYTES
        for lane in LANES:
            numbers = [one.n for one in added[lane] if one.n]
            assert numbers == sorted(numbers), "each lane keeps its order"

    def _full(out: dict[int, Outgoing]) -> bool:
        return any(one.lane == "control" for one in out.values())

    asyncio.run(play())
