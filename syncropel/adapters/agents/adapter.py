"""Agents without a conversation: each attempt is one run of a command-line tool, in one of its sessions."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncropel.adapters.agents.agent import IGNORE, Agent, prompt_of
from syncropel.adapters.agents.cli import END, Ask, Cli
from syncropel.adapters.agents.metered import AgentReader
from syncropel.adapters.agents.options import Defaults, Provider
from syncropel.adapters.base import Job
from syncropel.adapters.configured import write_prompt
from syncropel.adapters.contract import Place
from syncropel.adapters.environment import found
from syncropel.adapters.files import Files
from syncropel.adapters.models.tokens import Tokens, read_tokens
from syncropel.adapters.program_parts import Program
from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable


class AgentAdapter(Agent):
    """Runs one kind of agent. The prompt comes on stdin; a retry continues the previous session."""

    def __init__(self, table: AdapterTable, place: Place, cli: Cli, program: str) -> None:
        self._cli = cli
        self.spend_known, self.says_cost, self.limits_turns = cli.spend_known, cli.says_cost, cli.limits_turns
        defaults = Defaults(Provider.of(cli.dialect), cli.mode, cli.modes)
        super().__init__(table, place, (program,), defaults, cli)

    def environment(self, job: Job, files: Files) -> dict[str, str]:
        return {**self._cli.variables, **super().environment(job, files)}

    def prepare(self, job: Job, files: Files, cwd: Path) -> Program:
        words, environment, kept = self.opened(job, self.environment(job, files), files)
        ask, gone = self._ask(job), ""
        if ask.resume and not self._cli.has_session(ask.resume, environment):
            ask, gone = replace(ask, resume="", before=Tokens()), ask.resume
        if not ask.resume and self._cli.names_session:
            ask = replace(ask, session=str(uuid.uuid4()))
        write_prompt(files, prompt_of(job, goes_on=bool(ask.resume)))
        program = found(list(self.table.command), environment)
        if shutil.which(program[0]) is None:
            raise SetupError(
                f"there is no program {program[0]!r}; install it, or set [adapters.{self.name}] command"
            )
        return Program(
            self._cli.words(program, ask, [*self.table.args, *words]),
            cwd,
            environment,
            stdin=files.prompt,
            stderr=files.stderr,
            session=ask.resume or ask.session,
            about=self._about(job, ask, gone),
            kept=kept,
        )

    def with_tools(self, environment: dict[str, str], files: Files) -> tuple[list[str], dict[str, str]]:
        words, variables = self._cli.with_tools(files.servers)
        files.hand_over(*([files.servers] if files.servers.exists() else []))
        return words, variables | environment

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
        session, before = self.earlier(job)
        thread = before.get("thread_tokens")
        return Ask(
            model=job.model,
            resume=session,
            before=Tokens() if not session else read_tokens(thread) if thread is not None else None,
            mode=self._options.mode,
            max_turns=self._options.max_turns,
            budget_usd=job.budget_usd,
            ignore_denied=job.denied == IGNORE,
        )

    def agent_reader(self, job: Job) -> AgentReader:
        return self._cli.reader(self._options.prices, self._ask(job), None if job.over else self.places(job))
