"""Agents that are talked to: each attempt is one run of a program, and one session in it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from syncropel.adapters.acp.conversation import Conversation, Plan
from syncropel.adapters.acp.kinds import Kind
from syncropel.adapters.acp.reader import AcpReader
from syncropel.adapters.acp.talk import Talk
from syncropel.adapters.agents.agent import IGNORE, Agent, own_reader, prompt_of
from syncropel.adapters.agents.options import ASK, Defaults
from syncropel.adapters.base import Job
from syncropel.adapters.contract import Capabilities, Place
from syncropel.adapters.environment import found
from syncropel.adapters.files import Files
from syncropel.adapters.models.words import dollars
from syncropel.adapters.program_parts import Conversing, Program
from syncropel.adapters.reading import OutputReader
from syncropel.adapters.supervised import Supervised
from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable

_MINUTE_SECS = 60.0
_AFTER_SECS = 1.0


def capabilities_of(kind: Kind) -> Capabilities:
    """What an agent can do that is talked to."""
    return Capabilities(
        text=True,
        tools=True,
        tokens=kind.says_tokens,
        cost="turn",
        resume=True,
        messages=True,
        permissions=True,
        denials=kind.tells_denials,
    )


class AcpAgent(Agent):
    """Runs one kind of agent over the Agent Client Protocol. It can ask its operator."""

    spend_known = "turn"

    def __init__(self, table: AdapterTable, place: Place, kind: Kind) -> None:
        self._kind = kind
        self.says_cost, self.limits_turns = kind.says_cost, kind.limits
        super().__init__(table, place, kind.program, Defaults(kind.provider, permissions=ASK), kind)
        self.capabilities = capabilities_of(kind)

    def blind(self, job: Job) -> str:
        if job.budget_tokens is not None and not self._kind.says_tokens and self._passage is None:
            return f"cannot hold a budget in tokens: {self._kind.name} does not say all that it uses"
        return super().blind(job)

    def environment(self, job: Job, files: Files) -> dict[str, str]:
        return {**self._kind.variables[self._options.permissions], **super().environment(job, files)}

    def prepare(self, job: Job, files: Files, cwd: Path) -> Program:
        words, environment, kept = self.opened(job, self.environment(job, files), files)
        program = found([*self.table.command, *self.table.args, *words], environment)
        if shutil.which(program[0]) is None:
            raise SetupError(
                f"there is no program {program[0]!r}; install it, or set [adapters.{self.name}] command"
            )
        files.hand_over()
        about: dict[str, Any] = {"spend_known": self.cost_known}
        session, _ = self.earlier(job)
        about |= {"model": job.model} if job.model else {}
        if session:
            about["resumes"] = session
        elif job.attempt > 1:
            about["fresh"] = "no earlier session of this subtask is known here"
        return Program(
            program,
            cwd,
            environment,
            stdin="pipe",
            stderr=files.stderr,
            session=session,
            about=about,
            kept=kept,
        )

    def with_tools(self, environment: dict[str, str], files: Files) -> tuple[list[str], dict[str, str]]:
        return [], self._kind.with_tools(environment)

    def agent_reader(self, job: Job) -> AcpReader:
        session, before = self.earlier(job)
        return AcpReader(
            self._kind,
            self._options.prices,
            model=job.model,
            resumes=session,
            paid=dollars(before.get("session_cost_usd")),
            ignore_denied=job.denied == IGNORE,
        )

    def conversing(
        self, run: Supervised, job: Job, reader: OutputReader | None, read: Callable[[], Awaitable[None]]
    ) -> Conversing | None:
        agent = own_reader(reader)
        if not isinstance(agent, AcpReader):
            return None
        session, _ = self.earlier(job)
        runtime = self.place.runtime
        minute = math.ceil(runtime.now() / _MINUTE_SECS) * _MINUTE_SECS + _AFTER_SECS
        plan = Plan(
            run.spec.cwd,
            prompt_of(job, goes_on=False),
            mode=self._options.mode or self._kind.modes.get(self._options.permissions, ""),
            model=job.model,
            resume=session,
            go_on=prompt_of(job, goes_on=True),
            load_at=minute if self._kind.loads_in_later_minute else 0.0,
            budget_usd=job.budget_usd,
            max_turns=self._options.max_turns,
            servers=self._kind.servers if self._access is not None else (),
        )
        conversation = Conversation(self._kind, plan)
        return Talk(conversation, agent, run.folder, job.operator, runtime, read, over=run.over)
