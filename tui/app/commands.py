"""Runs a line typed after `:`: goes somewhere, or opens the dialog that the key would have opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from textual.app import App

from syncropel.errors import BadRequest
from syncropel.freeze_levels import EMERGENCY, Level
from tui import dialogs, screens
from tui.app import themes
from tui.app.appearance import Appearance
from tui.app.fleet_screens import FleetScreens
from tui.connection.fleets import Fleets
from tui.model import commands, subject_actions, unread
from tui.model.commands import Names
from tui.model.freezes import over
from tui.model.merging import Choice
from tui.model.namespaces import known_namespaces
from tui.model.places import Place
from tui.model.policy import ABOUT_WORK
from tui.model.rules import KINDS, WORK, Draft, Kind
from tui.model.setup import Grammar
from tui.model.subject import Subject
from tui.model.subject_actions import Verb
from tui.model.text import plain
from tui.model.world import World
from tui.preferences import Preferences

Run = Callable[[Sequence[str]], Awaitable[None]]
Named = TypeVar("Named")


class Commands:
    """The verbs of one console. Verbs that change the fleet only open the dialog for it.

    `base_screens` are the names of screens that can be gone to; without a `grammar` the verbs of the command
    line are not known.
    """

    def __init__(
        self,
        app: App[Any],
        fleets: Fleets,
        fleet_screens: FleetScreens,
        appearance: Appearance,
        base_screens: Sequence[str],
        grammar: Grammar | None,
        clock: Callable[[], float],
        preferences: Preferences,
        go: Callable[[Place], Awaitable[None]],
    ) -> None:
        self._app, self._fleets, self._screens = app, fleets, fleet_screens
        self._appearance, self._base_screens = appearance, base_screens
        self._grammar, self._clock = grammar, clock
        self._preferences, self._go = preferences, go

    @property
    def _world(self) -> World:
        return self._fleets.front.world

    def names(self) -> Names:
        """Everything that can be named at the moment."""
        world = self._world
        status = world.status
        return Names(
            screens=list(self._base_screens),
            tasks=[plain(one.alias) or one.thread for one in world.tasks or ()],
            instances=[plain(one.alias) or one.did for one in status.instances] if status else [],
            namespaces=known_namespaces(world),
            contexts=[one.name for one in self._fleets.all],
            themes=sorted(themes.NAMES),
            views=sorted(self._places),
        )

    def complete(self, line: str) -> list[str]:
        return commands.complete(line, self.names(), self._grammar)

    async def run(self, line: str) -> None:
        """Run a line. Raises SyncropelError, with what was probably meant, when it cannot be done."""
        words = commands.split(line)
        if not words:
            return
        words[0] = commands.whole(words[0], list(self._base_screens))
        first, rest = words[0], words[1:]
        if first in commands.FROM_CLI and not (first == "task" and self._names_a_task(rest)):
            await self._from_cli(words)
        elif first in self._base_screens:
            await self._screens.uncover(first)
        elif first in commands.WORDS:
            await cast("Run", getattr(self, f"_{first}"))(rest)
        else:
            raise commands.unknown(first, list(self._base_screens))

    def _names_a_task(self, rest: Sequence[str]) -> bool:
        """Whether `task X` names a task, rather than a verb of the command line."""
        grammar = self._grammar
        return len(rest) == 1 and (grammar is None or rest[0] not in grammar.complete(["task"], rest[0]))

    # navigation

    async def _task(self, rest: Sequence[str]) -> None:
        thread = self._thread_of(" ".join(rest))
        screen = screens.JoinScreen if self._world.has_fan_out(thread) else screens.TaskScreen
        self._app.push_screen(screen(thread))

    async def _why(self, rest: Sequence[str]) -> None:
        name = " ".join(rest)
        self._thread_of(name)
        self._app.push_screen(dialogs.WhyDialog(name))

    async def _instance(self, rest: Sequence[str]) -> None:
        self._app.push_screen(screens.InstanceScreen(self._did_of(" ".join(rest))))

    async def _logs(self, rest: Sequence[str]) -> None:
        did = self._did_of(" ".join(rest)) if rest else ""
        self._app.push_screen(screens.LogsScreen(did))

    async def _thread(self, rest: Sequence[str]) -> None:
        name = " ".join(rest)
        if not name:
            raise commands.nearest("thread", "", self.names().tasks)
        task = next((one for one in self._world.tasks or () if one.alias == name), None)
        self._app.push_screen(screens.ReplayScreen(task.thread if task else name))

    _replay = _thread

    async def _filter(self, rest: Sequence[str]) -> None:
        screen = self._screens.front()
        if screen is None or not screen.fields:
            raise BadRequest("this screen has nothing to filter", "go to another: fleet, tasks, feed")
        screen.set_filter(" ".join(rest))

    async def _context(self, rest: Sequence[str]) -> None:
        name = " ".join(rest)
        await self._screens.take_up_contexts()
        if self._fleets.find(name) is None:
            raise commands.nearest("context", name, self.names().contexts)
        await self._screens.look_at(name)

    async def _theme(self, rest: Sequence[str]) -> None:
        name = " ".join(rest)
        if name not in themes.NAMES:
            raise commands.nearest("theme", name, sorted(themes.NAMES))
        if not self._appearance.has_colour:
            raise BadRequest("there is no colour while NO_COLOR is set", "leave, and start without it")
        self._appearance.wear(name)

    async def _help(self, rest: Sequence[str]) -> None:
        if (front := self._screens.front()) is not None:
            self._app.push_screen(screens.HelpScreen(front))

    @property
    def _places(self) -> dict[str, Place]:
        return self._preferences.places(self._fleets.front.fleet.name)

    async def _view(self, rest: Sequence[str]) -> None:
        name = " ".join(rest)
        if name not in self._places:
            raise commands.nearest("view", name, sorted(self._places))
        await self._go(self._places[name])

    async def _needs(self, rest: Sequence[str]) -> None:
        await self._app.run_action("needs")

    async def _quit(self, rest: Sequence[str]) -> None:
        self._app.exit()

    async def _reconnect(self, rest: Sequence[str]) -> None:
        self._fleets.front.reconnect()

    async def _lock(self, rest: Sequence[str]) -> None:
        self._fleets.front.lock()

    async def _unlock(self, rest: Sequence[str]) -> None:
        if not self._fleets.front.read_only:
            raise BadRequest("this fleet is not locked", "changes are allowed already")
        self._app.push_screen(dialogs.UnlockDialog())

    # dialogs

    async def _freeze(self, rest: Sequence[str]) -> None:
        namespace, reason = (rest[0], " ".join(rest[1:])) if rest else ("", "")
        self._app.push_screen(dialogs.FreezeDialog(namespace, reason=reason))

    async def _unfreeze(self, rest: Sequence[str]) -> None:
        self._app.push_screen(dialogs.UnfreezeDialog(over(self._world, rest[0]) if rest else ""))

    async def _from_cli(self, words: Sequence[str]) -> None:
        grammar = self._grammar
        if grammar is None:
            raise BadRequest(f"{words[0]} is not known here", "start the console with: spl console")
        given = grammar.parse(words)
        await {
            "kill": self._cli_kill, "unkill": self._cli_unkill, "drill": self._cli_drill,
            "drain": self._cli_drain, "task": self._cli_task, "fleet": self._cli_fleet,
            "config": self._cli_config,
        }[words[0]](given)  # fmt: skip

    async def _cli_kill(self, given: Mapping[str, Any]) -> None:
        level: Level = EMERGENCY if given["emergency"] else given["level"]
        grace = f"{given['grace']:g}" if given["grace"] is not None else ""
        dialog = dialogs.FreezeDialog(
            given["namespace"] or " ".join(given["rest"]),
            level,
            reason=given["reason"] or "",
            grace=grace,
            terminate=given["terminate"],
        )
        self._app.push_screen(dialog)

    async def _cli_unkill(self, given: Mapping[str, Any]) -> None:
        world = self._world
        freezes = world.status.freezes if world.status else []
        emergency = next((one.record for one in freezes if one.level == EMERGENCY), "")
        namespace = given["namespace"] or " ".join(given["rest"])
        self._app.push_screen(
            dialogs.UnfreezeDialog(emergency if given["emergency"] else over(world, namespace))
        )

    async def _cli_drill(self, given: Mapping[str, Any]) -> None:
        self._app.push_screen(dialogs.DrillDialog())

    async def _cli_drain(self, given: Mapping[str, Any]) -> None:
        verbs: dict[str, Verb] = {"start": "drain", "stop": "undrain"}
        if given["verb"] not in verbs:
            await self._screens.uncover("fleet")
            return
        name = given["instance"] or " ".join(given["rest"])
        self._ask(verbs[given["verb"]], Subject(did=self._did_of(name)))

    async def _cli_task(self, given: Mapping[str, Any]) -> None:
        verb, name = given["verb"], given.get("name") or " ".join(given["rest"])
        if verb in ("show", "join-status", "speedup"):
            await self._task([name])
        elif verb == "merge":
            choice = Choice(tuple(given["subtasks"]), given["into"], given["mode"])
            await self._app.push_screen(dialogs.MergeDialog(self._thread_of(name), choice))
        elif verb in subject_actions.SUBJECT_ACTIONS:
            subject = Subject(thread=self._thread_of(name), index=given.get("subtask"))
            self._ask(cast(Verb, verb), subject, given.get("text") or "")
        else:
            await self._screens.uncover("tasks")
            if verb not in ("", "list"):
                raise BadRequest(f"task {verb} is not done from the console", f"in a shell: spl task {verb}")

    async def _cli_fleet(self, given: Mapping[str, Any]) -> None:
        await self._screens.uncover("fleet")
        if given["verb"] not in ("", "status", "list"):
            verb = given["verb"]
            raise BadRequest(f"fleet {verb} is not done from the console", f"in a shell: spl fleet {verb}")

    async def _cli_config(self, given: Mapping[str, Any]) -> None:
        verb, kind = given["verb"], given.get("kind")
        await self._screens.uncover("policy")
        if kind is not None and kind not in KINDS:
            raise BadRequest(f"config {verb} is not done from the console", f"in a shell: spl config {verb}")
        screen = self._screens.front()
        if not isinstance(screen, screens.PolicyScreen):
            return
        if kind is not None:
            screen.action_pane(ABOUT_WORK if kind in WORK else kind)
        if verb.startswith("add-"):
            typed = {name: given.get(name) or "" for name in ("name", "expression")}
            effect, ops = given.get("effect") or given.get("severity") or "", " ".join(given.get("op") or ())
            draft = Draft(
                cast(Kind, kind), **typed, effect=effect, ops=ops, priority=str(given["priority"]),
                goal=given.get("goal") or "", target=given.get("target") or "",
            )  # fmt: skip
            await screen.ask_rule("add", draft)
        elif verb.startswith("remove-"):
            await screen.ask_rule("remove", Draft(cast(Kind, kind), given.get("name") or ""))
        elif verb == "restore-default-rules":
            await screen.action_restore_rules()
        elif verb in ("permissions-enable", "permissions-disable"):
            await screen.action_permissions("enforce" if verb.endswith("enable") else "do not enforce")
        elif verb and not verb.startswith("list-"):
            raise BadRequest(f"config {verb} is not done from the console", f"in a shell: spl config {verb}")

    def _ask(self, verb: Verb, subject: Subject, text: str = "") -> None:
        verb = subject_actions.meant(verb, self._world, subject)
        if why_not := subject_actions.objection(verb, self._world, subject):
            raise BadRequest(why_not, f"see: {commands.usage('task') if subject.thread else 'drain'}")
        self._app.push_screen(dialogs.acting(verb, subject, text))

    # names

    def _read(self, kind: str, name: str, known: Sequence[Named] | None) -> Sequence[Named]:
        """The known items of a kind. Raises BadRequest when they were never read, so a name cannot be called
        wrong.
        """
        if known is None:
            link = self._world.link.at(self._clock())
            lacking = unread.lacking(link, self._appearance.glyphs)
            raise BadRequest(f"whether there is a {kind} {name!r} is {lacking}", "try again when it is live")
        return known

    def _thread_of(self, name: str) -> str:
        """The thread of a task, given its alias or thread. Raises BadRequest."""
        tasks = self._read("task", name, self._world.tasks)
        found = next((one.thread for one in tasks if name and name in (one.alias, one.thread)), "")
        if not found:
            raise commands.nearest("task", name, self.names().tasks)
        return found

    def _did_of(self, name: str) -> str:
        status = self._world.status
        instances = self._read("instance", name, status.instances if status else None)
        found = next((one.did for one in instances if name and name in (one.alias, one.did)), "")
        if not found:
            raise commands.nearest("instance", name, self.names().instances)
        return found
