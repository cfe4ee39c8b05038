"""A rule being written: its fields, what is missing, and the equivalent command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from syncropel.errors import SyncropelError
from tui.model import scratchpad
from tui.model.glyphs import Glyphs
from tui.model.text import first_line, plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import ExpressionChecked, RuleOut

Kind = Literal["permission", "routing", "health", "precondition", "aitl", "trigger", "fold"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
WORK: Final[tuple[Kind, ...]] = ("precondition", "aitl", "trigger", "fold")
"""The kinds about work, which share a list."""
OPS: Final = ("record_write", "thread_read", "config_read")
PRIORITY: Final = 100


@dataclass(frozen=True)
class Sort:
    """A kind of rule: its verbs on the command line, the context of its expressions, what a match can mean.

    `effects` are the choices, the default first, and `flag` is their flag; empty when there are none. With
    `opens` the rule opens tasks: they need a goal, and may have a target.
    """

    add: str
    remove: str
    context: str
    means: str
    effects: tuple[str, ...] = ()
    flag: str = ""
    ops: bool = False
    opens: bool = False


SORTS: Final[Mapping[Kind, Sort]] = {
    "permission": Sort(
        "add-permission-rule", "remove-permission-rule", "permission",
        "The lowest priority is evaluated first, and the first rule that matches decides.",
        ("allow", "deny"), "--effect", True,
    ),
    "routing": Sort(
        "add-rule", "remove-rule", "routing",
        "It gives the alias or DID of an instance, or an empty text; the lowest priority is evaluated first.",
    ),
    "health": Sort(
        "add-health", "remove-health", "health_check", "It is true while all is well.",
        ("warning", "critical"), "--severity",
    ),
    "precondition": Sort(
        "add-precondition", "remove-precondition", "precondition",
        "A subtask starts when all preconditions are true of it; until then it is held.",
    ),
    "aitl": Sort(
        "add-aitl", "remove-aitl", "aitl",
        "A subtask of which it is true asks an operator before it starts.",
    ),
    "trigger": Sort(
        "add-trigger", "remove-trigger", "trigger", "It opens a task for every record of which it is true.",
        opens=True,
    ),
    "fold": Sort(
        "add-fold-rule", "remove-fold-rule", "fold_rule",
        "Evaluated for each record of a task; its last value is shown beside the task's status.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """A rule as filled in: `priority` and `ops` as typed; goal and target belong to triggers."""

    kind: Kind
    name: str = ""
    expression: str = ""
    effect: str = ""
    ops: str = ""
    priority: str = str(PRIORITY)
    goal: str = ""
    target: str = ""

    @classmethod
    def of(cls, kind: Kind, rule: RuleOut) -> Draft:
        """A draft of an existing rule."""
        opens = SORTS[kind].opens
        return cls(
            kind, rule.name, rule.expression, "" if opens else rule.effect, " ".join(rule.ops),
            str(rule.priority), rule.goal, rule.effect if opens else "",
        )  # fmt: skip

    @property
    def sort(self) -> Sort:
        return SORTS[self.kind]

    @property
    def op_list(self) -> list[str]:
        return self.ops.replace(",", " ").split() if self.sort.ops else []

    def missing(self) -> tuple[str, str]:
        """The next invalid field, and why; both empty when the draft is complete."""
        if not self.name:
            return "name", "which name? (n)"
        if not self.expression:
            return "expression", "it needs an expression (x)"
        if self.sort.opens and not self.goal:
            return "goal", "what are its tasks to do? (g)"
        if unknown := [one for one in self.op_list if one not in OPS]:
            return "ops", f"there is no op {unknown[0]!r}: {', '.join(OPS)} (o)"
        try:
            int(self.priority)
        except ValueError:
            return "priority", "the priority is a whole number, the lowest is evaluated first (p)"
        return "", ""

    def body(self, actor: str) -> dict[str, Any]:
        """The request body. Raises ValueError while something is missing."""
        effect = self.effect if self.sort.effects else ""
        opens = self.sort.opens
        return {
            "expression": self.expression,
            "priority": int(self.priority),
            "effect": self.target if opens else effect,
            "ops": self.op_list,
            "actor": actor,
            **({"goal": self.goal} if opens else {}),
        }

    def command(self) -> str:
        """The equivalent command."""
        words = ["spl", "config", self.sort.add, self.name or "NAME", "--priority", self.priority]
        words += [self.sort.flag, self.effect] if self.sort.effects else []
        words += [word for op in self.op_list for word in ("--op", op)]
        if self.sort.opens:
            words += ["--goal", self.goal or "TEXT", *(("--target", self.target) if self.target else ())]
        return shlex.join([*words, "--expression", self.expression or "CEL"])


def removal(kind: Kind, name: str) -> str:
    """The command that removes a rule."""
    return shlex.join(["spl", "config", SORTS[kind].remove, name])


def summary(rule: RuleOut) -> str:
    """A rule in one line: `allow at 10: current_actor() == …`."""
    effect = f"{plain(rule.effect)} " if rule.effect else ""
    goal = f" → {first_line(rule.goal)}" if rule.goal else ""
    return f"{effect}at {rule.priority}: {first_line(rule.expression)}{goal}"


@dataclass(frozen=True)
class Checked:
    """The daemon's answer about the expression `of`, while it is typed."""

    of: str = ""
    outcome: scratchpad.Outcome = field(default_factory=scratchpad.Outcome)

    def asking(self, expression: str) -> Checked:
        return replace(self, of=expression, outcome=self.outcome.asking())

    def answered(self, answer: ExpressionChecked | SyncropelError) -> Checked:
        if isinstance(answer, SyncropelError):
            return replace(self, outcome=scratchpad.failed(answer))
        words = f"it compiles · {answer.size} steps, without macros"
        return replace(self, outcome=scratchpad.Outcome("value", (words,)))

    def objection(self) -> str:
        """Why it cannot be set. A check that could not be made is no reason: the daemon checks again."""
        if self.outcome.stage == "asking":
            return "the expression is being checked"
        return "the expression has a mistake" if self.outcome.stage in ("invalid", "no value") else ""

    def lines(self, glyphs: Glyphs) -> list[Line]:
        """The lines below the expression."""
        if self.outcome.stage == "idle":
            return []
        first, *more = [one for one in self.outcome.words if one] or ["being checked"]
        if self.outcome.stage == "value":
            return [Line(f"{glyphs.sign('accept')} {first}", "good")]
        if self.outcome.stage == "asking":
            return [Line(f"{glyphs.sign('in_progress')} {first}", "muted")]
        if self.outcome.stage == "unknown":
            return [Line(f"{glyphs.sign('unknown')} not checked: {first}", "warn")]
        return [Line(f"{glyphs.sign('failed')} {first}", "bad"), *(Line(one) for one in more)]
