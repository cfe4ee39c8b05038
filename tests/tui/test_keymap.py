"""Keys as settings: other keys do the same, help shows them, and what makes no sense is refused by line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from syncropel.errors import BadRequest
from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tui.model import actions, keymap, moved_keys

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "console.md").read_text()


def where(name: str) -> str:
    return f"config.toml:7 ({name})"


def test_names_are_unique_and_documented_with_their_keys() -> None:
    names = Counter(one.name for one in actions.ALL)
    assert [name for name, times in names.items() if times > 1] == []
    for one in actions.ALL:
        keys = " ".join(f"`{key}`" for key in one.shown_keys().split())
        assert f"| {keys} | `{one.name}` |" in PAGE


def test_the_table_itself_has_no_key_twice_on_a_screen() -> None:
    everything = {one.name: one.keys for one in actions.ALL}
    keymap.read(everything, where)


SHARED = {
    "slash": {"filter", "find"}, "w": {"what-if", "wrap"}, "n": {"find-next", "note"},
    "E": {"undrain", "edit"},
}  # fmt: skip
"""Keys that mean something else on another screen, Replay and Compare aside: no more of them. Each either
only looks on both screens, or changes something on both, and asks first."""


def test_outside_replay_a_key_has_one_meaning() -> None:
    meanings: dict[str, dict[str, bool]] = {}
    for one in actions.ALL:
        if not one.screens or not {*one.screens} <= {actions.REPLAY, actions.COMPARE}:
            for key in one.keys:
                meanings.setdefault(key, {})[one.name] = one.changes
    shared = {key: set(found) for key, found in meanings.items() if len(found) > 1}
    assert shared == SHARED, "a key of its own for the new action, or the same one as where it means the same"
    assert [key for key in shared if len(set(meanings[key].values())) > 1] == []


def test_names_of_an_earlier_version_still_set_keys() -> None:
    assert set(moved_keys.RENAMED) & {one.name for one in actions.ALL} == set()
    assert set(moved_keys.RENAMED.values()) <= {one.name for one in actions.ALL}
    known = keymap.read({"against": ["D"], "drill": ["f9"], "compare": ["f8"]}, where)
    assert known.changed["compare"] == ("D", "f8")
    with pytest.raises(BadRequest, match=r"\(match-back\): the key 'q' of find-back is that of quit"):
        keymap.read({"match-back": ["q"]}, where)


MOVED = [(screen, key) for screen, keys in moved_keys.MOVED.items() for key in keys]


@pytest.mark.parametrize(("screen", "key"), MOVED)
def test_a_key_that_moved_means_nothing_else_on_its_screen(screen: str, key: str) -> None:
    now = next(one for one in actions.ALL if one.name == moved_keys.MOVED[screen][key])
    assert now.on(screen)
    assert key not in now.keys
    assert [one.name for one in actions.for_screen(screen) if key in one.keys] == []


async def test_a_key_that_moved_says_where_to_and_does_nothing() -> None:
    keys = keymap.read({"drain": ["f7"]}, where)
    for chosen, now in ((None, "Z"), (keys, "f7")):
        async with console(status=sample.status(), keymap=chosen) as page:
            below = page.app.screen
            await page.press("down", "N")
            assert page.app.screen is below
            (told,) = page.app._notifications
            assert told.message == f"N is {now} now: drain the chosen instance"


async def test_on_policy_the_keys_of_tasks_do_nothing() -> None:
    async with console(status=sample.status(), screen="policy") as page:
        below = page.app.screen
        for key, now in (("A", "+"), ("R", "del backspace"), ("B", "V"), ("t", "=")):
            page.app.clear_notifications()
            await page.press(key)
            assert page.app.screen is below
            (told,) = page.app._notifications
            assert told.message.startswith(f"{key} is {now.split()[0]} now: ")


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"frieze": ["x"]}, "no action named 'frieze'", "did you mean freeze?"),
        ({"zzz": ["x"]}, "no action named 'zzz'", "there are: "),
        ({"freeze": []}, "freeze has no key", "give it one"),
        ({"freeze": ["ctrl+"]}, "'ctrl+' is no key", "a character such as"),
        ({"freeze": ["hyper+f"]}, "'hyper+f' is no key", "ctrl+"),
        ({"freeze": ["q"]}, "the key 'q' of freeze is that of quit", "give quit one of its own"),
        ({"quit": ["?"]}, "the key '?' of quit is that of help", "give help one of its own"),
        ({"freeze": ["x"], "unfreeze": ["x"]}, "the key 'x' of ", "choose another key"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    settings: dict[str, list[str]], message: str, hint: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        keymap.read(settings, where)
    assert message in refused.value.message
    assert refused.value.message.startswith("config.toml:7 (")
    assert hint in refused.value.hint
    assert refused.value.code == "USAGE", "exit status 2"


def test_keys_can_be_swapped_and_shared_by_screens_that_never_meet() -> None:
    swapped = keymap.read({"quit": ["?"], "help": ["q"]}, where)
    assert swapped.changed == {"quit": ("question_mark",), "help": ("q",)}
    keymap.read({"follow": ["tab"]}, where)  # `tab` is of screens that have no feed


@pytest.mark.parametrize(
    ("written", "key", "shown"),
    [("/", "slash", "/"), ("ctrl+f", "ctrl+f", "^f"), (":", "colon", ":"), ("pageup", "pageup", "pgup"),
     ("-", "minus", "-"), ("f5", "f5", "f5"), ("ü", "ü", "ü")],
)  # fmt: skip
def test_keys_are_written_as_they_are_typed(written: str, key: str, shown: str) -> None:
    found = keymap.read({"drill": [written]}, where, [one for one in actions.ALL if one.name == "drill"])
    assert found.changed["drill"] == (key,)
    assert actions.shown_key(key) == shown


async def test_another_key_does_it_and_the_old_one_does_not() -> None:
    keys = keymap.read({"tasks": ["f2", "ctrl+t"], "freezes": ["2"], "sort": ["ctrl+o"]}, where)
    async with console(status=sample.status(), keymap=keys) as page:
        await page.press("ctrl+t")
        assert "Tasks" in page.part("header")
        await page.press("1", "2")
        assert "Freezes" in str(page.app.screen.query_one("#dialog").border_title)
        await page.press("escape", "f2")
        assert "Tasks" in page.part("header")
        assert "f2 Tasks" in page.part("footer")
        await page.press("question_mark")
        words = page.part("keys")
        assert "f2 ^t" in words
        assert "^o" in words
        assert "[console.keys]" in words
