"""`spl trust`."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.wire.base import Page
from syncropel.wire.trust import TrustOut

from .conftest import FakeDaemon, Ran

ROW = TrustOut(actor="did:sync:instance:a", alias="worker-a", score=0.75, results=2, accepted=2)


def test_rows_and_json(spl: Callable[..., Ran], daemon: FakeDaemon) -> None:
    daemon.answer("/v1/trust", Page[TrustOut](data=[ROW]))
    shown = spl("trust")
    assert (shown.code, shown.out.splitlines()[1].split()) == (
        0,
        ["worker-a", "0.75", "2", "2", "did:sync:instance:a"],
    )
    assert spl("trust", "-o", "json").json["data"] == [ROW.model_dump()]


def test_verdicts_on_own_work_stand_apart(spl: Callable[..., Ran], daemon: FakeDaemon) -> None:
    judge = TrustOut(actor="did:sync:user:ann", alias="", score=0.5, results=0, accepted=0, own=2)
    daemon.answer("/v1/trust", Page[TrustOut](data=[ROW, judge]))
    shown = spl("trust").out.splitlines()
    assert shown[-2:] == ["Not counted, verdicts on their own work:", "  2 by did:sync:user:ann"]


def test_no_results_yet(spl: Callable[..., Ran], daemon: FakeDaemon) -> None:
    daemon.answer("/v1/trust", Page[TrustOut](data=[]))
    assert "No results yet" in spl("trust").out
