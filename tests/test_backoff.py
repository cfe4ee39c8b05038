"""Waits after failures: they double to a ceiling, and full jitter spreads each from the first on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncropel.backoff import Backoff, backoff_secs


def test_waits_double_to_their_ceiling_and_begin_again_after_a_success() -> None:
    full = Backoff(1.0, share=lambda: 1.0)
    assert [full.failed() for _ in range(4)] == [0.2, 0.4, 0.8, 1.0]
    full.succeeded()
    assert full.failed() == 0.2


def test_each_wait_is_a_share_of_that_from_the_first_on() -> None:
    shares = iter([0.5, 0.0, 0.25, 1.0])
    shared = Backoff(1.0, share=lambda: next(shares))
    assert [shared.failed() for _ in range(4)] == [0.1, 0.0, 0.2, 1.0]


def test_without_a_share_of_its_own_it_is_random() -> None:
    assert len({Backoff().failed() for _ in range(20)}) > 1


@given(st.integers(-5, 10**9), st.floats(0, 100), st.floats(0, 1000), st.floats(0, 1))
def test_no_number_of_failures_waits_longer_than_the_ceiling(
    failures: int, first: float, longest: float, share: float
) -> None:
    assert 0 <= backoff_secs(failures, first, longest, share) <= longest
