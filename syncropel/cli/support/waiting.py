"""Waits for the result of a goal, and reports on stderr what it waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import duration
from syncropel.cli.support.terminal import tell
from syncropel.errors import DaemonUnreachable, RemoteError, SyncropelError, Unavailable

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import ChildOut, Dispatched, JoinStatus

_POLL_SECS: Final = 0.3
_AGAIN_SECS: Final = 60.0
"""How often a lasting silence is reported again, with its age."""
_STOPPING: Final = Unavailable.status
_GONE_SECS: Final = 60.0
"""How long to wait for a daemon that does not answer: it may be restarting."""


class Waiting:
    """Waits for the end of a requested attempt; `patience` is in seconds, None means for ever."""

    def __init__(self, client: Client, made: Dispatched, patience: int | None) -> None:
        self._client, self._made, self._patience = client, made, patience
        self._began = time.monotonic()
        self._said, self._said_at = "", 0.0
        self._gone_since: float | None = None

    def end(self) -> tuple[JoinStatus, bool]:
        """The join once the attempt, or a later one, has a result; until then it reports why there is none.

        When the patience runs out, the current join, and False. Raises RemoteError; DaemonUnreachable when
        the daemon does not come back.
        """
        while True:
            if (status := self._ask()) is not None:
                child = status.subtasks[0]
                if child.attempt >= self._made.attempt and child.verdict is not None:
                    return status, True
                if self._is_over():
                    name = self._made.alias
                    tell(
                        f"{name} has not ended after {self._patience}s: {_stands(child)}",
                        f"it continues without you, see: spl task join-status {name}\n"
                        f"or end it: spl task cancel {name}",
                    )
                    return status, False
                self._tell(child)
            time.sleep(_POLL_SECS)

    def _is_over(self) -> bool:
        return self._patience is not None and time.monotonic() >= self._began + self._patience

    def _ask(self) -> JoinStatus | None:
        """The current join; None while the daemon is away."""
        from syncropel.client import calls

        try:
            status = self._client.send(calls.join(self._made.thread))
        except (DaemonUnreachable, RemoteError) as error:
            if isinstance(error, RemoteError) and error.status != _STOPPING:
                raise
            self._wait_out(error)
            return None
        if self._gone_since is not None:
            self._gone_since = None
            tell("the daemon is back")
        return status

    def _wait_out(self, error: SyncropelError) -> None:
        """Report once that the daemon is away. Raises DaemonUnreachable when that has lasted too long."""
        now = time.monotonic()
        if self._gone_since is None:
            self._gone_since = now
            how = f"for up to {_GONE_SECS:g}s; Ctrl-C stops the waiting, not the work"
            tell(f"waiting: {error.message}", how)
        if self._is_over() or now >= self._gone_since + _GONE_SECS:
            see = f"when it is back, see: spl task join-status {self._made.alias}"
            raise DaemonUnreachable(error.message, f"{error.hint}\n{see}") from error

    def _tell(self, child: ChildOut) -> None:
        """Report what it waits for, when that changes or lasts; and when the wait is over."""
        now = time.monotonic()
        if not child.why:
            if self._said and child.state == "in_progress":
                tell(f"{_stands(child)} now")
            self._said = ""
            return
        news = child.why != self._said
        if not news and now < self._said_at + _AGAIN_SECS:
            return
        self._said, self._said_at = child.why, now
        silence = self._silence(child) if child.state == "in_progress" else ""
        if silence:
            name = self._made.alias
            tell(
                f"waiting: {child.why} ({silence})",
                f"do it elsewhere: spl task retry {name} --subtask {child.index} --target OTHER\n"
                f"end it: spl task cancel {name}; Ctrl-C only stops the waiting",
            )
        elif news:
            tell(f"waiting: {child.why}")

    def _silence(self, child: ChildOut) -> str:
        """When its instance was last heard from; empty while that is recent, or not known."""
        from syncropel.client import calls

        try:
            fleet = self._client.send(calls.fleet_status())
        except (DaemonUnreachable, RemoteError):
            return ""
        instance = next((one for one in fleet.instances if one.did == child.instance), None)
        if instance is None or instance.status == "live" or instance.last_heartbeat is None:
            return ""
        return f"last heard {duration(fleet.at - instance.last_heartbeat)} ago"


def _stands(child: ChildOut) -> str:
    if child.state == "in_progress":
        return f"it runs on {child.instance_alias or child.instance}"
    return child.why or f"it is {child.state}"
