"""Every key, as data: bindings, footer, help, and palette are generated from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tui.model.setup import BASE_SCREENS

Risk = Literal["none", "local", "change", "danger"]


@dataclass(frozen=True)
class Action:
    """Something a key does.

    `screens` names the screens that have it (empty: all). `risk` is what it can change: nothing, only this
    side of the screen (`local`), the fleet (`change`), or the fleet in a way that stops or loses work
    (`danger`). `cli` is the command that shows or does the same. `footer` is the short word in the footer,
    empty to list it in the help only.
    """

    id: str
    keys: tuple[str, ...]
    description: str
    footer: str = ""
    screens: tuple[str, ...] = ()
    risk: Risk = "none"
    cli: str = ""

    def shown_keys(self) -> str:
        """The default keys from this table; the operator's own are in the keymap."""
        return " ".join(map(shown_key, self.keys))

    @property
    def name(self) -> str:
        """Its name in `[console.keys]`: `mode('fleet')` is `fleet`, `move(-1)` is `up`."""
        verb, _, argument = self.id.rstrip(")").partition("(")
        if argument.startswith("'"):
            return argument.strip("'")
        return _MOVES.get(self.id, f"{verb}-{argument}" if argument else verb.replace("_", "-"))

    def meets(self, other: Action) -> bool:
        """Whether some screen has both."""
        return not self.screens or not other.screens or bool({*self.screens} & {*other.screens})

    @property
    def target(self) -> str:
        """What a click or the palette runs: the action, with its owner."""
        own = any(self in some for some in OWN.values())
        return f"screen.{self.id}" if own or self in SCREEN else f"app.{self.id}"

    @property
    def changes(self) -> bool:
        """Whether it can change the fleet: greyed while changes are not allowed."""
        return self.risk in ("change", "danger")

    @property
    def freezes(self) -> bool:
        """Whether a daemon takes it even while it reads its log."""
        return self.id in ("freeze", "unfreeze")

    def on(self, screen: str) -> bool:
        return not self.screens or screen in self.screens


SIGNS: Final = {
    "slash": "/", "question_mark": "?", "colon": ":", "semicolon": ";", "comma": ",", "full_stop": ".",
    "minus": "-", "plus": "+", "underscore": "_", "exclamation_mark": "!", "at": "@", "backslash": "\\",
    "left_square_bracket": "[", "right_square_bracket": "]", "less_than_sign": "<", "greater_than_sign": ">",
    "equals_sign": "=", "asterisk": "*", "percent_sign": "%", "number_sign": "#", "ampersand": "&",

    "escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "delete": "del",
}  # fmt: skip

_MOVES: Final = {
    "move(-1)": "up", "move(1)": "down", "page(-1)": "page-up", "page(1)": "page-down",
    "half(-1)": "half-page-up", "half(1)": "half-page-down",
    "jump(0)": "first", "jump(-1)": "last", "step(-1)": "step-back", "step(1)": "step",
    "change(-1)": "change-back", "change(1)": "change", "again(1)": "find-next", "again(-1)": "find-back",
    "hunk(-1)": "hunk-back", "hunk(1)": "hunk-next", "file(-1)": "file-back", "file(1)": "file-next",
    "attempt(-1)": "attempt-back", "attempt(1)": "attempt-next",
    "history(-1)": "history-back", "history(1)": "history-on",
}  # fmt: skip


def shown_key(key: str) -> str:
    """A key as a person reads it: `^p`, `↑`, `/`."""
    if key.startswith("ctrl+"):
        return f"^{shown_key(key.removeprefix('ctrl+'))}"
    if key.startswith("alt+"):
        return f"alt+{shown_key(key.removeprefix('alt+'))}"
    return SIGNS.get(key, key)


FLEET, TASKS, JOIN, DETAIL = "fleet", "tasks", "join", "detail"
FEED, POLICY, INBOX = "feed", "policy", "inbox"
LOGS: Final = "logs"
THREADS, REPLAY, COMPARE = "threads", "replay", "compare"
OUTPUT: Final = "output"
REVIEW: Final = "review"
_SORTED: Final = (FLEET, TASKS, JOIN, POLICY, INBOX, THREADS, COMPARE)
_TABLES: Final = (*_SORTED, FEED, LOGS)
_ROWS: Final = (*_TABLES, REPLAY)
_LINES: Final = (*_ROWS, DETAIL, OUTPUT, REVIEW)
_WORK: Final = (FLEET, TASKS, JOIN, INBOX, DETAIL)
_INSTANCES: Final = (FLEET, DETAIL)
_CHOSEN: Final = (FLEET, TASKS, JOIN, POLICY, INBOX, THREADS)
_MARKED: Final = (FLEET, TASKS, JOIN, POLICY, INBOX)

