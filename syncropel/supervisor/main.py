"""One supervisor: `serve` runs the goal that its arguments describe.

The folder holds the control socket `ctl`, which the daemon created and whose listening end is our stdin, and
at the end `status.json`. Our stdout receives the goal's output.

The daemon sends lines: `attach`, then `here` every few seconds; `go`, `stop gently`, `stop now`, `close` (the
goal's stdin), `fed` (how much of its input has been accepted), or `stdin`: everything after it on this
connection is for the goal. The replies are lines of JSON, each with `said`: `attached`, `started`, `fed`,
`ended`. A goal's stdin stays open when a connection ends, so that a conversation survives the daemon.
"""

from __future__ import annotations

import os
import select
import sys
import time

from syncropel.supervisor import decide, tree
from syncropel.supervisor.cgroup import Cgroup
from syncropel.supervisor.goal import Goal
from syncropel.supervisor.light import signal, socket
from syncropel.supervisor.system import SUPERVISOR_NAME, adopt_orphans, name_process, write_durably
from syncropel.supervisor.talk import Caller, Feed
from syncropel.supervisor.words import Spec, as_json, read_spec

_LISTENER_FD = 0
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LONGEST_POLL_SECS = 1.0
"""After a suspend a poll wakes late; the time limit goes by a clock that kept counting."""


