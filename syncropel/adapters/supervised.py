"""A run under a supervisor, as the daemon sees it: starts it, learns how it ends, ends it.

Each has a folder in `run/` with its socket, its specification, and at its end its status. The folder exists
for as long as a daemon needs to know about the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.control_socket import control_socket
from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.strays import FAMILY, bearers, end_marked
from syncropel.supervisor import tree
from syncropel.supervisor.cgroup import Cgroup
from syncropel.supervisor.words import Spec, read_spec

ANSWER_SECS: Final = 15.0
"""How long a supervisor may take to answer; a running one answers within milliseconds."""
PATIENCE_SECS: Final = 3.0
"""How much longer than its own limits a supervisor may take to end a run before the daemon does it."""
MARK: Final = "SPL_RUN"
"""Variable that names the run in the environment of everything the goal starts, unless that clears it."""
PROGRAM: Final = Path(tree.__file__).with_name("__main__.py")
HERE_SHARE: Final = 0.1
"""The share of a supervisor's orphan limit after which a running daemon reports itself again."""
_REST_SECS: Final = 0.02
_LONGEST_FILE: Final = 64 * 1024 * 1024


_left: list[subprocess.Popen[bytes]] = []
"""Kept so that Python does not complain about a supervisor that outlives this process."""


@dataclass(frozen=True)
class Ending:
    """How a run ended. `why`: a word of `syncropel.supervisor.decide`, or "" when its supervisor was killed.

    `left`: pids that did not end. `proven`: the kernel confirms that nothing of it is left.
    """

    why: str
    exit_code: int | None = None
    signal: int | None = None
    runtime_ms: int = 0
    left: tuple[int, ...] = ()
    proven: bool = False
    error: str = ""
    struck: int = 0
    started: bool = True

    @classmethod
    def read(cls, status: dict[str, Any]) -> Ending:
        """Parse what a supervisor wrote."""
        known = {key: status[key] for key in cls.__dataclass_fields__ if key in status}
        return cls(**{**known, "left": tuple(status.get("left", ()))})

    def as_exit(self, pid: int) -> dict[str, Any]:
        """The end of its process for records: the form of `Outcome.exit`."""
        told = {"exit_code": self.exit_code, "signal": self.signal, "runtime_ms": self.runtime_ms}
        return {"pid": pid, **told}


