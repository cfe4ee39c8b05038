"""A daemon with many tasks that does what it is asked, for tests of what is done to several rows at once."""

from __future__ import annotations

import asyncio
from typing import Any

from syncropel.client import Call
from syncropel.errors import RemoteError
from syncropel.wire import PostedRecord, TaskDetail, TaskSummary
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console

STATES = {"task_cancelled": "cancelled", "task_started": "in_progress", "task_reopened": "open"}


def thread(number: int) -> str:
    return f"th_{number:064x}"


def some_tasks(count: int = 6, **changes: Any) -> list[TaskSummary]:
    """Tasks 1 to `count`: the odd ones of docs/v1 in progress, the even ones of docs/v2 open."""
    return [
        sample.task(
            number,
            thread=thread(number),
            **{"status": ("open", "in_progress")[number % 2], "namespace": f"docs/v{2 - number % 2}"}
            | changes,
        )
        for number in range(1, count + 1)
    ]


class Obliging(FakeClient):
    """Takes records about tasks, and tells afterwards that it has come about.

    `refuses` and `hangs` are what it does about a task instead; `most` is how many requests it had at once.
    """

    def __init__(self, tasks: list[TaskSummary]) -> None:
        super().__init__()
        self.answers |= control.daemon().answers
        self.known = {one.thread: one for one in tasks}
        self.refuses: dict[str, BaseException] = {}
        self.hangs: dict[str, asyncio.Future[None]] = {}
        self.at_once = self.most = 0
        self.tasks(tasks)

    @property
    def written(self) -> list[str]:
        """The threads that were written to, in order."""
        return [call.body["thread"] for call in self.sent if call.path == "/v1/records"]

    async def send(self, call: Call[Any]) -> Any:
        if call.path == "/v1/records":
            self.sent.append(call)
            return await self._write(call.body)
        if call.path.removeprefix("/v1/tasks/") in self.known:
            return TaskDetail(**self.known[call.path.removeprefix("/v1/tasks/")].model_dump())
        if call.path.endswith(("/join", "/why")) and call.path not in self.answers:
            raise RemoteError(404, "not_found", "NOT_FANNED_OUT", "it is not fanned out", "")
        return await super().send(call)

    async def _write(self, body: dict[str, Any]) -> PostedRecord:
        where = body["thread"]
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0)
            if where in self.hangs:
                await self.hangs[where]
            if where in self.refuses:
                raise self.refuses[where]
        finally:
            self.at_once -= 1
        said = body["body"]
        become = (
            STATES.get(said.get("topic", "")) or {"accept": "approved", "reject": "rejected"}[said["verdict"]]
        )
        self.known[where] = self.known[where].model_copy(update={"status": become})
        return PostedRecord.model_construct(id="ab" * 32)


async def news(page: Console, tasks: list[TaskSummary], revision: int = 18) -> None:
    """The daemon tells of these tasks."""
    page.client.tasks(tasks)
    await page.hears(sample.status(tasks_revision=revision))
    await page.passes(1)
