"""How often something may happen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncropel.listening.rate_limit import RateLimiter


def test_a_burst_and_then_so_many_a_second() -> None:
    limit = RateLimiter(8.0, 3)
    assert [limit.take(5.0) for _ in range(5)] == [True, True, True, False, False]
    assert [limit.take(5.125), limit.take(5.125)] == [True, False]
    assert [limit.take(5.3125), limit.take(5.34375), limit.take(5.375)] == [True, False, True]
    assert [limit.take(100.0) for _ in range(5)] == [True, True, True, False, False]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limit = RateLimiter(8.0, 1)
    assert limit.take(5.0)
    assert not limit.take(4.0)
    assert not limit.take(4.0625)
    assert limit.take(4.125)


@given(st.lists(st.floats(0, 1), max_size=200))
def test_never_more_than_the_burst_and_the_time_allow(rests: list[float]) -> None:
    limit, now, taken = RateLimiter(5.0, 4), 0.0, 0
    for rest in rests:
        now += rest
        taken += limit.take(now)
        assert taken <= 4 + 5 * now + 1e-6
