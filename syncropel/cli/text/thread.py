"""Threads as text."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import size
from syncropel.cli.support.terminal import clean, table
from syncropel.cli.text.children import children_lines

if TYPE_CHECKING:
    from syncropel.wire import Participant, RecordOut, ThreadState, ThreadSummary
    from syncropel.wire.bundles import RestoreReport

_BODY_CHARS: Final = 120
_WITHOUT_INTEND: Final = "does not start with an INTEND"


def list_lines(threads: Sequence[ThreadSummary], more: bool) -> list[str]:
    """The output of `spl thread list`."""
    if not threads:
        return ["No threads.", "  Begin one: spl task add GOAL"]
    rows = [
        [
            one.id,
            one.kind,
            one.status if one.starts_with_intend else f"{one.status} !",
            str(one.records),
            str(one.participants),
            when(one.last_activity),
            one.title,
        ]
        for one in threads
    ]
    lines = table(["THREAD", "KIND", "STATUS", "RECORDS", "ACTORS", "LAST", "TITLE"], rows)
    if not all(one.starts_with_intend for one in threads):
        lines.append(f"! {_WITHOUT_INTEND}")
    return [*lines, f"… and more: --limit {len(threads) * 10}"] if more else lines


def show_lines(state: ThreadState, taking_part: Sequence[Participant]) -> list[str]:
    """The output of `spl thread show`."""
    thread = state.thread
    acts = " · ".join(f"{count} {act}" for act, count in state.acts.items())
    lines = [
        f"Thread: {thread.id}",
        f"  Kind: {thread.kind}",
        f"  Status: {thread.status}{f' ({state.closed_as})' if state.closed_as else ''}",
        *([f"  Title: {thread.title}"] if thread.title else []),
        *([f"  Alias: {state.task.alias}"] if state.task and state.task.alias else []),
        f"  Records: {thread.records} ({acts}), highest clock {state.clock}",
        f"  Last activity: {when(thread.last_activity)}",
        f"  Opened by: {state.opened_by or 'nobody'}",
        *([] if thread.starts_with_intend else [f"  ! {_WITHOUT_INTEND}"]),
        f"  Open INTENDs: {len(state.open_intends)}",
        *(f"    {intend}" for intend in state.open_intends[:5]),
        *([f"  Child of: {state.parent}"] if state.parent else []),
        *(f"  {line}" for line in children_lines(state.children, state.children_join)),
        "  Participants:",
    ]
    rows = [[one.actor, str(one.records), ", ".join(one.roles)] for one in taking_part]
    return [*lines, *(f"    {line}" for line in table(["ACTOR", "RECORDS", "ROLES"], rows))]


def record_line(record: RecordOut) -> str:
    """One record in one line: clock, time, act, subject, author, id, and the beginning of its body."""
    topic = record.body.get("topic") or record.body.get("kind") or "-"
    body = {name: value for name, value in record.body.items() if name not in ("topic", "kind")}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    shown = text if len(text) <= _BODY_CHARS else text[:_BODY_CHARS] + "…"
    place = f"{record.clock:>6}  {when(record.received_at)}  {record.act:<6}"
    return clean(f"{place}  {topic}  {record.actor}  {record.id[:12]}  {shown}")


def when(at: float) -> str:
    """A time in this machine's zone."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, OSError, ValueError):
        return "?"


def snapshot_lines(path: str, records: int, bytes_: int) -> list[str]:
    """The output of `spl thread snapshot`."""
    return [
        f"✓ {path}: {records} records, {size(bytes_)}",
        f"  look at it: spl console --bundle {path}",
        f"  import it: spl thread restore --in {path} --dry-run",
    ]


def restore_lines(report: RestoreReport) -> list[str]:
    """The output of `spl thread restore`."""
    word = "would be restored" if report.dry_run else "restored"
    lines = [
        f"✓ checked {report.records} records of {report.threads} threads: every hash and seal is right",
        f"  {report.created} {word}, {report.present} were there already",
    ]
    if report.skipped_count:
        lines.append(f"  {report.skipped_count} collide with what is here:")
        lines += [f"    line {one.line}: {one.problem}" for one in report.skipped[:5]]
    for one in report.left_out:
        lines.append(f"  left out: {one.records} records of {one.thread} (--reserved takes them in)")
    if report.unfinished:
        verb = "would go on here" if report.dry_run else "goes on here"
        lines.append(f"  unfinished work that {verb}: {', '.join(report.unfinished[:3])}")
    return lines
