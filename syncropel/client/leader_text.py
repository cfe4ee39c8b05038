"""Who leads the fleet, and what is not as it should be about that, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import LeaderOut

FORGET: Final = "spl leader forget-former"
_SHORT: Final = 8


@dataclass(frozen=True, slots=True)
class LeaderProblem:
    """What is wrong, and what helps. `kind`: `split`, `fenced`, `unclaimed`, `rival`, or `unproven`."""

    kind: str
    words: str
    helps: str


def name_of(leader: LeaderOut) -> str:
    """What a person calls the leader."""
    return leader.alias or leader.did or "an unknown instance"


def since_words(leader: LeaderOut) -> str:
    """` since 2026-12-01 12:00:00`, in local time; empty in the first term."""
    if not leader.since:
        return ""
    return f" since {datetime.fromtimestamp(leader.since).strftime('%Y-%m-%d %H:%M:%S')}"


def led_words(leader: LeaderOut) -> str:
    """`worker-b since … (term 2)`."""
    return f"{name_of(leader)}{since_words(leader)} (term {leader.term})"


def leader_problems(leader: LeaderOut) -> list[LeaderProblem]:
    """What is not as it should be; empty when all is well."""
    found = []
    if leader.place == "fenced":
        where = f" at {leader.address}" if leader.address else ""
        ask = f"ask there: spl fleet status --url {leader.address}; " if leader.address else ""
        words = f"fenced: {name_of(leader)} leads{where}{since_words(leader)} (term {leader.term})"
        helps = f"{ask}what this one has can still be read: spl task list; end it: spl stop"
        found.append(LeaderProblem("fenced", words, helps))
    if (split := leader.split) is not None:
        where = f" ({split.url})" if split.url else f" ({split.did[-_SHORT:]})"
        words = f"split: the former coordinator{where} has not been told; it may still run work"
        why = f"last try: {split.problem}; " if split.problem else ""
        found.append(LeaderProblem("split", words, f"{why}if it is gone for good: {FORGET}"))
    if leader.place == "unclaimed":
        found.append(LeaderProblem("unclaimed", f"no term: {leader.problem}", "begin one: spl leader take"))
    elif leader.problem:
        found.append(LeaderProblem("unproven", leader.problem, "promote a worker: spl fleet promote WORKER"))
    for rival in leader.rivals if leader.place != "follows" else ():
        words = f"{rival.alias or rival.did} was promoted in term {leader.term}, too; the lower DID leads: "
        helps = f"have its workers report there: spl fleet promote {name_of(leader)}"
        found.append(LeaderProblem("rival", f"{words}{name_of(leader)}", helps))
    return found
