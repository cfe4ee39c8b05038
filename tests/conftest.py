"""What holds for every test."""

from __future__ import annotations

import gc
import os
import signal
import sys

import pytest
from hypothesis import settings

for _name in [one for one in os.environ if one == "NO_COLOR" or one.startswith("TEXTUAL")]:
    del os.environ[_name]  # Textual reads them once, while it is imported, whichever test does that first

from syncropel.system import ancestry  # noqa: E402 - after the cleaning
from tests.fork_server import fork_server  # noqa: E402
from tests.tui.console_snapshots import pytest_sessionstart  # noqa: E402 - the session starts without its folder

__all__ = ["fork_server", "pytest_sessionstart"]

# The same examples in each run, and no time limit that a busy machine would break.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


CEL_RECURSION_LIMIT = 2500
"""What cel-python sets when its first environment is made. Hypothesis warns when the limit changes within a
test, so a file whose first expression is compiled there would not pass alone."""


def pytest_configure() -> None:
    _refuse_below_a_goal()
    sys.setrecursionlimit(CEL_RECURSION_LIMIT)
    # A shell starts its background jobs with these ignored, and children inherit that: a suite that runs
    # in the background would wait for ever for a child that it interrupts.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _refuse_below_a_goal() -> None:
    # A daemon takes whoever runs below another daemon for a goal, and refuses nearly all that the tests do.
    table = ancestry.table()
    chain = ancestry.lineage(os.getpid(), table)
    kept_by = ancestry.keeper(chain)
    if kept_by is not None or ancestry.attempt_of(chain, None, table) is not None:
        sign = f"below {kept_by.name}, PID {kept_by.pid}" if kept_by else f"{ancestry.THREAD_VARIABLE} is set"
        pytest.exit(f"the tests need an operator's shell, and this is a goal's: {sign}", 2)


def pytest_collection_finish() -> None:
    # What is imported by now stays: the collector need not walk through it again and again in every test.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
