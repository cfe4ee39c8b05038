"""A goal that tries to be the operator, on a real daemon, by the ways that a process of one user has."""

from __future__ import annotations

import gc
import shlex
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from syncropel.client import Client, Target, calls
from syncropel.settings.home import Home
from tests.fork_server import ForkServer

from .conftest import Daemon, Start, python_path, until

CONFIG = '[server]\nport = 0\n[adapters]\nbash = true\n[dispatch]\nadapter = "bash"\n'
SPL = f"{shlex.quote(sys.executable)} -P -m syncropel.cli.main"

POST = """
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
if sys.argv[3] == "hand over" and os.fork():
    os._exit(0)  # whoever goes on holds a connection that it did not make
body = b'{"namespace": "docs", "actor": "did:sync:user:operator"}'
lines = [f"POST {sys.argv[2]} HTTP/1.1", "host: x", "connection: close", "content-type: application/json"]
head = "\\r\\n".join([*lines, f"content-length: {len(body)}", "", ""])
line.sendall(head.encode() + body)
answer = b""
while part := line.recv(65536):
    answer += part
print(answer.decode())
"""


@pytest.fixture
def daemon(start: Start, home: Home) -> Iterator[Daemon]:
    home.path.mkdir()
    home.config.write_text(CONFIG)
    daemon = start().ready()
    yield daemon
    assert daemon.stop().code == 0


def did_of(daemon: Daemon) -> str:
    with daemon.operator() as client:
        return str(client.get("/v1/engine/health").json()["did"])


def run_goal(daemon: Daemon, script: str, alias: str) -> str:
    """Let a subtask run this script on the daemon; gives all that it printed."""
    with daemon.operator() as client:
        assert client.post("/v1/tasks", json={"goal": "a task", "alias": alias}).status_code == 201
        subtask = {"goal": script, "target": f"specific:{did_of(daemon)}", "adapter": "bash"}
        assert client.post(f"/v1/tasks/{alias}/fan-out", json={"subtasks": [subtask]}).status_code == 201
        until(lambda: client.get(f"/v1/tasks/{alias}/join").json()["completed"])
    folders = sorted(daemon.home.work.iterdir(), key=lambda path: path.stat().st_mtime)
    return (folders[-1] / "attempt-1.log").read_text()


def freeze(daemon: Daemon) -> None:
    with daemon.operator() as client:
        body = {"level": "soft", "namespace": "docs", "reason": "held"}
        assert client.post("/v1/fleet/freeze", json=body).status_code == 201


def assert_still_frozen(daemon: Daemon) -> None:
    with daemon.operator() as client:
        freezes = client.get("/v1/fleet/status").json()["freezes"]
        assert [one["namespace"] for one in freezes] == ["docs"]
        records = client.get("/v1/records", params={"thread": "th_fleet_control", "limit": 1000}).json()[
            "data"
        ]
        assert not [one for one in records if one["body"].get("topic") == "unfreeze"]


def ways(home: Home, folder: Path) -> dict[str, str]:
    """How a goal may call `spl unkill`, and by raw bytes; each prints what it is told."""
    at = f"SYNCROPEL_HOME={home.path} PYTHONPATH={shlex.quote(python_path())}"
    unkill = f"{SPL} unkill --namespace docs"
    bare = f"env -i {at} HOME={folder} PATH=$PATH"
    out = folder / "out"
    wait = f"while ! [ -s {out} ]; do sleep 0.05; done; sleep 0.2; cat {out}; rm {out}"
    post = f"{shlex.quote(sys.executable)} {folder}/post.py {home.socket} /v1/fleet/unfreeze"
    return {
        "plain": f"{at} {unkill}",
        "no environment": f"{bare} {unkill}",
        "session": f"{at} setsid -w {unkill}",
        "double fork": f"( ( {at} setsid {unkill} > {out} 2>&1 & ) & ); {wait}",
        "double fork without environment": f"( ( setsid {bare} {unkill} > {out} 2>&1 & ) & ); {wait}",
        "raw bytes": f"{post} alone",
        "a connection handed over": f"( {post} 'hand over' > {out} 2>&1 & ); {wait}",
        "exec": f"( exec -a systemd {bare} {unkill} )",
    }