def now() -> float:
    """Seconds on a clock that nobody sets, and that counts while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Supervisor:
    """Everything about one run."""

    def __init__(self, folder: str, spec: Spec) -> None:
        self._folder = folder
        self._adopting = adopt_orphans()
        self._decider = decide.Decider(spec.limits, now())
        self._listener = socket.socket(fileno=os.dup(_LISTENER_FD))
        self._listener.setblocking(False)
        self._callers: dict[int, Caller] = {}
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._told_to_stop = False
        self._goal = Goal(spec)
        self._sandboxed = spec.sandboxed
        self._awaits_start = True
        self._feed = Feed(self._goal.stdin)
        self._cgroup = Cgroup.make(os.path.basename(folder))
        if self._cgroup is not None:
            self._cgroup.take(self._goal.pid)
        self._started = False
        self._error = ""
        self._code: int | None = None
        self._empty = False
        self._struck = 0
        self._interrupted: list[tree.Process] = []
        self._ended_at = 0.0

    def _on_signal(self, number: int, _frame: object) -> None:
        self._told_to_stop = self._told_to_stop or number == signal.SIGTERM

    def run(self) -> None:
        """Runs until the process tree is empty, or its remainder cannot be ended."""
        while True:
            rest = min(self._decider.rest(now()), _LONGEST_POLL_SECS)
            for descriptor, _ in self._watched().poll(rest * 1000):
                self._attend(descriptor)
            self._reap()
            if self._told_to_stop:
                self._told_to_stop = False
                self._decider.stop(decide.STOPPED, now(), gently=True)
            self._look_at_the_interrupted()
            if self._do(self._decider.step(now(), empty=self._empty)):
                return

    def _watched(self) -> select.poll:
        """The descriptors to poll. While the goal takes no input, connections that feed it are not read."""
        watched = select.poll()
        watched.register(self._listener, select.POLLIN)
        watched.register(self._woken, select.POLLIN)
        if self._awaits_start:
            watched.register(self._goal.started, select.POLLIN)
        if self._feed.waits:
            watched.register(self._feed.descriptor, select.POLLOUT)
        for descriptor, caller in self._callers.items():
            if not (caller.feeds and self._feed.waits):
                watched.register(descriptor, select.POLLIN)
        return watched

    def _attend(self, descriptor: int) -> None:
        if descriptor == self._woken:
            try:
                os.read(self._woken, 4096)
            except BlockingIOError:
                pass
        elif descriptor == self._listener.fileno():
            self._accept()
        elif descriptor == self._goal.started:
            self._begun()
        elif descriptor == self._feed.descriptor:
            self._feed.take()
        elif (caller := self._callers.get(descriptor)) is not None:
            self._listen(descriptor, caller)

    def _listen(self, descriptor: int, caller: Caller) -> None:
        if caller.feeds:
            self._feed.take(caller.read())
        else:
            for line in caller.lines():
                self._hear(caller, line)
            self._feed.take(caller.rest())
        if caller.gone:
            del self._callers[descriptor]
            caller.close()
            if not any(one.attached for one in self._callers.values()):
                self._decider.detach(now())

    def _accept(self) -> None:
        try:
            descriptor, _ = self._listener._accept()  # type: ignore[attr-defined]
        except OSError:
            return
        connection = socket.socket(fileno=descriptor)
        caller = Caller(connection)
        if self._is_goal(caller.pid):
            caller.close()
            return
        self._callers[connection.fileno()] = caller

    def _is_goal(self, pid: int) -> bool:
        """Whether the caller is a goal, ours or another: goals have no say in when a run starts or ends. That
        is so when there is a supervisor above the caller that is not above ourselves, or when the caller
        cannot be identified.

        Supervisors above ourselves are above our daemon too, when a goal has started that.
        """
        if not tree.LINUX:
            return pid in {process.pid for process in self._below()}
        return not tree.lineage(pid) or not _supervisors(pid) <= _supervisors(os.getppid())

    def _hear(self, caller: Caller, line: str) -> None:
        decider = self._decider
        if line == "attach":
            caller.attached = True
            decider.attach(now())
            caller.say(
                "attached",
                pid=self._goal.pid,
                supervisor=os.getpid(),
                started=self._started,
                why=decider.why,
            )
        elif line == "here":
            if caller.attached:
                decider.attach(now())
        elif line == "go":
            if decider.go(now()):
                self._goal.open_gate()
        elif line in ("stop gently", "stop now"):
            decider.stop(decide.STOPPED, now(), gently=line == "stop gently")
        elif line == "fed":
            feeding = sum(one.feeds for one in self._callers.values())
            caller.say("fed", bytes=self._feed.taken, feeding=feeding)
        elif line == "close":
            self._feed.close()

    def _begun(self) -> None:
        self._error = self._goal.why_not_started()
        self._awaits_start = False
        self._started = not self._error and self._decider.started_at > 0
        if self._started:
            for caller in self._callers.values():
                caller.say("started")

    def _reap(self) -> None:
        """Collect ended children. Without children there are no descendants: orphans become ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._empty = self._adopting or not self._below()
                return
            if pid == 0:
                return
            if pid == self._goal.pid:
                self._code = os.waitstatus_to_exitcode(status)
                self._ended_at = now()
                if self._awaits_start:
                    self._begun()  # the pipe, read after this, may say why
                self._decider.root_exited(now())

    def _below(self) -> list[tree.Process]:
        table = tree.look()
        found = tree.descendants(table, os.getpid())
        if self._adopting:
            return found
        seen = {process.pid for process in found}
        group = [one for one in table.values() if one.group == self._goal.pid and not one.zombie]
        return found + [one for one in group if one.pid not in seen]

    def _do(self, action: str) -> bool:
        if action == decide.FINISH:
            self._finish()
            return True
        if action == decide.INT:
            self._interrupt()
        elif action == decide.TERM:
            below = self._below()
            if self._sandboxed:  # it would not wait for the programs in its sandbox to clean up
                below = [process for process in below if process.pid != self._goal.pid]
            for process in below:
                tree.send(process, signal.SIGTERM)
            for process in below:
                tree.send(process, signal.SIGCONT)
        elif action == decide.KILL:
            self._goal.leave_shut()
            if self._cgroup is not None:
                self._cgroup.kill()
            self._struck += tree.strike(self._below)
        return False

    def _interrupt(self) -> None:
        """SIGINT those of the goal's group that handle it.

        The others it would simply kill, for which SIGTERM is better. A shell is held meanwhile: it would go
        on to its next command as soon as the current one ends well, and a shell that traps only SIGTERM would
        end without it.
        """
        for process in self._below():
            status = tree.status_of(process.pid)
            if process.group == self._goal.pid and tree.is_shell(status):
                tree.send(process, signal.SIGSTOP)
            elif process.group == self._goal.pid and tree.catches(status, signal.SIGINT):
                tree.send(process, signal.SIGINT)
                self._interrupted.append(process)

    def _look_at_the_interrupted(self) -> None:
        self._interrupted = [one for one in self._interrupted if tree.runs(one)]
        self._decider.interrupted(len(self._interrupted), now())

    def _finish(self) -> None:
        left = [process.pid for process in self._below()]
        code = self._code
        status = {
            "why": decide.START_FAILED if self._error else self._decider.why,
            "started": self._started,
            "error": self._error,
            "exit_code": code if code is not None and code >= 0 else None,
            "signal": -code if code is not None and code < 0 else None,
            "runtime_ms": self._runtime_ms(),
            "left": left,
            "proven": self._empty and self._adopting and not left,
            "struck": self._struck,
            "at": time.time(),
        }
        if self._cgroup is not None:
            self._cgroup.remove()
        try:
            write_durably(f"{self._folder}/status.json", as_json(status))
        except OSError as error:  # a full disk: a connected daemon is told anyway
            sys.stderr.write(f"cannot write the status: {error}\n")
        for caller in self._callers.values():
            caller.say("ended", status=status)

    def _runtime_ms(self) -> int:
        started = self._decider.started_at
        return round(((self._ended_at or now()) - started) * 1000) if started else 0


def _supervisors(pid: int) -> set[int]:
    """The supervisors among a process and its ancestors."""
    above = [process.pid for process in tree.lineage(pid)]
    return {one for one in above if tree.name_in(tree.status_of(one)) == SUPERVISOR_NAME}


def serve(folder: str, words: list[str]) -> None:
    """Run the goal that these arguments describe to its end."""
    name_process(SUPERVISOR_NAME)
    try:
        Supervisor(folder, read_spec(words)).run()
    except BaseException:
        tree.strike(lambda: tree.descendants(tree.look(), os.getpid()))
        raise
