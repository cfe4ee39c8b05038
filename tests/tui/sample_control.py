"""What a kill switch meets and answers, to put into dialogs."""

from __future__ import annotations

from typing import Any

from syncropel.wire import BlastRadius, Confirmation, ControlWritten, FanOutMet, FreezeOut, NamespaceOut, Page
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient

RECORD = "5e1f" * 16
FREEZE, UNFREEZE, BLAST = "/v1/fleet/freeze", "/v1/fleet/unfreeze", "/v1/control/blast"


def met(**changes: Any) -> FanOutMet:
    facts: dict[str, Any] = {
        "thread": sample.THREAD,
        "alias": "DOCS-11",
        "namespace": "docs/v0.11",
        "in_flight": 3,
    }
    return FanOutMet(**facts | {"pending": 1, "spend_usd": 0.28} | changes)


def blast(**changes: Any) -> BlastRadius:
    facts: dict[str, Any] = {
        "at": sample.AT, "level": "soft", "namespace": "docs", "ends": "never", "in_flight": 3, "pending": 1,
        "open_tasks": 2, "spend_usd": 0.28, "instances": ["worker-a", "worker-b"], "confirming": 3,
        "descendants": 1, "descendants_named": ["docs/v0.11"], "fanouts": 1, "fanouts_met": [met()],
        "frozen": [],
    }  # fmt: skip
    return BlastRadius(**facts | changes)


def nothing_met(**changes: Any) -> BlastRadius:
    none: dict[str, Any] = {
        "in_flight": 0, "pending": 0, "open_tasks": 0, "spend_usd": 0.0, "instances": [], "descendants": 0,
        "descendants_named": [], "fanouts": 0, "fanouts_met": [],
    }  # fmt: skip
    return blast(**none | changes)


def much_met(**changes: Any) -> BlastRadius:
    fanouts = [met(alias=f"BATCH-{n}", in_flight=900 - n) for n in range(20)]
    much: dict[str, Any] = {
        "in_flight": 12840, "pending": 90210, "open_tasks": 1311, "spend_usd": 18234.5,
        "instances": [f"worker-{n:03}" for n in range(180)], "confirming": 201, "descendants": 320,
        "descendants_named": [f"docs/v{n}" for n in range(20)], "fanouts": 640, "fanouts_met": fanouts,
    }  # fmt: skip
    return blast(**much | changes)


def freeze(confirmed: tuple[str, ...], waiting: tuple[str, ...] = (), **changes: Any) -> FreezeOut:
    """A freeze that these instances have confirmed, each 12 ms after the one before."""
    at = changes.pop("at", sample.AT)
    said = [
        Confirmation(instance=name, alias=name, at=at + 0.012 * (place + 1))
        for place, name in enumerate(confirmed)
    ]
    facts = {"record": RECORD, "at": at, "actor": "did:sync:user:ada", "confirmed": said}
    return sample.freeze(**facts | {"waiting": list(waiting)} | changes)


def daemon() -> FakeClient:
    """A daemon that takes what it is asked."""
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.answers[BLAST] = blast()
    names = [
        NamespaceOut(namespace=one, level="org", state="active", at=0.0) for one in ("ops", "docs/v0.11")
    ]
    client.answers["/v1/namespaces"] = Page[NamespaceOut](data=names)
    for path in (FREEZE, UNFREEZE):
        client.answers[path] = ControlWritten(record=RECORD, namespace="docs/v0.11")
    return client
