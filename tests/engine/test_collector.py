"""The garbage collector rests while much is loaded, and works again whatever happened."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from syncropel.engine.ingest.collector import LONG, uncollected
from syncropel.engine.views.opening import open_views, start_folds
from syncropel.record.model import Record
from syncropel.store.memory import MemoryStore


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_nothing_is_collected_while_anything_is_loaded() -> None:
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_short_load_changes_nothing() -> None:
    before = gc.get_freeze_count()
    with uncollected(LONG - 1):
        assert gc.isenabled()
    assert gc.get_freeze_count() == before


async def test_a_long_log_is_folded_without_collections() -> None:
    collecting: list[bool] = []

    class Long(MemoryStore):
        @property
        def count(self) -> int:
            return LONG

    store = Long(clock=lambda: 0.0)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(3)])
    await start_folds(store, await open_views(store), lambda _: collecting.append(gc.isenabled()))
    assert collecting == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
