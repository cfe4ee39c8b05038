"""What holds for every test."""

from __future__ import annotations

import gc
import signal
import sys

from hypothesis import settings

# The same examples in each run, and no time limit that a busy machine would break.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


CEL_RECURSION_LIMIT = 2500
"""What cel-python sets when its first environment is made. Hypothesis warns when the limit changes within a
test, so a file whose first expression is compiled there would not pass alone."""


def pytest_configure() -> None:
    sys.setrecursionlimit(CEL_RECURSION_LIMIT)
    # A shell starts its background jobs with these ignored, and children inherit that: a suite that runs
    # in the background would wait for ever for a child that it interrupts.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_collection_finish() -> None:
    # What is imported by now stays: the collector need not walk through it again and again in every test.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
