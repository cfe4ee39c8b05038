"""Live folds as rows of the views, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from sys import intern
from typing import Any, Final

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.base.lifecycle import Lifecycle, Turn
from syncropel.folds.tasks.tally import NOTHING
from syncropel.folds.threads.index import ThreadLine
from syncropel.record.model import StoredRecord
from syncropel.store.views.batch import ThreadRow

MOST_TURNS: Final = 32
"""A thread with a longer lifecycle is read from the log again: its row would grow with each record."""
_IN_THE_LOG: Final = "log"


def line_to_json(line: ThreadLine) -> str:
    """The summary of a thread."""
    life: Any = None
    if line.life is not None:
        short = len(line.life.turns) <= MOST_TURNS
        life = [line.life.step, line.life.know, line.life.turns] if short else _IN_THE_LOG
    return json.dumps(
        [
            line.kind,
            line.title,
            line.namespace,
            line.inherits,
            line.opening,
            line.join,
            life,
            line.records,
            sorted(line.actors),
            line.first_sequence,
            line.last_sequence,
            line.last_activity,
            line.first,
            [line.has_task, line.has_child, line.has_forks],
        ],
        separators=(",", ":"),
    )


def line_from_json(thread: str, text: str, records: Callable[[str], Sequence[StoredRecord]]) -> ThreadLine:
    """The reverse of `line_to_json`; `records` reads a thread whose lifecycle is not in the row."""
    kind, title, namespace, inherits, opening, join, life, *rest = json.loads(text)
    count, actors, first_sequence, last_sequence, last_activity, first, has = rest
    return ThreadLine(
        thread,
        kind,
        title,
        intern(namespace),
        inherits,
        None if opening is None else (opening[0], opening[1]),
        join,
        _life(life, lambda: records(thread)),
        count,
        {intern(actor) for actor in actors},
        first_sequence,
        last_sequence,
        last_activity,
        first,
        *has,
    )


def _life(kept: Any, records: Callable[[], Sequence[StoredRecord]]) -> Lifecycle | None:
    if kept is None:
        return None
    if kept == _IN_THE_LOG:
        life = Lifecycle()
        for stored in records():
            life.apply(stored.record)
        return life
    step, know, turns = kept
    return Lifecycle(step, know, [Turn(*turn) for turn in turns])


def thread_row(live: LiveFolds, line: ThreadLine) -> ThreadRow:
    """The row of a thread."""
    child = live.children.get(line.id) if line.has_child else None
    row = ThreadRow(
        line.first_sequence,
        line.id,
        line.last_sequence,
        line_to_json(line),
        line.id in live.open_children,
        child is not None and any(intend.body.get("repo") for intend in child.intends.values()),
    )
    state = live.tasks.get(line.id) if line.has_task else None
    if state is None:
        return row
    counted = live.tally.counted.get(line.id) or NOTHING
    return row._replace(
        task_sequence=state.sequence,
        status=state.status,
        active=line.id in live.active,
        alias=state.alias or None,
        created_at=state.created_at,
        parent=state.parent_thread or None,
        counted=None if counted == NOTHING else json.dumps(counted.to_json(), separators=(",", ":")),
    )
