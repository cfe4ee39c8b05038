"""The gate of a repository on a merged tree: supervised, within a time limit, without anybody's secrets."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from syncropel.adapters.base import Startable
from syncropel.adapters.environment import found, passed
from syncropel.adapters.files import end_of
from syncropel.adapters.gate_command import ended_in_time
from syncropel.adapters.reading import PlainReader, how_it_ended
from syncropel.adapters.supervised import Ending, Supervised
from syncropel.peer.runtime import Runtime
from syncropel.supervisor.decide import EXIT, START_FAILED, STOPPED, TIMEOUT, Limits
from syncropel.supervisor.words import Spec

RUN_PREFIX: Final = "merge-"
"""How the runs of these gates are named in the folder of runs."""


@dataclass(frozen=True)
class Judged:
    """`passed`: None when the gate was kept from starting, or was ended. `told`: how it ended."""

    passed: bool | None
    told: str
    tail: str = ""
    exit_code: int | None = None
    signal: int | None = None
    runtime_ms: int = 0
    left: tuple[int, ...] = ()

    def facts(self) -> dict[str, Any]:
        """For a record."""
        known = {"told": self.told, "tail": self.tail, "exit_code": self.exit_code, "signal": self.signal}
        return {**known, "runtime_ms": self.runtime_ms, **({"left": list(self.left)} if self.left else {})}


class TreeGate:
    """One run of a gate command in the worktree of a merged commit."""

    def __init__(self, words: Sequence[str], cwd: Path, output: Path, runs: Path, limits: Limits) -> None:
        self._words = tuple(words)
        self._cwd = cwd
        self._output = output
        self._runs = runs
        self._limits = limits

    async def judge(self, runtime: Runtime, let_through: Callable[[Startable], Awaitable[bool]]) -> Judged:
        """Run it to its end. `let_through` starts it, or says that it must not start.

        Cancelling ends the run with all that it has started, and raises CancelledError after that.
        """
        environment = passed()
        spec = Spec(found(list(self._words), environment), str(self._cwd), self._limits)
        try:
            with self._output.open("xb") as sink:
                name = f"{RUN_PREFIX}{token_hex(4)}"
                run = await Supervised.launch(self._runs, spec, environment, sink.fileno(), {}, name)
        except (OSError, ValueError) as error:
            return Judged(False, f"cannot start the gate: {error}")
        try:
            if not await let_through(run):
                return Judged(None, "it was kept from starting")
            ending = await ended_in_time(run, runtime)
        finally:
            last = await run.stop(gently=True)
            run.forget()
        return self._judged(ending, last.left)

    def _judged(self, ending: Ending, left: tuple[int, ...]) -> Judged:
        more = (self._tail(), ending.exit_code, ending.signal, ending.runtime_ms, left)
        if ending.why == TIMEOUT:
            return Judged(False, f"over its time limit of {self._limits.run:g}s", *more)
        if ending.why == START_FAILED:
            return Judged(False, f"cannot start the gate: {ending.error}", *more)
        if ending.why == EXIT:
            passed_it = ending.exit_code == 0
            told = "the gate passed" if passed_it else f"the gate failed ({self._how(ending)})"
            return Judged(passed_it, told, *more)
        why = "was ended" if ending.why == STOPPED else f"was ended ({ending.why or ending.error})"
        return Judged(None, f"the gate {why}", *more)

    def _how(self, ending: Ending) -> str:
        return f"{how_it_ended(ending.exit_code, ending.signal)}: {shlex.join(self._words)}"

    def _tail(self) -> str:
        said = PlainReader()
        for line in end_of(self._output):
            said.feed(line)
        return said.tail
