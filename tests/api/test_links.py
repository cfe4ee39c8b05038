"""A worker that only connects: everything that its coordinator asks of it goes through its link."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from syncropel.peer.runtime import Runtime
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.keyring import Keyring

from .conftest import until
from .two_instances import COORDINATOR, WORKER, Two, two_instances

URL = "http://coordinator"
ACKS = "/v1/fleet/link/acks"
AT_ONCE = Runtime(share=lambda: 0.0)


@asynccontextmanager
async def linked(folder: Path, **more: Any) -> AsyncIterator[Two]:
    """A fleet whose worker is linked, by credentials as `spl fleet start` gives them."""
    homes = {name: Home(folder / name) for name in ("coordinator", "worker-b")}
    for home in homes.values():
        make_home(home)
    up = Keyring(homes["worker-b"]).make_own(WORKER)
    down = Keyring(homes["coordinator"]).make_towards(WORKER, COORDINATOR)
    Keyring(homes["worker-b"]).trust(COORDINATOR, down, URL)
    async with two_instances(folder, link=True, runtime=AT_ONCE, **more) as two:
        body = {"did": WORKER, "sha256": up}
        answer = await two.coordinator.operator.post("/v1/fleet/credentials", json=body)
        assert answer.is_success, answer.text
        two.worker.engine.heartbeat_sender.soon()
        await until(lambda: link_is(two, "up"))
        yield two


async def row(two: Two) -> dict[str, Any]:
    rows = (await two.coordinator.get("/v1/fleet/status"))["instances"]
    return next((one for one in rows if one["did"] == WORKER), {})


async def link_is(two: Two, state: str) -> dict[str, Any] | None:
    link = (await row(two)).get("link")
    return link if link and link["state"] == state else None


async def status_of(two: Two, name: str = "T") -> str:
    return str((await two.coordinator.get(f"/v1/tasks/{name}"))["status"])


async def test_work_output_and_freezes_go_through_the_link(tmp_path: Path) -> None:
    async with linked(tmp_path) as two:
        assert (await row(two))["endpoint"] == "link:"
        await two.fan_out("echo one", "echo two")

        async def done() -> bool:
            return await status_of(two) == "approved"

        await until(done)
        page = await two.coordinator.get("/v1/tasks/T/subtasks/0/output")
        assert "one" in str(page)
        trees = await two.coordinator.get("/v1/worktrees")
        assert trees["unknown"] == []
        frozen = await two.coordinator.operator.post(
            "/v1/fleet/freeze", json={"namespace": "docs", "reason": "a test"}
        )
        assert frozen.is_success, frozen.text

        async def confirmed() -> Any:
            (freeze,) = (await two.coordinator.get("/v1/fleet/status"))["freezes"]
            return not freeze["waiting"] and WORKER in [one["instance"] for one in freeze["confirmed"]]

        await until(confirmed)
        assert not [path for path in two.network.asked if "dispatches" in path or "control" in path]


async def test_a_coordinator_that_ends_in_the_middle_sends_again_and_work_runs_once(tmp_path: Path) -> None:
    async with linked(tmp_path) as two:
        acks = two.network.asked.count(ACKS)
        two.network.lost.add(ACKS)
        await two.fan_out("echo once")

        async def written() -> bool:
            return two.network.asked.count(ACKS) > acks

        await until(written)
        await two.stop("coordinator")
        two.network.lost.clear()
        await two.start("coordinator")

        async def done() -> bool:
            return await status_of(two) == "approved"

        await until(done)
        join = await two.coordinator.get("/v1/tasks/T/join")
        (subtask,) = join["subtasks"]
        assert (subtask["verdict"], subtask["attempt"]) == ("accept", 1)
        records = (await two.worker.get(f"/v1/threads/{subtask['child_thread']}/records"))["data"]
        assert sorted(one["act"] for one in records) == ["INTEND", "KNOW"]


async def test_a_worker_says_in_its_health_how_its_link_is(tmp_path: Path) -> None:
    async with linked(tmp_path) as two:

        async def healthy() -> bool:
            return bool((await two.worker.get("/v1/engine/health"))["link"]["state"] == "up")

        await until(healthy)
        assert (await two.coordinator.get("/v1/engine/health"))["link"] is None
        two.network.links["coordinator"].cut()

        async def known() -> bool:
            return bool(await link_is(two, "down")) or (await row(two))["link"]["since"] > 0

        await until(known)
        await until(lambda: link_is(two, "up"))