class Supervised:
    """One run. `launch` or `reach` it, then `go`, then wait for `ending`."""

    def __init__(self, folder: Path, spec: Spec, about: dict[str, Any]) -> None:
        self.folder = folder
        self.spec = spec
        self.limits = spec.limits
        self.about = about
        """What the daemon that began it recorded for its successor."""
        self.over = False
        """Whether it had ended before we came."""
        self.gate: Supervised | None = None
        """The run of the gate command that followed it, when a previous daemon had started that."""
        self.ends_as = ""
        """Why it was already ending when we came; empty when it was not."""
        self.pid = 0
        """The goal's first process, which leads its session and its group."""
        self.supervisor = 0
        self.began = False
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the program has started, or will not."""
        self._born = ""
        self._root: tree.Process | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._attached: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._status: dict[str, Any] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._next: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[Ending] | None = None

    @classmethod
    async def launch(
        cls,
        runs: Path,
        spec: Spec,
        environ: Mapping[str, str],
        output: int,
        about: dict[str, Any],
        name: str = "",
    ) -> Supervised:
        """Start a supervisor whose goal waits for `go`; `name`: of the run, empty for a new one.

        Raises OSError, ValueError for an invalid argument.
        """
        run = cls(runs / (name or secrets.token_hex(4)), spec, about)
        environ, cancelled = {**environ, MARK: run.folder.name}, False
        async with FAMILY.door:
            work = asyncio.ensure_future(asyncio.to_thread(_spawn, run, environ, output))
            while not work.done():
                try:
                    await asyncio.shield(work)
                except asyncio.CancelledError:
                    cancelled = True  # there may be a process by now, and somebody has to know about it
            run._child = work.result()
            FAMILY.add(run._child.pid)
        try:
            if cancelled:
                raise asyncio.CancelledError
            await run._connect(ANSWER_SECS)
        except BaseException:
            await asyncio.shield(run._give_up())
            raise
        return run

    @classmethod
    async def reach(cls, folder: Path, patience_secs: float) -> Supervised:
        """Connect to a run whose daemon has died; if it has ended meanwhile, its `ending` is there at once.

        Raises OSError when its supervisor does not answer, or the folder does not describe a run.
        """
        spec = _read_json(folder / "spec.json")
        if spec is None:
            raise OSError("it has no specification")
        run = cls(folder, read_spec(spec["words"]), spec["about"])
        if await run._is_over(0.0):
            run.started.set_result(None)
            return run
        try:
            await run._connect(patience_secs)
        except OSError:
            if not await run._is_over(patience_secs):  # it may have ended just now
                raise
        return run

    async def _is_over(self, patience_secs: float) -> bool:
        """Whether its supervisor has written how it ended, and is gone with everything it does not name: a
        status beside a running process is the goal's own claim. Remembered in `over`.
        """
        status, until = _read_json(self.folder / "status.json"), time.monotonic() + patience_secs
        named = set(Ending.read(status).left) if status is not None else set()
        while status is not None and not self.over:
            self.over = not await asyncio.to_thread(bearers, f"{MARK}={self.folder.name}") - named
            if time.monotonic() >= until:
                break
            await asyncio.sleep(_REST_SECS)
        return self.over

    async def _connect(self, patience_secs: float) -> None:
        with control_socket(self.folder) as address:
            reader, self._writer = await asyncio.open_unix_connection(address)
        self._hearing = asyncio.create_task(self._hear(reader))
        self._say("attach")
        self._say_here()
        try:
            about = await asyncio.wait_for(asyncio.shield(self._attached), patience_secs)
        except TimeoutError:
            raise OSError(f"its supervisor does not answer within {patience_secs:g}s") from None
        self.ends_as = about["why"]
        self.pid, self.supervisor = about["pid"], about["supervisor"]
        self.began = bool(about["started"])
        FAMILY.add(self.supervisor)
        self._root = tree.look_at(self.pid)
        born = tree.look_at(self.supervisor)
        self._born = born.started if born else ""
        if self.began and not self.started.done():
            self.started.set_result(None)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                said = json.loads(line)
                if said["said"] == "attached" and not self._attached.done():
                    self._attached.set_result(said)
                elif said["said"] == "started":
                    self.began = True
                    if not self.started.done():
                        self.started.set_result(None)
                elif said["said"] == "ended":
                    self._status = said["status"]
        except (OSError, ValueError):
            pass
        finally:
            if not self._attached.done():
                self._attached.set_exception(OSError("its supervisor ended before it had begun"))
                self._attached.exception()  # those who wait get it; nobody may be waiting
            if not self.started.done():
                self.started.set_result(None)

    def _say(self, line: str) -> None:
        if self._writer is None or self._writer.is_closing():
            return
        words = f"{line}\n".encode()
        try:
            # Not through the stream, which stops reading when a write fails: a supervisor that has ended has
            # reported how, and that is still to be read.
            os.write(self._writer.get_extra_info("socket").fileno(), words)
        except BlockingIOError:
            self._writer.write(words)
        except OSError:
            pass

    def _say_here(self) -> None:
        """Keep reporting that this daemon is running: a stopped one keeps its connections."""
        self._say("here")
        if self._writer is not None and not self._writer.is_closing():
            pause = self.limits.orphan * HERE_SHARE
            self._next = asyncio.get_running_loop().call_later(pause, self._say_here)

    def go(self) -> None:
        """Open the gate: from here on the goal runs, even without a daemon."""
        self._say("go")

    def strike(self) -> None:
        """Kill the goal's first process now, without asking its supervisor, which will find it ended."""
        if self._root is not None:
            tree.send(self._root, signal.SIGKILL)

    async def stop(self, *, gently: bool) -> Ending:
        """End the run and wait for its end; a supervisor that does not end it in time is overruled."""
        self._say("stop gently" if gently else "stop now")
        for patience, last in ((self.limits.ending, "stop now"), (self.limits.kill, "")):
            waiting = asyncio.ensure_future(self.ending())
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(waiting, patience + PATIENCE_SECS)
            if last:
                self._wake()
                self._say(last)
        await self._overrule()
        return await self.ending()

    async def ending(self) -> Ending:
        """Wait for the end of the run; may be called repeatedly."""
        if self._ending is None or self._ending.cancelled():
            self._ending = asyncio.create_task(self._settle())
        return await asyncio.shield(self._ending)

    @property
    def ended(self) -> bool:
        return self._ending is not None and self._ending.done() and not self._ending.cancelled()

    async def _settle(self) -> Ending:
        if self._hearing is not None:
            await self._hearing
        while self._status is None and self._supervisor_runs():  # noqa: ASYNC110 - it need not be our child
            await asyncio.sleep(_REST_SECS)
        if self._status is None and self.over:  # one that we listened to reports itself how it ended
            self._status = _read_json(self.folder / "status.json")
        if self._child is not None:
            await asyncio.to_thread(self._child.wait)
        if self._next is not None:
            self._next.cancel()
        if self._writer is not None:
            self._writer.close()
        FAMILY.drop(self.supervisor)
        if self._status is None:
            left = await self._end_the_rest()
            return Ending("", left=left, error="its supervisor was killed", started=self.began)
        ending = Ending.read(self._status)
        if ending.left and FAMILY.adopts:
            return replace(ending, left=await self._end_the_rest())
        return ending

    async def _end_the_rest(self) -> tuple[int, ...]:
        if (group := Cgroup.find(self.folder.name)) is not None:
            group.kill()
        if FAMILY.adopts:
            return tuple(await FAMILY.end_strays())
        await asyncio.to_thread(end_marked, f"{MARK}={self.folder.name}", self.pid)
        return ()

    def _supervisor_runs(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        now = tree.look_at(self.supervisor) if self.supervisor else None
        return now is not None and not now.zombie and now.started == self._born

    def _wake(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._supervisor_runs():
                os.kill(self.supervisor, signal.SIGCONT)

    async def _overrule(self) -> None:
        """Kill everything below the supervisor, and the supervisor."""
        pid = self.supervisor

        def below() -> list[tree.Process]:
            return tree.descendants(tree.look(), pid)

        if pid > 1 and self._supervisor_runs():
            own = tree.look_at(pid)
            if own is not None:
                tree.send(own, signal.SIGSTOP)  # it must not report an end that it has not seen
            await asyncio.to_thread(tree.strike, below)
            if own is not None:
                tree.send(own, signal.SIGKILL)

    async def _give_up(self) -> None:
        if self._child is not None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._child.wait, PATIENCE_SECS)
            self._child.kill()
            await asyncio.to_thread(self._child.wait)
            FAMILY.drop(self._child.pid)
        if self._hearing is not None:
            self._hearing.cancel()
        if self._writer is not None:
            self._writer.close()
        self.forget()

    def leave(self) -> None:
        """Leave it running for the next daemon."""
        if self._child is not None:
            _left.append(self._child)
        if self._hearing is not None:
            self._hearing.cancel()
        if self._writer is not None:
            self._writer.close()

    def forget(self) -> None:
        """The run need not be known any more."""
        if (group := Cgroup.find(self.folder.name)) is not None:  # its supervisor was killed
            group.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def _spawn(run: Supervised, environ: dict[str, str], output: int) -> subprocess.Popen[bytes]:
    folder, words = run.folder, run.spec.as_words()
    folder.mkdir(mode=0o700, parents=True)
    try:
        with (folder / "spec.json").open("x", encoding="utf-8") as file:
            json.dump({"words": words, "about": run.about}, file)
        with (
            socket.socket(socket.AF_UNIX) as listener,
            (folder / "errors").open("wb") as errors,
            control_socket(folder) as address,
        ):
            listener.bind(address)
            os.chmod(address, 0o600)
            listener.listen(8)
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM), str(folder), *words],
                stdin=listener.fileno(),
                stdout=output,
                stderr=errors,
                cwd=tempfile.gettempdir(),
                env=environ,
                start_new_session=True,
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        with open_plain(path) as file:  # a goal of the daemon's user may put a pipe there
            found = json.loads(file.read(_LONGEST_FILE))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
