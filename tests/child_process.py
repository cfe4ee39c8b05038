"""A child process that a failing test can't leave behind, or wait for without end."""

from __future__ import annotations

import subprocess
from types import TracebackType


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
