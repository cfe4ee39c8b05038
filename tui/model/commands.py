"""The commands of `:`: which exist, what can follow them, and what a mistyped one probably meant."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncropel.errors import BadRequest
from tui.model.setup import Grammar

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "freeze": ("NS [REASON]", "freeze a namespace"),
    "unfreeze": ("NS", "lift its freeze"),
    "kill": ("--namespace NS | --emergency …", "as on the command line: opens the freeze dialog"),
    "unkill": ("--namespace NS | --emergency", "as on the command line: opens the unfreeze dialog"),
    "config": ("add-rule NAME …", "as on the command line: opens the dialog for that rule"),
    "drill": ("", "practise the kill switch"),
    "drain": ("start|stop INSTANCE", "drain an instance, or stop draining it"),
    "task": ("NAME", "a task's join, or `task retry NAME --subtask N`, `task approve NAME` and the like"),
    "why": ("NAME", "why a task is not done yet: its join"),
    "instance": ("NAME", "everything about one instance"),
    "logs": ("[INSTANCE]", "the log of an instance, or of all together"),
    "thread": ("NAME", "the records of a thread"),
    "replay": ("NAME", "a thread, record by record"),
    "filter": ("WORDS", "filter the rows of this screen"),
    "context": ("NAME", "switch to another fleet"),
    "theme": ("NAME", "change the colours"),
    "unlock": ("", "allow changes for a while"),
    "lock": ("", "stop allowing changes"),
    "reconnect": ("", "try again now"),
    "view": ("NAME", "a saved view, or a bookmark"),
    "needs": ("", "all that needs you, the most urgent first"),
    "help": ("", "the keys of this screen"),
    "quit": ("", "quit; the fleet keeps running"),
}
"""Word, what follows it, what it does. The names of the screens are commands too."""

FROM_CLI: Final = frozenset({"kill", "unkill", "drain", "task", "drill", "fleet", "config"})
"""Those whose flags are in the command line's grammar."""


@dataclass(frozen=True)
class Names:
    """Everything that can be named in the console at present, for completion and jumps."""

    screens: Sequence[str] = ()
    tasks: Sequence[str] = ()
    instances: Sequence[str] = ()
    namespaces: Sequence[str] = ()
    contexts: Sequence[str] = ()
    themes: Sequence[str] = ()
    views: Sequence[str] = ()
    of: Mapping[str, str] = field(
        default_factory=lambda: {
            "freeze": "namespaces", "unfreeze": "namespaces", "--namespace": "namespaces", "why": "tasks",
            "thread": "tasks", "replay": "tasks", "instance": "instances", "logs": "instances",
            "--instance": "instances",
            "context": "contexts", "theme": "themes", "view": "views",
        }
    )  # fmt: skip


def split(line: str) -> list[str]:
    """The words of a line, quoted as in a shell. Raises BadRequest."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise BadRequest(f"{line!r}: {str(error).lower()}", "close the quotation mark") from None


def whole(word: str, screens: Sequence[str]) -> str:
    """Expand a unique prefix: `q` is `quit`. Returned as is when there is no match, or more than one."""
    known = [*WORDS, *screens]
    begun = [one for one in known if one.startswith(word)]
    return begun[0] if len(begun) == 1 and word not in known else word


def unknown(word: str, screens: Sequence[str]) -> BadRequest:
    """The message for an unknown word."""
    known = [*WORDS, *screens]
    near = difflib.get_close_matches(word, known, n=1)
    return BadRequest(
        f"there is no command {word!r}", f"did you mean {near[0]}?" if near else f"known: {' '.join(known)}"
    )


def nearest(kind: str, name: str, known: Sequence[str]) -> BadRequest:
    """The message for a name that does not exist."""
    if not name:
        return BadRequest(f"which {kind}?", f"known: {' '.join(known[:8])}" if known else "none is known yet")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return BadRequest(
        f"there is no {kind} {name!r}",
        f"did you mean {near[0]}?" if near else f"known: {' '.join(known[:8])}",
    )


def complete(line: str, names: Names, grammar: Grammar | None) -> list[str]:
    """Completions of the last word of a line, in order."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    begun = "" if not line or line[-1].isspace() else words.pop()
    if not words:
        return [one for one in (*WORDS, *names.screens) if one.startswith(begun)]
    offered: list[str] = list(getattr(names, names.of.get(words[-1], ""), ()))
    if not offered and words[0] in FROM_CLI and grammar is not None:
        offered = list(grammar.complete(words, begun))
        if words[0] == "task" and not words[-1].startswith("-") and len(words) <= 2:
            offered += names.tasks
        if words[0] == "drain" and len(words) == 2:
            offered = [*names.instances, *offered]
    return [one for one in dict.fromkeys(offered) if one.startswith(begun)]


def usage(line: str) -> str:
    """How a line that begins with a known word continues: `drain start|stop INSTANCE: empty an instance`."""
    word = line.split(maxsplit=1)[0] if line.split() else ""
    if word not in WORDS:
        return ""
    follows, does = WORDS[word]
    return f"{word} {follows}: {does}" if follows else f"{word}: {does}"
