"""Talks to one running agent: sends what is due, asks the operator, and passes on what they say."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.acp.conversation import PROMPT, SAID, Conversation, Now, answer
from syncropel.adapters.acp.journal import NAME, Journal, NotWritten
from syncropel.adapters.acp.messages import Call
from syncropel.adapters.acp.permissions import request_of
from syncropel.adapters.acp.reader import AcpReader
from syncropel.adapters.acp.tools import about, tool_of
from syncropel.adapters.agents.verdict import Denied
from syncropel.adapters.asking import Answer, Message, Operator
from syncropel.adapters.cost_file import LOOK_SECS
from syncropel.adapters.stdin_feed import StdinFeed
from syncropel.errors import SyncropelError
from syncropel.peer.runtime import Runtime

log = logging.getLogger("syncropel.engine.adapters.acp")

QUICK_SECS: Final = 0.02
"""How soon the output is looked at again while an answer is due at once."""
BEGIN_SECS: Final = 90.0
"""How long an agent may take for each answer before its first prompt."""
LAST_WORDS_SECS: Final = 1.5
"""How long a cancelled agent may take to say what it has spent."""


class Talk:
    """One run's conversation, across daemons: `read` reads the output on, through `reader`."""

    def __init__(
        self,
        conversation: Conversation,
        reader: AcpReader,
        run: Path,
        operator: Operator,
        runtime: Runtime,
        read: Callable[[], Awaitable[None]],
        *,
        over: bool = False,
    ) -> None:
        self._conversation = conversation
        self._reader = reader
        self._run = run
        self._operator = operator
        self._runtime = runtime
        self._read = read
        self._journal = Journal(run / NAME)
        self._feed = StdinFeed(run)
        self._given: int | None = None
        """Bytes of the journal that the supervisor has; None: not known yet."""
        self._asking: dict[int, asyncio.Task[Answer]] = {}
        """The operator's answer to each permission, by its `count`."""
        self._listening: asyncio.Task[Message] | None = None
        self._message: Message | None = None
        self._answering: dict[str, Message] = {}
        """Messages that the agent has got, by their id."""
        self._step: asyncio.Task[None] | None = None
        self._heard_at = runtime.monotonic()
        self._closed_at: float | None = None
        self._broken = False
        """Whether nothing more can be said, although the agent runs."""
        self._gone = over
        reader.prompted_after = None
        for entry in self._journal.sent:
            if entry.message.get("id") == PROMPT:
                reader.prompted_after = entry.after
        reader.denied = self._denied

    async def advance(self) -> None:
        if self._gone or self._broken:
            return
        self._hear()
        self._step = self._step or asyncio.create_task(self._send())
        await asyncio.wait({self._step}, timeout=LOOK_SECS)  # it may wait as long as the agent does not read
        if self._step.done():
            step, self._step = self._step, None
            self._stepped(step)

    def _stepped(self, step: asyncio.Task[None]) -> None:
        try:
            step.result()
        except NotWritten as error:
            self._broken = True
            self._reader.fail(f"its conversation cannot be kept: {error}")
        except OSError as error:
            self._gone = True  # its supervisor has ended; so the run has, and whoever waits for it knows
            log.info("run %s cannot be talked to any more: %s", self._run.name, error)
        except SyncropelError as error:
            log.info("run %s: the log takes nothing of its conversation: %s", self._run.name, error.message)

    @property
    def waits(self) -> bool:
        return bool(self._conversation.permissions) or self._early

    @property
    def _early(self) -> bool:
        """Whether it is too early to load the session."""
        talk = self._conversation
        asked = talk.sent.keys() & {"load", "new"}
        return bool(talk.plan.resume) and not asked and self._runtime.now() < talk.plan.load_at

    @property
    def look_secs(self) -> float:
        talk = self._conversation
        if self._early:
            return LOOK_SECS
        quick = not talk.prompts or (talk.permissions and not self._asking) or not talk.busy
        return QUICK_SECS if quick and not talk.over else LOOK_SECS

    @property
    def overdue(self) -> bool:
        now, talk = self._runtime.monotonic(), self._conversation
        if self._broken:
            return True
        if self._closed_at is not None:
            return now - self._closed_at >= talk.kind.linger_secs
        if talk.prompts or self._early or now - self._heard_at < BEGIN_SECS:
            return False
        self._reader.fail(f"it has not answered for {BEGIN_SECS:g}s, before its first prompt")
        return True

    async def hang_up(self) -> None:
        self._stop_asking()
        if self._gone or self._broken or self._conversation.over:
            return
        with contextlib.suppress(OSError, SyncropelError, NotWritten, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECS):
                if self._step is not None:
                    await self._step
                while not await self._caught_up():
                    await asyncio.sleep(QUICK_SECS)  # a read may not suspend while the log refuses
                    await self._read()
                    self._hear()
                for message in list(self._conversation.hang_up()):
                    self._say(message)
                await self._flush()
                while self._conversation.busy:
                    await asyncio.sleep(QUICK_SECS)
                    await self._read()
                    self._hear()
                await self._feed.close(self._journal.size)

    async def leave(self) -> None:
        if self._step is not None:
            self._step.cancel()
        self._stop_asking()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._feed.leave()
        self._journal.close()

    def _stop_asking(self) -> None:
        for task in self._tasks:
            if task is not self._step:
                task.cancel()

    @property
    def _tasks(self) -> list[asyncio.Task[Any]]:
        return [*self._asking.values(), *(one for one in (self._listening, self._step) if one is not None)]

    def _hear(self) -> None:
        """Take what the reader has read. What came before a message of ours is in the journal was heard
        before it was sent, by whichever daemon.
        """
        inbox, journal = self._reader.inbox, self._journal.sent
        while inbox:
            lines, message = inbox.popleft()
            while self._said < len(journal) and journal[self._said].after < lines:
                self._take()
            self._conversation.hear(message)
            self._heard_at = self._runtime.monotonic()

    _said = 0
    """How many messages of the journal the conversation knows."""

    def _take(self) -> None:
        self._conversation.say(self._journal.sent[self._said].message)
        self._said += 1

    def _say(self, message: Mapping[str, Any]) -> None:
        """Write a message; `_flush` sends it."""
        if message.get("id") == PROMPT:
            self._reader.prompted_after = self._reader.lines
        self._journal.add(self._reader.lines, message)
        while self._said < len(self._journal.sent):
            self._take()

    async def _send(self) -> None:
        if not await self._caught_up():
            return
        talk, quiet = self._conversation, self._runtime.monotonic() - self._heard_at
        talk.over = talk.over or ("close" in talk.sent and quiet >= talk.kind.linger_secs)
        if talk.over:
            await self._end()
            return
        self._ask()
        await self._listen()
        waiting = self._message
        said = (waiting.id, waiting.text) if waiting else ("", "")
        for message in talk.due(Now(self._runtime.now(), quiet, *said)):
            self._say(message)
        await self._flush()
        await self._receipts()

    async def _caught_up(self) -> bool:
        """Whether everything is known that an earlier daemon has heard and said."""
        if self._given is None:
            self._given = await self._feed.taken()
            for entry in self._journal.sent:
                await self._delivered_before(entry.message)
        return self._catch_up()

    def _catch_up(self) -> bool:
        journal = self._journal.sent
        if journal and self._reader.lines < journal[-1].after:
            return False
        while self._said < len(journal):
            self._take()
        return True

    async def _delivered_before(self, message: Mapping[str, Any]) -> None:
        """Whoever said so first may have died before it was in the log."""
        number = str(message.get("id"))
        if message.get("method") == "session/prompt" and number.startswith(SAID):
            await self._deliver(Message(number.removeprefix(SAID), ""))

    async def _flush(self) -> None:
        assert self._given is not None
        if rest := self._journal.since(self._given):
            self._given += len(rest)
            await self._feed.send(rest)

    async def _end(self) -> None:
        if self._closed_at is None:
            self._closed_at = self._runtime.monotonic()
            if self._conversation.failed:
                self._reader.fail(self._conversation.failed)
            self._stop_asking()
            await self._feed.close(self._journal.size)

    def _ask(self) -> None:
        """Ask the operator for each permission that the agent waits for, and stop where it waits no more."""
        wanted = {call.count: call for call in self._conversation.permissions}
        for count in [one for one in self._asking if one not in wanted]:
            self._asking.pop(count).cancel()
        for count, call in wanted.items():
            if (asking := self._asking.get(count)) is None:
                self._asking[count] = asyncio.create_task(self._answer(call))
            elif asking.done():
                del self._asking[count]
                self._say(answer(call, asking.result().chosen))

    async def _answer(self, call: Call) -> Answer:
        talk = self._conversation
        request = request_of(call, talk.tool(call), self._run.name, talk.plan.cwd)
        while True:
            try:
                return await self._operator.ask(request)
            except SyncropelError as error:  # for example a freeze that takes no word: ask again later
                log.info("run %s cannot ask now: %s", self._run.name, error.message)
                await asyncio.sleep(1.0)

    async def _listen(self) -> None:
        """Look whether the operator has said something: at once, as the turn may be over."""
        if self._message is None:
            self._listening = self._listening or asyncio.create_task(self._operator.message())
            await asyncio.wait({self._listening}, timeout=0)
            if self._listening.done():
                task, self._listening = self._listening, None
                self._message = task.result()

    async def _receipts(self) -> None:
        """Say of each message that the agent has got it, and that its turn has ended."""
        talk = self._conversation
        if self._message is not None and f"{SAID}{self._message.id}" in talk.sent:
            message, self._message = self._message, None
            await self._deliver(message)
        for number in [one for one in self._answering if f"{SAID}{one}" in talk.replies]:
            await self._operator.answered(self._answering[number])
            del self._answering[number]

    async def _deliver(self, message: Message) -> None:
        await self._operator.delivered(message)
        self._answering[message.id] = message

    def _denied(self) -> dict[str, Denied]:
        self._hear()
        if self._gone:
            self._catch_up()  # its last messages were an earlier daemon's
        denied = self._conversation.denied
        return {
            str(tool.get("toolCallId") or number): Denied(tool_of(tool), about(tool))
            for number, tool in list(denied.items())
        }
