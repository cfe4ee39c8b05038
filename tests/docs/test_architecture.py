"""The page of the architecture names the rooms that there are, and no module that there is not."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
ROOMS = sorted(path.name for path in (ROOT / "syncropel").iterdir() if (path / "__init__.py").exists())
NAMED = sorted(set(re.findall(rf"\b((?:{'|'.join(ROOMS)})(?:\.[a-z_]+)+)\b", PAGE)))


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_room_is_there_in_the_order_of_the_floors() -> None:
    told = re.findall(r"^\| `([a-z]+)/` \|", section("Rooms of `syncropel`"), re.MULTILINE)
    assert sorted(told) == ROOMS
    (floors,) = [one["layers"] for one in CONTRACTS if one["name"].startswith("The floors of syncropel")]
    height = {
        name.strip().removeprefix("syncropel."): at
        for at, floor in enumerate(floors)
        for name in floor.split("|")
    }
    heights = [height[room] for room in told]
    assert heights == sorted(heights)


def test_every_room_of_the_console_is_there() -> None:
    told = re.findall(r"`([a-z]+)/`", section("Rooms of `tui`"))
    there = {path.name for path in (ROOT / "tui").iterdir() if (path / "__init__.py").exists()}
    assert there <= set(told)


def source(name: str) -> Path | None:
    """The file of a module, or of a package."""
    path = ROOT.joinpath("syncropel", *name.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.exists()), None)


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_a_module_or_stands_in_one(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    if source(name) is None:
        file = source(module)
        assert file is not None, name
        assert re.search(rf"\b{attribute}\b", file.read_text(encoding="utf-8")), name
