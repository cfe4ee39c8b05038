"""The audit of denials: alike ones share a record, and what is beyond the cap is counted and told."""

from __future__ import annotations

import logging

import pytest

from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.denials import MAX_WAITING
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import StoreError, SyncropelError
from syncropel.peer.runtime import Runtime
from syncropel.policy.permissions import Request, Verdict
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR

NO = Verdict(False, "nobody")


@pytest.fixture
def ingest() -> Ingest:
    return Ingest(
        MemoryStore(clock=lambda: 0.0), LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0)
    )


def read(number: int) -> Request:
    return Request("thread_read", f"did:sync:user:{number}", "music.library")


async def kept(ingest: Ingest) -> list[dict[str, object]]:
    return [one.record.body for one in await ingest.store.thread(ENGINE_CONFIG)]


async def test_alike_denials_of_one_moment_share_a_record_with_a_count(ingest: Ingest) -> None:
    for number in (1, 2, 1, 1):
        ingest.denials.note(read(number), NO)
    await ingest.denials.flush()
    found = await kept(ingest)
    assert {(one["denied"], one["count"]) for one in found} == {
        ("did:sync:user:1", 3),
        ("did:sync:user:2", 1),
    }
    assert all(one["rule"] == "nobody" for one in found)
    assert (ingest.denials.total, ingest.denials.only_counted, ingest.denials.lost) == (4, 0, 0)


async def test_what_is_beyond_the_cap_is_counted_and_told(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    """However many actors an attacker makes up, the log says how many denials there were."""
    for number in range(MAX_WAITING + 7):
        ingest.denials.note(read(number), NO)
    ingest.denials.note(read(0), NO)  # one that waits already still finds its place
    caplog.clear()
    await ingest.denials.flush()
    found = await kept(ingest)
    assert len(found) == MAX_WAITING + 1
    assert sum(int(str(one["count"])) for one in found) == ingest.denials.total == MAX_WAITING + 8
    (tally,) = [one for one in found if "denied" not in one]
    assert (tally["topic"], tally["count"]) == ("permission_denied", 7)
    assert "only counted" in str(tally["problem"])
    assert ingest.denials.only_counted == 7
    assert [entry.levelname for entry in caplog.records] == ["ERROR"]
    assert "7 denials" in caplog.text
    await ingest.denials.flush()
    assert len(await kept(ingest)) == MAX_WAITING + 1, "and nothing is written twice"


async def test_records_that_the_log_does_not_take_are_counted_and_told(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> list[object]:
        raise StoreError("the disk is full", "make room")

    with monkeypatch.context() as patched:
        patched.setattr(ingest.store, "append", full)
        ingest.denials.note(read(1), NO)
        ingest.denials.note(read(2), NO)
        await ingest.denials.flush()
    assert ingest.denials.lost == 2
    assert "cannot keep 2 of 2" in caplog.text
    assert "the disk is full" in caplog.text

    async def refusing(records: object) -> list[SyncropelError]:
        return [StoreError("not this one", "")]

    monkeypatch.setattr(ingest.denials, "_write", refusing)
    ingest.denials.note(read(3), NO)
    await ingest.denials.flush()
    assert ingest.denials.lost == 3
    assert "not this one" in caplog.text


async def test_each_denial_is_in_the_log_file_at_once(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ingest.denials.note(read(1), NO)
    assert "PERMISSION DENIED thread_read to did:sync:user:1 on music.library (rule nobody)" in caplog.text
