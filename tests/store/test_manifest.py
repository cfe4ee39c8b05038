"""Which backups there are, what they say of themselves, and which ones a rotation removes."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from syncropel import __version__
from syncropel.store.sqlite.manifest import (
    Entry,
    Manifest,
    Rotation,
    earlier_name,
    entries,
    manifest_path,
    prune,
    read_manifest,
    superfluous,
    write_manifest,
)

DAY = 86400.0
NOW = 20_000 * DAY + 3600
MANIFEST = Manifest(5, "head", "digest", "log", 1.5, "now")


def entry(name: str, made_at: float, aside: bool = False) -> Entry:
    return Entry(Path(name), None, made_at, aside)


def removed(found: list[Entry], starts: int, days: int) -> list[str]:
    return [one.path.name for one in superfluous(found, Rotation(starts, days), NOW)]


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    backup = tmp_path / "hub.db.bak"
    assert read_manifest(backup) is None
    write_manifest(backup, MANIFEST)
    assert read_manifest(backup) == MANIFEST
    assert MANIFEST.by == __version__
    assert manifest_path(backup).stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["hub.db.bak.json"]


def test_a_manifest_is_whole_before_it_is_made_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    write_manifest(tmp_path / "b", MANIFEST)
    assert sizes == [manifest_path(tmp_path / "b").stat().st_size]


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"records": "5"}, {"made_at": None}, {"more": 1}, {"version": None}],
)
def test_a_manifest_of_another_kind_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    backup = tmp_path / "b"
    document = {"version": 1, **asdict(MANIFEST)}
    manifest_path(backup).write_text(json.dumps(document))
    assert read_manifest(backup) == MANIFEST
    manifest_path(backup).write_text(json.dumps({**document, **change}))
    assert read_manifest(backup) is None


def test_backups_are_listed_the_newest_first(tmp_path: Path) -> None:
    names = [
        "hub.db.20231114T221320.000000Z.bak",
        "hub.db.20231114T221320Z.bak",
        "hub.db.bak",
        "hub.db.bak.12",
    ]
    others = ["hub.db", "hub.db.bak.json", "hub.db.bak.x", "hub.db.2023.bak", "hub.db.bak.1.json", "x.bak"]
    for at, name in enumerate([*names, *others]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (100.0 - at, 100.0 - at))
    listed = entries(tmp_path)
    assert [(one.path.name, one.aside) for one in listed] == [
        ("hub.db.bak", False),
        ("hub.db.20231114T221320.000000Z.bak", False),
        ("hub.db.20231114T221320Z.bak", False),
        ("hub.db.bak.12", True),
    ]
    assert [one.made_at for one in listed] == [98.0, 100.0, 99.0, 97.0]
    write_manifest(tmp_path / names[1], MANIFEST)
    last = entries(tmp_path)[-1]
    assert (last.path.name, last.made_at, last.manifest) == (names[1], 1.5, MANIFEST)


def test_an_earlier_one_is_named_after_its_time(tmp_path: Path) -> None:
    name = earlier_name(tmp_path / "hub.db.bak", 1_700_000_000.25)
    assert name == tmp_path / "hub.db.20231114T221320.250000Z.bak"
    name.touch()
    assert [one.path for one in entries(tmp_path)] == [name]


def test_the_newest_and_the_last_of_each_day_stay() -> None:
    today = NOW - 3600  # the start of the day
    found = [
        entry("hub.db.bak", today + 3000),
        entry("today, second", today + 2000),
        entry("today, third", today + 1000),
        entry("yesterday, last", today - 1),
        entry("yesterday, first", today - DAY),
        entry("two days ago", today - DAY - 1),
        entry("three days ago", NOW - 3 * DAY),
    ]
    assert removed(found, 1, 0) == [one.path.name for one in found[1:]]
    assert removed(found, 0, 0) == [one.path.name for one in found[1:]]
    assert removed(found, 2, 0) == [one.path.name for one in found[2:]]
    assert removed(found, 1, 3) == ["today, second", "today, third", "yesterday, first", "three days ago"]
    assert removed(found, 1, 4) == ["today, second", "today, third", "yesterday, first"]
    assert removed(found, 9, 0) == []


def test_neither_the_current_one_nor_one_aside_is_removed() -> None:
    found = [entry("newer", NOW), entry("hub.db.bak", 0.0), entry("hub.db.bak.1", 1.0, aside=True)]
    assert removed(found, 1, 0) == []
    found = [entry("aside", NOW, aside=True), entry("newer", NOW - 1), entry("older", NOW - 2)]
    assert removed(found, 1, 0) == ["older"]
    assert removed(found, 1, 1) == ["older"]  # the one of that day is not the one aside


def test_a_removed_backup_takes_its_manifest_along(tmp_path: Path) -> None:
    for at in range(3):
        backup = earlier_name(tmp_path / "hub.db.bak", float(at))
        backup.touch()
        write_manifest(backup, Manifest(1, "", "", "", float(at), "start"))
    without = earlier_name(tmp_path / "hub.db.bak", 0.0)
    manifest_path(without).unlink()
    os.utime(without, (0.0, 0.0))
    gone = prune(tmp_path, Rotation(1, 0), NOW)
    assert gone == [earlier_name(tmp_path / "hub.db.bak", at) for at in (1.0, 0.0)]
    left = earlier_name(tmp_path / "hub.db.bak", 2.0)
    assert sorted(one.name for one in tmp_path.iterdir()) == [left.name, f"{left.name}.json"]
    assert prune(tmp_path, Rotation(1, 0), NOW) == []
    assert Rotation() == Rotation(7, 14)
