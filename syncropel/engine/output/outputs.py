"""The output of any subtask: read here, or requested from the instance that has the attempt."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.output.local import ATTEMPT_UNKNOWN, LocalOutput, Wanted
from syncropel.errors import DaemonUnreachable, NoOutput, NotFound, OutputUnreachable
from syncropel.folds.fanout.state import FanOut, Spawn
from syncropel.folds.tasks.state import TaskState
from syncropel.peer.peers import Peers
from syncropel.wire import OutputPage

ASKED_AT_ONCE: Final = 4
"""Concurrent requests to one instance: more would take room from its other callers."""
_NOT_FOUND: Final = 404


class Outputs:
    """Reads output wherever it is."""

    def __init__(self, local: LocalOutput, ingest: Ingest, peers: Peers, leases: Leases, did: str) -> None:
        self._local = local
        self._ingest = ingest
        self._peers = peers
        self._leases = leases
        self._did = did
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(ASKED_AT_ONCE)
        )

    async def of_child(self, child_thread: str, attempt: int | None, wanted: Wanted) -> OutputPage:
        """From an attempt on this instance. Raises as `LocalOutput.read`."""
        page = await self._local.read(child_thread, attempt, wanted)
        return page.model_copy(update={"alias": self._alias(self._did)})

    async def of_subtask(self, task: str, index: int, attempt: int | None, wanted: Wanted) -> OutputPage:
        """From an attempt of a subtask; None for the current one.

        Raises NotFound for an unknown task, subtask, or attempt, OutputUnreachable when the instance that has
        the output does not answer, NoOutput when there is none.
        """
        state, fanout = self._fan_out(task, index)
        latest = fanout.attempt(index)
        number = latest if attempt is None else attempt
        if not 1 <= number <= latest:
            raise NotFound(
                f"{_named(state)} [{index}] has no attempt {number}", f"its latest attempt is {latest}"
            )
        spawn = fanout.spawns.get((index, number))
        if spawn is None:
            return _nothing_yet(index, number, ended=number < latest or not fanout.active)
        report = fanout.reports.get((index, number))
        try:
            page = await self._of_spawn(spawn, number, wanted)
        except OutputUnreachable as error:
            error.over = report is not None
            raise
        if page is None and report is not None:
            raise NoOutput(
                f"{self._name(spawn.instance)} does not know of attempt {number}", "was its home replaced?"
            )
        if page is None:
            page = _nothing_yet(index, number, ended=False).model_copy(update={"state": "in_progress"})
        where = {"child_thread": spawn.child_thread, "instance": spawn.instance}
        return page.model_copy(update={**where, "alias": self._alias(spawn.instance)})

    def _fan_out(self, task: str, index: int) -> tuple[TaskState, FanOut]:
        state = self._ingest.live.task(task)
        if state is None:
            raise NotFound(f"no task {task!r}", "see the tasks: spl task list")
        fanout, name = state.fanout, _named(state)
        if fanout is None:
            raise NotFound(f"{name} has no subtasks", f"see what it is: spl task show {name}")
        if not 0 <= index < len(fanout.spec.subtasks):
            raise NotFound(
                f"{name} has no subtask {index}: it has {len(fanout.spec.subtasks)}, from 0 on",
                f"see them: spl task join-status {name}",
            )
        return state, fanout

    async def _of_spawn(self, spawn: Spawn, attempt: int, wanted: Wanted) -> OutputPage | None:
        """None while its instance does not know the attempt yet."""
        try:
            if spawn.instance == self._did:
                return await self.of_child(spawn.child_thread, attempt, wanted)
            return await self._ask(spawn, attempt, wanted)
        except NotFound as error:
            if error.code != ATTEMPT_UNKNOWN:
                raise
            return None

    async def _ask(self, spawn: Spawn, attempt: int, wanted: Wanted) -> OutputPage:
        if not self._ingest.open:
            raise NoOutput(
                "output is not in the log: it is with the instances", "ask the fleet's coordinator"
            )
        known = self._ingest.live.registry.instances.get(spawn.instance)
        if known is None or not known.endpoint:
            raise self._unreachable(spawn.instance, "its address is unknown")
        try:
            async with self._turns[spawn.instance]:
                status, answer = await self._peers.output(
                    known.endpoint, spawn.instance, spawn.child_thread, wanted.query(attempt)
                )
        except DaemonUnreachable:
            raise self._unreachable(spawn.instance) from None
        if "object" in answer and answer["object"] == "output":
            return self._page(spawn.instance, answer)
        code, message, hint = (str(answer.get(key, "")) for key in ("code", "message", "hint"))
        if code == NoOutput.code:
            raise NoOutput(f"{self._name(spawn.instance)}: {message}", hint)
        if code == ATTEMPT_UNKNOWN:
            raise NotFound(message, hint, code=code)
        if status == _NOT_FOUND:
            raise self._unreachable(spawn.instance, "it is of a version that does not give output")
        raise self._unreachable(spawn.instance, f"HTTP {status} {message}".rstrip())

    def _page(self, did: str, answer: dict[str, Any]) -> OutputPage:
        try:
            page = OutputPage.model_validate(answer)
        except ValidationError:
            raise self._unreachable(did, "this version cannot read its answer") from None
        if page.instance != did:
            raise self._unreachable(did, "another instance answers at its address")
        return page

    def _unreachable(self, did: str, why: str = "") -> OutputUnreachable:
        """`why`: what is wrong with its answer; empty when there is none."""
        known, beat = self._ingest.live.registry.instances.get(did), self._leases.last_beat(did)
        status = self._leases.status(known) if known is not None else "unknown"
        gone = {"archived": "is archived and ", "left": "has left the fleet and "}.get(status, "")
        what = f"does not give the output: {why}" if why else "does not answer"
        heard = f"last heard {_clock(beat[1])}" if beat else "not heard since this daemon started"
        return OutputUnreachable(
            f"{self._name(did)} {gone}{what} ({heard})",
            f"the output is on its disk; see how it is: spl fleet show {self._name(did)}",
        )

    def _name(self, did: str) -> str:
        return self._alias(did) or did

    def _alias(self, did: str) -> str:
        known = self._ingest.live.registry.instances.get(did)
        return known.alias if known is not None else ""


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S UTC on %Y-%m-%d}"


def _named(state: TaskState) -> str:
    return state.alias or state.thread


def _nothing_yet(index: int, attempt: int, *, ended: bool) -> OutputPage:
    return OutputPage(
        index=index, attempt=attempt, state="pending", ended=ended, offset=0, next_offset=0, size=0
    )
