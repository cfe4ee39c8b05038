"""The join: whether it is satisfied, whether it still can be, and why. Shorthands are decided here without
CEL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.last_words import last_words
from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.fanout.tally import Tally, tally_of

_REVIEWED: Final = re.compile(r"\bapproved\b")


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
    has no value, empty when it has one. `unreviewed` are the subtasks for whose review it waits, when nothing
    else can satisfy it.
    """

    satisfied: bool
    satisfiable: bool
    explanation: str
    blame: tuple[int, ...] = ()
    cause: str = ""
    problem: str = ""
    unreviewed: tuple[int, ...] = ()


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
    children: Sequence[Child] | Tally,
    cel_value: bool | None = None,
    names: dict[str, str] | None = None,
    problem: str = "",
) -> JoinDecision:
    """Decide the join over these subtasks.

    `cel_value` is the value of the expression, for a CEL rule; None when it was not evaluated, or could not
    be because of `problem`. `names` maps instance DIDs to aliases, for the explanation only.
    """
    tally, names = tally_of(children), names or {}
    if rule.need is None:
        return _decide_cel(rule, tally, cel_value, names, problem)
    accepted, total = tally.accepted, tally.total
    if accepted >= rule.need:
        return JoinDecision(True, True, f"{accepted}/{total} accepted, {rule.text} needs {rule.need}")
    if total - len(tally.failed) - len(tally.blocked) < rule.need:
        return _impossible(rule.text, tally, names)
    return _waiting(tally, rule.need, names)


def _decide_cel(
    rule: JoinRule, tally: Tally, value: bool | None, names: dict[str, str], problem: str
) -> JoinDecision:
    if value:
        return JoinDecision(True, True, f"{tally.accepted}/{tally.total} accepted, the expression is true")
    # A failure can make an expression true as well as an accept can, so it is unsatisfiable only
    # when nothing can change any more.
    if len(tally.unfinished) == len(tally.blocked):
        if not problem and (open_ := _unapproved(rule.text, tally)):
            told = ", ".join(f"[{one}]" for one in open_[:4]) + (" and more" if len(open_) > 4 else "")
            cause = f"waits for a review of {told}"
            told = f"{tally.accepted}/{tally.total} accepted, {cause}"
            return JoinDecision(False, True, told, cause=cause, unreviewed=tuple(open_))
        return _never(rule.text, tally, value, names, problem)
    waiting = _waiting(tally, None, names)
    if not problem:
        return waiting
    told = f"the join cannot be evaluated yet: {problem}"
    return replace(waiting, explanation=f"{waiting.explanation}; {told}", problem=problem)


def _unapproved(expression: str, tally: Tally) -> list[int]:
    """The accepted subtasks whose approval may still change what an expression says."""
    if not _REVIEWED.search(expression):
        return []
    return [one.index for one in tally.children() if one.state == ACCEPT and not one.approved]


def _never(join: str, tally: Tally, value: bool | None, names: dict[str, str], problem: str) -> JoinDecision:
    if problem:
        cause = f"it cannot be evaluated: {problem}"
        return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", (), cause, problem)
    if tally.failed or tally.blocked:
        return _impossible(join, tally, names)
    said = "was not evaluated" if value is None else "is false"
    cause = f"it {said} with all {tally.total} subtasks accepted"
    return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", (), cause)


def _impossible(join: str, tally: Tally, names: dict[str, str]) -> JoinDecision:
    guilty = tally.failed or tally.blocked
    told = "; ".join(_verdict_line(tally.child(index), names) for index in guilty[:3])
    cause = told + (f"; and {len(guilty) - 3} more" if len(guilty) > 3 else "")
    return JoinDecision(False, False, f"{join} can no longer be satisfied: {cause}", tuple(guilty), cause)


def _verdict_line(child: Child, names: dict[str, str]) -> str:
    if child.report is None:
        return f"[{child.index}] {child.state}"
    where = f" on {names.get(child.report.worker, child.report.worker)}" if child.report.worker else ""
    said = last_words(child.report.summary)
    reason = f": {said}" if said else ""
    return f"[{child.index}] {child.state}{where}{reason}"


def _waiting(tally: Tally, need: int | None, names: dict[str, str]) -> JoinDecision:
    told = ", ".join(_open_line(tally.child(index), names) for index in tally.unfinished[:4])
    more = f" and {len(tally.unfinished) - 4} more" if len(tally.unfinished) > 4 else ""
    needed = "" if need is None or need == tally.total else f" of {need} needed"
    cause = f"waits for {told}{more}"
    explanation = f"{tally.accepted}/{tally.total} accepted{needed}, {cause}"
    return JoinDecision(False, True, explanation, (), cause)


def _open_line(child: Child, names: dict[str, str]) -> str:
    if child.spawn is not None:
        where = names.get(child.spawn.instance, child.spawn.instance) or child.spawn.child_thread
        return f"[{child.index}] {where}"
    return f"[{child.index}] {'blocked' if child.state == 'blocked' else 'pending spawn'}"
