"""Golden logs fold to what is committed beside them.

Each folder in `logs/` was written by the version of its time. When a fold changes on purpose, write what the
logs fold to anew in the same commit: `python -m tests.golden folded`. The diff shows what moved; look at each
line of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.reading import FOLDED, LOGS, folded, read_log

ALL = sorted(LOGS.glob("*/*.snap.jsonl"))


@pytest.mark.parametrize("log", ALL, ids=[f"{log.parent.name}-{log.name.partition('.')[0]}" for log in ALL])
async def test_a_golden_log_folds_to_the_same_state(log: Path) -> None:
    assert await read_log(log) == folded(log).read_text(encoding="utf-8")


def test_nothing_is_compared_with_a_log_that_is_gone() -> None:
    assert sorted(FOLDED.glob("*/*.json")) == sorted(map(folded, ALL))
