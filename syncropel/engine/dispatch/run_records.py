"""The records of a run: observations on its sub-thread, the result on the child thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from syncropel.adapters import Job, Outcome, Remains
from syncropel.adapters.briefing import render
from syncropel.adapters.exit_status import ending_signal
from syncropel.errors import InvalidRecord
from syncropel.folds.fanout.child import CALL, COMPLETE, HANDLED, RUN, SUBPROCESS_EXIT, ChildIntend
from syncropel.folds.fanout.spec import LARGEST
from syncropel.folds.fanout.spend import Spent
from syncropel.folds.fanout.starts import Start
from syncropel.folds.fanout.state import ACCEPT
from syncropel.record.model import Record, body_text

TERMINATED: Final = "terminated"
MOST_GOAL: Final = 500
"""Characters of the goal that the run's thread repeats; the subtask's thread has all of it."""
UNRECORDABLE: Final = "unrecordable"
"""Why a run failed: its adapter's data cannot be a record."""
_OWN: Final[tuple[str, ...]] = (
    "fulfills",
    "child_thread",
    "child_intend",
    "kind",
    "wall_time_secs",
    "attempt",
    "namespace",
    "at",
    HANDLED,
)
"""What this engine itself puts into the records of an ending."""


def job_of(
    intend: ChildIntend,
    default_timeout_secs: float,
    spent: Spent,
    model: str = "",
    earlier: dict[str, Any] | None = None,
) -> Job:
    """The job for the adapter."""
    body = intend.body
    timeout = _number(body.get("timeout_secs"))
    return Job(
        intend.thread,
        str(body["goal"]),
        intend.attempt,
        default_timeout_secs if timeout is None else timeout,
        budget_of(intend),
        str(body.get("hint") or ""),
        spent.offset,
        spent.events,
        model,
        str(body.get("content") or ""),
        budget_tokens=budget_tokens_of(intend),
        denied=str(body.get("denied") or ""),
        earlier=earlier,
        repo=str(body.get("repo") or ""),
        work=str(body.get("work") or intend.thread),
        briefing=render(body.get("briefing")),
        spent_usd=spent.usd,
    )


def budget_of(intend: ChildIntend) -> float | None:
    """This attempt's budget in US dollars."""
    return _number(intend.body.get("budget_usd"))


def budget_tokens_of(intend: ChildIntend) -> int | None:
    """This attempt's budget in tokens."""
    tokens = intend.body.get("budget_tokens")
    return tokens if type(tokens) is int and tokens > 0 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)


def beginning(sub_thread: str, intend: ChildIntend, did: str, adapter: str, at: float) -> list[Record]:
    """The first records of the run's thread: the INTEND, which its last observation fulfills, and the
    adapter's CALL.
    """
    goal = str(intend.body["goal"])
    goal = goal if len(goal) <= MOST_GOAL else f"{goal[:MOST_GOAL]}…"
    about = _about(intend, at) | {"adapter": adapter}
    return [
        Record(sub_thread, did, "INTEND", {"kind": RUN, "goal": goal, **about}, None, (intend.record,)),
        Record(sub_thread, did, "CALL", {"kind": CALL, **about}, None, (intend.record,)),
    ]


def result(intend: ChildIntend, did: str, body: dict[str, Any]) -> Record:
    """KNOW that fulfills the child INTEND."""
    return Record(intend.thread, did, "KNOW", body, None, (intend.record,))


def observation(
    sub_thread: str, intend: ChildIntend, did: str, kind: str, body: dict[str, Any], at: float
) -> Record:
    """KNOW of an event while the goal ran."""
    return Record(
        sub_thread, did, "KNOW", {"kind": kind, **_about(intend, at), **body}, None, (intend.record,)
    )


def _about(intend: ChildIntend, at: float) -> dict[str, Any]:
    """The fields of every record on the thread of a run."""
    return {
        "child_thread": intend.thread,
        "child_intend": intend.record,
        "attempt": intend.attempt,
        "namespace": intend.body.get("namespace"),
        "at": at,
        HANDLED: True,
    }


def recordable(records: Sequence[Record]) -> list[Record]:
    """The records of an ending, without the adapter's own words if no log could ever take them. What they
    say then agrees: if the result is a failure, the end of the run is one, too.
    """
    kept = [_recordable(one) for one in records]
    if all(one is other for one, other in zip(kept, records, strict=True)):
        return kept
    failed = {"verdict": "failed", "success": False, "codepath": "ended_by_engine"}
    return [
        replace(one, body={**one.body, **failed, "failure_reason": UNRECORDABLE})
        if one.topic == COMPLETE
        else one
        for one in kept
    ]


