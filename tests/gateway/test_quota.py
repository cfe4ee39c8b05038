"""What a provider's refusal says of its quota."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.adapters.agents.claude import ClaudeReader
from syncropel.adapters.agents.codex import CodexReader
from syncropel.adapters.gateway.quota import Spent, quota_of
from syncropel.adapters.models.prices import Prices

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "error", "spent"),
    [
        (429, {}, {"type": "rate_limit_error"}, None),
        (429, {"retry-after": "5"}, {}, None),
        (429, {"retry-after": "3600"}, {}, Spent(3600.0)),
        (429, {"retry-after": "soon"}, {}, None),
        (429, {"retry-after": "-3600"}, {}, None),
        (429, {"retry-after": "nan"}, {}, None),
        (429, {"retry-after": "1e300"}, {}, None),
        (429, {}, {"code": "insufficient_quota"}, Spent(None)),
        (429, {}, {"type": "usage_limit_reached", "resets_in_seconds": 90}, Spent(90.0)),
        (429, {}, {"type": "usage_limit_reached", "resets_at": NOW + 700}, Spent(700.0)),
        (429, {}, {"type": "usage_limit_reached", "resets_at": True}, Spent(None)),
        (
            429,
            {
                "anthropic-ratelimit-unified-status": "rejected",
                "anthropic-ratelimit-unified-reset": str(NOW + 50),
            },
            {},
            Spent(50.0),
        ),
        (402, {}, {"type": "billing_error"}, Spent(None)),
        (500, {"retry-after": "3600"}, {"code": "insufficient_quota"}, None),
        (200, {"retry-after": "3600"}, {}, None),
        (429, {}, {"message": "your quota is spent, insufficient_quota, usage_limit_reached"}, None),
    ],
)
def test_status_and_fields_decide_and_no_sentence(
    status: int, headers: dict[str, str], error: Any, spent: Spent | None
) -> None:
    assert quota_of(status, headers, {"error": error}, NOW) == spent


@pytest.mark.parametrize("body", [None, [], "x", {"error": None}, {"error": "insufficient_quota"}])
def test_a_body_that_is_something_else_says_nothing(body: Any) -> None:
    assert quota_of(429, {}, body, NOW) is None


def test_an_event_of_codex_itself_counts_and_what_its_model_says_does_not() -> None:
    words = b"You've hit your usage limit. Try again at 12:30 PM."
    said = CodexReader(Prices())
    said.feed(b'{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"' + words + b'"}}')
    failed = CodexReader(Prices())
    failed.feed(b'{"type":"turn.failed","error":{"message":"' + words + b'"}}')

    assert (said.account.facts.quota, failed.account.facts.quota) == (None, Spent(None))


def test_an_event_of_claude_itself_counts() -> None:
    reader = ClaudeReader(Prices())
    reader.feed(b'{"type":"rate_limit_event","rate_limit_info":{"status":"allowed","resetsAt":5}}')
    assert reader.account.facts.quota is None

    reader.feed(b'{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1700000000}}')

    assert reader.account.facts.quota == Spent(None, 1700000000.0)
