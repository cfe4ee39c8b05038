"""Calls about webhooks."""

from __future__ import annotations

from urllib.parse import quote

from syncropel import wire as schema
from syncropel.client.calls import Call


def webhooks() -> Call[schema.Page[schema.WebhookOut]]:
    """The webhooks of the daemon's settings, and how they are."""
    return Call(schema.Page[schema.WebhookOut], "/v1/webhooks")


def post_test(name: str) -> Call[schema.WebhookTested]:
    """Post a notice to one which says that nothing has happened."""
    path = f"/v1/webhooks/{quote(name, safe='')}/test"
    return Call(schema.WebhookTested, path, method="POST", body={}, repeatable=False, patience_secs=30.0)
