"""Programs that `[adapters.NAME]` configures: they are given what it names, and no more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from syncropel.adapters import sandbox
from syncropel.adapters.base import Job
from syncropel.adapters.contract import Place
from syncropel.adapters.environment import found, passed
from syncropel.adapters.files import Files, write_private
from syncropel.adapters.program import ProgramAdapter
from syncropel.adapters.program_parts import Program
from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable, read_secret


class ConfiguredProgram(ProgramAdapter):
    """A program whose arguments come from the config, and whose goal comes on stdin."""

    def __init__(self, table: AdapterTable, place: Place) -> None:
        if not table.command:
            raise SetupError(
                f"[adapters.{table.name}] command is missing", 'for example command = ["my-agent", "--json"]'
            )
        super().__init__(table.name, place, table.folder, table.idle_secs)
        self.table = table

    def problem(self) -> str:
        path = {**os.environ, **self.table.set}.get("PATH")
        if shutil.which(self.table.command[0], path=path) is None:
            return f"its program {self.table.command[0]!r} is not found; install it, or name its whole path"
        return missing(self.table.secrets, self.place)

    def command(self, job: Job) -> list[str]:
        """The program and its arguments. Nothing from a record may get in here but an allowed model."""
        return [*self.table.command, *self.table.args]

    def prompt(self, job: Job) -> str:
        """The program's stdin."""
        return job.goal

    def prepare(self, job: Job, files: Files, cwd: Path) -> Program:
        environment = self.environment(job, files)
        write_prompt(files, self.prompt(job))
        command = found(self.command(job), environment)
        return Program(command, cwd, environment, stdin=files.prompt, stderr=files.stderr)

    def places(self, job: Job) -> dict[str, str]:
        """The program's variables that say where its files are."""
        return {
            **passed(self.table.env),
            **self.table.set,
            **self.home_of(Files.of(job, self.place.work, self.place.user)),
        }

    def environment(self, job: Job, files: Files) -> dict[str, str]:
        """The program's variables. Raises SetupError when a secret cannot be read."""
        return {
            **passed(self.table.env),
            **given(self.table, self.place),
            **self.variables(job, files),
        }


def given(table: AdapterTable, place: Place) -> dict[str, str]:
    """The variables that the config sets, including secrets. Raises SetupError when a secret
    cannot be read."""
    return {**table.set, **{name: read_secret(place.secrets, name) for name in table.secrets}}


def missing(secrets: Iterable[str], place: Place) -> str:
    """Why one of these secrets cannot be used, or no sandbox be made; empty when no reason is known."""
    try:
        for name in secrets:
            read_secret(place.secrets, name)
    except SetupError as error:
        return f"{error.message}; {error.hint}"
    return sandbox.missing() if place.sandbox is not None else ""


def write_prompt(files: Files, prompt: str) -> None:
    """Write the prompt for the program to read, readable by nobody else. Raises OSError."""
    write_private(files.prompt, prompt)
    files.hand_over()
