"""`reference/metrics.md`: from what a daemon that has done nothing measures."""

from __future__ import annotations

import asyncio

from prometheus_client.metrics_core import Metric

from docs_tools.markdown import page, table
from docs_tools.openapi import idle_engine
from syncropel.api.daemon.exposition import EngineCollector
from syncropel.api.http.counted import RequestCounts
from syncropel.api.http.tally import Tally

_INTRO = """
`GET /metrics` answers these in the text format of Prometheus, or in that of OpenMetrics where the caller
accepts it. It needs the extra `metrics` where the daemon runs, and the scope `metrics:read`, which
`records:read` and `admin` include; [Measure a fleet](../howto/metrics.md) shows how to set it up.

Counters begin at zero when the daemon starts. Labels have few values, and never the name or the id of a
task, a thread, an instance, or a caller. Verdicts are those of [results](topics.md).
"""


def metrics_page() -> str:
    rows = map(_row, asyncio.run(_families()))
    head = ("metric", "type", "labels", "meaning")
    return page("Metrics", "syncropel/api/daemon/exposition.py", _INTRO.strip(), table(head, rows))


async def _families() -> list[Metric]:
    async with idle_engine() as engine:
        return list(EngineCollector(engine, Tally(), RequestCounts()).collect())


def _row(one: Metric) -> tuple[str, ...]:
    found = {label for sample in one.samples for label in sample.labels} - {"le"}
    labels = sorted({*getattr(one, "_labelnames", ()), *found})
    suffix = {"counter": "_total", "info": "_info"}.get(one.type, "")
    named = ", ".join(f"`{label}`" for label in labels)
    return f"`{one.name}{suffix}`", one.type, named, one.documentation
