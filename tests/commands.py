"""`spl` in the process of the test: another would take more from the machine than what the command does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import IO
from unittest.mock import patch

from syncropel.cli.main import main
from syncropel.launcher import process as launched
from tests.fork_server import ForkedDaemon, ForkServer


def run_here(
    words: Sequence[str], environ: Mapping[str, str], cwd: Path, forks: ForkServer | None = None
) -> tuple[int, str, str]:
    """Exit code, stdout, stderr.

    Daemons that it starts come from `forks`; None: they are started as anywhere.
    """
    out, err = io.BytesIO(), io.BytesIO()
    with (
        patch.dict(os.environ, environ, clear=True),
        daemons_from(forks),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(_text(out)),
        contextlib.redirect_stderr(_text(err)),
        warnings.catch_warnings(),
    ):
        # httpx leaves its socket to the collector when nobody listens.
        warnings.simplefilter("ignore", ResourceWarning)
        code = main(list(words))
        return code, out.getvalue().decode(), err.getvalue().decode()


def _text(pipe: io.BytesIO) -> io.TextIOWrapper:
    # On bytes, as that of a process: some commands write what is no text.
    return io.TextIOWrapper(pipe, encoding="utf-8", write_through=True)


def daemons_from(forks: ForkServer | None) -> contextlib.AbstractContextManager[object]:
    """In here the launcher forks the daemons that it starts."""
    if forks is None:
        return contextlib.nullcontext()
    popen = partial(_forked, forks)
    return patch.object(launched, "subprocess", SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL))


def _forked(
    forks: ForkServer, words: list[str], *, env: Mapping[str, str], cwd: Path, stderr: IO[bytes], **_: object
) -> ForkedDaemon:
    with open(os.devnull, "wb") as nowhere:
        return ForkedDaemon(forks, words, env=env, cwd=cwd, stdout=nowhere.fileno(), stderr=stderr.fileno())
