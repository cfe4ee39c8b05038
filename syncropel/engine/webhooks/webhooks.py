"""Looks what is new in the fleet, and tells each webhook of it once.

What was told, and what still has to be, stands in a file of the home: a restart tells nothing again that was
taken, and forgets nothing that was not. Without the file, what is there already counts as told.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from syncropel.engine.webhooks.notice import Notice
from syncropel.engine.webhooks.posting import check, post
from syncropel.engine.webhooks.queue import Post, Queue
from syncropel.errors import NotFound, SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.webhooks import Webhook

log = logging.getLogger("syncropel.engine.webhooks")

LOOK_SECS: Final = 2.0
FREEZE: Final = "freeze/"
"""How the key of a notice begins whose end is told, too."""
_VERSION: Final = 1

Look = Callable[[], Mapping[str, Notice]]
"""Everything that somebody may have to be told now, by key."""


class Webhooks:
    """The webhooks of one instance. `fleet`: of whom they speak; `file`: what was told, and what was not."""

    def __init__(
        self,
        hooks: Mapping[str, Webhook],
        fleet: str,
        file: Path,
        runtime: Runtime,
        look: Look,
        send: Post = post,
    ) -> None:
        self._queues = {name: Queue(hook, fleet, runtime, send) for name, hook in hooks.items()}
        self._wakes = {name: asyncio.Event() for name in hooks}
        self._file = file
        self._runtime = runtime
        self._look = look
        self._known: dict[str, str] | None = None
        """The texts of what is there and was told, by key; None before the first look ever."""
        self._told = ""
        for queue in self._queues.values():
            try:
                check(queue.hook)
            except SetupError as error:
                queue.problem = f"{error.message}; {error.hint}"
                log.warning("%s", queue.problem)

    def told(self) -> list[dict[str, Any]]:
        """How each is; `at` (unix seconds) is None before the first notice that it took."""
        return [
            {
                "name": name,
                "events": list(queue.hook.events),
                "waiting": len(queue),
                "sent": queue.sent,
                "dropped": queue.dropped,
                "at": queue.at,
                "problem": queue.problem,
            }
            for name, queue in self._queues.items()
        ]

    async def test(self, name: str) -> None:
        """Post a notice of a test to one. Raises NotFound, NotTaken, SetupError."""
        if name not in self._queues:
            raise NotFound(f"there is no webhook {name!r}", "see which there are: spl webhook list")
        await self._queues[name].test()

    async def run(self) -> None:
        """Look and send, until it is cancelled; with nobody to tell there is nothing to look for."""
        if not self._queues:
            return
        self._load()
        async with asyncio.TaskGroup() as group:
            for name, queue in self._queues.items():
                group.create_task(self._send(queue, self._wakes[name]))
            while True:
                self.look()
                await self._runtime.sleep(LOOK_SECS)

    def look(self) -> None:
        """Queue what is new for those who want to hear of it."""
        try:
            there = self._look()
        except Exception:
            log.exception("cannot look what is new")
            return
        now = {key: one.text for key, one in there.items()}
        if now == self._known:
            return
        fresh = [] if self._known is None else self._fresh(there, self._known)
        self._known = now
        for notice in fresh:
            for name, queue in self._queues.items():
                if notice.event in queue.hook.events:
                    queue.add(notice)
                    self._wakes[name].set()
        self._save()

    def _fresh(self, there: Mapping[str, Notice], known: Mapping[str, str]) -> list[Notice]:
        ended = [one for one in known if one.startswith(FREEZE) and one not in there]
        at = self._runtime.now()
        return [
            *(one for key, one in there.items() if key not in known),
            *(Notice(f"lifted/{key}", "freeze", at, f"lifted: {known[key]}") for key in ended),
        ]

    async def _send(self, queue: Queue, wake: asyncio.Event) -> None:
        while True:
            while len(queue):
                pause = await queue.send_next()
                if pause > 0:
                    await self._runtime.sleep(pause)
                else:
                    self._save()
            wake.clear()
            await wake.wait()

    def _load(self) -> None:
        try:
            document = json.loads(self._file.read_text(encoding="utf-8"))
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']}")
            known = {str(key): str(text) for key, text in document["known"].items()}
            waiting = {
                name: [Notice.from_json(one) for one in document["waiting"].get(name, ())]
                for name in self._queues
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read (%s): what is there now counts as told", self._file, error)
            return
        self._known = known
        for name, notices in waiting.items():
            for notice in notices:
                self._queues[name].add(notice)

    def _save(self) -> None:
        document = {
            "version": _VERSION,
            "known": self._known or {},
            "waiting": {
                name: [one.to_json() for one in queue.waiting] for name, queue in self._queues.items()
            },
        }
        draft = self._file.with_name(f".{self._file.name}.tmp")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file)
            draft.replace(self._file)
        except OSError as error:
            if str(error) != self._told:
                log.error("cannot note what webhooks were told: %s", error)
            self._told = str(error)
            with suppress(OSError):
                draft.unlink()
        else:
            self._told = ""
