"""The reconciler: examines the folded state of each fan-out and takes the steps that are missing.

It has no memory: every step is found by folding, so it may be stopped anywhere and run again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from syncropel.engine.fanout.adding import Adder
from syncropel.engine.fanout.delivery import Delivery, end_key
from syncropel.engine.fanout.gates import Gates
from syncropel.engine.fanout.reassignment import Reassigner
from syncropel.engine.fanout.spawn import child_end, child_intend, spawned
from syncropel.engine.fanout.words import words
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.pending_threads import PendingThreads
from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import KINDS, ROUTING
from syncropel.folds.fanout.additions import ASKED, REFUSED
from syncropel.folds.fanout.child import STREAM_EVENT
from syncropel.folds.fanout.clocks import free_clocks
from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.progress import ROUND_ROBIN, progress_of
from syncropel.folds.fanout.reassignments import END, SUPERSEDED
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fanout.talk import WORDS
from syncropel.folds.fleet.routing import route
from syncropel.folds.tasks.state import REJECTIONS, TaskState
from syncropel.peer.runtime import Runtime
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.joining import decide_join
from syncropel.policy.reviewing import Overtaken
from syncropel.policy.target_selection import choose
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, INSTANCE_REGISTRY
from syncropel.store.base import Outcome
from syncropel.wire.fleet import Heartbeat

log = logging.getLogger("syncropel.engine.reconciler")

_AFTER_THE_END: Final = frozenset({END, ASKED, REFUSED}) | WORDS
"""Topics that need a look after a cancel or a join too: what runs on can be ended, answered, and ask."""


class Reconciler:
    """Spawns what is ready, delivers what is spawned, joins what is satisfied."""

    def __init__(
        self,
        ingest: Ingest,
        leases: Leases,
        delivery: Delivery,
        reassigner: Reassigner,
        gates: Gates,
        did: str,
        runtime: Runtime,
    ) -> None:
        self._gates = gates
        self._reassigner = reassigner
        self._displaced = reassigner.displaced()
        self._ingest = ingest
        self._leases = leases
        self._delivery = delivery
        self._adder = Adder(ingest, did, runtime)
        self._did = did
        self._runtime = runtime
        self._pending = PendingThreads(self.reconcile, runtime.monotonic)
        self._placing: Counter[str] = Counter()
        self._said: dict[str, str] = {}
        self._made: dict[str, dict[str, Record]] = {}
        """By thread and id, the INTENDs of what was just spawned, until they are delivered."""
        ingest.subscribe(self.on_records)

    @property
    def pending(self) -> PendingThreads:
        """The fan-outs that wait to be examined."""
        return self._pending

    @property
    def queue_depth(self) -> int:
        return len(self._pending)

    @property
    def total(self) -> int:
        """How many fan-outs were examined in total."""
        return self._pending.total

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        """Mark the fan-outs that these records may affect."""
        for stored in records:
            thread = stored.record.thread
            active = thread in self._ingest.live.active or self._delivery.sends_for(thread)
            if active or stored.record.topic in _AFTER_THE_END:
                self._pending.mark(thread)
            elif thread == FLEET_CONTROL or (thread == ENGINE_CONFIG and stored.record.topic in KINDS):
                self.mark_all()
            elif thread == INSTANCE_REGISTRY:
                if stored.record.body.get("state") == "joined":
                    self._delivery.resend(str(stored.record.body.get("did")))
                self.mark_all()
            elif stored.record.topic == STREAM_EVENT:
                self.mark_budgets()

    def mark_budgets(self) -> None:
        """Mark every fan-out with a budget: money was spent."""
        for thread, state in self._ingest.live.active.items():
            if state.fanout is not None and state.fanout.budget_usd is not None:
                self._pending.mark(thread)

    def on_beat(self, beat: Heartbeat) -> None:
        """A heartbeat may report spend, and work that will not begin where it was assigned."""
        if beat.held:
            self.mark_all()
        elif beat.spend:
            self.mark_budgets()

    def look_for_the_displaced(self) -> None:
        """Mark every fan-out when an instance is gone for good, or a drain's deadline has passed."""
        displaced = self._reassigner.displaced()
        if displaced != self._displaced:
            self._displaced = displaced
            self.mark_all()

    def look_at_the_held(self) -> None:
        """Evaluate holding rules again: they may depend on the time, or on another task."""
        for thread in self._gates.threads():
            self._pending.mark(thread)

    def mark_all(self) -> None:
        """Mark every fan-out that has not joined: at start, and when the fleet has changed."""
        for thread in self._ingest.live.active:
            self._pending.mark(thread)

    async def run(self) -> None:
        """Reconcile for ever."""
        await self._pending.run()

    async def drain(self) -> None:
        """Reconcile until nothing is marked, and nothing waits for an expression."""
        await self._pending.drain()

    async def reconcile(self, thread: str) -> None:
        """Take every step that this fan-out's folded state requires."""
        if self._ingest.live.standing.fenced is not None:
            return  # another decides now
        if thread in self._ingest.live.altered:
            return  # nothing rests on a record that is not what it was
        state = self._active(thread)
        if state is None or state.fanout is None:
            self._gates.forget(thread)
            self._made.pop(thread, None)
            over = self._ingest.live.tasks.get(thread)
            if over is None or over.fanout is None:
                self._delivery.forget(thread)
            elif not await self._adder.decide(over):
                self._deliver_to_what_runs_on(over.fanout)
            return
        if await self._adder.decide(state):
            return  # the join waits for what an agent asked for before it
        names, progress = self._ingest.live.names(), progress_of(state.fanout)
        _, decision = await decide_join(state.fanout, progress, state.alias, names)
        state = self._active(thread)  # it may have changed while the expression was evaluated
        if state is None or state.fanout is None:
            self._pending.mark(thread)
        elif decision.satisfied:
            await self._join(state, decision)
        else:
            self._say(state, decision)
            # Writing marks this thread again, and the next round continues from there.
            if not (await self._reassigner.write(state) or await self._spawn(state)):
                self._deliver(state)

    def _active(self, thread: str) -> TaskState | None:
        # Looked up again after each wait: a refolded thread has another state object.
        return self._ingest.live.active.get(thread)

    async def _join(self, state: TaskState, decision: JoinDecision) -> None:
        fanout, now = state.fanout, self._runtime.now()
        assert fanout is not None
        body = {
            "fulfills": fanout.intend,
            "verdict": ACCEPT,
            "join": fanout.join,
            "explanation": decision.explanation,
            "cost_usd": fanout.cost_usd,
            "wall_time_secs": round(max(0.0, now - fanout.at), 3),
            "namespace": fanout.spec.namespace,
            "at": now,
        }
        if rejected := fanout.reviews.rejected:
            body[REJECTIONS] = len(rejected)
        clock = next(free_clocks(fanout, state.clock, self._did))
        record = Record(state.thread, self._did, "KNOW", body, clock, (fanout.intend,))
        try:
            await self._ingest.append_one(record.identified())
        except Overtaken as error:
            log.info("not joined: %s", error.message, extra={"thread_id": state.thread})
            self._pending.mark(state.thread)
            return
        log.info("fan-out joined: %s", decision.explanation, extra={"thread_id": state.thread})
        self._deliver_to_what_runs_on(fanout)
        self._said.pop(state.thread, None)

    def _say(self, state: TaskState, decision: JoinDecision) -> None:
        if decision.satisfiable:
            self._said.pop(state.thread, None)
        elif self._said.get(state.thread) != decision.explanation:
            self._said[state.thread] = decision.explanation
            log.warning("%s", decision.explanation, extra={"thread_id": state.thread})

    async def _spawn(self, state: TaskState) -> bool:
        """Assign each ready subtask to an instance; return whether anything was written."""
        fanout = state.fanout
        assert fanout is not None
        waiting = progress_of(fanout).ready()
        if not waiting or self._ingest.live.holds(state.namespace):
            return False
        seen = state.records
        looked = await self._gates.look(state, waiting)
        if self._active(state.thread) is not state or state.records != seen:
            self._pending.mark(state.thread)  # it changed while rules were evaluated
            return True
        candidates = self._leases.candidates()
        load = self.load()
        turn = progress_of(fanout).turn
        clocks, now = free_clocks(fanout, state.clock, self._did), self._runtime.now()
        rules = self._ingest.live.rules.of(ROUTING)
        evaluation = EvaluationFunctions(self._ingest.live, now, self._did, self._did)
        decisions: list[Record] = []
        placing: Counter[str] = Counter()
        for body in looked.asks:
            question = {**body, "namespace": fanout.spec.namespace, "at": now}
            decisions.append(
                Record(state.thread, self._did, "LEARN", question, next(clocks), (fanout.intend,))
            )
        for child in looked.passed:
            target = choose(rules, fanout, child, state.alias, state.goal, candidates, load, evaluation)
            chosen = route(target, candidates, load, turn, child.subtask.adapter)
            if chosen.did is None:
                continue
            turn += child.subtask.target == ROUND_ROBIN
            load[chosen.did] += 1
            placing[chosen.did] += 1
            clock = next(clocks)
            intend = child_intend(fanout, child, clock, self._did)
            self._made.setdefault(state.thread, {})[intend.id] = intend
            decisions.append(spawned(fanout, child, intend, clock, self._did, chosen.did, now))
        written = False
        for outcome in await self._placed(decisions, placing) if decisions else ():
            if isinstance(outcome, Overtaken):
                log.info("not spawned: %s", outcome.message, extra={"thread_id": state.thread})
            elif isinstance(outcome, SyncropelError):
                log.error("cannot spawn: %s", outcome.message, extra={"thread_id": state.thread})
            else:
                written = True
        return written

    async def _placed(self, decisions: list[Record], placing: Counter[str]) -> Sequence[Outcome]:
        self._placing += placing
        try:
            return await self._ingest.append(decisions)
        finally:
            self._placing -= placing

    def placed(self) -> dict[str, frozenset[str]]:
        """The child INTENDs of subtasks in progress, by instance."""
        placed: dict[str, set[str]] = {}
        for state in self._ingest.live.active.values():
            assert state.fanout is not None
            for did, running in progress_of(state.fanout).running.items():
                placed.setdefault(did, set()).update(spawn.child_intend for spawn in running.values())
        return {did: frozenset(intends) for did, intends in placed.items()}

    def load(self) -> Counter[str]:
        """Subtasks in progress by instance, over every fan-out, including those being assigned right now:
        folded, so a slot cannot leak.
        """
        return self._placing + self._ingest.live.active.load()

    def _deliver(self, state: TaskState) -> None:
        fanout, delivery = state.fanout, self._delivery
        assert fanout is not None
        progress, made = progress_of(fanout), self._made.pop(state.thread, {})
        for index in delivery.begun(state.thread, progress):
            child = progress.child(index)
            spawn = child.spawn
            if child.state == "in_progress" and spawn is not None and not delivery.knows(spawn.child_intend):
                intend = made.get(spawn.child_intend)
                if intend is None:
                    intend = child_intend(fanout, child, spawn.key[0], spawn.actor)
                delivery.send(state.thread, spawn.child_intend, spawn.instance, intend)
        delivery.caught_up(state.thread, progress)
        self._deliver_ends(fanout)
        self._deliver_words(fanout)

    def _deliver_to_what_runs_on(self, fanout: FanOut) -> None:
        """For a fan-out that is over: nothing is assigned any more, and what runs is still told when to end,
        and what its operator says.
        """
        ends = {end_key(spawn.child_intend) for _, spawn in fanout.to_end()}
        self._delivery.forget(fanout.thread, ends.union(word.key for word in words(fanout)))
        self._deliver_ends(fanout)
        self._deliver_words(fanout)

    def _deliver_words(self, fanout: FanOut) -> None:
        for key, instance, make in words(fanout):
            if not self._delivery.knows(key):
                self._delivery.send(fanout.thread, key, instance, make())

    def _deliver_ends(self, fanout: FanOut) -> None:
        for slot, spawn in fanout.to_end():
            reason = fanout.end_reason(*slot)
            end = child_end(fanout, slot[1], spawn, reason)
            self._delivery.end(
                fanout.thread, slot, spawn.child_intend, spawn.instance, end, superseded=reason == SUPERSEDED
            )
        for intend, slot in self._delivery.ends(fanout.thread).items():
            if slot in fanout.unreported and not fanout.end_reason(*slot):
                self._delivery.withdraw_end(intend)
