"""A fleet of three in which a worker was promoted: who leads, and who has heard of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.settings.keyring import Keyring

from .conftest import Api
from .conftest import until as until_within
from .fleet_of_three import DIDS, Three, three

A, B, C = DIDS.values()


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Three]:
    async with three(tmp_path) as made:
        yield made


async def until(look: Any) -> Any:
    return await until_within(look, 15.0)


def shows(fleet: Three, name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {Keyring(fleet.home(name)).own()}"}


async def fenced(api: Api) -> Any:
    async def look() -> Any:
        found = await api.get("/v1/leader")
        return found if found["place"] == "fenced" else None

    return await until(look)


async def whole(api: Api) -> Any:
    async def look() -> Any:
        found = await api.get("/v1/leader")
        return found if found["split"] is None else None

    return await until(look)


async def promoted_and_heard(fleet: Three) -> None:
    """Promote b in place of a, which is gone; return when c has heard of it."""
    await fleet.end("a")
    await fleet.promote("b")
    await fleet.end("c")
    await fleet.introduce("b", "c")
    await fleet.start("c", "b")

    async def heard() -> bool:
        return (await fleet.leader("c"))["term"] == 2

    await until(heard)


def assert_error_code(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
