"""An agent that is talked to, on a worker: it asks, its worker is started again, and its operator answers."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.settings.adapters import AdapterSettings, AdapterTable
from syncropel.settings.config import DispatchSettings
from syncropel.settings.permissions import PermissionSettings, ToolRule
from tests.adapters.acp.bench import FAKE

from .conftest import until
from .test_messages import states
from .test_questions import answer, decided, open_questions, question
from .two_instances import Two, two_instances


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    home = tmp_path / "agent"
    home.mkdir()
    table = AdapterTable("gemini", command=(sys.executable, FAKE, "gemini"), set={"HOME": str(home)})
    edits = ToolRule("no-edits", 'tool == "edit" && adapter == "never"', "deny")
    sections: dict[str, Any] = {
        "adapters": AdapterSettings(tables={"gemini": table}),
        "dispatch": DispatchSettings(adapter="gemini"),
        "permissions": PermissionSettings(rules=(edits,)),
    }
    async with two_instances(tmp_path, **sections) as both:
        yield both


async def child(two: Two) -> dict[str, Any] | None:
    [one] = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"]
    return one if one["verdict"] is not None else None


async def test_an_edit_waits_for_its_operator_over_a_restart_of_its_worker(two: Two) -> None:
    await two.fan_out("do:edit")
    [asked] = await until(lambda: open_questions(two))
    assert (asked["kind"], asked["tool"], asked["instance_alias"]) == ("permission", "edit", "worker-b")
    shown = await question(two, asked["id"])
    file = Path(shown["root"]) / "note.txt"
    assert shown["paths"] == [str(file.resolve())]
    assert [one["old"] for one in shown["shown"]["diffs"]] == [None]

    await two.stop("worker-b")
    said = {"text": "and be quick", "actor": "did:sync:user:ada"}
    posted = await two.coordinator.operator.post("/v1/tasks/T/subtasks/0/messages", json=said)
    assert posted.status_code == 201, posted.text
    assert (await answer(two.coordinator, asked, verdict="allow")).status_code == 201
    assert not file.exists()
    await two.start("worker-b")
    assert (await decided(two, asked["id"]))["decision"]["how"] == "operator"
    assert (await until(lambda: child(two)))["verdict"] == "accept"
    assert file.exists()
    assert len((await two.coordinator.get("/v1/questions", task="T"))["data"]) == 1

    async def heard() -> bool:
        return await states(two.coordinator) == [("and be quick", "answered")]

    await until(heard)
