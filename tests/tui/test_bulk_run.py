"""A run over a list: each item once, no other ever, a few at a time, and what became of each is read back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import DaemonNotRunning, RemoteError, SyncropelError
from tui.connection.bulk_run import ROUNDS, WIDTH, BulkRun, Seen
from tui.model.bulk_steps import Progress, Step

REFUSED = RemoteError(409, "conflict", "ALREADY", "it has one already", "")
AWAY = DaemonNotRunning("no daemon answers", "start it: spl serve")
SILENT = SyncropelError("it did not answer in time")
WAYS = ("ok", "slow", "refused", "unknown", "took effect", "never", "left out")


class Work:
    """Does to each item what its way says, and counts."""

    def __init__(self, ways: Mapping[str, str]) -> None:
        self.ways = ways
        self.sent: Counter[str] = Counter()
        self.read: list[list[str]] = []
        self.at_once = self.most = 0
        self.trouble: SyncropelError | None = None
        self.closed = ""

    def stopped(self) -> str:
        return self.closed

    def left_out(self, key: str) -> str:
        return "it has changed" if self.ways[key] == "left out" else ""

    async def send(self, key: str) -> None:
        self.sent[key] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            for _ in range(3 if self.ways[key] == "slow" else 1):
                await asyncio.sleep(0)
            if self.ways[key] == "refused":
                raise REFUSED
            if self.ways[key] == "away":
                raise AWAY
            if self.ways[key] in ("unknown", "took effect"):
                raise SILENT
        finally:
            self.at_once -= 1

    async def read_back(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        self.read.append(list(keys))
        if self.trouble is not None:
            raise self.trouble
        done = ("ok", "slow", "took effect")
        return {
            key: Seen(self.ways[key] in done, "cancelled" if self.ways[key] in done else "open")
            for key in keys
        }


def run(work: Work, keys: Sequence[str], stop_after: int = -1) -> BulkRun:
    """Run over these keys; `stop_after`: stop when so many have been sent."""

    async def at_once(secs: float) -> None:
        await asyncio.sleep(0)

    def changed() -> None:
        if sum(work.sent.values()) == stop_after:
            going.stop("you stopped it")

    going = BulkRun(keys, work, changed, at_once)
    asyncio.run(going.run())
    return going


def steps(going: BulkRun) -> dict[str, Step]:
    return {key: one.step for key, one in going.progress.items()}


@given(st.lists(st.sampled_from(WAYS), max_size=30), st.integers(-1, 12))
def test_each_of_the_list_at_most_once_and_nothing_else(ways: list[str], stop_after: int) -> None:
    given_ = {f"item {number}": way for number, way in enumerate(ways)}
    work = Work({**given_, "another": "ok"})
    going = run(work, list(given_), stop_after)
    assert set(work.sent) <= set(given_)
    assert all(times == 1 for times in work.sent.values())
    assert work.most <= WIDTH
    assert going.is_over
    meant = {
        "ok": Step.DONE, "slow": Step.DONE, "refused": Step.REFUSED, "unknown": Step.UNKNOWN,
        "took effect": Step.DONE, "never": Step.UNSEEN, "left out": Step.LEFT_OUT,
    }  # fmt: skip
    for key, step in steps(going).items():
        assert step is (meant[given_[key]] if key in work.sent or step is Step.LEFT_OUT else Step.NOT_REACHED)
    if stop_after < 0:
        assert Step.NOT_REACHED not in steps(going).values()


def test_what_is_done_is_said_only_when_it_was_read_back() -> None:
    going = run(Work({"a": "ok", "b": "never", "c": "unknown"}), "abc")
    assert going.progress == {
        "a": Progress(Step.DONE, "cancelled"),
        "b": Progress(Step.UNSEEN, "sent, and still open"),
        "c": Progress(Step.UNKNOWN, "no answer came; it is open"),
    }


def test_what_cannot_be_read_back_is_not_known() -> None:
    work = Work({"a": "ok"})
    work.trouble = SILENT
    going = run(work, "a")
    assert len(work.read) == ROUNDS
    assert going.progress["a"].step is Step.UNKNOWN
    assert "how it stands could not be read: it did not answer in time" in going.progress["a"].words


def test_once_the_daemon_is_back_it_is_read_again_and_nothing_is_sent() -> None:
    work = Work({"a": "ok", "b": "never", "c": "unknown"})
    work.trouble = SILENT
    going = run(work, "abc")
    work.trouble = None
    asyncio.run(going.look_again())
    assert steps(going) == {"a": Step.DONE, "b": Step.UNSEEN, "c": Step.UNKNOWN}
    assert sum(work.sent.values()) == 3


def test_a_daemon_that_is_away_ends_it() -> None:
    keys = [f"{number:03}" for number in range(100)]
    work = Work({key: "away" if key == "010" else "ok" for key in keys})
    going = run(work, keys)
    counts = Counter(steps(going).values())
    assert counts[Step.REFUSED] == 1
    assert sum(work.sent.values()) < 30
    assert counts[Step.NOT_REACHED] == 100 - sum(work.sent.values())
    assert going.progress["099"].words == "no daemon answers"


def test_a_console_that_is_locked_meanwhile_sends_nothing_more() -> None:
    work = Work(dict.fromkeys("abcd", "ok"))
    work.closed = "this console is read-only: locked by hand"
    going = run(work, "abcd")
    assert work.sent == Counter()
    assert set(steps(going).values()) == {Step.NOT_REACHED}


def test_a_request_that_fails_by_itself_does_not_end_the_others() -> None:
    class Broken(Work):
        async def send(self, key: str) -> None:
            if key == "a":
                raise ValueError("no such thing")
            await super().send(key)

    going = run(Broken({"a": "never", "b": "ok"}), "ab")
    assert steps(going) == {"a": Step.UNKNOWN, "b": Step.DONE}