def _recordable(record: Record) -> Record:
    try:
        body_text(record.body)
        return record
    except InvalidRecord as error:
        why = error.message
    kept: dict[str, Any] = {key: record.body[key] for key in _OWN if key in record.body}
    told = {"verdict": "failed", "summary": f"its result cannot be recorded: {why}", "reason": UNRECORDABLE}
    body: dict[str, Any] = {**kept, **told, "codepath": "ended_by_engine", "failure_reason": UNRECORDABLE}
    cost = _number(record.body.get("cost_usd"))
    body |= {"cost_unknown": True, "cost_usd": 0.0} if cost is None else {"cost_usd": cost}
    return Record(record.thread, record.actor, record.act, body, None, record.parents)


def completion(outcome: Outcome) -> tuple[str, str]:
    """How it ended and, unless it was accepted, why not: each as a machine-readable word."""
    if outcome.reason:
        return "ended_by_engine", outcome.reason
    if outcome.verdict == "timeout":
        return "time_limit", "timeout"
    if outcome.exit is None:
        return "adapter_result", "" if outcome.verdict == ACCEPT else "not_accepted"
    if ending_signal(outcome.exit.get("exit_code"), outcome.exit["signal"]) is not None:
        return "stream_eof_fallback", "result_missing"
    return "exit_status", "" if outcome.verdict == ACCEPT else "exit_status"


def with_agent(outcome: Outcome, remains: Remains, *, others: bool = False) -> Outcome:
    """The outcome with the agent's report about its run, even where somebody else has ended that.

    `others`: the attempt had other runs, whose last requests nobody has counted.
    """
    agent = {**(remains.agent or {}), **(outcome.agent or {})}
    if not agent:
        return outcome
    if others:
        agent |= {"cost_usd": None, "tokens": None}
    return replace(outcome, agent=agent, cost_known=agent["cost_usd"] is not None)


def honest(outcome: Outcome, remains: Remains) -> Outcome:
    """The outcome corrected by what is known of the processes: `terminated` claims that none is left."""
    if remains.proven:
        return outcome
    left = ", ".join(map(str, remains.left))
    told = f"not proven empty: still running: pid {left}" if left else "not proven empty"
    tree = {"proven": False, "left": list(remains.left)}
    verdict = "failed" if outcome.verdict == TERMINATED else outcome.verdict
    return replace(outcome, verdict=verdict, summary=f"{outcome.summary}; {told}".lstrip("; "), tree=tree)


@dataclass(frozen=True)
class RunThread:
    """The thread of a run that has begun. `opening`: id of its INTEND, empty in a log of an older version."""

    id: str
    opening: str = ""


def ending(
    intend: ChildIntend,
    run: RunThread | None,
    did: str,
    outcome: Outcome,
    secs: float,
    at: float,
    starts: Sequence[Start] = (),
    budget_usd: float | None = None,
) -> list[Record]:
    """The records for an outcome: the last observations, then the result, in one append. `run` is None for an
    attempt that never began: it has nothing to observe.
    """
    body: dict[str, Any] = {
        "fulfills": intend.record,
        "verdict": outcome.verdict,
        "summary": outcome.summary,
        "cost_usd": outcome.cost_usd,
        "wall_time_secs": round(secs, 3),
        "attempt": intend.attempt,
        "namespace": intend.body.get("namespace"),
        "at": at,
        HANDLED: True,
    }
    for key, value in (
        ("output", outcome.output),
        ("exit", outcome.exit),
        ("worktree", outcome.worktree),
        ("tree", outcome.tree),
        ("lines_unread", outcome.unread or None),
        ("agent", outcome.agent),
        ("gate", outcome.gate),
        ("budget_usd", budget_usd),
    ):
        if value is not None:
            body[key] = value
    if not outcome.cost_known:
        body["cost_unknown"] = True
    if starts:
        body["starts"] = [start.as_body() for start in starts]
    codepath, failure = completion(outcome)
    body["codepath"] = codepath
    complete = {
        "verdict": outcome.verdict,
        "success": outcome.verdict == ACCEPT,
        "codepath": codepath,
        "cost_usd": outcome.cost_usd,
        "wall_time_secs": body["wall_time_secs"],
    }
    if outcome.reason:
        body["reason"] = outcome.reason
    if failure:
        body["failure_reason"] = complete["failure_reason"] = failure
    if run is None:
        return [result(intend, did, body)]
    if run.opening:
        complete["fulfills"] = run.opening
    records = [observation(run.id, intend, did, COMPLETE, complete, at), result(intend, did, body)]
    if outcome.exit is not None:
        records.insert(0, observation(run.id, intend, did, SUBPROCESS_EXIT, outcome.exit, at))
    return records
