"""Whose results were accepted."""

from __future__ import annotations

from syncropel.wire.base import Wire


class TrustOut(Wire):
    """One row of GET /v1/trust: an actor's results in fan-outs, and others' verdicts on their work.

    `score` goes from 0 to 1. `own`: tasks that the actor judged although the work was theirs; these do not
    count.
    """

    actor: str
    alias: str
    score: float
    results: int
    accepted: int
    own: int = 0
