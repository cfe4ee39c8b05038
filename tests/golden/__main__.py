"""Writes golden logs, or what they fold to.

    python -m tests.golden folded             what every log folds to now, as the test wants it
    python -m tests.golden logs FOLDER NAME…  these logs, or all, as this version writes them, in logs/FOLDER

A log is history: one that is there is never written anew. After a change of what is written a new folder
joins the others.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.golden import fleet_story, scripts
from tests.golden.reading import LOGS, folded, read_log
from tests.golden.writing import write_bundle


def main(words: list[str]) -> int:
    if words == ["folded"]:
        for log in sorted(LOGS.glob("*/*.snap.jsonl")):
            path = folded(log)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(asyncio.run(read_log(log)), encoding="utf-8")
        return 0
    if words[:1] == ["logs"] and len(words) > 1 and not (LOGS / words[1]).exists():
        with tempfile.TemporaryDirectory() as home:
            made = fleet_story.logs(Path(home)) | scripts.logs()
        for name in words[2:] or made:
            write_bundle(LOGS / words[1] / f"{name}.snap.jsonl", made[name])
        return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
