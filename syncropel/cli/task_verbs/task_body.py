"""Subtasks that a task's file declares, so that `spl task fan-out NAME` needs no flags.

    ## Subtasks

    join: all
    - goal=Write section A,target=worker-a,budget=0.50
    - goal=Put them together,target=least-loaded-worker,depends=0

Each item is what `--subtask` takes. A line `join: …` says the predicate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from syncropel.cli.task_verbs.subtask import parse_subtask
from syncropel.errors import BadRequest, InvalidFanOut

_HEADING: Final = re.compile(r"#{1,6}\s+(.*?)\s*#*")
_ITEM: Final = re.compile(r"[-*+]\s+(.*)")
_JOIN: Final = re.compile(r"join:\s*(.+)", re.IGNORECASE)
NAME: Final = "Subtasks"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file declares; `join` is empty when it declares none."""

    subtasks: list[dict[str, Any]]
    join: str = ""


def read_declared(path: Path) -> Declared:
    """What this file declares, without subtasks when it has no such section.

    Raises BadRequest when it cannot be read, InvalidFanOut with file and line for an invalid item.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadRequest(f"cannot read {path}: {why}", "give a text file") from None
    return declared(text, str(path))


def declared(text: str, name: str) -> Declared:
    """The same for a text; `name` is used in error messages."""
    subtasks: list[dict[str, Any]] = []
    join, inside, fenced = "", False, False
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if words.startswith("```"):
            fenced = not fenced
        elif fenced:
            continue
        elif (heading := _HEADING.fullmatch(words)) is not None:
            inside = heading[1].casefold() == NAME.casefold()
        elif inside and (item := _ITEM.fullmatch(words)) is not None:
            try:
                subtasks.append(parse_subtask(len(subtasks), item[1]))
            except InvalidFanOut as error:
                raise InvalidFanOut(f"{name}, line {number}: {error.message}", error.hint) from None
        elif inside and (told := _JOIN.fullmatch(words)) is not None:
            join = told[1]
    return Declared(subtasks, join)
