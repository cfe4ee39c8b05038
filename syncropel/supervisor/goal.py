"""The goal's first process: created behind a gate, so that nothing of it runs before the gate opens."""

from __future__ import annotations

import os

from syncropel.supervisor.light import signal
from syncropel.supervisor.system import die_with_parent, gain_nothing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from syncropel.supervisor.words import Spec

READY_FD = 3
"""Where a program that reports its own start finds the pipe to close."""
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_START = 126
_NO_GO = 125


class Goal:
    """A process in a session of its own that waits for `open_gate`.

    `started`: a pipe that closes when the program has started; anything written to it says why it could not.
    `stdin`: the writing end of its input, or -1.
    """

    def __init__(self, spec: Spec) -> None:
        gate, opens = os.pipe()
        self._gate: int | None = opens
        self.started, begun = os.pipe()
        standing, stands = os.pipe()
        source, self.stdin = os.pipe() if spec.stdin == "pipe" else (_opened(spec.stdin), -1)
        errors = os.open(spec.stderr, _WRITING, 0o600) if spec.stderr else os.dup(1)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(opens)  # otherwise it would keep its own gate open, and wait for ever if nobody opens it
            _become(spec, gate, begun, stands, source, errors)
        for descriptor in (gate, begun, stands, source, errors):
            os.close(descriptor)
        os.set_blocking(self.started, False)
        os.read(standing, 1)  # wait until the other end is closed: then it leads a session of its own
        os.close(standing)

    def open_gate(self) -> None:
        """Let it run."""
        self._close_gate(b"g")

    def leave_shut(self) -> None:
        """Let it end without having run."""
        self._close_gate(b"")

    def _close_gate(self, word: bytes) -> None:
        if self._gate is not None:
            try:
                os.write(self._gate, word)
            except BrokenPipeError:
                pass
            os.close(self._gate)
            self._gate = None

    def why_not_started(self) -> str:
        """Call this once `started` is readable or closed: why the program could not start, or an
        empty text."""
        try:
            return os.read(self.started, 500).decode("utf-8", "replace")
        except BlockingIOError:
            return ""


def _opened(stdin: str) -> int:
    return os.open(os.devnull if stdin == "null" else stdin, os.O_RDONLY | os.O_CLOEXEC)


def _become(spec: Spec, gate: int, begun: int, stands: int, source: int, errors: int) -> None:
    """In the new process: wait for the gate, then become the program. Does not return."""
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        os.close(stands)
        if os.read(gate, 1) != b"g":  # even if the supervisor ended before this process could be tied to it
            os._exit(_NO_GO)
        _run(spec, begun, source, errors)
    except BaseException as error:  # noqa: BLE001 - nothing of the supervisor may go on in here
        _tell(begun, error)
    os._exit(_CANNOT_START)


def _run(spec: Spec, begun: int, source: int, errors: int) -> None:
    os.dup2(source, 0)
    os.dup2(errors, 2)
    if spec.user is not None:
        uid, gid, *groups = spec.user
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
        gain_nothing()
        die_with_parent()  # changing the user clears it
    os.chdir(spec.cwd)  # as that user, who may lack access to the path
    if spec.tells_start:
        os.dup2(begun, READY_FD, inheritable=True)
    os.execvp(spec.command[0], spec.command)


def _tell(begun: int, error: BaseException) -> None:
    said = error.strerror if isinstance(error, OSError) else str(error)
    os.write(begun, (said or type(error).__name__).encode()[:500])
