"""The merges of a task's finished branches: who asked for each, every step of it, and how it ended.

An operator's request is one record; every step is a record of the instance that merges. Steps are numbered,
so a step that is reported twice, or late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from syncropel.folds.fanout.state import number
from syncropel.record.model import Record

ASKED: Final = "merge_asked"
STEP: Final = "merge_step"
UNTAKEN: Final = "merge_untaken"
WORK: Final = "merge_work"
"""Topic of the INTEND by which an instance takes a merge on, in its own log."""
TOPICS: Final = frozenset({ASKED, STEP, UNTAKEN})
"""Topics on a task's thread that are about merges of its branches."""

Mode = Literal["merge", "squash", "ff-only"]
MODES: Final[tuple[Mode, ...]] = ("merge", "squash", "ff-only")

STARTED: Final = "started"
MERGED: Final = "merged"
"""Of a step: one branch is merged, and nothing is moved yet. Of a merge: the target was moved."""
NOTHING_NEW: Final = "nothing_new"
"""Of a step: the target has all commits of the branch already."""
CONFLICT: Final = "conflict"
GATE_STARTED: Final = "gate_started"
GATE_PASSED: Final = "gate_passed"
GATE_FAILED: Final = "gate_failed"
BISECTED: Final = "bisected"
MOVING: Final = "moving"
MOVED: Final = "moved"
ENDED: Final = "ended"

CHECKED: Final = "checked"
REFUSED: Final = "refused"
FROZEN: Final = "frozen"
INTERRUPTED: Final = "interrupted"
FAILED: Final = "failed"
STATES: Final = (
    "queued",
    "running",
    MERGED,
    CHECKED,
    CONFLICT,
    GATE_FAILED,
    REFUSED,
    FROZEN,
    INTERRUPTED,
    FAILED,
    UNTAKEN,
)
"""States of a merge. All but the first two are ends; only `merged` has moved the target, or found nothing to
move it for; `checked` is a dry run without a problem.
"""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that is to be merged, and the commit that the attempt's result names.

    `work`: the attempt's name in its commits. `title`: the first line of its goal.
    """

    index: int
    attempt: int
    branch: str
    commit: str
    child_thread: str = ""
    work: str = ""
    title: str = ""

    def as_body(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def read(cls, value: Any) -> Branch:
        """Raises ValueError naming what is wrong."""
        if not isinstance(value, dict):
            raise ValueError("a branch must be an object")
        for name in ("index", "attempt"):
            if type(value.get(name)) is not int:
                raise ValueError(f"a branch needs a whole number {name!r}")
        texts = {name: value.get(name, "") for name in cls.__slots__ if name not in ("index", "attempt")}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise ValueError(f"a branch's {name!r} must be a text")
        return cls(value["index"], value["attempt"], **texts)


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asked for. `into`: the branch to merge into; empty for the repository's own base."""

    repo: str
    into: str
    mode: Mode
    dry_run: bool
    branches: tuple[Branch, ...]

    def as_body(self) -> dict[str, Any]:
        return {
            "repo": self.repo,
            "into": self.into,
            "mode": self.mode,
            "dry_run": self.dry_run,
            "branches": [one.as_body() for one in self.branches],
        }

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Request:
        """Raises ValueError naming what is wrong."""
        repo, into, mode, listed = (body.get(name) for name in ("repo", "into", "mode", "branches"))
        if not isinstance(repo, str) or not repo:
            raise ValueError("a merge needs the name of a repository")
        if not isinstance(into, str):
            raise ValueError("'into' must be the name of a branch, or empty")
        if mode not in MODES:
            raise ValueError(f"'mode' must be one of {', '.join(MODES)}")
        if not isinstance(listed, list) or not listed:
            raise ValueError("a merge needs at least one branch")
        return cls(repo, into, mode, body.get("dry_run") is True, tuple(map(Branch.read, listed)))


@dataclass(frozen=True, slots=True)
class Step:
    """One step, in the words of the instance that merges; `number` counts from 0."""

    number: int
    what: str
    at: float
    body: dict[str, Any] = field(hash=False)

    def text(self, name: str) -> str:
        """A field of it, empty when it is not a text."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Merge:
    """One merge. `instance`: the DID of the instance that carries it out; `by`: who asked."""

    id: str
    by: str
    instance: str
    at: float
    request: Request
    steps: dict[int, Step] = field(default_factory=dict)
    untaken: str = ""
    """Why its instance was not told of it; empty when it was."""

    @property
    def end(self) -> Step | None:
        """The step that ended it: the first, should there be several."""
        ends = [number for number, step in self.steps.items() if step.what == ENDED]
        return self.steps[min(ends)] if ends else None

    @property
    def state(self) -> str:
        """One of STATES."""
        end = self.end
        if end is not None:
            said = end.text("state")
            return said if said in STATES[2:-1] else FAILED
        if self.steps:
            return "running"
        return UNTAKEN if self.untaken else "queued"

    def told(self) -> list[Step]:
        """Its steps in order, up to its end."""
        end = self.end
        return [self.steps[one] for one in sorted(self.steps) if end is None or one <= end.number]

    @property
    def target(self) -> str:
        """The branch that it merges into, as its instance found it; empty before it has started."""
        return next((step.text("into") for step in self.told() if step.what == STARTED), "")

    @property
    def commit(self) -> str:
        """The commit that the target was moved to; empty when it was not moved."""
        return next((step.text("new") for step in self.told() if step.what == MOVED), "")

    def merged(self) -> list[int]:
        """The subtasks that are in the target now because of it, or were before."""
        if self.state != MERGED or self.request.dry_run:
            return []
        done = (MERGED, NOTHING_NEW)
        return [
            one for step in self.told() if step.what in done and type(one := step.body.get("index")) is int
        ]


@dataclass(slots=True)
class Merges:
    """All merges of one task, by the id of the record that asked for each, in the order of asking."""

    by_id: dict[str, Merge] = field(default_factory=dict)

    def apply(self, topic: str, record: Record, received_at: float) -> None:
        """Apply a record with one of TOPICS; in fold order, so a step follows its request."""
        body = record.body
        if topic == ASKED:
            self._ask(record, received_at)
            return
        merge = self.by_id.get(str(body.get("merge")))
        if merge is None:
            return
        if topic == UNTAKEN:
            merge.untaken = merge.untaken or str(body.get("why") or "its instance did not answer")
        elif record.actor == merge.instance and type(at := body.get("step")) is int:
            step = Step(at, str(body.get("what")), number(body.get("at"), received_at), body)
            merge.steps.setdefault(at, step)

    def _ask(self, record: Record, received_at: float) -> None:
        instance = record.body.get("instance")
        try:
            request = Request.read(record.body)
        except ValueError:
            return  # the engine writes none; in a foreign log it asks for nothing
        if isinstance(instance, str):
            at = number(record.body.get("at"), received_at)
            self.by_id.setdefault(record.id, Merge(record.id, record.actor, instance, at, request))

    def open(self) -> list[Merge]:
        """Those that have not ended, as far as is known."""
        return [one for one in self.by_id.values() if one.state in ("queued", "running")]

    def merged(self) -> dict[int, Merge]:
        """By subtask, the last merge that has it."""
        return {index: one for one in self.by_id.values() for index in one.merged()}


def merged_attempt(merge: Merge, index: int) -> int:
    """Which attempt at a subtask a merge was about; 0 for none."""
    found: Iterable[Branch] = (one for one in merge.request.branches if one.index == index)
    return next((one.attempt for one in found), 0)
