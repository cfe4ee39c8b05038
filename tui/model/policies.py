"""The daemon's rules and namespaces, for the Policy screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tui.model import work_rules
from tui.model.rules import WORK, Kind

if TYPE_CHECKING:
    from syncropel.wire import CacheStatsOut, HealthCheck, NamespaceList, RuleList, RuleOut


@dataclass(frozen=True)
class Policies:
    """The daemon's answers, and when they arrived by our clock. A part that could not be read is None or
    lacks its kind, and `trouble` gives the reason by pane. `again`: another try may succeed. `read_at` is
    None until something was read.

    Freezes are not here: they are in the fleet's stream.
    """

    lists: Mapping[Kind, RuleList] = field(default_factory=dict)
    checks: tuple[HealthCheck, ...] = ()
    namespaces: NamespaceList | None = None
    cache: CacheStatsOut | None = None
    trouble: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    read_at: float | None = None

    def rules(self, kind: Kind) -> RuleList | None:
        return self.lists.get(kind)

    def named(self, kind: Kind) -> dict[str, RuleOut] | None:
        """The rules of a kind by name."""
        known = self.rules(kind)
        return None if known is None else {one.name: one for one in known.data}

    def rule(self, kind: Kind, name: str) -> RuleOut | None:
        return (self.named(kind) or {}).get(name)

    @cached_property
    def work(self) -> tuple[RuleOut, ...] | None:
        """The rules about work, of all kinds; None until each of these was read."""
        lists = [self.lists[kind] for kind in WORK if kind in self.lists]
        return tuple(rule for one in lists for rule in one.data) if len(lists) == len(WORK) else None

    def about_work(self, key: str) -> RuleOut | None:
        """A rule about work, by the identity of its row."""
        return next((one for one in self.work or () if work_rules.key(one) == key), None)
