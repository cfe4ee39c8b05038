"""The original author of a control record: a worker repeats in its own name what its coordinator told it."""

from __future__ import annotations

from typing import Final

from syncropel.record.model import Record, is_record_id
from syncropel.record.threads import INSTANCE_DID_PREFIX

AUTHOR: Final = "author"
SOURCE: Final = "source"


def original_author(record: Record) -> tuple[str, str]:
    """The actor and the id of the original record: this one's, unless an instance says that it repeats
    another.
    """
    author, source = record.body.get(AUTHOR), record.body.get(SOURCE)
    if record.actor.startswith(INSTANCE_DID_PREFIX) and isinstance(author, str) and is_record_id(source):
        return author, source
    return record.actor, record.id
