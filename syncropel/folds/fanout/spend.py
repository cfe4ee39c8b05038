"""What running goals have spent so far: the sum of their observations, by attempt.

A stream event says what was spent since the previous one (`cost_usd`, US dollars above 0) and how far its
source was read (`cost_offset`, bytes), so a restarted worker counts nothing twice. An event from a program's
output names its run and its number among that run's events (`run`, `events`) instead. With `cost_unknown`
more may have been spent than it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from syncropel.folds.fanout.child import AGENT_SESSION, OUTPUT_EVENTS, STREAM_EVENT
from syncropel.folds.fanout.spec import LARGEST
from syncropel.folds.working_set import WorkingSet
from syncropel.record.model import Record, StoredRecord

KINDS: Final = ("input", "cached_input", "cache_write", "output", "reasoning")
"""Kinds of tokens."""
_MOST_TOKENS: Final = 2**53


@dataclass(frozen=True, slots=True)
class AgentRun:
    """One run of an agent in an attempt, as far as the log has it."""

    session: str = ""
    named_by: tuple[int, float] = (0, 0.0)
    """Which event named the session: its number, and when it was observed (unix seconds)."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Tokens used, by kind."""

    def heard(self, record: Record, events: int) -> AgentRun:
        """The run with one more observation."""
        body = record.body
        if record.topic == AGENT_SESSION and isinstance(body.get("session"), str):
            at = body.get("at")
            named_by = (events, float(at) if isinstance(at, int | float) else 0.0)
            if named_by >= self.named_by:
                return replace(self, session=body["session"], named_by=named_by)
        usage = body.get("usage")
        if record.topic == STREAM_EVENT and isinstance(usage, dict):
            more = {kind: _count(usage.get(kind)) + self.tokens.get(kind, 0) for kind in KINDS}
            return replace(self, tokens=more)
        return self


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else 0


@dataclass(frozen=True, slots=True)
class Spent:
    """One attempt's spend, and where to continue reading."""

    usd: float = 0.0
    offset: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    """How many events of a run's output were observed, by the run's name."""
    unpriced: bool = False
    """Whether tokens with an unknown price were used: then `usd` is incomplete."""
    agents: Mapping[str, AgentRun] = field(default_factory=dict)
    """Runs of an agent, by the run's name."""


@dataclass(slots=True)
class Spend:
    """Spend by the id of the child INTEND. Applying records in any order gives the same state."""

    by_intend: WorkingSet[Spent] = field(default_factory=WorkingSet)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one observation of a dispatch."""
        record, body = stored.record, stored.record.body
        intend = body.get("child_intend")
        if record.topic not in OUTPUT_EVENTS or not isinstance(intend, str):
            return
        spent = self.by_intend.get(intend) or Spent()
        run, events = body.get("run"), body.get("events")
        if isinstance(run, str) and type(events) is int:
            counted = {**spent.events, run: max(events, spent.events.get(run, 0))}
            whose = run.partition("/")[0]  # its requests at the gateway are counted apart
            known = spent.agents.get(whose, AgentRun())
            agents = spent.agents
            if (agent := known.heard(record, events)) != known:
                agents = {**agents, whose: agent}
            self.by_intend[intend] = spent = replace(spent, events=counted, agents=agents)
        cost, offset = body.get("cost_usd"), body.get("cost_offset")
        unknown = body.get("cost_unknown") is True or (cost is None and isinstance(body.get("usage"), dict))
        if record.topic == STREAM_EVENT and unknown:
            self.by_intend[intend] = spent = replace(spent, unpriced=True)
        if record.topic != STREAM_EVENT or isinstance(cost, bool) or not isinstance(cost, int | float):
            return
        if 0 < cost <= LARGEST:
            read = offset if type(offset) is int else 0
            told = replace(spent, usd=spent.usd + float(cost), offset=max(spent.offset, read))
            self.by_intend[intend] = told

    def of(self, intend: str) -> Spent:
        """The spend of this attempt."""
        return self.by_intend.get(intend) or Spent()
