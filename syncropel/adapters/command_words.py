"""Which files a command runs, as far as its words tell: its program, and the script of an interpreter.

Files that a command only reads are none of these: a gate has to see what a goal made of them.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"})
_INTERPRETERS: Final = _SHELLS | frozenset(
    {".", "source", "bun", "deno", "lua", "node", "perl", "php", "pwsh", "python", "ruby", "tclsh", "Rscript"}
)
_VERSIONED: Final = re.compile(r"(python|ruby|perl|php|lua|node)[\d.]+")
_BEFORE: Final = frozenset(
    {"!", "{", "chronic", "command", "do", "elif", "else", "env", "exec", "flock", "if", "ionice", "nice"}
    | {"nohup", "setsid", "stdbuf", "sudo", "then", "time", "timeout", "until", "while", "xargs"}
)
"""Words of a shell and programs after which a command comes."""
_ASSIGNED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_SEPARATORS: Final = re.compile(r"[\s;&|()<>{}`'\"=,]+")
_DEEPEST: Final = 4


def scripts(words: Sequence[str]) -> list[list[str]]:
    """Paths that a command may run, in groups: of each group, those that exist up to the first that is no
    value of an option.
    """
    return list(_of_command(list(words), 0))


def chosen(group: Sequence[str], exists: frozenset[str]) -> list[str]:
    """The paths of a group that are run; `exists`: those that are files."""
    found: list[str] = []
    for place, word in enumerate(group):
        path = plain(word)
        if path in exists:
            found.append(path)
            if place == 0 or not group[place - 1].startswith("-"):
                break
    return found


def plain(word: str) -> str:
    """A word as a path inside a repository; empty when it cannot be one."""
    path = posixpath.normpath(word) if word and "\0" not in word else "/"
    return "" if path.startswith("/") or path == "." or path.split("/")[0] == ".." else path


def _of_command(words: list[str], depth: int) -> Iterator[list[str]]:
    while words and (words[0] in _BEFORE or _ASSIGNED.fullmatch(words[0])):
        first = words.pop(0)
        if first in _BEFORE:  # its own options and arguments may come before the command
            yield [word for word in words if "/" in word]
            at = next((i for i, word in enumerate(words) if _interpreter(word)), None)
            words = words[at:] if at is not None else words
    if not words:
        return
    name = _interpreter(words[0])
    if not name:
        if "/" in words[0]:
            yield [words[0]]
        elif words[0] == "eval" and depth < _DEEPEST:
            yield from _of_text(" ".join(words[1:]), depth + 1)
        return
    if "/" in words[0]:
        yield [words[0]]
    text = _text_of(words[1:]) if name in _SHELLS else None
    if text is not None and depth < _DEEPEST:
        yield from _of_text(text, depth + 1)
    elif text is None:
        yield words[1:]


def _interpreter(word: str) -> str:
    name = posixpath.basename(word)
    if (versioned := _VERSIONED.fullmatch(name)) is not None:
        name = versioned[1]
    return name if name in _INTERPRETERS else ""


def _text_of(words: Sequence[str]) -> str | None:
    """What a shell is given to run with `-c`; None when it is given a script."""
    for place, word in enumerate(words):
        if not word.startswith(("-", "+")):
            return None
        if not word.startswith("--") and "c" in word[1:]:
            return next((text for text in words[place + 1 :] if not text.startswith("-")), "")
    return None


def _of_text(text: str, depth: int) -> Iterator[list[str]]:
    """Of each command in a shell's text."""
    lexer = shlex.shlex(text.replace("`", " ; ").replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # quotes that do not match: anything in it may be run
        yield from ([part] for part in _SEPARATORS.split(text))
        return
    command: list[str] = []
    for token in tokens:
        if token and set(token) <= set("();<>|&"):
            if set(token) & set(";|&("):
                yield from _of_command(command, depth)
                command = []
        elif token != "$":
            command.append(token)
    yield from _of_command(command, depth)
