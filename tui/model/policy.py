"""The Policy screen: rules, namespaces, and freezes as rows of panes, and their overall state."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from syncropel.freeze_levels import SOFT, unkill_command
from tui.model import freezes, work_rules
from tui.model.facts import Fact
from tui.model.feed import actor_name, names_of
from tui.model.glyphs import Glyphs, Tone, marked
from tui.model.moment import Moment
from tui.model.policies import Policies
from tui.model.rows import Cell, Column, Row, Rows
from tui.model.rules import Draft, Kind
from tui.model.text import NOTHING, age, duration, first_line, long_duration, plain, took
from tui.model.tree import Line
from tui.model.world import World

if TYPE_CHECKING:
    from syncropel.wire import HealthCheck, NamespaceList, NamespaceOut, RuleOut

PERMISSION, ROUTING, HEALTH, NAMESPACES, FREEZES = "permission", "routing", "health", "namespaces", "freezes"
ABOUT_WORK: Final = "work"


@dataclass(frozen=True)
class Pane:
    """A list of `what` on the screen. `context` is that of its expressions, `cli` the equivalent command."""

    key: str
    title: str
    what: str
    cli: str
    columns: tuple[Column, ...]
    empty: tuple[str, ...]
    context: str = ""


_EXPRESSION: Final = Column("expression", "EXPRESSION", 30, grow=5, wish=60, over=1)
_NAME: Final = Column("name", "NAME", 16, grow=1, most=28, wish=28, over=1)
_PRIORITY: Final = Column("priority", "PRIO", 4, right=True)
_NAMESPACE_SIGNS: Final = {"active": "live", "archived": "archived", "deleted": "archived"}
_ACTOR: Final = Column("actor", "BY", 10, grow=1, most=24, drop=3)

PANES: Final = (
    Pane(
        PERMISSION, "PERMISSIONS", "the permission rules", "spl config list-permission-rules",
        (_PRIORITY, _NAME, Column("effect", "EFFECT", 7), Column("ops", "OPS", 12, grow=1, most=36, drop=1),
         _EXPRESSION, Column("default", "DEFAULT", 7, drop=2), _ACTOR),
        ("no permission rule", "spl config add-permission-rule NAME --effect allow --expression CEL"),
        "permission",
    ),
    Pane(
        ROUTING, "ROUTING", "the routing rules", "spl config list-rules",
        (_PRIORITY, _NAME, _EXPRESSION, _ACTOR),
        ("no routing rule: least-loaded-worker and round-robin choose by themselves",
         "add one: spl config add-rule NAME --expression CEL"), "routing",
    ),
    Pane(
        HEALTH, "HEALTH", "the health checks", "spl config list-health",
        (_PRIORITY, _NAME, Column("state", "STATE", 9), Column("severity", "SEVERITY", 8, drop=1),
         _EXPRESSION, _ACTOR),
        ("no health check", "add one: spl config add-health NAME --expression CEL"), "health_check",
    ),
    Pane(
        NAMESPACES, "NAMESPACES", "the namespaces", "spl namespace list",
        (Column("namespace", "NAMESPACE", 20, grow=2, most=50), Column("state", "STATE", 10),
         Column("frozen", "FROZEN", 11), Column("level", "LEVEL", 7, drop=1),
         Column("description", "DESCRIPTION", 16, grow=4, drop=2)),
        ("no namespace is known", "register one: spl namespace create NS"),
    ),
    Pane(
        FREEZES, "FREEZES", "the freezes", "spl fleet status",
        (Column("level", "LEVEL", 11), Column("namespace", "NAMESPACE", 16, grow=2, most=40),
         Column("reached", "CONFIRMED", 9), Column("age", "FOR", 7, right=True),
         Column("actor", "BY", 10, grow=1, most=24, drop=1), Column("reason", "REASON", 16, grow=4)),
        ("nothing is frozen", "freeze: F, or spl kill --namespace NS --reason …"),
    ),
    Pane(
        ABOUT_WORK, "WORK", "the rules about work", "spl config list-preconditions",
        (Column("kind", "KIND", 12), _PRIORITY, _NAME, _EXPRESSION, _ACTOR),
        ("no precondition, trigger, fold rule, and none that asks an operator first",
         "for example: spl config add-precondition NAME --expression CEL"),
    ),
)  # fmt: skip


def pane_rows(pane: str, policies: Policies, world: World, at: Moment, glyphs: Glyphs) -> Rows | None:
    """The rows of a pane; None while they are not known."""
    if pane == FREEZES:
        return _freeze_rows(world, at, glyphs)
    if pane == NAMESPACES:
        return _namespace_rows(policies.namespaces, world, glyphs)
    if pane == ABOUT_WORK:
        return _work_rows(policies.work, world)
    rules = policies.rules(cast(Kind, pane))
    if rules is None:
        return None
    make = {PERMISSION: _permission, ROUTING: _routing, HEALTH: _health_with(policies)}[pane]
    data = rules.data
    names = names_of(world)
    return Rows(
        rules, [one.name for one in data], lambda place: _row(make(data[place], glyphs), data[place], names)
    )


def _work_rows(rules: tuple[RuleOut, ...] | None, world: World) -> Rows | None:
    if rules is None:
        return None
    names = names_of(world)

    def make(place: int) -> Row:
        one = rules[place]
        return replace(_row({"kind": Cell(work_rules.kind(one))}, one, names), key=work_rules.key(one))

    return Rows(rules, [work_rules.key(one) for one in rules], make)


def _row(cells: dict[str, Cell], rule: RuleOut, names: Mapping[str, str]) -> Row:
    common = {
        "priority": Cell(str(rule.priority), "muted", float(rule.priority)),
        "name": Cell(plain(rule.name), "bad" if rule.failures else "strong"),
        "expression": Cell(_expression(rule), "bad" if rule.failures else "plain"),
        "actor": Cell(actor_name(rule.actor, names) or NOTHING, "muted"),
    }
    cells = common | cells
    fields = {key: cell.text for key, cell in cells.items()}
    return Row(rule.name, cells, fields | {"expression": rule.expression, "actor": rule.actor})


def _expression(rule: RuleOut) -> str:
    shown = first_line(rule.expression)
    return f"failed {rule.failures}× ({first_line(rule.last_error)}): {shown}" if rule.failures else shown


def _permission(rule: RuleOut, glyphs: Glyphs) -> dict[str, Cell]:
    allows = rule.effect == "allow"
    sign = glyphs.sign("accept" if allows else "reject")
    return {
        "effect": Cell(f"{sign} {plain(rule.effect)}", "good" if allows else "warn"),
        "ops": Cell(plain(", ".join(rule.ops)) or "all", "muted" if not rule.ops else "plain"),
        "default": Cell("yes" if rule.default else NOTHING, "muted"),
    }


def _routing(rule: RuleOut, glyphs: Glyphs) -> dict[str, Cell]:
    return {}


def _health_with(policies: Policies) -> Callable[[RuleOut, Glyphs], dict[str, Cell]]:
    checks = {one.name: one for one in policies.checks}

    def cells(rule: RuleOut, glyphs: Glyphs) -> dict[str, Cell]:
        return {"state": _health_state(checks.get(rule.name), glyphs), "severity": Cell(plain(rule.effect))}

    return cells


def _health_state(check: HealthCheck | None, glyphs: Glyphs) -> Cell:
    if check is None:
        return Cell(f"{glyphs.sign('unknown')} unknown", "warn")
    if check.healthy:
        return Cell(f"{glyphs.sign('accept')} passes", "good")
    return Cell(f"{glyphs.sign('failed')} fails", "bad" if check.severity == "critical" else "warn")


def _namespace_rows(known: NamespaceList | None, world: World, glyphs: Glyphs) -> Rows | None:
    if known is None:
        return None
    data = known.data
    return Rows(known, [one.namespace for one in data], lambda place: _namespace(data[place], world, glyphs))


def _namespace(one: NamespaceOut, world: World, glyphs: Glyphs) -> Row:
    active = one.state == "active"
    sign = glyphs.sign(_NAMESPACE_SIGNS.get(one.state, "unknown"))
    frozen = freezes.frozen_by(world, one.namespace)
    cells = {
        "namespace": Cell(plain(one.namespace), "strong"),
        "state": Cell(f"{sign} {one.state}", "good" if active else "muted"),
        "frozen": Cell(f"{glyphs.sign('frozen')} {frozen}", "cold") if frozen else Cell(NOTHING, "muted"),
        "level": Cell(one.level, "muted"),
        "description": Cell(first_line(one.description) or NOTHING),
    }
    return Row(one.namespace, cells, {key: cell.text for key, cell in cells.items()})


def _freeze_rows(world: World, at: Moment, glyphs: Glyphs) -> Rows | None:
    if world.status is None:
        return None
    found, names = freezes.worst_first(world.status), names_of(world)

    def make(place: int) -> Row:
        one = found[place]
        total, old = len(one.confirmed) + len(one.waiting), max(0.0, at.now - one.at)
        cells = {
            "level": Cell(
                f"{glyphs.sign('frozen')} {marked(one.level)}", "bad" if one.level != SOFT else "cold"
            ),
            "namespace": Cell(freezes.where(one), "strong"),
            "reached": Cell(f"{len(one.confirmed)} of {total}", "warn" if one.waiting else "good"),
            "age": Cell(long_duration(old), "plain", old),
            "actor": Cell(actor_name(one.actor, names) or NOTHING),
            "reason": Cell(first_line(one.reason)),
        }
        return Row(one.record, cells, {key: cell.text for key, cell in cells.items()})

    return Rows(world.status, [one.record for one in found], make)


def standing(policies: Policies, glyphs: Glyphs) -> Line:
    """Whether permissions are enforced, what applies where no rule matches, and strict mode."""
    permission = policies.rules("permission")
    if permission is None:
        return Line(f"{glyphs.sign('unknown')} not known whether permissions are enforced", "warn")
    strict = ""
    if policies.namespaces is not None:
        strict = f" · strict namespaces {'on' if policies.namespaces.strict else 'off'}"
    if permission.enabled:
        return Line(
            f"{glyphs.sign('live')} permissions enforced: what no rule matches is denied{strict}", "good"
        )
    return Line(f"{glyphs.sign('archived')} permissions not enforced: only freeze rules deny{strict}", "warn")


def figures(policies: Policies, now: float) -> Line:
    """The age of the data, and the expression cache."""
    if policies.read_at is None:
        return Line("nothing has been read yet", "muted")
    told = [f"read {age(now - policies.read_at)} ago"]
    if (cache := policies.cache) is not None:
        told.append(f"{cache.size}/{cache.capacity} expressions, {cache.hit_rate_pct:.1f}% hits")
        told.append(f"compile {took(cache.avg_compile_micros / 1e6)}, {cache.compile_errors} failed")
    return Line(" · ".join(told), "muted")


def facts_of(pane: str, key: str, policies: Policies, world: World, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """Everything known about a row, with its command; empty when it no longer exists."""
    rows = pane_rows(pane, policies, world, at, glyphs)
    row = next((rows[place] for place, one in enumerate(rows.keys) if one == key), None) if rows else None
    if row is None:
        return []
    titles = {column.key: column.title.lower() for one in PANES if one.key == pane for column in one.columns}
    facts: list[Fact] = [
        (titles[name], Line(cell.text, cell.tone))
        for name, cell in row.cells.items()
        if name in titles and name not in ("expression", "actor", "reason")
    ]
    return facts + _more(pane, key, policies, world)


def _more(pane: str, key: str, policies: Policies, world: World) -> list[Fact]:
    if pane == FREEZES:
        one = next(one for one in freezes.worst(world) if one.record == key)
        waits: Tone = "warn" if one.waiting else "plain"
        return [
            ("instances", Line(", ".join(plain(who.alias) for who in one.confirmed) or NOTHING)),
            ("waits for", Line(", ".join(map(plain, one.waiting)) or NOTHING, waits)),
            ("grace", Line(duration(one.grace_secs))),
            ("by", Line(plain(one.actor) or NOTHING)),
            ("reason", Line(plain(one.reason))),
            ("record", Line(one.record)),
            ("to lift it", Line(unkill_command(one.namespace))),
        ]
    if pane == NAMESPACES:
        return [("command", Line(f"spl namespace show {shlex.quote(key)}"))]
    if pane == ABOUT_WORK:
        about_work = policies.about_work(key)
        return work_rules.facts(about_work) if about_work is not None else []
    rule = policies.rule(cast(Kind, pane), key)
    if rule is None:
        return []
    problem = next((one.problem for one in policies.checks if pane == HEALTH and one.name == key), "")
    return [
        *([("problem", Line(plain(problem), "bad"))] if problem else []),
        *work_rules.failed(rule),
        ("by", Line(plain(rule.actor) or NOTHING)),
        ("record", Line(rule.record or NOTHING)),
        ("expression", Line(plain(rule.expression), "strong")),
        ("command", Line(plain(Draft.of(cast(Kind, pane), rule).command()))),
    ]