def test_no_way_makes_a_goal_the_operator(daemon: Daemon, home: Home) -> None:
    folder = home.path.parent
    (folder / "post.py").write_text(POST)
    freeze(daemon)
    tries = ways(home, folder)
    script = "\n".join(f"echo '## {name}'\n{how} 2>&1 || true" for name, how in tries.items())
    told = run_goal(daemon, script, "TRY-1").split("## ")[1:]
    assert [one.partition("\n")[0] for one in told] == list(tries)
    for one in told:
        assert "a goal may only read: PID " in one or "which connected" in one or "is gone" in one, one
        assert "th_" in one or "handed over" in one, one
    assert_still_frozen(daemon)
    until(lambda: daemon.logged("refused POST /v1/fleet/unfreeze to a goal: PID "))
    with daemon.operator() as client:
        counts = client.get("/v1/engine/health?details=true").json()["details"]["connections"]
        assert counts["goals_refused"] + counts["unknown_callers"] == len(tries)


def test_a_goal_does_not_approve_its_own_task_and_may_look(daemon: Daemon, home: Home) -> None:
    at = f"SYNCROPEL_HOME={home.path} PYTHONPATH={shlex.quote(python_path())}"
    script = textwrap.dedent(f"""
        export {at}
        {SPL} task approve LOOK-1 2>&1
        SPL_ACTOR=did:sync:user:somebody {SPL} task approve LOOK-1 2>&1
        {SPL} kill --emergency --reason mine 2>&1
        {SPL} task list 2>&1
        {SPL} status 2>&1
        true
    """)
    told = run_goal(daemon, script, "LOOK-1")
    assert told.count("a goal may only read") == 3
    assert "LOOK-1" in told
    assert "did:sync:instance:" in told
    with daemon.operator() as client:
        assert client.get("/v1/fleet/status").json()["freezes"] == []
        thread = client.get("/v1/tasks/LOOK-1").json()["thread"]
        actors = {one["actor"] for one in client.get(f"/v1/threads/{thread}/records").json()["data"]}
        assert actors == {"did:sync:user:operator", did_of(daemon)}
        verdicts = client.get("/v1/records", params={"thread": thread, "act": "KNOW"}).json()["data"]
        assert {one["actor"] for one in verdicts} == {did_of(daemon)}


def test_the_socket_of_another_instance_is_no_way_round(
    daemon: Daemon, home: Home, fork_server: ForkServer | None
) -> None:
    with ExitStack() as stack:
        other = Daemon(Home(home.path.parent / "other"), forks=fork_server)
        stack.callback(other.process.wait)
        stack.callback(other.process.kill)
        other.ready()
        freeze(other)
        at = f"SYNCROPEL_HOME={other.home.path} PYTHONPATH={shlex.quote(python_path())}"
        told = run_goal(daemon, f"{at} {SPL} unkill --namespace docs 2>&1 || true", "OTHER-1")
        assert "a goal may only read: PID " in told
        assert_still_frozen(other)


FLOOD = """
import os, socket, sys
held = []
while not os.path.exists(sys.argv[2]):
    line = socket.socket(socket.AF_UNIX)
    line.setblocking(False)
    try:
        line.connect(sys.argv[1])
        held.append(line)
    except OSError:
        line.close()
    if len(held) > 500:
        held.clear()
print("flooded")
"""


# httpx leaves the socket of an attempt that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_goal_that_floods_the_socket_does_not_keep_the_operator_out(daemon: Daemon, home: Home) -> None:
    script = home.path.parent / "flood.py"
    script.write_text(FLOOD)
    enough = home.path.parent / "enough"
    subtask = {"goal": f"{sys.executable} {script} {home.socket} {enough}", "adapter": "bash"}
    with Client(Target(socket=home.socket)) as operator:
        did = operator.send(calls.engine_health()).did
        with daemon.operator() as client:
            client.post("/v1/tasks", json={"goal": "a task", "alias": "F-1"}).raise_for_status()
            body = {"subtasks": [{**subtask, "target": f"specific:{did}"}]}
            client.post("/v1/tasks/F-1/fan-out", json=body).raise_for_status()
        refused = until(lambda: _counts(operator)["refused"])
        for level in ("soft", "hard"):
            with Client(Target(socket=home.socket)) as another:
                another.send(calls.freeze({"level": level, "namespace": "docs", "reason": "a flood"}))
        until(lambda: _counts(operator)["refused"] > refused)  # it goes on meanwhile
        assert _counts(operator)["unix"] < 60
        enough.touch()
    gc.collect()


def _counts(client: Client) -> dict[str, int]:
    details = client.send(calls.engine_health(details=True)).details
    assert details is not None
    return details.connections


def test_what_an_operator_starts_is_the_operator(daemon: Daemon, home: Home) -> None:
    with daemon.operator() as client:
        assert client.get("/v1/whoami").json()["kind"] == "operator"
        assert (home.path.parent / "home").exists()
    assert Path(f"/proc/{daemon.process.pid}/comm").read_text().strip() == "spl-daemon"
