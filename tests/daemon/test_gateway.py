"""The gateway of a real daemon: its key is found nowhere, and a daemon that is killed loses no request."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.settings.home import Home
from tests.gateway.provider import USD, Provider, serving, streams

from .conftest import Daemon, Start, until

KEY = "sk-" + "7" * 40
AGENT = Path(__file__).parents[1] / "gateway" / "asking_agent.py"
CONFIG = """
[adapters.claude]
command = [{python}, {agent}]
gateway = true
provider_url = "{url}"
provider_key = "MODEL_KEY"

[log]
level = "TRACE"
"""


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider in a thread of its own, as the test waits without an event loop."""
    ready, found = threading.Event(), list[Provider]()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving(streams()) as one:
            found.append(one)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def prepare(home: Home, url: str) -> None:
    home.secrets.mkdir(mode=0o700, parents=True)
    home.path.chmod(0o700)
    (home.secrets / "MODEL_KEY").write_text(KEY + "\n")
    (home.secrets / "MODEL_KEY").chmod(0o600)
    words = {"python": json.dumps(sys.executable), "agent": json.dumps(str(AGENT)), "url": url}
    home.config.write_text(CONFIG.format(**words))


def dispatch(daemon: Daemon, goal: str, **more: Any) -> None:
    with daemon.operator() as client:
        body = {"goal": goal, "alias": "T", "adapter": "claude", **more}
        answer = client.post("/v1/dispatch", json=body)
    assert answer.status_code == 201, answer.text


def child(daemon: Daemon) -> dict[str, Any]:
    with daemon.operator() as client:
        (found,) = client.get("/v1/tasks/T/join").json()["subtasks"]
    return dict(found)


def test_the_key_is_found_nowhere_and_a_killed_daemon_loses_no_request(started: Start, home: Home) -> None:
    with provider() as asked:
        prepare(home, asked.url)
        first = started().ready()
        dispatch(first, "ask:3 gated", budget_usd=1.0)
        given = until(lambda: next(iter(home.work.glob("*/cwd/given.json")), None))
        folder = given.parent
        (folder / "go-0").touch()
        until(lambda: (folder / "answer-0").exists() and child(first)["cost_usd"] > 0)
        family = [process for process in psutil.process_iter() if runs(process)]
        assert family
        for process in family:
            assert KEY not in " ".join(process.cmdline())
            assert KEY not in str(process.environ())
        port = home.gateway_port.read_text()

        first.signal(signal.SIGKILL)
        first.ended()
        (folder / "go-1").touch()  # nobody answers: it tries again
        second = started().ready()
        until(lambda: (folder / "answer-1").exists())
        (folder / "go-2").touch()
        found = until(lambda: child(second) if child(second)["verdict"] else None)

        assert home.gateway_port.read_text() == port
        assert (found["verdict"], found["attempt"], found["cost_unknown"]) == ("accept", 1, False)
        assert found["cost_usd"] == pytest.approx(3 * USD)
        assert (found["agent"]["gateway"]["requests"], len(asked.asked)) == (3, 3)
        assert {key for one in asked.asked for key in one.header("x-api-key")} == {KEY}
        holds = [
            path
            for path in home.path.rglob("*")
            if path.is_file() and path.parent != home.secrets and KEY.encode() in path.read_bytes()
        ]
        assert holds == []


def runs(process: psutil.Process) -> bool:
    """Whether this is the agent, or what stands around it."""
    try:
        return str(AGENT) in process.cmdline()
    except psutil.Error:
        return False
