"""Rules of `[[permissions.rules]]`: what an agent may do without asking its operator, and what never.

The first rule that matches decides. Whatever goes wrong, the operator is asked. Three checks stand behind an
allow-rule, so that one that is written too wide asks instead:

- A command has to be known word by word. One that only a shell could tell is never allowed by a rule.
- The rule has to look at every word of it, to its end: with any one word replaced, or made longer, or with
  one word more, it must not match.
- Every path, and every word of the command that names a file, lies within the agent's folder, after links,
  and not in its `.git`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from syncropel.cel.budget import QUICK_STEPS, Budget
from syncropel.cel.expression import Expression, compile_expression
from syncropel.cel.names import Vocabulary
from syncropel.errors import SetupError, SyncropelError
from syncropel.settings.permissions import NAMES, ToolRule

ALLOW: Final = "allow"
DENY: Final = "deny"
ASK: Final = "ask"
VOCABULARY: Final = Vocabulary(values=NAMES)
MOST_WORDS: Final = 200
"""Words of a command, and paths, that are judged; an operator is asked about more."""
_GIT: Final = ".git"
"""What is in there can make git run programs."""
_ODD: Final = "\x01any other word\x01"
"""Stands for a word that the rule does not expect: nobody writes it into one."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """What an agent asks to do. `shell`: whether it is a command at all, known word by word or not."""

    tool: str = ""
    command: tuple[str, ...] | None = None
    paths: tuple[str, ...] = ()
    root: str = ""
    adapter: str = ""
    task: str = ""
    """The id of the task's thread."""
    namespace: str = ""
    shell: bool = False

    def bindings(self, command: Sequence[str] | None) -> dict[str, Any]:
        """The names of an expression, with this command."""
        return {
            "tool": self.tool,
            "command": None if command is None else list(command),
            "paths": list(self.paths),
            "root": self.root,
            "adapter": self.adapter,
            "task": self.task,
            "namespace": self.namespace,
        }


@dataclass(frozen=True, slots=True)
class Ruling:
    """`decide`: allow, deny, or ask. `rule`: the one that matched, or failed; empty when none did. `problem`:
    why it asks although it matched.
    """

    decide: str = ASK
    rule: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its expression."""

    rule: ToolRule
    expression: Expression

    def matches(self, bindings: Mapping[str, Any]) -> bool:
        """Whether it decides this. Raises SyncropelError when it cannot tell."""
        value = self.expression.evaluate(bindings, Budget(QUICK_STEPS))
        if not isinstance(value, bool):
            raise NotBoolean("the expression is neither true nor false", "compare it")
        return value


class NotBoolean(SyncropelError):
    """Raised for a rule whose expression gives something else than true or false."""


def compile_rules(rules: Sequence[ToolRule]) -> tuple[CompiledRule, ...]:
    """The rules, ready to judge. Raises SetupError naming the rule whose expression is invalid."""
    compiled = []
    for rule in rules:
        try:
            compiled.append(CompiledRule(rule, compile_expression(rule.when, VOCABULARY)))
        except SyncropelError as error:
            raise SetupError(f"[[permissions.rules]] {rule.name}: {error.message}", error.hint) from None
    return tuple(compiled)


def judge(rules: Sequence[CompiledRule], use: ToolUse) -> Ruling:
    """The ruling of the first rule that matches. It reads links, so it may wait for a disk."""
    bindings = use.bindings(use.command)
    for one in rules:
        try:
            if one.matches(bindings):
                problem = _too_wide(one, use) if one.rule.decide == ALLOW else ""
                return Ruling(ASK if problem else one.rule.decide, one.rule.name, problem)
        except SyncropelError as error:
            return Ruling(ASK, one.rule.name, error.message)
    return Ruling()


def _too_wide(one: CompiledRule, use: ToolUse) -> str:
    """Why this rule may not allow that, although it matches; empty when it may."""
    command = use.command
    if use.shell and command is None:
        return "only a shell could tell what the command does"
    if not command and not use.paths:
        return "neither a command nor a path is known"
    if len(command or ()) > MOST_WORDS or len(use.paths) > MOST_WORDS:
        return f"it has more than {MOST_WORDS} words or paths"
    if command is not None and (place := _unseen(one, use, command)) is not None:
        return f"the rule does not look at word {place} of the command"
    if outside := next(_outside(use), None):
        return f"{outside!r} is not within {use.root!r}"
    return ""


def _unseen(one: CompiledRule, use: ToolUse, command: tuple[str, ...]) -> int | None:
    """A word, from 1, that could be another, or longer, without this rule noticing; None when there is none.
    A rule that fails on a word has noticed it.
    """
    for place in range(len(command) + 1):
        word = command[place] if place < len(command) else ""
        for other in (_ODD, word + _ODD, _ODD + word):
            changed = [*command[:place], other, *command[place + 1 :]]
            try:
                if one.matches(use.bindings(changed)):
                    return place + 1
            except SyncropelError:
                continue
    return None


def _outside(use: ToolUse) -> Iterator[str]:
    """The paths, and words that name files, that are not within the folder."""
    if not use.root or not os.path.isabs(use.root):
        yield from use.paths or use.command or ()
        return
    root = Path(os.path.realpath(use.root))
    for path in use.paths:
        if not os.path.isabs(path) or not _within(path, root):
            yield path
    for word in (use.command or ())[1:]:
        if any(not _within(name, root) for name in _names(word)):
            yield word


def _names(word: str) -> Iterator[str]:
    """What of a word may name a file: all of it, what stands behind `=` or `@`, and what stands behind an
    option's letters, which may be bundled: `-xf/etc/passwd`.
    """
    yield word
    if "=" in word:
        yield word.partition("=")[2]
    if word.startswith("@"):
        yield word[1:]
    if word.startswith("-") and not word.startswith("--"):
        for at in range(2, len(word)):
            if not word[at - 1].isalnum():
                break
            yield word[at:]


def _within(name: str, root: Path) -> bool:
    if name.startswith("~"):
        return False
    try:
        place = Path(os.path.realpath(root / name)).relative_to(root)
    except ValueError:  # it is elsewhere, or no name of a file can have this in it
        return False
    return _GIT not in (part.lower() for part in place.parts)
