"""The join: is it satisfied, can it still be, and why. Shorthands are decided here without CEL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.last_words import last_words
from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.fanout.subtasks import Child


@dataclass(frozen=True, slots=True)
class JoinRule:
    """A parsed predicate. `need` is how many accepts a shorthand asks for; None means a CEL expression."""

    text: str
    need: int | None

    @property
    def is_cel(self) -> bool:
        return self.need is None


@dataclass(frozen=True, slots=True)
class JoinDecision:
    """`blame` are the subtasks that keep the join from being satisfied, when it can no longer be. `cause` is
    the part of `explanation` that says what it waits for, or what went wrong. `problem`: why the expression
    has no value, empty when it has one."""

    satisfied: bool
    satisfiable: bool
    explanation: str
    blame: tuple[int, ...] = ()
    cause: str = ""
    problem: str = ""


def is_shorthand(text: str) -> bool:
    """Whether `parse_join` takes this text for one of its shorthands, be it a good one or a bad one."""
    return text in ("all", "any") or text.startswith("k_of_n")


def parse_join(text: str, count: int) -> JoinRule:
    """Read `all`, `any`, `k_of_n:K`, or take the text for a CEL expression.

    Raises InvalidFanOut when K is not between 1 and the number of subtasks.
    """
    if text == "all":
        return JoinRule(text, count)
    if text == "any":
        return JoinRule(text, 1)
    if text.startswith("k_of_n"):
        tail = text.removeprefix("k_of_n").removeprefix(":").strip()
        if not tail.isdecimal() or not 1 <= int(tail) <= count:
            raise InvalidFanOut(
                f"join {text!r}: K must be a number from 1 to {count}",
                f"for example k_of_n:{max(1, count - 1)}",
            )
        return JoinRule(text, int(tail))
    return JoinRule(text, None)


def decide(
    rule: JoinRule,
    kids: Sequence[Child],
    cel_value: bool | None = None,
    names: dict[str, str] | None = None,
    problem: str = "",
) -> JoinDecision:
    """Decide the join over these subtasks.

    `cel_value` is what the expression gave, for a CEL rule; None when it was not, or could not be, evaluated,
    because of `problem`.
    `names` maps instance DIDs to aliases, for the explanation only.
    """
    accepted = sum(kid.state == ACCEPT for kid in kids)
    if rule.need is None:
        return _decide_cel(rule, kids, accepted, cel_value, names or {}, problem)
    if accepted >= rule.need:
        return JoinDecision(True, True, f"{accepted}/{len(kids)} accepted, {rule.text} needs {rule.need}")
    hopeless = [kid for kid in kids if kid.hopeless]
    if len(kids) - len(hopeless) < rule.need:
        return _impossible(rule.text, hopeless, names or {})
    return _waiting(kids, accepted, rule.need, names or {})


def _decide_cel(
    rule: JoinRule,
    kids: Sequence[Child],
    accepted: int,
    value: bool | None,
    names: dict[str, str],
    problem: str,
) -> JoinDecision:
    if value:
        return JoinDecision(True, True, f"{accepted}/{len(kids)} accepted, the expression is true")
    # An expression may become true through a failure as well as through an accept, so it is out of reach only
    # when nothing can change any more.
    if all(kid.finished or kid.hopeless for kid in kids):
        return _never(rule.text, kids, value, names, problem)
    waiting = _waiting(kids, accepted, None, names)
    if not problem:
        return waiting
    told = f"the join cannot be evaluated yet: {problem}"
    return replace(waiting, explanation=f"{waiting.explanation}; {told}", problem=problem)


def _never(
    join: str, kids: Sequence[Child], value: bool | None, names: dict[str, str], problem: str
) -> JoinDecision:
    if problem:
        cause = f"it cannot be evaluated: {problem}"
        return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", (), cause, problem)
    guilty = [kid for kid in kids if kid.state != ACCEPT]
    if guilty:
        return _impossible(join, guilty, names)
    said = "was not evaluated" if value is None else "is false"
    cause = f"it {said} with all {len(kids)} subtasks accepted"
    return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", (), cause)


def _impossible(join: str, hopeless: Sequence[Child], names: dict[str, str]) -> JoinDecision:
    guilty = [kid for kid in hopeless if kid.finished] or list(hopeless)
    told = "; ".join(_verdict_line(kid, names) for kid in guilty[:3])
    cause = told + (f"; and {len(guilty) - 3} more" if len(guilty) > 3 else "")
    blame = tuple(kid.index for kid in guilty)
    return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", blame, cause)


def _verdict_line(kid: Child, names: dict[str, str]) -> str:
    if kid.report is None:
        return f"[{kid.index}] {kid.state}"
    where = f" on {names.get(kid.report.worker, kid.report.worker)}" if kid.report.worker else ""
    said = last_words(kid.report.summary)
    reason = f": {said}" if said else ""
    return f"[{kid.index}] {kid.state}{where}{reason}"


def _waiting(kids: Sequence[Child], accepted: int, need: int | None, names: dict[str, str]) -> JoinDecision:
    open_kids = [kid for kid in kids if not kid.finished]
    told = ", ".join(_open_line(kid, names) for kid in open_kids[:4])
    more = f" and {len(open_kids) - 4} more" if len(open_kids) > 4 else ""
    needed = "" if need is None or need == len(kids) else f" of {need} needed"
    cause = f"waits for {told}{more}"
    return JoinDecision(False, True, f"{accepted}/{len(kids)} accepted{needed}, {cause}", (), cause)


def _open_line(kid: Child, names: dict[str, str]) -> str:
    if kid.spawn is not None:
        where = names.get(kid.spawn.instance, kid.spawn.instance) or kid.spawn.child_thread
        return f"[{kid.index}] {where}"
    return f"[{kid.index}] {'blocked' if kid.state == 'blocked' else 'pending spawn'}"


def cel_children(kids: Sequence[Child]) -> list[dict[str, Any]]:
    """`children` as a join expression sees them. `verdict` is empty until a result is there."""
    return [
        {
            "index": kid.index,
            "goal": kid.subtask.goal,
            "target": kid.subtask.target,
            "worker": kid.spawn.instance if kid.spawn else "",
            "state": kid.state,
            "verdict": kid.report.verdict if kid.report else "",
            "summary": kid.report.summary if kid.report else "",
            "cost_usd": kid.report.cost_usd if kid.report else 0.0,
            "wall_time_secs": kid.report.wall_time_secs if kid.report else 0.0,
            "attempt": kid.attempt,
            "thread": kid.spawn.child_thread if kid.spawn else "",
        }
        for kid in kids
    ]
