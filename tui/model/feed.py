"""The feed: records and log lines in time order, bounded, with every gap reported.

Nothing is rendered before it is needed: a line becomes a row when the table or a filter asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from tui.model.glyphs import UNICODE, Tone
from tui.model.notices import Notice
from tui.model.rows import Cell, Column, Row
from tui.model.text import NOTHING, first_line, plain, tail
from tui.model.world import World

if TYPE_CHECKING:
    from syncropel.wire import LogLine, RecordOut

CAP: Final = 2_000
"""Lines kept; older ones are dropped, and counted."""
_BODY_CHARS: Final = 4_096  # how much of a body a filter searches

Source = Literal["both", "records", "log"]
SOURCES: Final[tuple[Source, ...]] = ("both", "records", "log")

FEED: Final = (
    Column("at", "TIME", 8),
    Column("kind", "KIND", 6),
    Column("what", "WHAT", 33, grow=6),
    Column("thread", "THREAD", 10, grow=3, most=20, drop=1),
    Column("who", "WHO", 12, grow=1, most=20, drop=2),
    Column("sequence", "#", 7, drop=3, right=True),
    Column("clock", "CLOCK", 6, drop=4, right=True),
)

_ACTS: Final[dict[str, Tone]] = {"INTEND": "busy", "LEARN": "cold", "DO": "plain", "KNOW": "plain"}
_LEVELS: Final[dict[str, Tone]] = {"ERROR": "bad", "WARN": "warn", "DEBUG": "muted", "TRACE": "muted"}
_TOLD: Final = (
    "goal",
    "verdict",
    "summary",
    "reason",
    "alias",
    "name",
    "sa_id",
    "namespace",
    "level",
    "state",
    "kind",
)
"""The most telling keys of a body, in the order in which they are read."""
_BAD: Final = frozenset({"reject", "failed", "timeout", "terminated"})


@dataclass(frozen=True)
class FeedLine:
    """A record, a log line, or a note of the console's own (then both are None, and `words` has the text)."""

    key: str
    at: float
    record: RecordOut | None = None
    log: LogLine | None = None
    words: str = ""
    kind: Literal["GAP", "NEWS"] = "GAP"
    about: str = ""

    @property
    def thread(self) -> str:
        """The thread it is about; empty if none."""
        if self.record is not None:
            return self.record.thread
        return self.log.thread if self.log is not None else self.about

    @property
    def name(self) -> str:
        """Its name where it stands alone."""
        if self.record is not None:
            return f"{self.record.act} {tail(self.record.id)}"
        return self.log.level if self.log is not None else "note"

    @property
    def copied(self) -> str:
        """What `y` copies: a record's id; for a log line, its subject."""
        if self.record is not None:
            return self.record.id
        if self.log is not None:
            return self.log.record or self.log.thread or self.log.message
        return self.words

    def of(self, source: Source) -> bool:
        """Whether it is shown for this source; notes always are."""
        if source == "records":
            return self.log is None
        return source == "both" or self.record is None


def of_record(record: RecordOut) -> FeedLine:
    return FeedLine(f"record:{record.id}", record.received_at, record=record)


def of_log(line: LogLine) -> FeedLine:
    return FeedLine(f"log:{line.sequence}", line.at, log=line)


def of_notice(notice: Notice) -> FeedLine:
    key = f"{notice.kind}:{notice.at}:{notice.words}"
    return FeedLine(key, notice.at, words=notice.words, kind="NEWS", about=notice.thread)


@dataclass(frozen=True)
class Feed:
    """Lines in order. `taken` counts every line that ever arrived, including notes."""

    lines: tuple[FeedLine, ...] = ()
    taken: int = 0

    @property
    def dropped(self) -> int:
        """Older lines that are no longer kept."""
        return self.taken - len(self.lines)

    @property
    def earlier(self) -> int:
        """Records that came before the first one here."""
        return next((one.record.sequence for one in self.lines if one.record is not None), 1) - 1

    def took(self, fresh: Sequence[FeedLine], lost: int = 0) -> Feed:
        """Add these lines; duplicates are ignored. `lost`: further lines that were dropped."""
        known = {one.key for one in self.lines}
        new = list({one.key: one for one in fresh if one.key not in known}.values())
        if not new and not lost:
            return self
        # Both streams are in order, so this is a merge of nearly sorted data.
        lines = sorted([*self.lines, *new], key=lambda one: one.at)
        return replace(self, lines=tuple(lines[-CAP:]), taken=self.taken + len(new) + lost)


