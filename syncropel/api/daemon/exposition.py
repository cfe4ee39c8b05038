"""The metrics of one daemon, in a registry of their own. Imported when they are first asked for: it needs the
extra `metrics`.

Labels have few values, known beforehand: never a task, a thread, an instance, or who called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from syncropel import __version__
from syncropel.api.fleet.fleet_views import reached
from syncropel.api.http.counted import RequestCounts
from syncropel.api.http.tally import Tally
from syncropel.engine.engine import Engine
from syncropel.engine.heartbeats import is_linked
from syncropel.engine.ingest.outcomes import CREATED, DUPLICATE, FAILED, REFUSED
from syncropel.engine.loops import loops
from syncropel.folds.fanout.state import VERDICTS
from syncropel.folds.fleet.registry import STATUS_OF_STATE
from syncropel.freeze_levels import EMERGENCY, HARD, SOFT
from syncropel.peer.link.protocol import is_link
from syncropel.record.model import ACTS

_MEMBERS: Final = frozenset({"joined", "stale", "draining"})
_LINK_STATES: Final = ("up", "down", "refused")


class Exposition:
    """Answers who asks for the metrics of this engine."""

    def __init__(self, engine: Engine, tally: Tally, requests: RequestCounts) -> None:
        self._engine = engine
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(EngineCollector(engine, tally, requests))

    async def answer(self, accept: str) -> tuple[bytes, str]:
        """The samples and their content type. `accept`: the header that says which formats are read."""
        self._engine.store_bytes = await self._engine.store.size_bytes()
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class EngineCollector(Collector):
    """Reads everything from the engine when it is asked; nothing is kept twice."""

    def __init__(self, engine: Engine, tally: Tally, requests: RequestCounts) -> None:
        self._engine = engine
        self._tally = tally
        self._requests = requests
        self._process = psutil.Process()

    def collect(self) -> Iterator[Metric]:
        yield from self._about()
        yield from self._log()
        yield from self._loops()
        yield from self._work()
        yield from self._freezes()
        yield from self._fleet()
        yield from self._callers()
        yield from self._memory()

    def _about(self) -> Iterator[Metric]:
        engine = self._engine
        about = {"version": __version__, "role": engine.settings.role}
        yield InfoMetricFamily("syncropel_build", "Version and role of this daemon.", about)
        yield _gauge(
            "syncropel_uptime_seconds", "Time since the daemon began to read its log.", engine.uptime_secs
        )
        yield _gauge(
            "syncropel_accepts_work",
            "1 when this instance may begin work, 0 when it may not.",
            int(engine.ingest.live.standing.may_begin),
        )
        yield _gauge(
            "syncropel_log_held",
            "1 while the log is held because records are missing.",
            int(engine.store.hold is not None),
        )

    def _log(self) -> Iterator[Metric]:
        engine, quarantine = self._engine, self._engine.quarantine
        counts = engine.ingest.outcomes.counts
        records = CounterMetricFamily(
            "syncropel_records_ingested",
            "Records given to the log since the start, by act and by what became of them.",
            labels=("act", "outcome"),
        )
        known = {(act, outcome) for act in ACTS for outcome in (CREATED, DUPLICATE, REFUSED, FAILED)}
        for act, outcome in sorted(known | counts.keys()):
            records.add_metric((act, outcome), counts[act, outcome])
        yield records
        yield _gauge("syncropel_store_records", "Records in the log.", engine.store.count)
        yield _gauge("syncropel_store_size_bytes", "Size of the log on disk.", engine.store_bytes or 0)
        yield _counter("syncropel_scrub_passes", "Checks of the whole log that have ended.", quarantine.walks)
        yield _gauge(
            "syncropel_scrub_position_records",
            "Last record that the current check of the log has reached; 0 between two checks.",
            quarantine.looked_at,
        )
        yield _gauge(
            "syncropel_store_altered_records",
            "Records found that are not what their ids say, and were not accepted.",
            len(quarantine.found),
        )
        yield _counter(
            "syncropel_self_check_failures",
            "Live folds found to differ from the log.",
            engine.selfcheck.failures,
        )
        yield _gauge("syncropel_store_threads", "Threads in the log.", engine.ingest.live.index.count)

    def _loops(self) -> Iterator[Metric]:
        found = loops(self._engine)
        yield _counters(
            "syncropel_loop_iterations",
            "What each loop has done since the start: records, looks "
            "at a fan-out, goals begun, records sent.",
            "loop",
            {one.name: one.total for one in found},
        )
        yield _counters(
            "syncropel_loop_errors",
            "How often each loop failed; what failed is tried again.",
            "loop",
            {one.name: one.errors for one in found},
        )
        yield _gauges(
            "syncropel_loop_queue_items",
            "What is before each loop now.",
            "loop",
            {one.name: one.queue_depth for one in found},
        )
        yield _gauges(
            "syncropel_loop_lag_seconds",
            "How long the oldest item has waited for each loop.",
            "loop",
            {one.name: one.waiting[0].secs if one.waiting else 0.0 for one in found},
        )

    def _work(self) -> Iterator[Metric]:
        engine, meters, dispatcher = self._engine, self._engine.meters, self._engine.dispatcher
        yield _counters(
            "syncropel_joins",
            "Fan-outs that have joined since the start, by verdict.",
            "verdict",
            _all_verdicts(meters.joins),
        )
        yield _gauge(
            "syncropel_fanouts_open", "Fan-outs that have not joined.", len(engine.ingest.live.active)
        )
        yield _gauges(
            "syncropel_dispatches",
            "Goals of this instance now, by state.",
            "state",
            {"running": dispatcher.running, "queued": dispatcher.queued},
        )
        yield _gauge(
            "syncropel_dispatch_slots", "Goals that may run here at once.", dispatcher.max_concurrent
        )
        yield _counters(
            "syncropel_dispatches_ended",
            "Attempts that ended on this instance since the start, by verdict.",
            "verdict",
            _all_verdicts(meters.results),
        )
        yield _counter(
            "syncropel_dispatch_cost_usd",
            "What goals of this instance cost since its start, as far as it is known.",
            meters.spent_usd,
        )
        yield _counter(
            "syncropel_fanout_cost_usd",
            "Cost of the results that fan-outs of this instance were told since its start.",
            meters.reported_usd,
        )
        asking = sum(len(one.fanout.asking()) for one in engine.ingest.live.active.values() if one.fanout)
        yield _gauge("syncropel_questions_open", "Questions of goals that wait for an operator.", asking)

    def _freezes(self) -> Iterator[Metric]:
        engine, confirmations = self._engine, self._engine.meters.confirmations
        active = engine.ingest.live.control.active()
        levels = Counter(str(one.level) for one in active)
        yield _gauges(
            "syncropel_freezes",
            "Freezes in force, by level.",
            "level",
            {level: levels[level] for level in (SOFT, HARD, EMERGENCY)},
        )
        late = sum(bool(reached(engine, one.record, one.at)[1]) for one in active)
        yield _gauge(
            "syncropel_freezes_unconfirmed",
            "Freezes in force that an instance, which may be running, has not confirmed.",
            late,
        )
        buckets = [(_bound(bound), count) for bound, count in confirmations.cumulative()]
        yield HistogramMetricFamily(
            "syncropel_freeze_confirmation_seconds",
            "Time from a freeze until another instance confirmed it.",
            buckets=buckets,
            sum_value=confirmations.sum,
        )

    def _fleet(self) -> Iterator[Metric]:
        engine = self._engine
        registry = engine.ingest.live.registry.instances.values()
        states = Counter(STATUS_OF_STATE.get(one.state, "other") for one in registry)
        yield _gauges(
            "syncropel_instances",
            "Instances that ever joined, by state, as the log has it.",
            "state",
            {state: states[state] for state in STATUS_OF_STATE.values()},
        )
        linked = [one.did for one in registry if is_link(one.endpoint) and one.state in _MEMBERS]
        reports = Counter(engine.links.report(did).state for did in linked)
        if is_linked(engine):
            reports[engine.link.report().state] += 1
        yield _gauges(
            "syncropel_links",
            "Links of workers to this coordinator; on a worker its own; by state.",
            "state",
            {state: reports[state] for state in _LINK_STATES},
        )
        worker, sender = engine.settings.role == "worker", engine.heartbeat_sender
        yield _gauge(
            "syncropel_coordinator_round_trip_seconds",
            "Time of the last heartbeat to the coordinator and back; only on workers.",
            sender.round_trip_secs,
        )
        yield _gauge(
            "syncropel_coordinator_silence_seconds",
            "Time since the coordinator last answered a heartbeat; only on workers.",
            sender.silence_secs if worker else None,
        )
        yield _gauge("syncropel_watchers", "Callers that follow the log or a state.", len(engine.broadcast))

    def _callers(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "syncropel_http_requests",
            "Requests that ended, by method, route template, and status; 499: the caller was gone.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), count in sorted(self._requests.counts.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        counts = self._tally.counts()
        yield _gauges(
            "syncropel_connections",
            "Open connections, by socket.",
            "socket",
            {"tcp": counts["tcp"], "unix": counts["unix"]},
        )
        denials = self._engine.ingest.denials
        yield _counter(
            "syncropel_permission_denials", "Reads and writes that permission rules refused.", denials.total
        )

    def _memory(self) -> Iterator[Metric]:
        # The names that all of Prometheus' client libraries give these.
        process = self._process
        yield _gauge("process_resident_memory_bytes", "Resident memory.", process.memory_info().rss)
        times = process.cpu_times()
        yield _counter("process_cpu_seconds", "User and system CPU time.", times.user + times.system)
        yield _gauge(
            "process_start_time_seconds", "When the process began, in unix seconds.", process.create_time()
        )
        yield _gauge("process_open_fds", "Open file descriptors.", process.num_fds())


def _gauge(name: str, help_text: str, value: float | None) -> Metric:
    """A gauge; without a value it has a name and no sample."""
    return GaugeMetricFamily(name, help_text, value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value)


def _gauges(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _counters(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _all_verdicts(counts: Counter[str]) -> dict[str, int]:
    """Each verdict that there is: a counter that appears with its first event has no rate for it."""
    return {verdict: counts[verdict] for verdict in sorted(VERDICTS | counts.keys())}


def _bound(value: float) -> str:
    return "+Inf" if value == float("inf") else str(value)
