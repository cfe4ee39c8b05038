"""`spl store verify` on logs that a daemon's own door wrote, and that somebody then edited."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncropel.daemon import store_tool
from syncropel.daemon.verifying import verify
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fleet.leadership import LEADING
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_REGISTRY
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home
from syncropel.store.bundle.format import Bundled
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.sqlite.store import SqliteStore
from tests.store.version_1 import write_version_1

NOW = 1_700_000_000.0
OPERATOR = "did:sync:user:operator"

Edit = Callable[..., None]


def freeze(topic: str = "freeze") -> Record:
    body = {"topic": topic, "level": "soft", "namespace": "docs", "reason": "x", "at": NOW}
    return Record(FLEET_CONTROL, OPERATOR, "LEARN", body)


def work(act: str, thread: str, namespace: str) -> Record:
    return Record(thread, OPERATOR, act, {"namespace": namespace})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A log of 12 records: work, a freeze at 3 that is lifted at 6, and a second term from 8 on."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    made = Home(tmp_path / "home")
    made.path.mkdir()
    make_home(made)
    did = load_or_create_identity(made).did
    leading = Record(INSTANCE_REGISTRY, did, "KNOW", {"topic": LEADING, "did": did, "term": 2})
    records = [
        work("INTEND", "th_docs", "docs"),
        work("INTEND", "th_code", "code"),
        freeze(),
        work("DO", "th_code", "code"),
        work("KNOW", "th_docs", "docs"),
        freeze("unfreeze"),
        work("DO", "th_docs", "docs"),
        leading,
        work("DO", "th_docs", "docs"),
        work("DO", "th_code", "code"),
    ]

    async def fill() -> None:
        store = await SqliteStore.open(made.store, clock=lambda: NOW, lineage=LineageFile(made.lineage))
        ingest = Ingest(store, LiveFolds(), Broadcast(), did, Runtime(now=lambda: NOW))
        await ingest.append(records)
        history = [Record("th_old", OPERATOR, "DO", {"n": n}, clock=n).identified() for n in range(2)]
        await ingest.restore(
            [Bundled(one, 1.0, line) for line, one in enumerate(history)], lambda _: True, tell=False
        )
        assert store.count == 12
        await store.close()

    asyncio.run(fill())
    return made


@pytest.fixture
def edit(home: Home) -> Edit:
    """Change the file as `sqlite3` would, and let nothing but the log itself tell of it."""

    def change(*statements: str) -> None:
        with closing(sqlite3.connect(home.store)) as log, log:
            for statement in statements:
                log.execute(statement)
        home.lineage.unlink()

    return change


def found(home: Home) -> list[tuple[str, int, int]]:
    return [(one["rule"], one["sequence"], one["through"]) for one in verify(home)["violations"]]


def test_what_the_door_wrote_is_proven(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert store_tool.main(["verify", "--home", str(home.path)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "✓ 10 of them in the order in which they were judged; none got past a freeze",
        "  unknown: records that nobody judged here, restored or written while no daemon ran: 2",
    ]
    assert store_tool.main(["verify", "--home", str(home.path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["judged"], told["restored"], told["earlier"]) == (10, 2, 0)
    assert (told["violations"], told["problems"]) == ([], [])


def test_a_freeze_that_is_deleted(home: Home, edit: Edit) -> None:
    edit("DELETE FROM records WHERE sequence = 3")
    assert found(home) == [("gap", 3, 3)]
    assert "records that rest on a missing or altered record: 1" in verify(home)["unknown"]


def test_a_freeze_that_is_deleted_and_whose_place_is_taken(home: Home, edit: Edit) -> None:
    """All that comes behind moves up by one: the ruled of each says where the freeze was."""
    edit(
        "DELETE FROM records WHERE sequence = 3",
        "UPDATE records SET sequence = -sequence WHERE sequence > 3",
        "UPDATE records SET sequence = -sequence - 1 WHERE sequence < 0",
    )
    assert found(home) == [("judgement", 3, 5), ("judgement", 6, 9)]


def test_a_freeze_that_is_moved_above_work_that_came_before_it(home: Home, edit: Edit) -> None:
    edit(
        "UPDATE records SET sequence = -1 WHERE sequence = 1",
        "UPDATE records SET sequence = 1 WHERE sequence = 3",
        "UPDATE records SET sequence = 3 WHERE sequence = -1",
    )
    assert found(home) == [
        ("judgement", 2, 3),
        ("freeze", 3, 3),
        ("judgement", 4, 6),
    ]


def test_work_that_is_moved_under_a_freeze_with_its_judgement_forged(home: Home, edit: Edit) -> None:
    """What its own words say gives it away."""
    edit(
        "UPDATE records SET sequence = -5 WHERE sequence = 5",
        "UPDATE records SET sequence = 5, ruled = 3 WHERE sequence = 7",
        "UPDATE records SET sequence = 7, ruled = 6 WHERE sequence = -5",
    )
    assert found(home) == [("freeze", 5, 5)]
    (problem,) = verify(home)["problems"]
    assert "thread th_docs) is a DO under the soft freeze of 'docs' (record " in problem
    assert problem.endswith("; see what it did: spl thread show th_docs")


@pytest.mark.parametrize(
    ("statement", "violation"),
    [
        ("UPDATE records SET term = 1 WHERE sequence = 9", ("term", 9, 9)),
        ("UPDATE records SET term = 1 WHERE sequence = 8", ("term", 8, 8)),
        ("UPDATE records SET term = 2 WHERE sequence = 7", ("term", 7, 7)),
        ("UPDATE records SET term = 'two' WHERE sequence = 9", ("term", 9, 9)),
        ("UPDATE records SET term = 0, ruled = NULL WHERE sequence = 9", ("term", 9, 9)),
        ("UPDATE records SET ruled = 'six' WHERE sequence = 9", ("judgement", 9, 9)),
        ("UPDATE records SET ruled = 3 WHERE sequence = 9", ("judgement", 9, 9)),
        ("UPDATE records SET ruled = 0 WHERE sequence = 3", None),
        ("UPDATE records SET ruled = 2 WHERE sequence = 3", ("judgement", 3, 3)),
        ("UPDATE records SET ruled = 1.5 WHERE sequence = 3", ("judgement", 3, 3)),
    ],
)
def test_what_was_noted_and_is_changed(
    home: Home, edit: Edit, statement: str, violation: tuple[str, int, int] | None
) -> None:
    edit(statement)
    assert found(home) == ([violation] if violation else [])


@pytest.mark.parametrize(
    "change", ["body = '{'", "body = '{}'", "received_at = 'soon'", "parents = '[1]'", "thread = 'th_x'"]
)
@pytest.mark.parametrize("sequence", [1, 3, 8, 12])
def test_a_record_that_is_altered_is_one_problem(home: Home, edit: Edit, change: str, sequence: int) -> None:
    edit(f"UPDATE records SET {change} WHERE sequence = {sequence}")
    told = verify(home)
    assert (told["violations"], len(told["problems"])) == ([], 1)
    assert "was altered" in told["problems"][0]


def test_a_log_that_an_earlier_release_wrote_is_read_as_it_is(home: Home) -> None:
    old = Home(home.path.with_name("old"))
    old.path.mkdir()
    write_version_1(old.store, [Record("th_a", OPERATOR, "DO", {"n": n}, clock=n) for n in range(4)])
    told: dict[str, Any] = verify(old)
    assert (told["problems"], told["judged"], told["earlier"]) == ([], 0, 4)
    assert "records from before this log noted how they were judged: 4" in told["unknown"]
    with closing(sqlite3.connect(old.store)) as log:
        assert log.execute("SELECT value FROM meta").fetchall() == [("1",)]


def test_it_is_told_how_far_it_has_come(home: Home) -> None:
    seen: list[tuple[int, int]] = []
    verify(home, lambda done, of: seen.append((done, of)))
    assert seen == [(done, 12) for done in range(1, 13)]
