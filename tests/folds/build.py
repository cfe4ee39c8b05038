"""Records for folds: short to write, and Hypothesis strategies for whole threads of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from syncropel.folds.fanout.additions import ADDED, REFUSED
from syncropel.folds.fanout.approvals import ANSWERED, ASKED
from syncropel.folds.fanout.child import COMPLETE
from syncropel.folds.fanout.reassignments import AMEND_BUDGET, BUDGET_EXCEEDED, END, REASSIGN
from syncropel.folds.fanout.state import AMEND_JOIN, CHILD_DONE, RETRY, SPAWNED, FanOut
from syncropel.folds.tasks.state import STATUS_TOPICS, TaskState, fold_task
from syncropel.record.model import MAX_CLOCK, Record, StoredRecord

THREAD = "th_task"
OPERATOR = "did:sync:user:operator"
COORDINATOR = "did:sync:instance:00000000000000c0"
WORKER_A = "did:sync:instance:000000000000000a"
WORKER_B = "did:sync:instance:000000000000000b"


def record(
    act: str,
    clock: int,
    body: dict[str, Any] | None = None,
    *,
    actor: str = OPERATOR,
    thread: str = THREAD,
    parents: Iterable[str] = (),
) -> Record:
    """A record with its id."""
    return Record(thread, actor, act, body or {}, clock, tuple(sorted(parents))).identified()


def store(records: Iterable[Record]) -> list[StoredRecord]:
    """The records as a log holds them that got them in this order."""
    return [
        StoredRecord(one, sequence, 1_700_000_000.0 + sequence)
        for sequence, one in enumerate(records, start=1)
    ]


def subtask(*depends_on: int, target: str = "worker-a", **more: Any) -> dict[str, Any]:
    """A subtask as an INTEND asks for it."""
    return {"goal": "work", "target": target, "depends_on": list(depends_on), **more}


def parent(subtasks: Sequence[dict[str, Any]], join: str = "all", clock: int = 0, **more: Any) -> Record:
    """The INTEND of a fan-out."""
    body = {"task": True, "goal": "much", "alias": "T-1", "subtasks": list(subtasks), "join": join, **more}
    return record("INTEND", clock, body)


def spawned(index: int, clock: int, *, attempt: int = 1, instance: str = WORKER_A) -> Record:
    body = {
        "topic": SPAWNED,
        "index": index,
        "attempt": attempt,
        "child_thread": f"th_child_{index}",
        "child_intend": f"{index:032x}{attempt:032x}",
        "instance": instance,
        "at": float(clock),
    }
    return record("DO", clock, body, actor=COORDINATOR)


def done(index: int, clock: int, verdict: str = "accept", *, attempt: int = 1, **more: Any) -> Record:
    body = {
        "topic": CHILD_DONE,
        "index": index,
        "attempt": attempt,
        "worker": WORKER_A,
        "verdict": verdict,
        "summary": f"{index} {verdict}",
        "cost_usd": 0.25,
        "wall_time_secs": 2.0,
        "at": float(clock),
        **more,
    }
    return record("DO", clock, body, actor=WORKER_A)


def retry(index: int, clock: int, hint: str = "") -> Record:
    return record("LEARN", clock, {"topic": RETRY, "index": index, "hint": hint})


def fold(*records: Record) -> TaskState:
    """The task that these records make."""
    return fold_task(THREAD, store(records))


def fold_fan_out(*records: Record) -> FanOut:
    """The fan-out that these records make."""
    fanout = fold(*records).fanout
    assert fanout is not None
    return fanout


@st.composite
def graphs(draw: st.DrawFn, most: int = 6) -> list[list[int]]:
    """Dependencies of up to `most` subtasks, without a cycle; indexes in any order."""
    count = draw(st.integers(1, most))
    rank = draw(st.permutations(range(count)))
    return [
        sorted(draw(st.sets(st.sampled_from(before), max_size=3))) if before else []
        for before in (
            [other for other in range(count) if rank[other] < rank[index]] for index in range(count)
        )
    ]


VERDICTS = ("accept", "reject", "failed", "timeout", "terminated")
_ACTORS = st.sampled_from([OPERATOR, COORDINATOR, WORKER_A, WORKER_B])
_INDEXES = st.integers(-1, 3)
_ATTEMPTS = st.integers(0, 3)
_CLOCKS = st.sampled_from([*range(7), *range(7), MAX_CLOCK - 1, MAX_CLOCK])


def _facts() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    spawns = st.fixed_dictionaries(
        {
            "topic": st.just(SPAWNED),
            "index": _INDEXES,
            "attempt": _ATTEMPTS,
            "instance": st.sampled_from([WORKER_A, WORKER_B]),
            "child_intend": st.sampled_from(["x", "y"]),
        }
    )
    reports = st.fixed_dictionaries(
        {
            "topic": st.just(CHILD_DONE),
            "index": _INDEXES,
            "attempt": _ATTEMPTS,
            "verdict": st.sampled_from([*VERDICTS, "perhaps"]),
            "cost_usd": st.integers(0, 3),
        }
    )
    return st.tuples(st.just("DO"), st.one_of(spawns, reports))


def _decisions() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    retries = st.fixed_dictionaries(
        {"topic": st.just(RETRY), "index": _INDEXES},
        optional={
            "hint": st.just("again"),
            "target": st.sampled_from(["worker-b", "nowhere"]),
            "budget_usd": st.sampled_from([0.5, 2, 0, True, "much"]),
        },
    )
    joins = st.fixed_dictionaries({"topic": st.just(AMEND_JOIN), "join": st.sampled_from(["any", "all"])})
    moves = st.fixed_dictionaries(
        {
            "topic": st.sampled_from([REASSIGN, END, BUDGET_EXCEEDED]),
            "index": _INDEXES,
            "attempt": _ATTEMPTS,
            "from": st.just(WORKER_A),
            "reason": st.sampled_from(["archived", "drained"]),
        }
    )
    money = st.fixed_dictionaries(
        {
            "topic": st.sampled_from([AMEND_BUDGET, BUDGET_EXCEEDED]),
            "budget_usd": st.sampled_from([1.0, 2, -1, None, "much", True]),
        }
    )
    words = st.fixed_dictionaries(
        {
            "topic": st.sampled_from([ASKED, ANSWERED]),
            "index": _INDEXES,
            "attempt": _ATTEMPTS,
            "verdict": st.sampled_from(["accept", "reject", "perhaps", None]),
        }
    )
    added = st.fixed_dictionaries(
        {
            "topic": st.sampled_from([ADDED, ADDED, REFUSED]),
            "asked": st.sampled_from(["s_1", "s_2", "s_3", ""]),
            "index": st.integers(0, 7),
            "by": st.fixed_dictionaries({"index": st.integers(0, 2), "attempt": st.just(1)}),
            "depth": st.sampled_from([1, 1, 2, 0]),
            "subtask": st.builds(lambda on: subtask(*on), st.lists(st.integers(0, 3), max_size=2)),
        }
    )
    return st.tuples(st.just("LEARN"), st.one_of(retries, joins, moves, money, words, added, added))


def _statuses() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    topics = st.fixed_dictionaries({"topic": st.sampled_from([*STATUS_TOPICS, "comment", COMPLETE])})
    return st.tuples(st.sampled_from(["DO", "KNOW", "CALL"]), topics)


def _intends() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    tasks = st.fixed_dictionaries(
        {"task": st.just(True), "goal": st.sampled_from(["g", "h"]), "alias": st.sampled_from(["T-1", "T-2"])}
    )
    parents = st.fixed_dictionaries(
        {
            "task": st.just(True),
            "alias": st.just("T-1"),
            "subtasks": st.sampled_from([[subtask(), subtask(0)], [subtask()] * 3, [], "no list"]),
            "join": st.sampled_from(["all", "any", "k_of_n:2"]),
        }
    )
    return st.tuples(st.just("INTEND"), st.one_of(tasks, parents, st.just({"goal": "a part"})))


def _results() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    verdicts = st.fixed_dictionaries({"verdict": st.sampled_from(VERDICTS)})
    named = st.sampled_from([{word: "an earlier INTEND"} for word in ("fulfills", "fulfills", "cancels")])
    cancels = st.sampled_from([{"cancels": True}, {"cancels": ""}, {"cancels": "f" * 64}])
    return st.tuples(st.sampled_from(["KNOW", "KNOW", "DO"]), st.one_of(verdicts, named, cancels))


_RECORDS = st.one_of(_intends(), _facts(), _facts(), _decisions(), _statuses(), _results())
"""Made once: to make strategies anew for each example takes longer than to draw from them."""


@st.composite
def threads(draw: st.DrawFn, most: int = 12) -> list[Record]:
    """Records of one task thread in no good order: equal clocks, clocks that go back, facts before their
    INTEND, parents in the thread, more than one INTEND, clocks above the ceiling."""
    made: list[Record] = []
    for act, body in draw(st.lists(_RECORDS, min_size=1, max_size=most)):
        actor, clock = draw(_ACTORS), draw(_CLOCKS)
        if any((other.actor, other.clock) == (actor, clock) for other in made):
            continue
        above = [other.id for other in made]
        parents = draw(st.sets(st.sampled_from(above), max_size=2)) if above else set()
        intends = [other.id for other in made if other.act == "INTEND"]
        if "an earlier INTEND" in body.values():
            body = {word: draw(st.sampled_from(intends)) if intends else "f" * 64 for word in body}
        made.append(record(act, clock, body, actor=actor, parents=parents))
    return draw(st.permutations(made))


@st.composite
def _changes(draw: st.DrawFn, count: int) -> tuple[str, dict[str, Any]]:
    """Something that happens to a fan-out of so many subtasks; results are accepted more often than not."""
    if draw(st.integers(0, 3)) == 0:
        return draw(_DECISIONS)
    # One more than there are: it may have been added.
    slot = {"index": draw(st.integers(0, count)), "attempt": draw(st.sampled_from([1, 1, 1, 2, 3]))}
    if draw(st.booleans()):
        where = draw(st.sampled_from([WORKER_A, WORKER_B]))
        return "DO", {"topic": SPAWNED, **slot, "instance": where, "child_intend": "x"}
    return "DO", {"topic": CHILD_DONE, **slot, "verdict": draw(st.sampled_from([*["accept"] * 5, *VERDICTS]))}


_DECISIONS = _decisions()


@st.composite
def running_fan_outs(draw: st.DrawFn, most: int = 14) -> list[Record]:
    """A fan-out with dependencies, and what may happen to it, each with a clock of its own."""
    targets = st.sampled_from(["worker-a", "round-robin", "least-loaded-worker"])
    graph = draw(graphs())
    made = [parent([subtask(*depends, target=draw(targets)) for depends in graph])]
    changes = draw(st.lists(_changes(len(graph)), max_size=most))
    clocks = draw(st.permutations(range(1, len(changes) + 1)))
    made += [record(act, clock, body) for (act, body), clock in zip(changes, clocks, strict=True)]
    return made
