"""Calls of a running attempt to the daemon that runs it, on the port for agents."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx

from syncropel.errors import DaemonUnreachable, RemoteError, SetupError, SyncropelError
from syncropel.wire.attempt_words import TOKEN, URL

AWAY_SECS: Final = 30.0
"""How long a daemon may be away, as when it is started again."""
AWAY_WITH_QUESTION_SECS: Final = 600.0
"""The same while an operator is asked: the answer is not lost meanwhile."""
DECIDE_SECS: Final = 60.0
"""How long to wait for what the coordinator decides: it may be away, and the agent has work to do."""
_ANSWER_SECS: Final = 60.0
_PAUSE_SECS: Final = 0.5
_HERE: Final = re.compile(r"http://127\.0\.0\.1:\d{1,5}")
_AWAY: Final = 503

Waiting = Callable[[], Awaitable[None]]
"""Called each time that an answer is still waited for."""


class Attempt:
    """The daemon, as one attempt reaches it: `url` and its `token`."""

    def __init__(self, url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=_ANSWER_SECS,
            trust_env=False,  # the token goes to this machine's daemon, and to no proxy
            transport=transport,
        )
        self._open: dict[str, str] = {}
        """The numbers of what has no answer yet, by what is asked: whoever repeats it waits for the same."""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Attempt:
        """The attempt that this process works on. Raises SetupError outside one."""
        url, token = environment.get(URL, ""), environment.get(TOKEN, "")
        if not _HERE.fullmatch(url) or not token:
            raise SetupError(
                "spl mcp runs only inside an attempt: its agent starts it",
                "set mcp = true in [adapters.NAME] of its worker's config.toml",
            )
        return cls(url, token)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def question(self, question: str, choices: tuple[str, ...], waiting: Waiting) -> dict[str, Any]:
        """Ask the operator; `answered`, `text`, `by`, `reason`. Raises SyncropelError."""
        asked = {"question": question, "choices": list(choices)}
        while (told := await self._ask("questions", asked, AWAY_WITH_QUESTION_SECS, waiting)) is None:
            await waiting()
        return told

    async def subtask(self, asked: Mapping[str, Any], waiting: Waiting) -> dict[str, Any] | None:
        """Ask for a subtask: `goal`, and what else it has; `added`, `reason`. None when nothing is decided
        yet; whoever asks for the same again hears what was. Raises SyncropelError.
        """
        until = time.monotonic() + DECIDE_SECS
        while (told := await self._ask("subtasks", asked, None, waiting)) is None:
            if time.monotonic() >= until:
                return None
            await waiting()
        return told

    async def _ask(
        self, route: str, asked: Mapping[str, Any], away_secs: float | None, waiting: Waiting
    ) -> dict[str, Any] | None:
        """The answer; None while there is none."""
        about = json.dumps([route, asked], sort_keys=True)
        number = self._open.setdefault(about, secrets.token_hex(16))
        told = await self._call(route, {"id": number, **asked}, away_secs, waiting)
        if told.get("state") == "waiting":
            return None
        self._open.pop(about, None)
        return told

    async def progress(self, text: str) -> None:
        """Record this. Raises SyncropelError."""
        await self._call("progress", {"text": text})

    async def siblings(self) -> str:
        """The other subtasks, as Markdown. Raises SyncropelError."""
        return str((await self._call("siblings", {})).get("text", ""))

    async def _call(
        self, route: str, body: Any, away_secs: float | None = None, waiting: Waiting | None = None
    ) -> dict[str, Any]:
        """The answer. A daemon that is away is asked again for a while; all calls may be repeated."""
        until = time.monotonic() + (AWAY_SECS if away_secs is None else away_secs)
        while True:
            try:
                answer = await self._http.post(f"/v1/attempt/{route}", json=body)
                if answer.status_code != _AWAY:
                    return _read(answer)
                problem = "it is being started"
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            if time.monotonic() >= until:
                raise DaemonUnreachable(f"the daemon does not answer: {problem}", "go on without it")
            await asyncio.sleep(_PAUSE_SECS)
            if waiting is not None:
                await waiting()


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DaemonUnreachable("the daemon gave an invalid answer", "go on without it")
    if not answer.is_success:
        raise _error(body, answer.status_code)
    return body


def _error(body: dict[str, Any], status: int) -> SyncropelError:
    code, message, hint = (str(body.get(key, "")) for key in ("code", "message", "hint"))
    return RemoteError(status, "", code, message or f"HTTP {status}", hint)
