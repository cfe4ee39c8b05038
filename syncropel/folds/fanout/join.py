"""The join: whether it is satisfied, whether it still can be, and why. Shorthands are decided here without
CEL.
"""

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
    """A parsed predicate. `need` is how many accepts a shorthand requires; None means a CEL expression."""

    text: str
    need: int | None

    @property
    def is_cel(self) -> bool:
        return self.need is None


@dataclass(frozen=True, slots=True)
class JoinDecision:
    """`blame` are the subtasks that keep the join from being satisfied, when it can no longer be. `cause` is
    the part of `explanation` that says what it waits for, or what went wrong. `problem`: why the expression
    has no value, empty when it has one.
    """

    satisfied: bool
    satisfiable: bool
    explanation: str
    blame: tuple[int, ...] = ()
    cause: str = ""
    problem: str = ""


def is_shorthand(text: str) -> bool:
    """Whether `parse_join` takes this text for one of its shorthands, valid or not."""
    return text in ("all", "any") or text.startswith("k_of_n")


def parse_join(text: str, count: int) -> JoinRule:
    """Parse `all`, `any`, `k_of_n:K`, or treat the text as a CEL expression.

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
    children: Sequence[Child],
    cel_value: bool | None = None,
    names: dict[str, str] | None = None,
    problem: str = "",
) -> JoinDecision:
    """Decide the join over these subtasks.

    `cel_value` is the value of the expression, for a CEL rule; None when it was not evaluated, or could not
    be because of `problem`. `names` maps instance DIDs to aliases, for the explanation only.
    """
    accepted = sum(child.state == ACCEPT for child in children)
    if rule.need is None:
        return _decide_cel(rule, children, accepted, cel_value, names or {}, problem)
    if accepted >= rule.need:
        return JoinDecision(True, True, f"{accepted}/{len(children)} accepted, {rule.text} needs {rule.need}")
    hopeless = [child for child in children if child.hopeless]
    if len(children) - len(hopeless) < rule.need:
        return _impossible(rule.text, hopeless, names or {})
    return _waiting(children, accepted, rule.need, names or {})


def _decide_cel(
    rule: JoinRule,
    children: Sequence[Child],
    accepted: int,
    value: bool | None,
    names: dict[str, str],
    problem: str,
) -> JoinDecision:
    if value:
        return JoinDecision(True, True, f"{accepted}/{len(children)} accepted, the expression is true")
    # A failure can make an expression true as well as an accept can, so it is unsatisfiable only
    # when nothing can change any more.
    if all(child.finished or child.hopeless for child in children):
        return _never(rule.text, children, value, names, problem)
    waiting = _waiting(children, accepted, None, names)
    if not problem:
        return waiting
    told = f"the join cannot be evaluated yet: {problem}"
    return replace(waiting, explanation=f"{waiting.explanation}; {told}", problem=problem)


def _never(
    join: str, children: Sequence[Child], value: bool | None, names: dict[str, str], problem: str
) -> JoinDecision:
    if problem:
        cause = f"it cannot be evaluated: {problem}"
        return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", (), cause, problem)
    guilty = [child for child in children if child.state != ACCEPT]
    if guilty:
        return _impossible(join, guilty, names)
    said = "was not evaluated" if value is None else "is false"
    cause = f"it {said} with all {len(children)} subtasks accepted"
    return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", (), cause)


def _impossible(join: str, hopeless: Sequence[Child], names: dict[str, str]) -> JoinDecision:
    guilty = [child for child in hopeless if child.finished] or list(hopeless)
    told = "; ".join(_verdict_line(child, names) for child in guilty[:3])
    cause = told + (f"; and {len(guilty) - 3} more" if len(guilty) > 3 else "")
    blame = tuple(child.index for child in guilty)
    return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", blame, cause)


def _verdict_line(child: Child, names: dict[str, str]) -> str:
    if child.report is None:
        return f"[{child.index}] {child.state}"
    where = f" on {names.get(child.report.worker, child.report.worker)}" if child.report.worker else ""
    said = last_words(child.report.summary)
    reason = f": {said}" if said else ""
    return f"[{child.index}] {child.state}{where}{reason}"


def _waiting(
    children: Sequence[Child], accepted: int, need: int | None, names: dict[str, str]
) -> JoinDecision:
    open_children = [child for child in children if not child.finished]
    told = ", ".join(_open_line(child, names) for child in open_children[:4])
    more = f" and {len(open_children) - 4} more" if len(open_children) > 4 else ""
    needed = "" if need is None or need == len(children) else f" of {need} needed"
    cause = f"waits for {told}{more}"
    return JoinDecision(False, True, f"{accepted}/{len(children)} accepted{needed}, {cause}", (), cause)


def _open_line(child: Child, names: dict[str, str]) -> str:
    if child.spawn is not None:
        where = names.get(child.spawn.instance, child.spawn.instance) or child.spawn.child_thread
        return f"[{child.index}] {where}"
    return f"[{child.index}] {'blocked' if child.state == 'blocked' else 'pending spawn'}"


def cel_children(children: Sequence[Child]) -> list[dict[str, Any]]:
    """`children` as a join expression sees them. `verdict` is empty until there is a result."""
    return [
        {
            "index": child.index,
            "goal": child.subtask.goal,
            "target": child.subtask.target,
            "worker": child.spawn.instance if child.spawn else "",
            "state": child.state,
            "verdict": child.report.verdict if child.report else "",
            "summary": child.report.summary if child.report else "",
            "cost_usd": child.report.cost_usd if child.report else 0.0,
            "wall_time_secs": child.report.wall_time_secs if child.report else 0.0,
            "attempt": child.attempt,
            "thread": child.spawn.child_thread if child.spawn else "",
        }
        for child in children
    ]
