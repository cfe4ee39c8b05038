"""The garbage collector rests while much is loaded, and works again whatever happened."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from syncropel.engine.ingest.collector import LONG, uncollected


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
