"""One verb on many marked rows: retry, stop, cancel, approve, drain, and the like."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import calls
from syncropel.errors import SyncropelError
from tui.connection.bulk_run import WIDTH, Seen
from tui.dialogs.bulk import BulkDialog
from tui.dialogs.subject_action import call_for, scope_of
from tui.model import bulk, subject_actions
from tui.model.bulk import Item
from tui.model.bulk_steps import Listed
from tui.model.glyphs import Tone
from tui.model.marks import Mark, Marks, Standings
from tui.model.subject import Subject, namespace_of
from tui.model.subject_actions import SUBJECT_ACTIONS, Verb, past
from tui.model.world import World
from tui.widgets.field import Field, entry

if TYPE_CHECKING:
    from syncropel.client.task_records import Attempt
    from syncropel.wire import JoinStatus


class BulkActionDialog(BulkDialog):
    """The joins of the tasks that it is about are read first: the list is what they say."""

    look = "look how they stand before you try again: spl inbox"

    def __init__(self, verb: Verb, marks: Marks) -> None:
        super().__init__(marks)
        self.verb, self._marked = verb, marks.all
        self.what = SUBJECT_ACTIONS[verb]
        self.button, self.letter, self.danger = self._word, self.what.letter, self.what.danger
        self.needs = scope_of(verb)
        self.past = past(verb)
        self._joins: dict[str, JoinStatus] = {}
        self._trouble: SyncropelError | None = None
        self._fixed: list[Mark] | None = None
        self._known: tuple[tuple[object, ...], Standings] = ((), Standings(World()))
        self._planned: tuple[Standings | None, list[Item]] = (None, [])
        self._listed: list[Listed] = []
        self._found: dict[str, Item] = {}
        self._reason = ""

    # reading

    def on_mount(self) -> None:
        super().on_mount()
        self.read_again()

    def read_again(self) -> None:
        self.run_worker(self._read(), name="joins", group="joins", exclusive=True, exit_on_error=False)

    async def _read(self) -> None:
        try:
            await self.prepare()
        except SyncropelError as error:
            self._trouble = error
        else:
            self._trouble = None
            if self._fixed is None:
                self._fixed = bulk.spread(self.verb, self._marked, self._world())
            self.drawn_anew()
        self.show()

    async def act(self) -> str:
        self._reason = self.words
        return await super().act()

    async def prepare(self) -> None:
        threads = bulk.joins_needed(self.verb, self._marked, self.world)
        self._joins = {**self._joins, **await self._read_joins(threads)}
        self._found = {one.key: one for one in self.items}

    async def _read_joins(self, threads: Sequence[str]) -> dict[str, JoinStatus]:
        found: dict[str, JoinStatus] = {}
        waiting = iter(threads)

        async def read() -> None:
            for thread in waiting:
                try:
                    found[thread] = await self.ask(calls.join(thread))
                except SyncropelError as error:
                    if getattr(error, "status", 0) not in bulk.NO_JOIN:
                        raise

        await _together(read)
        return found

    @property
    def _standings(self) -> Standings:
        """How things stand now: put together again when something has changed."""
        world = self.world
        grounds = (world.status, world.tasks, world.inbox, world.join, world.nested, self._joins)
        if any(one is not other for one, other in zip_longest(self._known[0], grounds)):
            self._known = (grounds, Standings(bulk.with_joins(world, self._joins)))
        return self._known[1]

    def _world(self) -> World:
        return self._standings.world

    @property
    def items(self) -> list[Item]:
        """The list as things stand now; from when it is sent on, as it was then."""
        if self._fixed is None:
            return []
        standings = self._standings
        if self._run is None and self._planned[0] is not standings:
            self._planned = (standings, bulk.plan(self.verb, self._fixed, standings))
            self._listed = [
                Listed(one.key, one.mark.label, one.now, one.what, one.why_not) for one in self._planned[1]
            ]
        return self._planned[1]

    # content

    def title_words(self) -> str:
        return self._words if self._fixed is not None else f"{self._word} {len(self._marked):,} marked rows"

    @property
    def _word(self) -> str:
        return "End the drain of" if self.verb == "undrain" else self.what.title.partition(" ")[0]

    @property
    def _words(self) -> str:
        """The verb and on how many it acts: `Cancel 7 tasks`."""
        included = [one for one in self.items if not one.why_not]
        kinds = {"subtask" if one.mark.subject.index is not None else self.what.of for one in included}
        kind = self.what.of if not kinds else kinds.pop() if len(kinds) == 1 else "item"
        return f"{self._word} {bulk.many(len(included), kind)}"

    def show(self) -> None:
        if self._run is None:
            self.button = self._words if self._fixed is not None else self._word
        super().show()

    def listed(self) -> Sequence[Listed]:
        return self._listed if self.items else ()

    def radius(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._trouble is not None:
            return [(f"how they stand is not known: {self._trouble.message}", "warn")]
        if self._fixed is None:
            count = len(bulk.joins_needed(self.verb, self._marked, self.world))
            return [(f"reading how they stand: {bulk.many(count, 'join')}", "muted")]
        included = [one for one in self.items if not one.why_not]
        warns: list[tuple[str, Tone]] = [(self.what.warns, "warn" if self.danger else "plain")]
        return [*bulk.radius(self.verb, included, self._world()), *(warns if included else ())]

    def own_fields(self) -> Sequence[Widget]:
        return (
            (Field(self.what.field, "w", entry("words", "", "may be left out")),) if self.what.field else ()
        )

    @property
    def words(self) -> str:
        return self.query_one("#words", Input).value.strip() if self.what.field else ""

    def mistake(self) -> str:
        return "how they stand could not be read" if self._trouble is not None else ""

    def objection(self) -> str:
        return "how they stand is being read" if self._fixed is None else super().objection()

    def commands(self) -> str:
        included = [one for one in self.items if not one.why_not]
        return bulk.commands(self.verb, included, self._world(), self.words) if included else ""

    def rows_of(self, key: str) -> Sequence[str]:
        return (self._found[key].mark.row,)

    # acting

    def judge(self, key: str) -> str:
        found = self._found[key]
        return found.why_not or bulk.item_of(self.verb, found.mark, self._standings).why_not

    async def send(self, key: str) -> None:
        one = self._found[key]
        # By thread: meanwhile its alias may be another task's.
        subject, thread = one.mark.subject, one.mark.subject.thread
        await self.ask(call_for(one.verb, subject, thread, self._reason, self.actor, self._attempt(subject)))

    def _attempt(self, subject: Subject) -> Attempt | None:
        world = self._world()
        return subject_actions.attempt_of(world, subject, namespace_of(world, subject))

    async def read_back(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        items = [self._found[key] for key in keys]
        world = World(status=self.world.status)
        if self.what.of == "instance":
            world = replace(world, status=await self.ask(calls.fleet_status()))
        else:
            joins = {one.mark.subject.thread for one in items if one.mark.subject.index is not None}
            world = replace(world, nested=await self._read_joins(sorted(joins)))
            threads = {one.mark.subject.thread for one in items if one.mark.subject.index is None}
            world = replace(world, tasks=tuple(await self._read_tasks(sorted(threads))))
        return {one.key: Seen(*bulk.came_about(one, world)) for one in items}

    async def _read_tasks(self, threads: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        waiting = iter(threads)

        async def read() -> None:
            for thread in waiting:
                found.append(await self.ask(calls.task(thread)))

        await _together(read)
        return found


async def _together(read: Any) -> None:
    """Run some of these at a time. Raises the first error that one of them met."""
    results = await asyncio.gather(*(read() for _ in range(WIDTH)), return_exceptions=True)
    for one in results:
        if isinstance(one, BaseException):
            raise one
