"""A damaged log is salvaged as docs/howto/salvage-a-log.md says, with its very statement."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from syncropel.settings.home import Home

from .conftest import Daemon, Start, until

PAGE = 4096
DOCUMENT = Path(__file__).parents[2] / "docs" / "howto" / "salvage-a-log.md"


def post(daemon: Daemon, first: int, last: int) -> None:
    records = [
        {"thread": f"music.{n % 7}", "actor": "did:sync:user:ada", "act": "KNOW", "clock": n,
         "parents": [], "body": {"n": n, "text": "ü" * 300, "cost": 1e-07}}
        for n in range(first, last)
    ]  # fmt: skip
    with daemon.operator() as client:
        answer = client.post("/v1/records/batch", json=records)
    assert answer.json()["created"] == last - first


def damage(store: Path) -> None:
    """Overwrite pages in the first half of the file; what was written last is not among them."""
    pages = store.stat().st_size // PAGE
    assert pages > 60
    with store.open("r+b") as file:
        file.seek(PAGE * 20)
        file.write(b"\xa5" * PAGE * 8)


def salvaged(store: Path, behind: int) -> bytes:
    """What the documented statement reads of this file, as JSON lines."""
    (statement,) = re.findall(r'"(SELECT json_object\(.*?)"', DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        rows = connection.execute(statement.replace("$N", str(behind))).fetchall()
    return b"".join(row[0].encode() + b"\n" for row in rows)


def test_what_came_after_the_backup_is_brought_back_from_the_damaged_file(start: Start, home: Home) -> None:
    daemon = start().ready()
    post(daemon, 1, 401)
    daemon.stop()
    daemon = start().ready()

    def saved() -> bool:
        with daemon.operator() as client:
            details = client.get("/v1/engine/health", params={"details": "true"}).json()["details"]
        return bool(details["backup"]["state"] == "ok")

    until(saved)
    (backup,) = home.path.parent.rglob("hub.db.bak")
    post(daemon, 401, 431)
    daemon.stop()

    damage(home.store)
    refused = start().ended()
    assert refused.code == 1
    assert "is damaged" in refused.err
    assert "copy a backup" in refused.err

    aside = home.path / "damaged"
    aside.mkdir()
    for path in home.path.glob("hub.db*"):
        path.rename(aside / path.name)
    shutil.copy(backup, home.store)
    with closing(sqlite3.connect(home.store)) as connection:
        (behind,) = connection.execute("SELECT max(sequence) FROM records").fetchone()

    daemon = start().ready()
    with daemon.operator() as client:
        assert client.get("/v1/threads/music.3").json()["records"] < 62
        lines = salvaged(aside / "hub.db", behind)
        answer = client.post(
            "/v1/records/batch", content=lines, headers={"content-type": "application/x-ndjson"}
        ).json()
        assert answer["created"] >= 30
        whole = client.get("/v1/records", params={"actor": "did:sync:user:ada", "limit": 1000}).json()["data"]
        assert sorted(one["clock"] for one in whole) == list(range(1, 431))
        told = [json.loads(line)["thread"] for line in lines.splitlines()]
        refused_ = [told[place] for place, one in enumerate(answer["data"]) if one["status"] == "error"]
        assert set(refused_) <= {"th_instance_registry", "th_engine_config"}, "of the start alone"
    daemon.stop()
