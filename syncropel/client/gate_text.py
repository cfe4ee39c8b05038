"""The result of a gate command, as text."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncropel.wire.agents import GateOut


def gate_words(gate: GateOut) -> str:
    """Such as `make test: failed, exit status 2`; not yet safe for a terminal."""
    return f"{shlex.join(gate.command)}: {_came_to(gate)}"


def _came_to(gate: GateOut) -> str:
    if gate.passed:
        return "passed"
    if gate.ended == "timeout":
        return "over the time limit of its attempt"
    if gate.exit_code is not None:
        return f"failed, exit status {gate.exit_code}"
    return f"failed, ended by signal {gate.signal}" if gate.signal is not None else "could not be run"
