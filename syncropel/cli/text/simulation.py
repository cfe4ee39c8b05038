"""What a simulation says, in lines and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.numbers import dollars, duration
from syncropel.cli.support.terminal import clean, table

if TYPE_CHECKING:
    from syncropel.offline.simulation.assumptions import Assumptions, Spread, Work
    from syncropel.offline.simulation.summary import Summary

BLAMED: Final = 5


def lines(
    goals: Sequence[str], join: str, seed: int, assumed: Assumptions, found: Summary, better: Summary | None
) -> list[str]:
    """The output of `spl simulate`. `goals`: of the subtasks, by index. `better`: the same with one more slot
    at the bottleneck.
    """
    return [
        f"{found.runs} runs of {len(goals)} subtasks, join {clean(join)}, seed {seed}",
        f"  assumed       {_assumed(assumed)}",
        f"  joins         in {share(found.joins)} of the runs{_why(found)}",
        *_time(found),
        f"  cost          median {dollars(found.cost_usd.p50)}, 95% below {dollars(found.cost_usd.p95)}"
        + (f"; then {dollars(found.later_usd)} for what runs on" if found.later_usd >= 0.005 else ""),
        *_workers(found),
        *_better(found, better),
        *_blame(goals, found),
    ]


def share(value: float) -> str:
    """`97%`; never a round `100%` or `0%` for what only comes near it."""
    if 0 < value < 0.01 or 0.99 < value < 1:
        return f"{value:.1%}"
    return f"{value:.0%}"


def _assumed(assumed: Assumptions) -> str:
    told = [_work(assumed.work)]
    if assumed.of:
        told.append(f"other work for {len(assumed.of)} of them")
    if assumed.retries:
        told.append(
            f"{assumed.retries} {_plural('retry', assumed.retries)} after {duration(assumed.retry_secs)}"
        )
    if assumed.lost:
        told.append(f"{share(assumed.lost)} lose their instance")
    return ", ".join(told)


def _work(work: Work) -> str:
    cost = _spread(work.cost_usd, dollars) if work.cost_usd.p95 else "no cost"
    fails = f"{share(work.fails)} fail" if work.fails else "none fails"
    return f"attempts of {_spread(work.secs, duration)}, {cost}, {fails}"


def _spread(spread: Spread, told: Any) -> str:
    median, p95 = told(spread.median), told(spread.p95)
    return median if spread.p95 <= spread.median else f"{median} to {p95}"


def _why(found: Summary) -> str:
    return f"; otherwise, for example: {clean(found.why)}" if found.why else ""


def _time(found: Summary) -> list[str]:
    if found.secs is None:
        return []
    work, queue, waits = found.path
    told = [
        f"  time to join  median {duration(found.secs.p50)}, 5% below {duration(found.secs.p5)}, "
        f"95% below {duration(found.secs.p95)}"
    ]
    parts = [("work", work), ("waiting for a slot", queue), ("waiting for a retry or a move", waits)]
    spent = ", ".join(f"{share(part)} {name}" for name, part in parts if part >= 0.005)
    return [*told, f"  spent on      {spent}"] if spent else told


def _workers(found: Summary) -> list[str]:
    slow = found.bottleneck
    rows = [
        [
            f"  {clean(one.alias)}",
            str(one.slots),
            share(one.busy),
            duration(one.queued_secs),
            f"bottleneck in {share(one.bottleneck)} of the runs" if one is slow else "",
        ]
        for one in found.workers
    ]
    return table(["  WORKER", "SLOTS", "BUSY", "WAIT", ""], rows)


def _better(found: Summary, better: Summary | None) -> list[str]:
    slow = found.bottleneck
    if better is None or slow is None or better.secs is None:
        return []
    return [
        f"  with {slow.slots + 1} slots at {clean(slow.alias)}: median {duration(better.secs.p50)}, "
        f"95% below {duration(better.secs.p95)}"
    ]


def _blame(goals: Sequence[str], found: Summary) -> list[str]:
    worst = found.blame[:BLAMED]
    told = [
        f"  [{one}] {clean(goals[one])}: keeps it from joining in {share(part)} of the runs"
        for one, part in worst
    ]
    more = len(found.blame) - len(worst)
    return [*told, f"  and {more} more {_plural('subtask', more)}"] if more else told


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def document(seed: int, assumed: Assumptions, found: Summary, better: Summary | None) -> dict[str, Any]:
    """The same as JSON."""
    slow = found.bottleneck
    work, queue, waits = found.path
    told = asdict(found)
    return {
        "object": "simulation",
        "seed": seed,
        "assumed": asdict(assumed),
        **told,
        "path": {"work": work, "queue": queue, "waits": waits},
        "blame": [{"index": one, "share": part} for one, part in found.blame],
        "bottleneck": None if slow is None else slow.alias,
        "with_another_slot": None if better is None else {"secs": better.secs and asdict(better.secs)},
    }
