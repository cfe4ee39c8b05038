"""The fan-out fold: which subtasks were spawned, and what they reported.

Facts are stored by (index, attempt), so the order in which reports arrive does not matter, and a duplicate
changes nothing. A join looks at this set of facts, never at a counter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, Final, Protocol

from syncropel.folds.fanout import approvals
from syncropel.folds.fanout.additions import ADDED, ASKED, Additions
from syncropel.folds.fanout.approvals import Ask
from syncropel.folds.fanout.reassignments import OVER_BUDGET, SUPERSEDED, Reassignment, Reassignments
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.reviews import Review, Reviews, parse_review
from syncropel.folds.fanout.spec import LARGEST, FanOutSpec, is_target, positive_number
from syncropel.folds.fanout.starts import Start
from syncropel.folds.fanout.talk import Talk
from syncropel.folds.fanout.told import FACTS
from syncropel.record.model import Record

SPAWNED: Final = "fanout_spawned"
CHILD_DONE: Final = "fanout_child_done"
RETRY: Final = "fanout_retry_subtask"
AMEND_JOIN: Final = "fanout_amend_join"
COMMUTING: Final = {SPAWNED: "DO", CHILD_DONE: "DO", **dict.fromkeys(FACTS, "KNOW")}
"""Topics whose records may be applied in any order, each with its act."""

_FACTS: Final = frozenset(COMMUTING.values())

ACCEPT: Final = "accept"
VERDICTS: Final = frozenset({ACCEPT, "reject", "failed", "timeout", "terminated"})

Key = tuple[int, str]
"""(clock, id): decides which of two records that state the same fact is the first."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """DO fanout_spawned: this attempt was assigned to this instance."""

    key: Key
    child_thread: str
    child_intend: str
    instance: str
    at: float
    briefing: dict[str, Any] | None = field(default=None, hash=False)
    """What it was told about the subtasks that it depends on."""
    messages: tuple[str, ...] = ()
    """What was said to earlier attempts and is in its hint, by the ids of the records."""
    actor: str = ""
    """The coordinator that decided it. Whoever delivers it later does so in that one's name: the attempt's
    INTEND and its end are the same records whoever sends them."""


@dataclass(frozen=True, slots=True)
class Joined:
    """KNOW fulfills parent: the fan-out is over."""

    record: str
    verdict: str
    explanation: str
    cost_usd: float
    wall_time_secs: float
    at: float
    taken_at: float = field(default=0.0, compare=False)
    """When the join was appended, in unix seconds."""


class Follower(Protocol):
    """Hears which subtasks changed, by index."""

    def changed(self, index: int, /) -> None: ...


@dataclass(slots=True)
class FanOut:
    """State of one fan-out. Created and changed only by the task fold."""

    thread: str
    intend: str
    spec: FanOutSpec
    at: float = field(compare=False)
    """When it was requested (unix seconds); when it was appended, if the record does not say."""
    clock: int
    join: str
    domain: str = ""
    asked_by: str = ""
    trigger: str = ""
    alias: str = ""
    retries: dict[int, list[str]] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)
    budgets: dict[int, float] = field(default_factory=dict)
    models: dict[int, str] = field(default_factory=dict)
    moves: Reassignments = field(default_factory=Reassignments)
    asks: dict[int, Ask] = field(default_factory=dict)
    reviews: Reviews = field(default_factory=Reviews)
    spawns: dict[tuple[int, int], Spawn] = field(default_factory=dict)
    reports: dict[tuple[int, int], Report] = field(default_factory=dict)
    unreported: dict[tuple[int, int], Spawn] = field(default_factory=dict)
    """The spawns without a report, of any attempt."""
    talk: Talk = field(default_factory=Talk)
    additions: Additions = field(default_factory=Additions)
    """Subtasks that its agents asked for. Those that were added are in `spec` too."""
    joined: Joined | None = None
    cancelled: bool = False
    progress: Follower | None = field(default=None, init=False, repr=False, compare=False)
    """What `folds.fanout.progress` keeps, once somebody asked for it. It must hear of every change."""

    def attempt(self, index: int) -> int:
        """The current attempt of a subtask: 1, plus one for each retry and each reassignment."""
        retries, moved = self.retries, self.moves.reassigned
        if not retries and not moved:  # most often, and asked most often
            return 1
        return 1 + len(retries.get(index, ())) + len(moved.get(index, ()))

    def taken_from(self, index: int) -> Reassignment | None:
        """The reassignment that began the current attempt, if one did."""
        moved = self.moves.reassigned.get(index)
        return moved[-1] if moved and moved[-1].attempt == self.attempt(index) - 1 else None

    def starts_before(self, index: int, attempt: int) -> tuple[Start, ...]:
        """How often the attempts that this one was moved from were started, since the last retry."""
        starts: tuple[Start, ...] = ()
        for moved in reversed(self.moves.reassigned.get(index, ())):
            if moved.attempt == attempt - 1:
                starts, attempt = moved.starts + starts, moved.attempt
        return starts

    def end_reason(self, index: int, attempt: int) -> str:
        """Why a spawned attempt must not go on; empty while it may."""
        if attempt < self.attempt(index):
            return SUPERSEDED
        return self.moves.ended.get((index, attempt), "") or (OVER_BUDGET if self.moves.exceeded else "")

    def over(self, slot: tuple[int, int]) -> str:
        """Why nobody waits for a word to this attempt any more; empty while it may run."""
        if slot not in self.unreported:
            return "its attempt has ended"
        reason = self.end_reason(*slot)
        return f"its attempt is being ended: {reason}" if reason else ""

    def hint(self, index: int, attempt: int | None = None) -> str:
        """The operator's hint for an attempt, by default the current one: that of the latest retry."""
        hints = self.retries.get(index, [])
        if attempt is not None:
            moves = sum(one.attempt < attempt for one in self.moves.reassigned.get(index, ()))
            hints = hints[: attempt - 1 - moves]
        return hints[-1] if hints else ""

    def spawn(self, index: int) -> Spawn | None:
        """The spawn of the current attempt."""
        return self.spawns.get((index, self.attempt(index)))

    def report_clock(self, body: dict[str, Any]) -> int | None:
        """The clock that an attempt's spawn reserved for its report; None when it was not spawned.

        `body` has its index and attempt. Spawns have different clocks, so their reports do too, and they
        follow the spawns that were decided together.
        """
        slot = _slot(body, len(self.spec.subtasks))
        spawn = self.spawns.get(slot) if slot is not None else None
        return None if spawn is None else self.reserved(spawn.key[0])

    def reserved(self, clock: int) -> int:
        """The clock that a spawn with this clock reserves for the report of its attempt: after all the
        subtasks that there were, and the same whatever is added later.
        """
        return clock + self.requested + self.additions.before(clock)

    def may_add(self, index: int) -> int:
        """How many subtasks this one may ask for, if no other does."""
        return self.spec.may_add if self.additions.depth(index) < self.spec.add_depth else 0

    @property
    def requested(self) -> int:
        """How many subtasks the operator asked for. Those that agents added follow them."""
        return len(self.spec.subtasks) - len(self.additions.added)

    def report(self, index: int) -> Report | None:
        """The result of the current attempt; results of superseded attempts do not count."""
        return self.reports.get((index, self.attempt(index)))

    @property
    def budget_usd(self) -> float | None:
        """The budget of all subtasks together, as last amended."""
        return self.spec.budget_usd if self.moves.budget_usd is None else self.moves.budget_usd

    @property
    def active(self) -> bool:
        return self.joined is None and not self.cancelled

    @property
    def has_earlier(self) -> bool:
        """Whether some subtask is not at its first attempt."""
        return bool(self.retries or self.moves.reassigned)

    def record_spawn(self, body: dict[str, Any], key: Key, actor: str = "") -> None:
        """Apply a DO fanout_spawned by this actor; empty where nothing is ever sent, as in a simulation."""
        slot = self._slot_before(body, key)
        if slot is None or (slot in self.spawns and self.spawns[slot].key <= key):
            return
        spawn = self.spawns[slot] = Spawn(
            key,
            str(body.get("child_thread", "")),
            str(body.get("child_intend", "")),
            intern(str(body.get("instance", ""))),
            number(body.get("at")),
            briefing if isinstance(briefing := body.get("briefing"), dict) else None,
            tuple(map(str, said)) if isinstance(said := body.get("messages"), list) else (),
            intern(actor),
        )
        if slot not in self.reports:
            self.unreported[slot] = spawn
        self._changed(slot[0])

    def record_report(self, body: dict[str, Any], key: Key, received_at: float) -> None:
        """Apply a DO fanout_child_done."""
        slot = self._slot_before(body, key)
        verdict = body.get("verdict")
        if slot is None or not is_verdict(verdict):
            return
        if slot in self.reports and self.reports[slot].key <= key:
            return
        output = body.get("output")
        self.reports[slot] = Report(
            key,
            intern(str(body.get("worker", ""))),
            intern(str(verdict)),
            str(body.get("summary", "")),
            number(body.get("cost_usd")),
            number(body.get("wall_time_secs")),
            number(body.get("at")),
            output if isinstance(output, str) else None,
            intern(str(body.get("reason") or "")),
            received_at,
            body.get("cost_unknown") is not True,
            agent if isinstance(agent := body.get("agent"), dict) else None,
            worktree if isinstance(worktree := body.get("worktree"), dict) else None,
            gate if isinstance(gate := body.get("gate"), dict) else None,
            positive_number(body.get("budget_usd")),
        )
        self.unreported.pop(slot, None)
        self._changed(slot[0])

    def record_retry(self, body: dict[str, Any]) -> None:
        index = body.get("index")
        if type(index) is int and 0 <= index < len(self.spec.subtasks):
            hint = body.get("hint")
            self.retries.setdefault(index, []).append(hint if isinstance(hint, str) else "")
            self.asks.pop(index, None)  # it asks about another attempt
            target = body.get("target")
            if isinstance(target, str) and is_target(target):
                self.targets[index] = target
            budget = positive_number(body.get("budget_usd"))
            if budget is not None:
                self.budgets[index] = budget
            model = body.get("model")
            if isinstance(model, str) and model:
                self.models[index] = model
            self._changed(index)

    def record_review(self, record: Record, received_at: float) -> bool:
        """Apply a LEARN of `folds.fanout.reviews`; return whether it begins another attempt.

        A rejection counts only while its attempt is the current one, so two of the same attempt, or one
        beside a retry, begin no attempt twice. It does not depend on the attempt's report, which may be
        applied in any order.
        """
        body = record.body
        try:
            said = parse_review(body)
        except ValueError:
            return False  # the engine writes none; in a foreign log it says nothing
        index, current = said.index, self.attempt(said.index)
        if index >= len(self.spec.subtasks) or said.attempt > current:
            return False
        hint = body.get("hint") if said.rejects else None
        told = hint if isinstance(hint, str) else ""
        at = number(body.get("at"), received_at)
        self.reviews.take(Review(record.id, record.actor, at, said, told))
        self._changed(index)
        if not said.rejects or said.attempt < current:
            return False
        self.record_retry({"index": index, "hint": told})
        return True

    def record_move(self, topic: str, body: dict[str, Any]) -> None:
        """Apply a LEARN of `folds.fanout.reassignments`."""
        index = body.get("index")
        attempts: dict[int, int] = {}
        if type(index) is int and 0 <= index < len(self.spec.subtasks):
            attempts[index] = self.attempt(index)
        exceeded = self.moves.exceeded
        self.moves.apply(topic, body, attempts)
        for moved in attempts:
            self._changed(moved)
        if self.moves.exceeded != exceeded:
            self.progress = None  # it changes every subtask that has not begun

    def record_ask(self, topic: str, body: dict[str, Any], key: Key) -> None:
        """Apply a LEARN of `folds.fanout.approvals`. A rejected attempt thereby has its result."""
        index = body.get("index")
        if type(index) is not int or not 0 <= index < len(self.spec.subtasks):
            return
        ask = self.asks.get(index)
        if topic == approvals.ASKED:
            ask = approvals.asked(body, self.attempt(index), ask)
        elif ask is not None and (verdict := approvals.answers(body, ask)):
            ask = replace(ask, verdict=verdict)
            if verdict != ACCEPT:
                told = str(body.get("reason") or "an operator did not let it begin")
                slot, at = (index, ask.attempt), number(body.get("at"))
                self.reports.setdefault(
                    slot, Report(key, "", verdict, told, 0.0, 0.0, at, None, approvals.REJECTED)
                )
                self.unreported.pop(slot, None)
                self._changed(index)
        if ask is not None:
            self.asks[index] = ask

    def told_at(self, record: Record) -> int | None:
        """The clock of the record that states this very fact of `folds.fanout.told`; None when none does."""
        known = self.additions if record.topic == ASKED else self.talk
        return known.clock_of(record)

    def record_decision(self, topic: str, body: dict[str, Any], key: Key) -> None:
        """Apply a LEARN of `folds.fanout.additions`. A join stands: nothing is added to one."""
        if topic == ADDED and self.joined is not None:
            return
        subtask = self.additions.decide(topic, body, key, len(self.spec.subtasks))
        if subtask is not None:
            self.spec = replace(self.spec, subtasks=(*self.spec.subtasks, subtask))
            self.progress = None  # it is about as many subtasks as there were

    def _slot_before(self, body: dict[str, Any], key: Key) -> tuple[int, int] | None:
        """The subtask and attempt of a fact, which holds for subtasks that were there before it."""
        slot = _slot(body, len(self.spec.subtasks))
        return slot if slot is not None and self.additions.was(slot[0], key) else None

    def _changed(self, index: int) -> None:
        if self.progress is not None:
            self.progress.changed(index)

    def asking(self) -> list[int]:
        """The subtasks that wait for an operator's decision."""
        return [index for index, ask in self.asks.items() if not ask.verdict] if self.active else []

    def to_end(self) -> list[tuple[tuple[int, int], Spawn]]:
        """Spawned attempts without a result that must not go on (`end_reason`), by slot."""
        moves, unreported = self.moves, self.unreported
        if moves.exceeded:
            return sorted(unreported.items())
        earlier = (
            (index, attempt)
            for index in self.retries.keys() | moves.reassigned.keys()
            for attempt in range(1, self.attempt(index))
        )
        return [(slot, unreported[slot]) for slot in sorted({*earlier, *moves.ended} & unreported.keys())]

    @property
    def cost_usd(self) -> float:
        """The cost of all attempts, including superseded ones: money spent is spent."""
        return sum((report.cost_usd for report in self.reports.values()), 0.0)

    @property
    def cost_known(self) -> bool:
        """Whether `cost_usd` is everything that was spent."""
        return all(report.cost_known for report in self.reports.values())


def _slot(body: dict[str, Any], count: int) -> tuple[int, int] | None:
    index, attempt = body.get("index"), body.get("attempt", 1)
    if type(index) is not int or type(attempt) is not int or not 0 <= index < count or attempt < 1:
        return None
    return index, attempt


def commutes(record: Record) -> bool:
    """Whether this record states a fact of a fan-out, which may be applied out of order."""
    return record.act in _FACTS and COMMUTING.get(record.topic) == record.act


def is_verdict(value: Any) -> bool:
    """Whether a body's verdict is valid: it may be any JSON value."""
    return isinstance(value, str) and value in VERDICTS


def number(value: Any, otherwise: float = 0.0) -> float:
    """A number from a body; `otherwise` when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return otherwise
    return float(value)
