"""Coding agents as programs: budgets, the gateway, and what is known of a run, however it is talked to."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from syncropel.adapters.agents.login_files import login_words
from syncropel.adapters.agents.metered import AgentReader, MeteredFollowing, MeteredReader
from syncropel.adapters.agents.options import Defaults, read_options
from syncropel.adapters.agents.passage import KEPT, Passage, Route
from syncropel.adapters.agents.verdict import BUDGET_EXCEEDED, MAX_TURNS
from syncropel.adapters.base import Job, Observe, Outcome
from syncropel.adapters.configured import ConfiguredProgram
from syncropel.adapters.contract import CostKnown, Place
from syncropel.adapters.files import Files
from syncropel.adapters.following import Following
from syncropel.adapters.program_parts import Excess, Program
from syncropel.adapters.reading import OutputReader
from syncropel.adapters.sandbox import Inside
from syncropel.adapters.supervised import Supervised
from syncropel.adapters.tools import access, servers
from syncropel.adapters.tools.access import Access
from syncropel.settings.adapters import AdapterTable

BUDGET_BLIND: Final = "budget_blind"
"""Why an attempt was not started: its cost could not be determined."""
IGNORE: Final = "ignore"
"""A subtask's setting for denied calls that must not fail it."""

_SESSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
"""An id that is safe among a program's arguments: the agent wrote it, and it must not be read as a flag."""


