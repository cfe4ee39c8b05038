"""What the rules in the log say about a write or a read, in addition to the guard: CEL freezes,
permissions."""

from __future__ import annotations

from typing import Protocol

from syncropel.errors import NamespaceFrozen, SyncropelError
from syncropel.folds.control.rules import Rules
from syncropel.policy.evaluation_functions import Folds
from syncropel.policy.guard import GuardedState, carries_control, namespaces_of
from syncropel.policy.permissions import Request, Verdict, decide, denied
from syncropel.record.model import Record


class RuledState(GuardedState, Folds, Protocol):
    """The live folds, including the rules."""

    @property
    def rules(self) -> Rules: ...


Refusal = tuple[SyncropelError, Request, Verdict]
"""The error for the caller, and the request and verdict for the audit."""


async def refuse_write(record: Record, state: RuledState, now: float, own_did: str) -> Refusal | None:
    """Why the rules refuse this record, or None."""
    rules = state.rules
    request = Request("record_write", record.actor, record.thread, record, namespaces_of(record, state))
    if rules.freezes_changed and not carries_control(record):
        verdict = await decide(rules.freeze_rules, request, state, now, own_did, default=True)
        if not verdict.allowed:
            problem = f" ({verdict.problem})" if verdict.problem else ""
            error = NamespaceFrozen(
                f"rule {verdict.rule!r} refuses {record.act} here{problem}",
                "see the freezes: spl fleet status; the default rules: spl config restore-default-rules",
            )
            return error, request, verdict
    if rules.enforced:
        verdict = await decide(rules.permission_rules, request, state, now, own_did)
        if not verdict.allowed:
            return denied(request, verdict), request, verdict
    return None


async def refuse_read(
    op: str, actor: str, thread: str, state: RuledState, now: float, own_did: str
) -> Refusal | None:
    """Why the rules refuse this read, or None."""
    request = Request(op, actor, thread)
    verdict = await decide(state.rules.permission_rules, request, state, now, own_did)
    return None if verdict.allowed else (denied(request, verdict), request, verdict)
