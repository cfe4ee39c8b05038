"""The operator's keys: `[console.keys]`, validated, on top of the action table."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Final

from syncropel.errors import BadRequest
from tui.model import actions
from tui.model.actions import Action
from tui.model.moved_keys import RENAMED

_NAMED: Final = frozenset({
    "enter", "escape", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown",
    "up", "down", "left", "right", *(f"f{number}" for number in range(1, 13)),
})  # fmt: skip
_MODIFIERS: Final = re.compile(r"((?:ctrl|alt|shift)\+)+")
_TEXTUAL: Final = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
    "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip


class Keymap:
    """The keys of each action. Without settings, those of the table."""

    def __init__(self, changed: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.changed = dict(changed or {})

    def of(self, action: Action) -> tuple[str, ...]:
        return self.changed.get(action.name, action.keys)

    def first(self, action: Action) -> str:
        """The first of its keys, as a person reads it."""
        return actions.shown_key(self.of(action)[0])

    def shown(self, action: Action) -> str:
        """Its keys, as a person reads them."""
        return " ".join(map(actions.shown_key, self.of(action)))


def read(
    settings: Mapping[str, Sequence[str]],
    where: Callable[[str], str],
    table: Sequence[Action] = actions.ALL,
) -> Keymap:
    """Read the keymap from settings. `where` gives the file and line of an action's setting.

    Raises BadRequest, saying where and what to do, for an unknown action, an invalid key, no key at all, and
    a key shared by two actions of one screen. Names of an earlier version stand for those of today.
    """
    known = {one.name: one for one in table}
    changed: dict[str, tuple[str, ...]] = {}
    places: dict[str, str] = {}
    for written, keys in settings.items():
        name = RENAMED.get(written, written)
        place = places[name] = where(written)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
            raise _refusal(f"{place}: there is no action named {name!r}", hint)
        if not keys:
            raise _refusal(f"{place}: {written} has no key", 'give it one, for example ["ctrl+k"]')
        changed[name] = (*changed.get(name, ()), *(_key(key, place) for key in keys))
    keymap = Keymap(changed)
    for one, other in combinations(table, 2):
        if one.name in changed or other.name in changed:
            _check(one, other, keymap, places)
    return keymap


def _check(one: Action, other: Action, keymap: Keymap, places: Mapping[str, str]) -> None:
    both = set(keymap.of(one)) & set(keymap.of(other))
    if both and one.meets(other):
        mine, its = (one, other) if one.name in keymap.changed else (other, one)
        key = actions.shown_key(min(both))
        raise _refusal(
            f"{places[mine.name]}: the key {key!r} of {mine.name} is that of {its.name} ({its.description})",
            f"choose another key, or give {its.name} one of its own in [console.keys]",
        )


def _key(text: str, place: str) -> str:
    """A key under Textual's name for it: `/` is `slash`."""
    modifiers = (_MODIFIERS.match(text) or [""])[0]
    last = text[len(modifiers) :]
    if len(last) == 1 and last.isprintable() and last != " ":
        if not last.isalnum():
            name = unicodedata.name(last, last).lower().replace(" ", "_").replace("-", "_")
            last = _TEXTUAL.get(name, name)
        return modifiers + last
    if last in _NAMED or last in actions.SIGNS:
        return modifiers + last
    raise _refusal(
        f"{place}: {text!r} is no key",
        f"a character such as x or /, or one of {', '.join(sorted(_NAMED))}, with ctrl+ or alt+ before it",
    )


def _refusal(message: str, hint: str) -> BadRequest:
    return BadRequest(message, hint, code="USAGE")
