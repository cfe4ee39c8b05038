"""What a plain thread came to when it closed, as its parent is told."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.folds.tasks.closing import Closing, closing_of_thread
from tests.folds.build import record, store

AIM = record("INTEND", 0, {"goal": "deploy"})
PART = record("INTEND", 1, {"goal": "test"})


@pytest.mark.parametrize(
    ("act", "body", "closing"),
    [
        ("KNOW", {"fulfills": AIM.id, "summary": "deployed"}, Closing("accept", "closed", "deployed")),
        ("KNOW", {"fulfills": AIM.id, "verdict": "accept"}, Closing("accept", "closed")),
        ("KNOW", {"fulfills": AIM.id, "verdict": "failed"}, Closing("failed", "closed")),
        ("KNOW", {"fulfills": AIM.id, "verdict": "reject"}, Closing("reject", "closed")),
        ("KNOW", {"verdict": "reject", "text": "no"}, Closing("reject", "closed", "no")),
        ("DO", {"cancels": AIM.id, "reason": "late"}, Closing("cancelled", "closed", "late")),
        ("KNOW", {"fulfills": PART.id}, None),
        ("KNOW", {"fulfills": "ab" * 32}, None),
        ("DO", {"fulfills": AIM.id}, None),
        ("KNOW", {"summary": "under way"}, None),
    ],
)
def test_what_it_came_to(act: str, body: dict[str, Any], closing: Closing | None) -> None:
    made = [record(act, 5, body), AIM, PART]
    assert closing_of_thread(store(made)) == closing
    assert closing_of_thread(store([*made, record("INTEND", 9)])) is None