_MODES: Final = tuple(
    Action(f"mode('{name}')", (str(key),), f"the {name.title()} screen", name.title(), cli=command)
    for key, (name, command) in enumerate(BASE_SCREENS.items(), start=1)
)
TO_FLEET: Final = _MODES[0]
TO_INBOX: Final = next(one for one in _MODES if one.name == INBOX)
RECONNECT: Final = Action(
    "reconnect", ("r", "ctrl+r"), "reconnect now, and read again", "reconnect", cli="spl status"
)
QUIT: Final = Action("quit", ("q",), "quit; the fleet keeps running", "quit", (), "local")
ATTENTION: Final = Action(
    "attention", ("exclamation_mark",), "go to the next thing that needs you, the most urgent first",
    "needs you", cli="spl fleet status --check",
)  # fmt: skip
APP: Final = (
    *_MODES,
    ATTENTION,
    Action("needs", ("a",), "the list of all that needs you", "", cli="spl fleet status --check"),
    Action("history(-1)", ("alt+left",), "back to the place visited before", ""),
    Action("history(1)", ("alt+right",), "on to the place visited after", ""),
    Action("places", ("b",), "views and bookmarks: go to one, save this one", "", (), "local"),
    Action("command", ("colon",), "type a command: the words of `spl`", "command"),
    Action(
        "contexts", ("c",), "the fleets that this console knows; switch to another", cli="spl context list"
    ),
    Action("access", ("W",), "unlock a fleet that is read-only; lock it again", "", (), "local"),
    RECONNECT,
    Action("help", ("question_mark",), "the keys of this screen", "help"),
    Action("command_palette", ("ctrl+p",), "the palette: commands and themes"),
    Action("suspend_process", ("ctrl+z",), "stop it; fg in the shell brings it back", "", (), "local"),
    QUIT,
)
AT_ONCE: Final = frozenset({"command"})
"""Handled before any queued key: what is typed right after it belongs to what it opens."""
APPROVE: Final = Action(
    "act('approve')", ("A",), "approve the chosen task, a subtask that asks, or the attempt", "approve",
    (*_WORK, REVIEW), "change", "spl task approve NAME",
)  # fmt: skip
REJECT: Final = Action(
    "act('reject')", ("J",), "reject the same; an attempt with your notes", "reject", (*_WORK, REVIEW),
    "danger", "spl task reject NAME",
)  # fmt: skip
CONTROL: Final = (
    Action("freeze", ("F",), "freeze a namespace; first shows what that affects", "freeze", (), "danger",
           "spl kill --namespace NS --reason …"),
    Action("unfreeze", ("U",), "lift a freeze", "unfreeze", (), "danger", "spl unkill --namespace NS"),
    Action("emergency", ("X",), "emergency stop of the whole fleet", "", (), "danger",
           "spl kill --emergency --reason …"),
    Action("freezes", ("L",), "the list of all freezes", "", (), "none", "spl fleet status"),
    Action("drill", ("D",), "practise the kill switch: the drill", "", (), "change", "spl drill kill"),
    Action("act('retry')", ("R",), "retry the subtask, or all failed", "retry",
           _WORK, "danger", "spl task retry NAME --subtask N"),
    Action("act('stop')", ("T",), "stop the chosen subtask: end what runs", "", _WORK, "danger",
           "spl task stop NAME --subtask N"),
    Action("act('say')", ("H",), "say something to the chosen subtask, which runs", "", _WORK, "change",
           "spl task say NAME N TEXT"),
    Action("act('cancel')", ("C",), "cancel the chosen task", "", _WORK, "danger", "spl task cancel NAME"),
    APPROVE,
    REJECT,
    Action("act('start')", ("B",), "begin the chosen task", "", _WORK, "change", "spl task start NAME"),
    Action("act('reopen')", ("O",), "reopen the chosen task", "", _WORK, "change", "spl task reopen NAME"),
    Action("merge", ("I",), "merge the branches of the chosen task's accepted subtasks", "", _WORK, "change",
           "spl task merge NAME"),
    Action("act('drain')", ("Z",), "drain the chosen instance", "", _INSTANCES, "danger",
           "spl drain start --instance NAME"),
    Action("act('undrain')", ("E",), "end the drain of the chosen instance", "", _INSTANCES, "change",
           "spl drain stop --instance NAME"),
)  # fmt: skip
SORT: Final = Action(
    "sort", ("s",), "sort by the next column; after the last, in the original order", "sort", _SORTED
)
SCREEN: Final = (
    Action("filter", ("slash",), "filter the rows; esc clears it", "filter", _TABLES),
    Action("trouble", ("p",), "show only rows in trouble, or all again", "trouble",
           _TABLES),
    Action("mark", ("m",), "mark the row, or not any more: the keys then act on all marked rows", "mark",
           _MARKED, "local"),
    Action("mark_range", ("M",), "mark all rows from the last marked one to this one", "", _MARKED, "local"),
    Action("mark_all", ("asterisk",), "mark all rows that the filter shows, or none of them", "", _MARKED,
           "local"),
    SORT,
    Action("reverse", ("S",), "reverse the sort order", "", _SORTED),
    Action("columns", ("comma",), "which columns the table shows, which comes first", "columns",
           _CHOSEN, "local"),
    Action("yank", ("y",), "copy the id of the chosen row", "copy id", _LINES, "local"),
    Action("back", ("escape",), "go back; first clears the filter, then the marks", "back"),
    Action("owner", ("u",), "up to the owner: task, thread, or what runs on the instance", "",
           (*_WORK, THREADS, FEED, REPLAY, OUTPUT, REVIEW)),
    Action("why", ("i",), "why the task stands as it does, and what proves it", "why",
           (FLEET, TASKS, JOIN, INBOX, THREADS, REPLAY, DETAIL), cli="spl why NAME"),
    Action(
        "what_if",
        ("w",),
        "when the fan-out would have joined with another predicate",
        "",
        (TASKS, JOIN, REPLAY),
        cli="spl task what-if NAME --join EXPR",
    ),
    Action("unfold", ("space",), "unfold a nested task or a group, fold it again", "", (TASKS, JOIN), "none",
           "spl task join-status NAME"),
    Action("next", ("tab",), "the next table", "next table", (FLEET, TASKS, POLICY, REPLAY, REVIEW)),
    Action("replay", ("t",), "replay the thread of the chosen row", "replay", (*_WORK, FEED, LOGS), "none",
           "spl debug replay NAME"),
    Action("output", ("l",), "what the chosen subtask writes, or the log of the instance", "",
           (*_WORK, REVIEW), "none",
           "spl task logs NAME N -f"),
    Action("review", ("v",), "review the chosen subtask", "", _WORK,
           "none", "spl task review NAME N"),
    *CONTROL,
)  # fmt: skip
START: Final = Action(
    "begin_fleet", ("ctrl+s",), "start a fleet on this machine, when there is none", "", (FLEET,), "local",
    "spl fleet start --workers 2",
)  # fmt: skip
FIND: Final = Action("find", ("slash",), "find a record with a filter, or a line of the output", "find",
                     (REPLAY, OUTPUT))  # fmt: skip
