"""What a result says of processes: `terminated` only when nothing is left, and by name what is."""

from __future__ import annotations

import pytest

from syncropel.adapters import Outcome, Remains
from syncropel.engine.dispatch.run_records import honest

LEFT = "not proven empty: still running: pid 7, 8"


@pytest.mark.parametrize(
    ("verdict", "remains", "becomes", "summary"),
    [
        ("terminated", Remains(proven=True), "terminated", "said"),
        ("terminated", Remains(proven=False), "failed", "said; not proven empty"),
        ("terminated", Remains(proven=False, left=(7, 8)), "failed", f"said; {LEFT}"),
        ("accept", Remains(proven=True), "accept", "said"),
        ("accept", Remains(proven=False), "accept", "said; not proven empty"),
        ("timeout", Remains(proven=False, left=(7, 8)), "timeout", f"said; {LEFT}"),
        ("failed", Remains(proven=False), "failed", "said; not proven empty"),
    ],
)
def test_honest(verdict: str, remains: Remains, becomes: str, summary: str) -> None:
    found = honest(Outcome(verdict, "said", 0.5, reason="frozen"), remains)
    assert (found.verdict, found.summary, found.reason, found.cost_usd) == (becomes, summary, "frozen", 0.5)
    assert found.tree == (None if remains.proven else {"proven": False, "left": list(remains.left)})


def test_without_words_of_its_own() -> None:
    assert honest(Outcome("terminated", ""), Remains(proven=False)).summary == "not proven empty"
