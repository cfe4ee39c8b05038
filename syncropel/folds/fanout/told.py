"""What instances report of running attempts, besides their results: facts that an attempt states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncropel.folds.fanout import additions, talk

FACTS: Final = talk.FACTS | {additions.ASKED}
"""Topics of these facts."""


def told_about(body: Mapping[str, Any]) -> str:
    """The id of the question, the message, or the subtask asked for, that a fact is about."""
    return talk.told_about(body) or additions.asked_in(body)
