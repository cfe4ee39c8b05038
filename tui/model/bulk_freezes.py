"""Several namespaces to be frozen together: which, and what that affects in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from syncropel.freeze_levels import Level, kill_command
from tui.model.bulk import many, named
from tui.model.bulk_steps import Listed
from tui.model.glyphs import Tone
from tui.model.marks import Mark
from tui.model.subject import namespace_of
from tui.model.text import money, plain

if TYPE_CHECKING:
    from syncropel.wire import BlastRadius
    from tui.model.world import World


def spaces_of(marks: Sequence[Mark], world: World) -> dict[str, list[Mark]]:
    """The namespaces of marked rows, each once, with its rows; those that are in none are under ''."""
    found: dict[str, list[Mark]] = {}
    for one in marks:
        found.setdefault(namespace_of(world, one.subject), []).append(one)
    return dict(sorted(found.items()))


def covered_by(space: str, spaces: Sequence[str]) -> str:
    """The one of these namespaces that covers this one, too; empty when none does."""
    return next((one for one in spaces if one != space and space.startswith(f"{one}/")), "")


def listed(spaces: Mapping[str, Sequence[Mark]], blasts: Mapping[str, BlastRadius | str]) -> list[Listed]:
    """A line for each namespace, with its own blast radius."""
    return [_line(space, some, blasts.get(space), list(spaces)) for space, some in spaces.items()]


def _line(space: str, some: Sequence[Mark], blast: BlastRadius | str | None, spaces: Sequence[str]) -> Listed:
    rows = many(len(some), "marked row")
    if not space:
        return Listed(space, "no namespace", "", rows, "what is marked is in no namespace")
    told = "reading its blast radius" if blast is None else blast if isinstance(blast, str) else _met(blast)
    if above := covered_by(space, spaces):
        told = f"covered by {plain(above)}: {told}"
    now = "frozen already" if blast is not None and not isinstance(blast, str) and blast.frozen else ""
    return Listed(space, plain(space), now, told)


def _met(blast: BlastRadius) -> str:
    if not blast.in_flight and not blast.pending:
        return "nothing in flight, nothing waits"
    return f"{blast.in_flight:,} in flight, {blast.pending:,} pending, {money(blast.spend_usd)}"


def radius(spaces: Sequence[str], blasts: Mapping[str, BlastRadius | str]) -> list[tuple[str, Tone]]:
    """What all of them together affect: what lies in two of them counts once."""
    top = [one for one in spaces if one and not covered_by(one, spaces)]
    known = [found for one in top if not isinstance(found := blasts.get(one), str | None)]
    unknown = [one for one in top if isinstance(blasts.get(one), str)]
    if len(known) + len(unknown) < len(top):
        return [(f"blast radius: loading, {len(known)} of {len(top)}", "muted")]
    flight, pending = sum(one.in_flight for one in known), sum(one.pending for one in known)
    where = sorted({plain(name) for one in known for name in one.instances})
    on = f" on {named(where)}" if where else ""
    cost = money(sum(one.spend_usd for one in known))
    head = f"{flight:,} in flight{on} · {pending:,} pending · {cost} at stake"
    if not flight and not pending:
        head = "nothing is in flight and nothing waits there"
    fanouts, tasks = sum(one.fanouts for one in known), sum(one.open_tasks for one in known)
    lines: list[tuple[str, Tone]] = [
        ("Blast radius of all together:", "muted"),
        (f"  {head}", "strong" if flight or pending else "good"),
        (f"  {many(fanouts, 'fan-out')} · {many(tasks, 'open task')}", "plain"),
    ]
    below = sum(one.descendants for one in known)
    lines += [(f"  {many(below, 'namespace')} below them", "plain")] if below else []
    most = max((one.confirming for one in known), default=0)
    lines += [(f"  {many(most, 'instance')} will have to confirm each", "plain")] if known else []
    if unknown:
        lines.append((f"  not known for {named([plain(one) for one in unknown])}", "warn"))
    return lines


def commands(level: Level, spaces: Sequence[str], reason: str, grace: float, *, terminate: bool) -> str:
    """The equivalent command lines."""
    return "; ".join(kill_command(level, one, reason, grace, terminate) for one in spaces if one)
