"""Adapters for coding agents: each attempt is one run of a command-line tool, in one of its sessions."""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from syncropel.adapters.agents.claude import ClaudeReader
from syncropel.adapters.agents.cli import END, Ask, Cli
from syncropel.adapters.agents.codex import CodexReader
from syncropel.adapters.agents.metered import MeteredFollowing, MeteredReader
from syncropel.adapters.agents.options import read_options
from syncropel.adapters.agents.passage import KEPT, Passage
from syncropel.adapters.agents.verdict import BUDGET_EXCEEDED, MAX_TURNS
from syncropel.adapters.base import Job, Observe, Outcome
from syncropel.adapters.configured import ConfiguredProgram, write_prompt
from syncropel.adapters.contract import CostKnown, Place
from syncropel.adapters.environment import found
from syncropel.adapters.files import Files
from syncropel.adapters.following import Following
from syncropel.adapters.models.tokens import Tokens, read_tokens
from syncropel.adapters.program import Excess, Program
from syncropel.adapters.reading import OutputReader
from syncropel.adapters.supervised import Supervised
from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable

BUDGET_BLIND: Final = "budget_blind"
"""Why an attempt was not started: its cost could not be determined."""
IGNORE: Final = "ignore"
"""A subtask's setting for denied calls that must not fail it."""

_SESSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,127}")
"""An id that is safe among a program's arguments: the agent wrote it, and it must not be read as a flag."""


