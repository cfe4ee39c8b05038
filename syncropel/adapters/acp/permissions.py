"""An agent's request for permission, as its operator sees it: exactly what would be done."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from typing import Any, Final

from syncropel.adapters.acp.messages import Call
from syncropel.adapters.asking import PERMISSION, Option, Request
from syncropel.adapters.models.words import one_line, part, parts, text, texts

_PATHS: Final = ("file_path", "filePath", "filepath", "path", "abs_path", "notebook_path")
_NOT_PLAIN: Final = frozenset("|&;<>()$`\\\"'*?[]#~={}!%")
"""Characters that a shell may act on. In a command that has one, only a shell can tell the arguments."""
_RUNS_A_COMMAND: Final = (("-c",), ("-lc",), ("-l", "-c"))
"""Flags with which a shell runs the command that its next word is."""
_SHELLS: Final = frozenset({"bash", "sh", "zsh", "dash"})


def request_of(call: Call, tool: Mapping[str, Any], run: str, root: str) -> Request:
    """The request behind a call of `session/request_permission`.

    `tool`: everything known of its tool call. `run`: the run's name, unique in the log. `root`: the folder
    that the agent works in.
    """
    root = os.path.realpath(root)
    given = part(tool.get("rawInput"))
    content = parts(tool.get("content"))
    diffs = [_diff(one) for one in content if one.get("type") == "diff"]
    told = [text(part(one.get("content")).get("text")) for one in content if one.get("type") == "content"]
    details = "\n".join(filter(None, told))
    command = given.get("command", given.get("cmd"))
    words = command if isinstance(command, str) else shlex.join(texts(command))
    folder = text(given.get("cwd")) or root
    elsewhere = "\0" in folder or os.path.realpath(os.path.join(root, folder)) != root
    shown: dict[str, Any] = {"title": text(tool.get("title"))}
    shown |= {"command": text(words)} if words else {}
    shown |= {"diffs": diffs} if diffs else {}
    shown |= {"cwd": folder} if words and elsewhere else {}
    shown |= {"input": given} if given and not diffs else {}
    shown |= {"details": details} if details else {}
    named = [text(one.get("path")) for one in [*diffs, *parts(tool.get("locations"))]]
    named += [text(given.get(key)) for key in _PATHS]
    paths = {os.path.realpath(os.path.join(root, one)) for one in named if one and "\0" not in one}
    options = tuple(
        Option(text(one.get("kind")), one_line(text(one.get("name"))))
        for one in parts(call.params.get("options"))
    )
    return Request(
        request_id(run, call),
        PERMISSION,
        one_line(text(tool.get("title"))) or "a tool call that says nothing of itself",
        tool=one_line(text(tool.get("kind"))),
        shown=shown,
        command=None if elsewhere else arguments(command),
        paths=tuple(sorted(paths)),
        root=root,
        options=options,
    )


def request_id(run: str, call: Call) -> str:
    """The id of a request: the same for each daemon that finds it open, and of no other request, so that no
    answer is given twice to an agent that uses an id again.
    """
    return f"q_{hashlib.sha256(f'{run} {call.count} {call.id!r}'.encode()).hexdigest()[:16]}"


def arguments(command: Any) -> tuple[str, ...] | None:
    """The argument list of a command; None when only a shell could tell it."""
    if isinstance(command, list):
        words = texts(command)
        if len(words) != len(command) or not words:
            return None
        if os.path.basename(words[0]) in _SHELLS:
            flags = tuple(words[1:-1])  # without -c, the last word is a file of commands
            runs = flags in _RUNS_A_COMMAND and not words[-1].startswith("-")
            return arguments(words[-1]) if runs else None
        return tuple(words)
    if not isinstance(command, str) or not command.strip() or not command.isprintable():
        return None
    return tuple(filter(None, command.split(" "))) if _NOT_PLAIN.isdisjoint(command) else None


def _diff(one: Mapping[str, Any]) -> dict[str, Any]:
    old = one.get("oldText")
    new, path = text(one.get("newText")), text(one.get("path"))
    return {"path": path, "old": None if old is None else text(old), "new": new}