_FOUND: Final = (
    Action("again(1)", ("n",), "the next match", "", (REPLAY, OUTPUT)),
    Action("again(-1)", ("N",), "the previous match", "", (REPLAY, OUTPUT)),
)
FOLLOW: Final = Action(
    "follow", ("f",), "follow what is new, or pause", "follow", (FEED, OUTPUT, LOGS)
)  # fmt: skip
_COMPARE: Final = Action(
    "compare", ("d",), "compare with another thread, or attempt; again: not any more", "compare",
    (THREADS, REPLAY, REVIEW), cli="spl debug thread-diff A B",
)  # fmt: skip
NOTE: Final = Action(
    "note", ("n",), "note something on the line under the cursor", "note", (REVIEW,), "local"
)
NEXT_ATTEMPT: Final = Action("attempt(1)", ("greater_than_sign",), "the next attempt", "attempt", (REVIEW,))
OWN: Final[dict[str, tuple[Action, ...]]] = {
    FLEET: (START,),
    THREADS: (_COMPARE,),
    REPLAY: (
        Action("step(-1)", ("left",), "the previous record", "", (REPLAY,)),
        Action("step(1)", ("right",), "the next record", "step", (REPLAY,), cli="spl debug replay NAME"),
        Action("change(-1)", ("left_square_bracket",), "the previous change of status, or difference", "",
               (REPLAY, COMPARE)),
        Action("change(1)", ("right_square_bracket",), "the next change of status, or difference", "next",
               (REPLAY, COMPARE)),
        FIND,
        *_FOUND,
        Action("play", ("space",), "play the records: ×1, ×4, ×16, paused", "play", (REPLAY,)),
        Action("view", ("v",), "the record, or the join as of then", "view", (REPLAY,),
               cli="spl debug replay NAME -o json"),
        Action("pager", ("e",), "the body of the record in $PAGER", "", (REPLAY,), "local",
               "spl records show ID"),
        _COMPARE,
    ),
    OUTPUT: (
        FOLLOW,
        FIND,
        *_FOUND,
        Action("wrap", ("w",), "break long lines, or cut them", "wrap", (OUTPUT,)),
        Action("from_start", ("0",), "open it from the start", "start", (OUTPUT,),
               cli="spl task logs NAME N"),
    ),
    REVIEW: (
        NOTE,
        Action("hunk(-1)", ("left_square_bracket",), "the previous hunk", "", (REVIEW,)),
        Action("hunk(1)", ("right_square_bracket",), "the next hunk", "hunk", (REVIEW,)),
        Action("file(-1)", ("left",), "the previous file", "", (REVIEW,)),
        Action("file(1)", ("right",), "the next file", "file", (REVIEW,)),
        Action("attempt(-1)", ("less_than_sign",), "the previous attempt", "", (REVIEW,)),
        NEXT_ATTEMPT,
        _COMPARE,
        Action("patch_pager", ("e",), "all of the diff that was read, in $PAGER", "", (REVIEW,), "local",
               "spl task diff NAME N --attempt K"),
    ),
    LOGS: (FOLLOW,),
    FEED: (
        FOLLOW,
        Action("source", ("o",), "records and log, records only, log only", "source", (FEED,),
               cli="spl records watch, spl logs --follow"),
    ),
    POLICY: (
        Action("try", ("x",), "type an expression and see its value", "try CEL", (POLICY,),
               cli="spl expr eval EXPR --context CONTEXT"),
        Action("try_chosen", ("equals_sign",), "try the expression of the chosen rule", "try this",
               (POLICY,)),
        Action("rule('add')", ("plus",), "add a rule to the list that is shown", "add rule", (POLICY,),
               "change", "spl config add-permission-rule NAME --effect allow --expression CEL"),
        Action("rule('edit')", ("E",), "change the chosen rule", "edit", (POLICY,), "change",
               "spl config add-rule NAME --expression CEL"),
        Action("rule('remove')", ("delete", "backspace"), "remove the chosen rule", "", (POLICY,), "danger",
               "spl config remove-permission-rule NAME"),
        Action("restore_rules", ("V",), "put the default freeze rules back", "", (POLICY,), "change",
               "spl config restore-default-rules"),
        Action("permissions", ("P",), "enforce the permission rules, or stop it", "", (POLICY,), "danger",
               "spl config permissions-enable"),
    ),
    "scratchpad": (
        Action("turn", ("ctrl+n",), "while typing: the next context; ↑ ↓ too", "", (POLICY,)),
    ),
}  # fmt: skip
"""What one screen, or a part of one, has in addition to the common actions."""
TABLE: Final = (
    Action("open", ("enter",), "open the chosen row in full", "open", _TABLES),
    Action("move(-1)", ("up", "k"), "one row up", "", _LINES),
    Action("move(1)", ("down", "j"), "one row down", "", _LINES),
    Action("page(-1)", ("pageup",), "one page up", "", _LINES),
    Action("page(1)", ("pagedown",), "one page down", "", _LINES),
    Action("half(-1)", ("ctrl+u",), "half a page up", "", _LINES),
    Action("half(1)", ("ctrl+d",), "half a page down", "", _LINES),
    Action("jump(0)", ("home", "g"), "the first row", "", _LINES),
    Action("jump(-1)", ("end", "G"), "the last row", "", _LINES),
)
MOVES: Final = TABLE[1:]
ALL: Final = (
    *TABLE[:1], *MOVES, *(one for one in SCREEN if one not in CONTROL),
    *dict.fromkeys(one for own in OWN.values() for one in own), *APP, *CONTROL,
)  # fmt: skip


def for_screen(screen: str) -> list[Action]:
    """The actions of a screen, in the order of the help."""
    return [one for one in ALL if one.on(screen)]


_FIRST: Final = {
    REVIEW: ("A", "J", "n", "right_square_bracket", "right", "greater_than_sign", "d", "escape"),
}
"""Keys that come before those of the screens where these are not what is wanted."""


def footer(screen: str) -> list[Action]:
    """What the footer shows, most important first: a narrow footer shows fewer."""
    order = (
        *_FIRST.get(screen, ()),
        *(key for one in _MODES for key in one.keys),
        "f", "x", "space", "right", "right_square_bracket", "v", "d", "enter", "escape", "slash",
        "exclamation_mark", "p", "F", "question_mark", "q", "colon", "o", "w", "t", "U", "R", "i", "s", "y",
        "r", "tab",
    )  # fmt: skip
    shown = [one for one in for_screen(screen) if one.footer]
    if screen in BASE_SCREENS:
        shown = [one for one in shown if one.id != "back"]
    return sorted(shown, key=lambda one: order.index(one.keys[0]) if one.keys[0] in order else len(order))
