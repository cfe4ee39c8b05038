"""What a program leaves in its files: what it says, and what it spent."""

from __future__ import annotations

from pathlib import Path

from syncropel.adapters.base import Observe, Outcome
from syncropel.adapters.cost_file import CostFile
from syncropel.adapters.files import end_of
from syncropel.adapters.reading import OutputReader, PlainReader
from syncropel.adapters.supervised import Ending
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.child import STREAM_EVENT


def outcome_of(live: OutputReader | None, output: Path, errors: Path | None, ending: Ending) -> Outcome:
    """What a program that ended by itself says of it. `live`: the reader that followed its output, if any."""
    if live is None:
        live = PlainReader()
        for line in end_of(output):
            live.feed(line)
        live.finish()
    said = PlainReader()
    for line in end_of(errors) if errors else []:
        said.feed(line)
    return live.outcome(ending.exit_code, ending.signal, said.tail)


async def observe_costs(costs: CostFile, observe: Observe) -> None:
    """Observe what was spent since the last look."""
    before = costs.offset
    spent = costs.read()
    if spent > 0:
        try:
            await observe(STREAM_EVENT, {"cost_usd": spent, "cost_offset": costs.offset})
        except SyncropelError:
            costs.offset = before  # refused, for example by a freeze: the next look tries again
