"""Keys are held back until the one before is done, but never for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from textual import events
from textual.message_pump import MessagePump

from tests.tui.console_fakes import Clock
from tui.app.keys import GIVES_UP_SECS, Keys
from tui.model.typed import PAUSE_SECS


class Node:
    """Calls later when it is told to; `open` says whether it still takes anything."""

    def __init__(self, parent: Node | None = None) -> None:
        self._parent = parent
        self.open = True
        self.waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def call_later(self, callback: Callable[..., Any], *args: Any) -> bool:
        if self.open:
            self.waiting.append((callback, args))
        return self.open

    async def turn(self) -> None:
        calls, self.waiting = self.waiting, []
        for callback, args in calls:
            await callback(*args)


def keys_to(node: Node, clock: Clock) -> tuple[Keys, list[str]]:
    given: list[str] = []

    async def give(key: events.Key) -> MessagePump:
        given.append(key.key)
        return cast(MessagePump, node)

    return Keys(give, clock), given


async def press(keys: Keys, *names: str) -> None:
    for name in names:
        await keys.take(events.Key(name, name))


async def test_the_next_is_given_when_the_one_before_and_what_came_of_it_has_gone_all_the_way_up() -> None:
    app = Node()
    table = Node(app)
    keys, given = keys_to(table, Clock())
    await press(keys, "a", "b")
    for node in (table, app, table):
        await node.turn()
        assert given == ["a"]
    await app.turn()
    assert given == ["a", "b"]


async def test_where_nothing_is_waited_for_any_more_keys_go_on() -> None:
    table = Node(Node())
    keys, given = keys_to(table, Clock())
    table.open = False
    await press(keys, "a", "b")
    assert given == ["a", "b"]


async def test_a_key_that_never_ends_holds_up_the_others_for_a_second_only() -> None:
    clock = Clock()
    keys, given = keys_to(Node(), clock)
    await press(keys, "a", "b")
    assert given == ["a"]
    clock.advance(GIVES_UP_SECS)
    await press(keys, "c")
    assert given == ["a", "b"], "in their order"


async def test_keys_behind_one_that_never_ends_go_on_though_no_other_is_pressed() -> None:
    clock = Clock()
    keys, given = keys_to(Node(), clock)
    await press(keys, "a", "b")
    clock.advance(GIVES_UP_SECS / 2)
    await keys.look()
    assert given == ["a"]
    clock.advance(GIVES_UP_SECS / 2)
    await keys.look()
    assert given == ["a", "b"]
    await keys.look()
    assert given == ["a", "b"]


async def test_it_tells_which_key_came_after_a_pause() -> None:
    clock, app = Clock(), Node()
    keys, given = keys_to(app, clock)
    await press(keys, "a")
    first = keys.rested
    assert first.at == clock.now
    for _ in range(20):
        clock.advance(PAUSE_SECS / 2)
        await press(keys, "a")
        await app.turn()
        await app.turn()
    assert len(given) > 10
    assert keys.rested == first, "it is held down"
    clock.advance(2 * PAUSE_SECS)
    await press(keys, "b")
    for _ in range(40):
        await app.turn()
    assert given[-1] == "b"
    assert keys.rested.at == clock.now
    assert not keys.rested.follows(clock.now)
    assert keys.rested.follows(clock.now - 2 * PAUSE_SECS)