class AgentAdapter(ConfiguredProgram):
    """Runs one kind of agent. The prompt comes on stdin; a retry continues the previous session."""

    interrupt_secs = 5.0

    def __init__(self, table: AdapterTable, place: Place, cli: Cli, program: str) -> None:
        super().__init__(replace(table, command=table.command or (program,)), place)
        self._cli = cli
        self._options = read_options(table.name, cli, table.options)
        self._passage = Passage.of(table, cli, self._options, place.gateway)
        self.cost_known: CostKnown = "request" if self._passage is not None else cli.spend_known

    @property
    def provider(self) -> str:
        """Whose quota its goals use."""
        return self._options.provider

    def problem(self) -> str:
        return super().problem() or (self._passage.problem() if self._passage is not None else "")

    async def run(self, job: Job, observe: Observe) -> Outcome:
        if job.budget_usd is not None and not self._can_tell_cost(job.model):
            return Outcome("failed", self._blind(job.model), reason=BUDGET_BLIND)
        try:
            return await super().run(job, observe)
        finally:
            self._close(job)

    async def resume(self, taken: Supervised, job: Job, observe: Observe) -> Outcome:
        if (kept := taken.about.get(KEPT)) is not None and self._passage is not None:
            self._passage.take_back(job, kept, taken.folder)
        try:
            return await super().resume(taken, job, observe)
        finally:
            self._close(job)

    def _close(self, job: Job) -> None:
        if self._passage is not None and not self._leaving:
            self._passage.close(job)

    async def _launch(self, program: Program, job: Job, sink: BinaryIO, base: str | None) -> Supervised:
        run = await super()._launch(program, job, sink, base)
        if self._passage is not None:
            self._passage.begin(job, run.folder)
        return run

    async def _end(self, run: Supervised, job: Job) -> None:
        self._close(job)  # before the agent is asked to end: whatever it waits for is cut now
        await super()._end(run, job)

    def _can_tell_cost(self, model: str) -> bool:
        if self._cli.says_cost and (self._passage is None or not model):
            return True
        return self._options.prices.knows(model)

    def _blind(self, model: str) -> str:
        what = f"the price of {model!r} is not known" if model else f"no model is set for {self.name}"
        return (
            f"cannot hold a budget in US dollars: {what}; give the budget in tokens (budget_tokens=), or set "
            f"[adapters.{self.name}] model and prices in this instance's config.toml"
        )

    def environment(self, job: Job, files: Files) -> dict[str, str]:
        return {**self._cli.variables, **super().environment(job, files)}

    def prepare(self, job: Job, files: Files, cwd: Path) -> Program:
        environment = self.environment(job, files)
        more, kept = list(self.table.args), dict[str, Any]()
        if self._passage is not None:
            words, variables, kept = self._passage.open(job, environment)
            more, environment = more + words, environment | variables
        ask, gone = self._ask(job), ""
        if ask.resume and not self._cli.has_session(ask.resume, environment):
            ask, gone = replace(ask, resume="", before=Tokens()), ask.resume
        if not ask.resume and self._cli.names_session:
            ask = replace(ask, session=str(uuid.uuid4()))
        write_prompt(files, _prompt(job, goes_on=bool(ask.resume)))
        program = found(list(self.table.command), environment)
        if shutil.which(program[0]) is None:
            raise SetupError(
                f"there is no program {program[0]!r}; install it, or set [adapters.{self.name}] command"
            )
        return Program(
            self._cli.words(program, ask, more),
            cwd,
            environment,
            stdin=files.prompt,
            stderr=files.stderr,
            session=ask.resume or ask.session,
            about=self._about(job, ask, gone),
            kept=kept,
        )

    def _about(self, job: Job, ask: Ask, gone: str) -> dict[str, Any]:
        """Additional facts for the start record."""
        about: dict[str, Any] = {"spend_known": self.cost_known}
        if job.budget_usd is not None and self.cost_known == END:
            about["warning"] = (
                f"a budget cannot stop this run: {self.name} says what it spent only at its end"
            )
        if ask.model:
            about["model"] = ask.model
        if ask.resume:
            about["resumes"] = ask.resume
            about |= {"resumed_tokens": ask.before.as_body()} if ask.before is not None else {}
        elif job.attempt > 1:
            about["fresh"] = (
                f"session {gone} is gone" if gone else "no earlier session of this subtask is known here"
            )
        return about

    def _ask(self, job: Job) -> Ask:
        """The parameters of this attempt. They are derived from the job alone, so a daemon that takes over
        the run reads its output like the one that began it.
        """
        before = job.earlier if self._options.resume else None
        session = str(before.get("session") or "") if before else ""
        session = session if _SESSION.fullmatch(session) else ""
        thread = before.get("thread_tokens") if before else None
        return Ask(
            model=job.model,
            resume=session,
            before=Tokens() if not session else read_tokens(thread) if thread is not None else None,
            mode=self._options.mode,
            max_turns=self._options.max_turns,
            budget_usd=job.budget_usd,
            ignore_denied=job.denied == IGNORE,
        )

    def reader(self, job: Job) -> OutputReader:
        places = None if job.over else self.places()
        agent = self._cli.reader(self._options.prices, self._ask(job), places)
        attempt = self._passage.attempt(job) if self._passage is not None and not job.over else None
        return agent if attempt is None else MeteredReader(agent, attempt)

    def following(self, run: Supervised, job: Job, reader: OutputReader, output: Path) -> Following:
        if not isinstance(reader, MeteredReader):
            return super().following(run, job, reader, output)
        return MeteredFollowing(output, reader, run.folder.name, job.events, reader.attempt)

    def limits_of(self, job: Job, reader: OutputReader | None) -> Excess | None:
        """Whether the run has used up its tokens or its turns."""
        agent = reader.agent if isinstance(reader, MeteredReader) else reader
        if not isinstance(agent, ClaudeReader | CodexReader):
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
        if turns and not self._cli.limits_turns and not done and agent.turns > turns:
            return Excess(MAX_TURNS, f"over its limit of {turns} turns")
        return None

    def _hear_quota(self, agent: ClaudeReader | CodexReader) -> None:
        """Report, once, that the agent says the quota is spent."""
        facts, gateway = agent.account.facts, self.place.gateway
        if facts.quota is not None and gateway is not None:
            gateway.hear(self.provider, facts.quota, False)
            facts.quota = None

    def told(self, reader: OutputReader | None) -> dict[str, Any] | None:
        if isinstance(reader, MeteredReader):
            return {"adapter": self.name, **reader.body()}
        if not isinstance(reader, ClaudeReader | CodexReader):
            return None
        return {"adapter": self.name, **reader.account.as_body()}


def _prompt(job: Job, *, goes_on: bool) -> str:
    said = [] if goes_on and job.hint else [job.goal] if not goes_on else ["Go on with your task."]
    said += [f"Read {job.content} first."] if job.content and not goes_on else []
    said += [job.hint] if job.hint else []
    # The text itself, not its path: reading a file outside the worktree may be denied, and fail the run.
    said += [job.briefing] if job.briefing and not goes_on else []
    return "\n\n".join(said) + "\n"
