"""The `bash` adapter: the goal is a script, run under a supervisor and in a folder of its own.

It exists only on an instance whose own config enables it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from syncropel.adapters.base import Job
from syncropel.adapters.configured import given, missing
from syncropel.adapters.contract import ORPHAN_SECS, Place
from syncropel.adapters.environment import passed
from syncropel.adapters.files import Files
from syncropel.adapters.other_user import OtherUser
from syncropel.adapters.program import ProgramAdapter
from syncropel.adapters.program_parts import Program
from syncropel.adapters.sandbox import Sandbox
from syncropel.adapters.workspace import Workspaces
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.workspace import WorkspaceSettings

# The script's first command closes the pipe that tells its supervisor that it has begun. It is on the
# goal's first line, so that bash's line numbers match the goal's.
_TELL_START: Final = "exec 3>&-; "
_PLAIN: Final = AdapterTable("bash")
_NO_WORKSPACES: Final = Workspaces(WorkspaceSettings())


class BashAdapter(ProgramAdapter):
    """Runs goals with bash. Exit status 0 accepts, any other fails; the full output is kept in a file."""

    def __init__(
        self,
        work: Path,
        cwd: Path | None,
        runtime: Runtime,
        runs: Path | None = None,
        orphan_secs: Callable[[], float] = lambda: ORPHAN_SECS,
        user: OtherUser | None = None,
        secrets: Path = Path("secrets"),
        table: AdapterTable = _PLAIN,
        workspaces: Workspaces = _NO_WORKSPACES,
        sandbox: Sandbox | None = None,
    ) -> None:
        runs = runs or work.with_name("run")
        place = Place(work, runs, runtime, orphan_secs, user, secrets, workspaces, sandbox=sandbox)
        super().__init__(table.name, place, cwd, table.idle_secs)
        self._table = table

    def problem(self) -> str:
        return missing(self._table.secrets, self.place)

    def output(self, files: Files) -> Path:
        return files.merged

    def prepare(self, job: Job, files: Files, cwd: Path) -> Program:
        files.script.unlink(missing_ok=True)
        files.script.write_text(f"{_TELL_START}{job.goal}\n", encoding="utf-8")
        files.hand_over(files.script)
        own = {key: value for key, value in os.environ.items() if not key.startswith("SPL_")}
        environment = {
            **(own if self.place.sandbox is None else passed()),
            **given(self._table, self.place),
            **self.variables(job, files),
            "SPL_SCRIPT": str(files.script),
        }
        command = [shutil.which("bash") or "bash", str(files.script)]
        return Program(command, cwd, environment, tells_start=True)
