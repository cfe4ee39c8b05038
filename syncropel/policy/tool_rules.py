"""Rules of `[[permissions.rules]]`: what an agent may do without asking its operator, and what never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ASK: Final = "ask"


@dataclass(frozen=True, slots=True)
class Ruling:
    """`decide`: allow, deny, or ask. `rule`: the name of the one that decided; empty when none did."""

    decide: str = ASK
    rule: str = ""
    problem: str = ""
