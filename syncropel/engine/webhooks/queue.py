"""What one webhook still has to be told, in order, and how that goes."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from syncropel.backoff import Backoff
from syncropel.engine.webhooks.notice import MORE, Notice, merged
from syncropel.engine.webhooks.posting import NotTaken
from syncropel.errors import SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.webhooks import Webhook

log = logging.getLogger("syncropel.engine.webhooks")

MOST_WAITING: Final = 20
"""Notices that wait one by one; what comes on top is one notice together."""
MOST_A_MINUTE: Final = 20
GIVEN_UP_SECS: Final = 24 * 3600.0
"""A notice that was not taken for so long is dropped: nobody needs it any more."""
_LONGEST_WAIT_SECS: Final = 300.0
_MINUTE_SECS: Final = 60.0

Post = Callable[[Webhook, Mapping[str, Any], float], Awaitable[None]]
"""Posts one notice to a webhook, at a time in unix seconds. Raises NotTaken, SetupError."""


class Queue:
    """The notices of one webhook. `fleet`: of whom they speak."""

    def __init__(self, hook: Webhook, fleet: str, runtime: Runtime, post: Post) -> None:
        self.hook = hook
        self._fleet = fleet
        self._runtime = runtime
        self._post = post
        self._waiting: list[Notice] = []
        self._begun: deque[float] = deque(maxlen=MOST_A_MINUTE)
        """When the last requests began, monotonic seconds."""
        self._backoff = Backoff(_LONGEST_WAIT_SECS, runtime.share, first_secs=1.0)
        self.sent = 0
        self.dropped = 0
        """Notices that never were taken, since the start."""
        self.problem = ""
        """Why the last request failed; empty when it did not."""
        self.at: float | None = None
        """When the last notice was taken, unix seconds."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> list[Notice]:
        return list(self._waiting)

    def add(self, notice: Notice) -> None:
        """Add a notice behind the others; too many become one."""
        self._waiting.append(notice)
        if len(self._waiting) > MOST_WAITING:
            self._waiting[MOST_WAITING - 1 :] = [merged(self._waiting[MOST_WAITING - 1 :])]

    async def send_next(self) -> float:
        """Send the notice that waits longest; return how long to wait before the next, in seconds."""
        now = self._runtime.monotonic()
        if len(self._begun) == MOST_A_MINUTE and (wait := self._begun[0] + _MINUTE_SECS - now) > 0:
            return wait
        self._begun.append(now)
        notice = self._waiting[0]
        try:
            await self._post_one(notice)
        except NotTaken as error:
            self._tell(str(error))
            if error.again and self._runtime.now() - notice.at < GIVEN_UP_SECS:
                return max(self._backoff.failed(), error.after)
            self.dropped += sum(notice.facts["counts"].values()) if notice.event == MORE else 1
        except SetupError as error:
            self._tell(f"{error.message}; {error.hint}")
            return self._backoff.failed()
        self._backoff.succeeded()
        del self._waiting[0]
        return 0.0

    async def test(self) -> None:
        """Post a notice that says nothing happened. Raises NotTaken, SetupError."""
        now = self._runtime.now()
        text = f"a test of the webhook {self.hook.name}: nothing has happened"
        await self._post_one(Notice(f"test/{self.hook.name}/{now}", "test", now, text))

    async def _post_one(self, notice: Notice) -> None:
        now = self._runtime.now()
        await self._post(self.hook, notice.body(self._fleet, texts=self.hook.texts), now)
        self._tell("")
        self.sent, self.at = self.sent + 1, now

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("the webhook %s: %s", self.hook.name, problem)
        elif self.problem and not problem:
            log.info("the webhook %s takes notices again", self.hook.name)
        self.problem = problem
