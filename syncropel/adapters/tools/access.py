"""One adapter's use of the desk: a token for each attempt, valid while the attempt runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from syncropel.adapters.base import Job
from syncropel.adapters.tools.desk import Caller, Desk, new_token
from syncropel.errors import SetupError
from syncropel.wire.attempt_words import TOKEN, URL

log = logging.getLogger("syncropel.engine.tools")

KEPT: Final = "tools"
"""Member of a run's private data for a daemon that takes it over."""
_LIBRARY: Final = "mcp"
_LEAST: Final = 2


class Access:
    """Opens, takes over, and closes the attempts of one adapter."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._callers: dict[tuple[str, int], Caller] = {}

    @classmethod
    def of(cls, adapter: str, desk: Desk | None, *, wanted: bool) -> Access | None:
        """None where the config does not want the tools. Raises SetupError where they cannot be had."""
        if not wanted:
            return None
        if desk is None:
            raise SetupError(f"[adapters.{adapter}] mcp: agents cannot call this daemon", "remove the key")
        return cls(desk)

    def problem(self) -> str:
        """Why agents could not use the tools; empty when no reason is known."""
        try:
            found = version(_LIBRARY)
        except PackageNotFoundError:
            found = ""
        if not found or int(found.partition(".")[0]) < _LEAST:
            lacks = f"is {found}, and {_LEAST} is needed" if found else "is missing"
            return f"mcp: the library mcp {lacks}; pip install 'syncropel-console[mcp]'"
        return ""

    def open(self, job: Job) -> tuple[dict[str, str], dict[str, Any]]:
        """Give the attempt a token: returns variables for its program, and the run's private data.

        Raises SetupError when its calls would fail.
        """
        if problem := self.problem():
            raise SetupError(problem)
        if not self._desk.port:
            raise SetupError("the port for agents is not open", "start this instance again")
        token, sha256 = new_token()
        self._add(job, sha256)
        kept = {KEPT: {"sha256": sha256, "port": self._desk.port}}
        return {URL: self._desk.url, TOKEN: token}, kept

    def take_back(self, job: Job, kept: Mapping[str, Any], run: str) -> None:
        """Continue an attempt of the previous daemon: its agent has the token, and uses the old port."""
        self._add(job, str(kept.get("sha256")))
        if kept.get("port") != self._desk.port:
            log.error("run %s cannot call: nothing is at port %s any more", run, kept.get("port"))

    def waits(self, job: Job) -> bool:
        """Whether the attempt's agent waits for an operator."""
        caller = self._callers.get((job.child_thread, job.attempt))
        return caller is not None and caller.waiting > 0

    def close(self, job: Job) -> None:
        """Forget the attempt's token."""
        caller = self._callers.pop((job.child_thread, job.attempt), None)
        if caller is not None:
            self._desk.close(caller)

    def _add(self, job: Job, sha256: str) -> None:
        self.close(job)
        caller = self._callers[job.child_thread, job.attempt] = Caller.of(job, sha256)
        self._desk.open(caller)
