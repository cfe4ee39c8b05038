"""A command of a repository's entry, run in a worktree: supervised, in time, without anybody's secrets."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from syncropel.adapters.base import Startable
from syncropel.adapters.environment import found, passed
from syncropel.adapters.files import end_of
from syncropel.adapters.gate_command import ended_in_time
from syncropel.adapters.reading import PlainReader, how_it_ended
from syncropel.adapters.sandbox import Enclose, NoSandbox
from syncropel.adapters.supervised import Ending, Supervised
from syncropel.peer.runtime import Runtime
from syncropel.supervisor.decide import EXIT, START_FAILED, STOPPED, TIMEOUT, Limits
from syncropel.supervisor.words import Spec
from syncropel.system.clean_git import GitFailed
from syncropel.system.interruptible import in_thread


@dataclass(frozen=True)
class Judged:
    """`passed`: None when it was kept from starting, or was ended. `told`: how it ended."""

    passed: bool | None
    told: str
    tail: str = ""
    exit_code: int | None = None
    signal: int | None = None
    runtime_ms: int = 0
    left: tuple[int, ...] = ()
    started: bool = True

    def facts(self) -> dict[str, Any]:
        """For a record."""
        known = {"told": self.told, "tail": self.tail, "exit_code": self.exit_code, "signal": self.signal}
        return {**known, "runtime_ms": self.runtime_ms, **({"left": list(self.left)} if self.left else {})}


class CommandRun:
    """One run of a command. `what` it is, in words, such as `gate`; the run is named `KIND-…` in `runs`.

    `more`: variables that it gets besides `PATH`, `HOME`, and the like. `enclose`: contains it; None: nothing
    does.
    """

    def __init__(
        self,
        what: str,
        kind: str,
        words: Sequence[str],
        cwd: Path,
        output: Path,
        runs: Path,
        limits: Limits,
        more: Mapping[str, str] | None = None,
        enclose: Enclose | None = None,
    ) -> None:
        self._enclose = enclose
        self._what = what
        self._kind = kind
        self._words = tuple(words)
        self._cwd = cwd
        self._output = output
        self._runs = runs
        self._limits = limits
        self._more = more or {}

    async def judge(self, runtime: Runtime, let_through: Callable[[Startable], Awaitable[bool]]) -> Judged:
        """Run it to its end. `let_through` starts it, or says that it must not start.

        Cancelling ends the run with all that it has started, and raises CancelledError after that.
        """
        environment = {**passed(), **self._more}
        words = found(list(self._words), environment)
        try:
            if self._enclose is not None:
                words, environment = await in_thread(self._enclose, words, environment)
            spec = Spec(words, str(self._cwd), self._limits, sandboxed=self._enclose is not None)
            with self._output.open("xb") as sink:
                name = f"{self._kind}-{token_hex(4)}"
                run = await Supervised.launch(self._runs, spec, environment, sink.fileno(), {}, name)
        except (OSError, ValueError, GitFailed, NoSandbox) as error:
            return Judged(False, f"cannot start the {self._what}: {error}")
        try:
            if not await let_through(run):
                return Judged(None, "it was kept from starting", started=False)
            ending = await ended_in_time(run, runtime)
        finally:
            last = await run.stop(gently=True)
            run.forget()
        return self._judged(ending, last.left)

    def _judged(self, ending: Ending, left: tuple[int, ...]) -> Judged:
        more = (self._tail(), ending.exit_code, ending.signal, ending.runtime_ms, left)
        if ending.why == TIMEOUT:
            return Judged(False, f"the {self._what} is over its time limit of {self._limits.run:g}s", *more)
        if ending.why == START_FAILED:
            return Judged(False, f"cannot start the {self._what}: {ending.error}", *more)
        if ending.why == EXIT:
            passed_it = ending.exit_code == 0
            how = how_it_ended(ending.exit_code, ending.signal)
            told = "passed" if passed_it else f"failed ({how}): {shlex.join(self._words)}"
            told = f"the {self._what} {told}"
            return Judged(passed_it, told, *more)
        why = "was ended" if ending.why == STOPPED else f"was ended ({ending.why or ending.error})"
        return Judged(None, f"the {self._what} {why}", *more)

    def _tail(self) -> str:
        said = PlainReader()
        for line in end_of(self._output):
            said.feed(line)
        return said.tail
