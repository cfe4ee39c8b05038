"""`reference/topics.md` and the tables of `reference/authors.md`: from the registry of topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docs_tools.markdown import filled, page, table
from syncropel.policy.authority import TABLE, Row
from syncropel.record.authors import AUTHORS, MEANING, Author
from syncropel.record.threads import RESERVED
from syncropel.record.topics import TOPICS

if TYPE_CHECKING:
    from syncropel.record.topic import Topic

_INTRO = """
The topic of a record is `body.topic`, or `body.kind` of an observation. The engine acts on the topics below.
Any other topic means nothing to the engine: use it for records of your own.

Each topic has one act. *Authors* says who may write it; [Who may write what](authors.md) explains the words.
A `?` marks a field that may be missing. *Read by* names the folds that read it; where none is named, people
and programs read it.
"""

_PLACES = {
    "a task's": "On the thread of a task",
    "a parent's": "On the thread of a parent",
    "a subtask's": "On the thread of a subtask",
    "a dispatch's": "On the thread of a run",
    "a merge's": "On the thread of a merge, in the log of the instance that merges",
}


def topics_page() -> str:
    places: dict[str, list[Topic]] = {}
    for one in TOPICS:
        places.setdefault(one.thread, []).append(one)
    parts = []
    for place, topics in places.items():
        title = _PLACES.get(place) or f"On `{place}`"
        parts.append(f"## {title}")
        parts.append(table(("topic", "act", "meaning", "body", "authors", "read by"), map(_cells, topics)))
    return page("Topics", "syncropel/record/topics.py", _INTRO.strip(), *parts)


def _cells(one: Topic) -> tuple[str, ...]:
    body = ", ".join(f"`{field}`" for field in one.body.split(", "))
    return f"`{one.name}`", one.act, one.meaning, body, _named(one.authors), ", ".join(one.readers)


def _named(authors: frozenset[Author]) -> str:
    return ", ".join(one for one in AUTHORS if one in authors)


def authors_page(present: str) -> str:
    """The page with both of its tables renewed."""
    authors = table(("author", "is"), [(f"`{one}`", MEANING[one]) for one in AUTHORS])
    return filled(
        present,
        {"authors": authors, "topics": table(("topic", "act", "thread", "authors"), map(_row, TABLE))},
    )


def _row(one: Row) -> tuple[str, ...]:
    topic = one.topic if one.topic.startswith("(") else f"`{one.topic}`"
    thread = f"`{one.thread}`" if one.thread in RESERVED else one.thread
    return topic, one.act, thread, _named(one.authors)