class Agent(ConfiguredProgram):
    """Runs one kind of agent. A retry continues the previous session."""

    interrupt_secs = 5.0

    def __init__(
        self,
        table: AdapterTable,
        place: Place,
        program: tuple[str, ...],
        defaults: Defaults,
        route: Route,
    ) -> None:
        super().__init__(replace(table, command=table.command or program), place)
        self._options = read_options(table.name, defaults, table.options)
        self._passage = Passage.of(table, route, self._options, place.gateway)
        self._access = Access.of(table.name, place.desk, wanted=self._options.mcp)
        if place.sandbox is not None and not place.sandbox.network and (self._passage or self._access):
            raise table.wrong("network", "true: the gateway and the tools of spl mcp need it", False)
        self.cost_known: CostKnown = "request" if self._passage is not None else self.spend_known

    spend_known: CostKnown
    """When it reports its spending."""
    says_cost: bool
    """Whether it reports US dollars."""
    limits_turns: bool
    """Whether it limits turns itself."""

    @property
    def provider(self) -> str:
        """Whose quota its goals use."""
        return self._options.provider

    def problem(self) -> str:
        passage = self._passage.problem() if self._passage is not None else ""
        return super().problem() or passage or (self._access.problem() if self._access is not None else "")

    async def run(self, job: Job, observe: Observe) -> Outcome:
        if blind := self.blind(job):
            return Outcome("failed", blind, reason=BUDGET_BLIND)
        try:
            return await super().run(job, observe)
        finally:
            self._close(job)

    async def resume(self, taken: Supervised, job: Job, observe: Observe) -> Outcome:
        if (kept := taken.about.get(KEPT)) is not None and self._passage is not None:
            self._passage.take_back(job, kept, taken.folder)
        if (tools := taken.about.get(access.KEPT)) is not None and self._access is not None:
            self._access.take_back(job, tools, taken.folder.name)
        try:
            return await super().resume(taken, job, observe)
        finally:
            self._close(job)

    def _close(self, job: Job) -> None:
        if self._passage is not None and not self._leaving:
            self._passage.close(job)
        if self._access is not None and not self._leaving:
            self._access.close(job)

    def waits(self, job: Job) -> bool:
        return self._access is not None and self._access.waits(job)

    async def _launch(self, program: Program, job: Job, sink: BinaryIO, base: str | None) -> Supervised:
        run = await super()._launch(program, job, sink, base)
        if self._passage is not None:
            self._passage.begin(job, run.folder)
        return run

    async def _end(self, run: Supervised, job: Job) -> None:
        self._close(job)  # before the agent is asked to end: whatever it waits for is cut now
        await super()._end(run, job)

    def blind(self, job: Job) -> str:
        """Why a budget of this attempt could not be held; empty when it can."""
        model = job.model
        if job.budget_usd is None or (self.says_cost and (self._passage is None or not model)):
            return ""
        if self._options.prices.knows(model):
            return ""
        what = f"the price of {model!r} is not known" if model else f"no model is set for {self.name}"
        return (
            f"cannot hold a budget in US dollars: {what}; give the budget in tokens (budget_tokens=), or set "
            f"[adapters.{self.name}] model and prices in this instance's config.toml"
        )

    def opened(
        self, job: Job, environment: dict[str, str], files: Files
    ) -> tuple[list[str], dict[str, str], dict[str, Any]]:
        """More arguments, the whole environment, and the run's private data: with the gateway and the tools,
        if they are used.

        Raises SetupError when requests would fail, and OSError.
        """
        words, kept = list[str](), dict[str, Any]()
        if self._passage is not None:
            words, variables, kept = self._passage.open(job, environment)
            environment = environment | variables
        if self._access is not None:
            variables, known = self._access.open(job)
            more, environment = self.with_tools(environment | variables, files)
            words, kept = [*words, *more], kept | known
        return words, environment, kept

    @abstractmethod
    def with_tools(self, environment: dict[str, str], files: Files) -> tuple[list[str], dict[str, str]]:
        """More arguments, and the whole environment, that give the agent the tools of `spl mcp`. Raises
        SetupError and OSError.
        """

    def shown(self, files: Files, environment: Mapping[str, str]) -> Inside:
        sandbox = self.place.sandbox
        words: list[str] = []
        if sandbox is not None and sandbox.own_home is None:
            files.home.mkdir(mode=0o700, exist_ok=True)
            login = self._passage is None  # the gateway keeps it from the agent
            words = login_words(self.table.kind, environment, files.home, login=login)
        return Inside(servers.installation() if self._access is not None else (), words=words)

    def earlier(self, job: Job) -> tuple[str, Mapping[str, Any]]:
        """The session to go on with, empty for a new one, and what its last attempt said of it."""
        before = job.earlier if self._options.resume else None
        session = str(before.get("session") or "") if before else ""
        return (session, before) if before and _SESSION.fullmatch(session) else ("", {})

    @abstractmethod
    def agent_reader(self, job: Job) -> AgentReader:
        """A new reader of what the agent itself says."""

    def reader(self, job: Job) -> OutputReader:
        agent = self.agent_reader(job)
        attempt = self._passage.attempt(job) if self._passage is not None and not job.over else None
        return agent if attempt is None else MeteredReader(agent, attempt)

    def following(self, run: Supervised, job: Job, reader: OutputReader, output: Path) -> Following:
        if not isinstance(reader, MeteredReader):
            return super().following(run, job, reader, output)
        return MeteredFollowing(output, reader, run.folder.name, job.events, reader.attempt)

    def limits_of(self, job: Job, reader: OutputReader | None) -> Excess | None:
        """Whether the run has used up its tokens or its turns."""
        agent = own_reader(reader)
        if agent is None:
            return None
        self._hear_quota(agent)
        used, most = agent.account.spending.tokens.total, job.budget_tokens
        if isinstance(reader, MeteredReader):
            used = reader.attempt.account.tokens
        if most is not None and used >= most:
            told = f"{BUDGET_EXCEEDED}: used {used} tokens of its budget of {most}"
            return Excess(BUDGET_EXCEEDED, told)
        turns = self._options.max_turns
        done = agent.account.facts.ended is not None
        if turns and not self.limits_turns and not done and agent.turns > turns:
            return Excess(MAX_TURNS, f"over its limit of {turns} turns")
        return None

    def _hear_quota(self, agent: AgentReader) -> None:
        """Report, once, that the agent says the quota is spent."""
        facts, gateway = agent.account.facts, self.place.gateway
        if facts.quota is not None and gateway is not None:
            gateway.hear(self.provider, facts.quota, False)
            facts.quota = None

    def told(self, reader: OutputReader | None) -> dict[str, Any] | None:
        if isinstance(reader, MeteredReader):
            return {"adapter": self.name, **reader.body()}
        agent = own_reader(reader)
        return None if agent is None else {"adapter": self.name, **agent.account.as_body()}


def own_reader(reader: OutputReader | None) -> AgentReader | None:
    """The reader of what the agent itself says."""
    agent = reader.agent if isinstance(reader, MeteredReader) else reader
    return agent if isinstance(agent, AgentReader) else None


def prompt_of(job: Job, *, goes_on: bool) -> str:
    """The prompt of an attempt; `goes_on`: its session has the goal already."""
    said = [] if goes_on and job.hint else [job.goal] if not goes_on else ["Go on with your task."]
    said += [f"Read {job.content} first."] if job.content and not goes_on else []
    said += [job.hint] if job.hint else []
    # The text itself, not its path: reading a file outside the worktree may be denied, and fail the run.
    said += [job.briefing] if job.briefing and not goes_on else []
    return "\n\n".join(said) + "\n"
