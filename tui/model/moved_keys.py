"""Keys and names of actions that were other ones in an earlier version: nobody is left with a dead key."""

from __future__ import annotations

from typing import Final

from tui.model import actions

MOVED: Final[dict[str, dict[str, str]]] = {
    actions.FLEET: {"N": "drain"},
    actions.DETAIL: {"N": "drain"},
    actions.POLICY: {"A": "add", "R": "remove", "B": "restore-rules", "t": "try-chosen"},
    actions.OUTPUT: {"o": "from-start"},
    actions.REVIEW: {"x": "reject", "o": "reconnect"},
}
"""Of each screen, the keys that did something else there: what does that now."""

RENAMED: Final = {
    "thread": "replay",
    "contrast": "compare",
    "against": "compare",
    "follow-output": "follow",
    "find-text": "find",
    "match-next": "find-next",
    "match-back": "find-back",
    "approve-attempt": "approve",
    "reject-attempt": "reject",
    "read-again": "reconnect",
}
"""Former names in `[console.keys]`, and those of the actions that do the same."""