def gist(record: RecordOut) -> str:
    """A record in one line: its topic, and the most telling part of its body."""
    body = record.body
    topic = body.get("topic")
    head = [topic] if isinstance(topic, str) and topic else []
    told = _which(body) if head else []
    for key in _TOLD:
        value = body.get(key)
        if isinstance(value, str) and value.strip():
            sign = f"{UNICODE.sign(value)} " if key == "verdict" else ""
            told.append(sign + first_line(value))
    if not told:
        rest = {key: value for key, value in body.items() if not (head and key == "topic")}
        told = [_compact(rest, 240)] if rest else []
    return plain(" · ".join(head + told)) or NOTHING


def _which(body: Mapping[str, object]) -> list[str]:
    """The subtask that a fan-out's record is about, and its attempt if it is not the first."""
    index, attempt = body.get("index"), body.get("attempt")
    if not isinstance(index, int):
        return []
    again = isinstance(attempt, int) and attempt > 1
    return [f"[{index}] attempt {attempt}" if again else f"[{index}]"]


def names_of(world: World) -> dict[str, str]:
    """The aliases of threads and instances, by id."""
    names = {one.thread: one.alias for one in world.tasks or () if one.alias}
    instances = world.status.instances if world.status is not None else ()
    return names | {one.did: one.alias for one in instances if one.alias}


def thread_name(thread: str, names: Mapping[str, str]) -> str:
    """The task's alias if there is one, the end of a generated id, otherwise the name itself."""
    if thread in names:
        return plain(names[thread])
    minted = len(thread) == 67 and thread.startswith("th_")
    return tail(thread) if minted else plain(thread) or NOTHING


def actor_name(actor: str, names: Mapping[str, str]) -> str:
    """An instance's alias, a person's own name, otherwise the end of the DID."""
    method, _, last = actor.rpartition(":")
    return plain(names.get(actor, "") or (last if method.endswith(":user") else tail(actor)))


def clock_time(at: float) -> str:
    """The time of day in the console's time zone."""
    return datetime.fromtimestamp(at).strftime("%H:%M:%S")


def feed_row(line: FeedLine, names: Mapping[str, str]) -> Row:
    """A row of the feed; `names` are the aliases of threads and actors."""
    if line.record is not None:
        return _record_row(line, line.record, names)
    if line.log is not None:
        return _log_row(line, line.log, names)
    cells = {
        "at": Cell(clock_time(line.at), "muted"),
        "kind": Cell(line.kind, "warn"),
        "what": Cell(line.words, "warn"),
        "thread": Cell(thread_name(line.about, names) if line.about else ""),
    }
    fields = {"source": "note", "what": line.words}
    if line.about:
        fields["thread"] = f"{line.about} {names.get(line.about, '')}"
    return Row(line.key, cells, fields)


def _record_row(line: FeedLine, record: RecordOut, names: Mapping[str, str]) -> Row:
    words, verdict = gist(record), record.body.get("verdict")
    tone: Tone = "bad" if isinstance(verdict, str) and verdict in _BAD else "plain"
    cells = {
        "at": Cell(clock_time(line.at), "muted"),
        "kind": Cell(record.act, _ACTS.get(record.act, "plain")),
        "what": Cell(words, tone),
        "thread": Cell(thread_name(record.thread, names)),
        "who": Cell(actor_name(record.actor, names), "muted"),
        "sequence": Cell(str(record.sequence), "muted"),
        "clock": Cell(str(record.clock), "muted"),
    }
    fields = {"source": "record", "thread": f"{record.thread} {names.get(record.thread, '')}"}
    return Row(line.key, cells, fields | record_fields(record, names))


def record_fields(record: RecordOut, names: Mapping[str, str]) -> dict[str, str]:
    """What filters search in a record."""
    topic = record.body.get("topic")
    return {
        "act": record.act,
        "topic": topic if isinstance(topic, str) else "",
        "actor": f"{record.actor} {names.get(record.actor, '')}",
        "what": gist(record),
        "body": _compact(record.body, _BODY_CHARS),
        "id": record.id,
    }


def _log_row(line: FeedLine, log: LogLine, names: Mapping[str, str]) -> Row:
    tone = _LEVELS.get(log.level, "plain")
    cells = {
        "at": Cell(clock_time(line.at), "muted"),
        "kind": Cell(plain(log.level)[:6], tone),
        "what": Cell(first_line(log.message), tone),
        "thread": Cell(thread_name(log.thread, names)),
        "who": Cell(plain(log.target).removeprefix("syncropel.").removeprefix("engine."), "muted"),
    }
    fields = {
        "source": "log",
        "level": log.level,
        "target": log.target,
        "thread": f"{log.thread} {names.get(log.thread, '')}",
        "actor": log.actor,
        "what": plain(log.message),
        "id": log.record,
        "body": log.traceback[:_BODY_CHARS],
    }
    return Row(line.key, cells, fields)


def _compact(value: object, chars: int) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:chars]
