"""The meaning of one topic, and the places where topics are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.record.authors import Author

TASK: Final = "a task's"
PARENT: Final = "a parent's"
CHILD: Final = "a subtask's"
DISPATCH: Final = "a dispatch's"
MERGE: Final = "a merge's"
ANY: Final = "any other"


@dataclass(frozen=True, slots=True)
class Topic:
    """The meaning of a topic.

    `thread`: a reserved thread, or whose thread, in words. `body`: the fields besides the topic; `?` marks
    optional ones. `readers`: packages of `syncropel.folds`. `way`: what other callers do instead; empty when
    everyone who may write on the thread may write it.
    """

    name: str
    act: str
    thread: str
    authors: frozenset[Author]
    meaning: str
    body: str
    readers: tuple[str, ...]
    way: str
