"""What one evaluation of an expression costs: CEL alone, bindings that are there already."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.table import Table
from syncropel.policy.joining import compile_join

CHILDREN = 100
ROUNDS = 21
TURNS = 100
CASES = (
    ("two terms", 'parent.alias == "a" && parent.cost_usd > 1.0'),
    ("all over 100", 'children.all(c, c.verdict == "accept")'),
    ("all over 100, two terms", 'children.all(c, c.verdict == "accept" && c.cost_usd < 1.0)'),
    ("filter over 100", 'children.filter(c, c.verdict == "accept").size() >= 50'),
    (
        "filter and exists over 100",
        'children.filter(c, c.verdict == "accept").size() * 2 > children.size()'
        ' && !children.exists(c, c.worker == "x" || c.attempt > 1)',
    ),
)


def run() -> Table:
    """A simple expression should take under 50 µs, a complex one under 500."""
    table = Table("Expressions (µs an evaluation)", ["median", "best", "expression"])
    child = {"verdict": "accept", "cost_usd": 0.25, "worker": "did:sync:instance:00", "attempt": 1}
    bindings = {"children": [child] * CHILDREN, "parent": {"alias": "a", "cost_usd": 3.0}}
    for name, source in CASES:
        expression = compile_join(source)
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            for _ in range(TURNS):
                expression.evaluate(bindings)
            times.append((time.perf_counter() - started) / TURNS * 1e6)
        table.add(f"{median(times):.1f}", f"{min(times):.1f}", name)
    return table
