"""Child processes that a failing test can't leave behind, and whether a process has ended."""

from __future__ import annotations

import subprocess
from types import TracebackType

import psutil


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie. It may go between two looks."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class ChildProcess(subprocess.Popen[str]):
    """As `Popen`, in text; a block that ends with an error kills it, where `Popen` would wait."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, traceback)
