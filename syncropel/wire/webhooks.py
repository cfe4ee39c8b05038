"""Webhooks, and how they are."""

from __future__ import annotations

from pydantic import Field

from syncropel.wire.base import Wire


class WebhookOut(Wire):
    """One webhook of an instance's settings."""

    name: str
    events: list[str] = Field(description="of what it is told")
    waiting: int = Field(description="notices that it has not taken yet")
    sent: int = Field(description="notices that it took, since the daemon's start")
    dropped: int = Field(description="notices that it never took, since the daemon's start")
    at: float | None = Field(description="when it last took one, unix seconds; null before the first")
    problem: str = Field(description="why the last one was not taken; empty when it was")


class WebhookTested(Wire):
    """A webhook took a notice of a test."""

    object: str = "webhook_test"
    name: str
