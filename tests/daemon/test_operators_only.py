"""What is for operators alone is refused to goals over TCP, too, whatever token they have found."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from syncropel.settings.home import Home
from syncropel.system import tcp_owner

from .conftest import Daemon, Start
from .test_goals import CONFIG, run_goal

POST = """
import http.client, json, os, sys
port, token, calls = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
for name, path, body in calls:
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.connect()
    if name.startswith("fork") and os.fork():
        os.wait()  # whoever goes on holds a connection that it did not make
        continue
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    line.request("POST", path, json.dumps(body), headers)
    answer = line.getresponse()
    print(name, answer.status, answer.read().decode(), flush=True)
    if name.startswith("fork"):
        os._exit(0)
"""


def record(act: str, **body: Any) -> dict[str, Any]:
    return {"thread": "th_x", "actor": "did:sync:user:eve", "act": act, "body": body}


APPROVAL = {"index": 0, "verdict": "accept"}
RAISE = record("LEARN", topic="fanout_amend_budget", budget_usd=1e6)
CALLS: tuple[tuple[str, str, dict[str, Any] | list[dict[str, Any]]], ...] = (
    ("answer", "/v1/questions/q_1/answer", {"digest": "0", "verdict": "allow"}),
    ("approve", "/v1/tasks/TRY/answer", APPROVAL),
    ("amend", "/v1/tasks/TRY/amend", {"budget_usd": 1e6}),
    ("say", "/v1/tasks/TRY/subtasks/0/messages", {"text": "x"}),
    ("review", "/v1/tasks/TRY/subtasks/0/reviews", {"verdict": "accept", "attempt": 1}),
    ("merge", "/v1/tasks/TRY/merge", {}),
    ("allow", "/v1/worktrees/allow", {"repo": "app", "digest": "ab" * 32}),
    ("fork-approve", "/v1/tasks/TRY/answer", APPROVAL),
    ("raw-approve", "/v1/records", record("LEARN", topic="aitl_answered", **APPROVAL)),
    ("raw-raise", "/v1/records", RAISE),
    ("raw-batch", "/v1/records/batch", [RAISE]),
)
NAMES = [name for name, _, _ in CALLS]


@pytest.fixture
def daemon(start: Start, home: Home) -> Iterator[Daemon]:
    home.path.mkdir()
    home.config.write_text(CONFIG)
    daemon = start().ready()
    yield daemon
    assert daemon.stop().code == 0


@pytest.mark.skipif(not tcp_owner.can_tell(), reason="the system does not tell who holds a connection")
def test_a_token_makes_no_goal_an_operator(daemon: Daemon, home: Home) -> None:
    with daemon.operator() as client:
        account = {"sa_id": "sa-all", "scopes": ["admin"], "allowed_actors": ["*"]}
        token = client.post("/v1/service-accounts", json=account).json()["token"]
    post = home.path.parent / "post.py"
    post.write_text(POST)
    call = shlex.join([sys.executable, str(post), str(daemon.port), token, json.dumps(CALLS)])
    lines = run_goal(daemon, f"{call}; setsid -w env -i {call}", "TRY").splitlines()
    assert [line.split()[0] for line in lines] == [*NAMES, *NAMES]
    for line in lines:
        assert line.split()[1] == "403", line
        assert "GOAL_MAY_NOT" in line, line
        assert "for operators alone" in line, line
    # The same calls of this very process are judged by what they say.
    with httpx.Client(base_url=f"http://127.0.0.1:{daemon.port}", trust_env=False, verify=False) as client:
        for name, path, body in CALLS:
            answer = client.post(path, json=body, headers={"authorization": f"Bearer {token}"})
            assert answer.status_code != 403, (name, answer.text)
            assert "GOAL_MAY_NOT" not in answer.text


@pytest.mark.skipif(not tcp_owner.can_tell(), reason="the system does not tell who holds a connection")
def test_who_holds_a_connection_is_found_until_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as line:
            near, far = line.getsockname(), line.getpeername()
            accepted, _ = listener.accept()
            with accepted:
                owner = tcp_owner.owner_of(near, far)
                assert owner is not None
                assert owner.pids
        assert tcp_owner.owner_of(near, far) is None
