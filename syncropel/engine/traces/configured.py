"""Traces as the config asks for them."""

from __future__ import annotations

import logging
from pathlib import Path

from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.instance import Instance
from syncropel.engine.traces.otlp import Otlp, header_in, need_library
from syncropel.engine.traces.traces import Traces
from syncropel.errors import SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import Settings

log = logging.getLogger("syncropel.engine.traces")


def traces_of(
    live: LiveFolds, ingest: Ingest, instance: Instance, settings: Settings, runtime: Runtime
) -> Traces | None:
    """Who sends the traces of this engine's fan-outs; None without an endpoint. What is wrong with the
    settings is logged, and told by the health: a daemon runs without its traces.
    """
    wanted = settings.traces
    if not wanted.endpoint:
        return None
    header = Path(wanted.header_file).expanduser().absolute() if wanted.header_file else None
    sender = Otlp(wanted.endpoint, header, (instance.did, settings.fleet.alias))
    traces = Traces(live, runtime, sender.send, texts=wanted.goals)
    try:
        need_library()
        header_in(header)
    except SetupError as error:
        traces.problem = f"{error.message}; {error.hint}"
        log.warning("traces are not sent: %s", traces.problem)
    ingest.subscribe(traces.on_records)
    return traces
