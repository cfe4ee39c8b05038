"""Who has to go when there is no room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncropel.listening.connection_limit import ConnectionLimiter
from syncropel.system.descriptors import MAX_TCP, share_out


class One:
    def __init__(self, name: str) -> None:
        self.name = name
        self.away = False

    def turn_away(self) -> None:
        assert not self.away
        self.away = True

    def __repr__(self) -> str:
        return self.name


def test_the_order_in_which_they_go() -> None:
    connections = ConnectionLimiter(7)
    names = ["known", "known-busy", "busy", "old", "new", "served", "known-served"]
    ones = {name: One(name) for name in names}
    for one in ones.values():
        connections.enter(one)
    for name in ("known", "known-busy", "known-served"):
        connections.recognise(ones[name], name)
    for name in ("busy", "known-busy", "served", "known-served"):
        connections.mark(ones[name], busy=True)
    for name in ("served", "known-served"):
        connections.mark(ones[name], busy=False)
    gone = []
    while connections.shed():
        gone += [name for name, one in ones.items() if one.away and name not in gone]
    assert gone == ["old", "new", "served", "busy", "known", "known-served"]
    assert ones["known-busy"] in connections
    assert len(connections) == 1


def test_a_full_crowd_makes_room_for_one_or_says_that_there_is_none() -> None:
    connections = ConnectionLimiter(2)
    first, second = One("first"), One("second")
    for one in (first, second):
        assert connections.make_room() == 0
        connections.enter(one)
    assert (connections.make_room(), first.away) == (1, True)
    assert second in connections
    connections.recognise(second, "a")
    connections.mark(second, busy=True)
    connections.limit = 1
    assert connections.make_room() is None
    assert not second.away
    connections.mark(second, busy=False)
    assert (connections.make_room(), second.away) == (1, True)


def test_what_one_that_is_gone_still_does_changes_nothing() -> None:
    connections, one = ConnectionLimiter(1), One("one")
    connections.enter(one)
    assert connections.shed()
    connections.mark(one, busy=True)
    assert connections.recognise(one, "a") == 0
    connections.leave(one)
    assert (len(connections), connections.strangers) == (0, 0)


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from(["enter", "leave", "mark", "know"]), st.integers(0, 9))),
)
def test_there_are_never_more_than_fit_and_the_known_and_busy_stay(
    limit: int, steps: list[tuple[str, int]]
) -> None:
    connections = ConnectionLimiter(limit)
    here: dict[int, One] = {}
    safe: set[int] = set()
    for what, number in steps:
        here = {key: one for key, one in here.items() if not one.away}
        one = here.get(number)
        if what == "enter" and one is None:
            if connections.make_room() is not None:
                here[number] = One(str(number))
                connections.enter(here[number])
            else:
                assert len(safe) == limit
        elif one is not None and what == "leave":
            connections.leave(here.pop(number))
            safe.discard(number)
        elif one is not None and what == "mark":
            connections.mark(one, busy=True)
        elif one is not None and what == "know":
            connections.recognise(one, str(number))
            connections.mark(one, busy=True)
            safe.add(number)
        assert len(connections) <= limit
        assert not any(here[key].away for key in safe)


@given(st.integers(16, 2_000_000), st.integers(0, 64))
def test_every_share_fits_within_the_limit(limit: int, goals: int) -> None:
    shares = share_out(limit, goals)
    assert 4 <= shares.tcp <= MAX_TCP
    assert shares.operators >= 4
    assert shares.tcp + shares.operators < limit


def test_shares_of_common_limits() -> None:
    assert [share_out(limit, 4).tcp for limit in (128, 1024, 4096, 65_536)] == [32, 608, 3680, 8192]
