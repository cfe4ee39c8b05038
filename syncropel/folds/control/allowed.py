"""Which files of repositories may run as gates and the like on an instance, by their digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.base.order import word_key
from syncropel.folds.fanout.state import Key
from syncropel.record.model import StoredRecord
from syncropel.record.threads import ENGINE_CONFIG

FILES_ALLOWED: Final = "files_allowed"


@dataclass(slots=True)
class AllowedFiles:
    """What an operator has said of each (repository, digest); the latest word counts, in any order."""

    said: dict[tuple[str, str], tuple[Key, bool]] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != ENGINE_CONFIG or record.act != "LEARN" or record.topic != FILES_ALLOWED:
            return
        repo, digest = body.get("repo"), body.get("digest")
        if not isinstance(repo, str) or not isinstance(digest, str):
            return
        said = word_key(record), body.get("removed") is not True
        if (known := self.said.get((repo, digest))) is None or known[0] < said[0]:
            self.said[repo, digest] = said

    def has(self, repo: str, digest: str) -> bool:
        """Whether the files with this digest may run for this repository."""
        known = self.said.get((repo, digest))
        return known is not None and known[1]
