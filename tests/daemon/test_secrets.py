"""A secret of an adapter is in the environment of its program, and leaves no trace elsewhere."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import psutil

from syncropel.settings.home import Home

from .conftest import Start, until

SECRET = "s3cret-" + "7" * 20
CONFIG = """
[adapters.mine]
type = "exec"
command = [{python}, "-c", {program}]
secrets = ["API_KEY"]
"""
PROGRAM = """
import hashlib, os, pathlib, sys, time
print(hashlib.sha256(os.environ["API_KEY"].encode()).hexdigest(), sys.stdin.read(), flush=True)
while not pathlib.Path("go-on").exists():
    time.sleep(0.02)
"""
PATHS = (
    "/v1/fleet/status",
    "/v1/records?limit=1000",
    "/v1/engine/health?details=true",
    "/v1/tasks/T",
    "/v1/tasks/T/join",
)


def holding(home: Home) -> list[Path]:
    """The files of a home that hold the secret, besides its own."""
    files = [path for path in home.path.rglob("*") if path.is_file() and path.parent != home.secrets]
    assert {home.store, home.log} <= set(files)
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_secret_leaves_no_trace(started: Start, home: Home) -> None:
    home.secrets.mkdir(mode=0o700, parents=True)
    home.path.chmod(0o700)
    (home.secrets / "API_KEY").write_text(SECRET + "\n")
    (home.secrets / "API_KEY").chmod(0o600)
    table = CONFIG.format(python=json.dumps(sys.executable), program=json.dumps(PROGRAM))
    home.config.write_text(table + '[log]\nlevel = "TRACE"\n')
    daemon = started().ready()
    with daemon.operator() as client:
        body = {"goal": "the goal on stdin", "alias": "T", "adapter": "mine"}
        assert client.post("/v1/dispatch", json=body).status_code == 201
        (output,) = until(lambda: [one for one in home.work.glob("*/attempt-1.out") if one.read_text()])
        family = psutil.Process(daemon.process.pid).children(recursive=True)
        lines = [" ".join(one.cmdline()) for one in family]
        assert any("go-on" in line for line in lines), "its program runs"
        assert not [line for line in lines if SECRET in line or "the goal on stdin" in line]
        assert any(SECRET in one.environ().values() for one in family), "its program has it"
        assert holding(home) == []
        (output.parent / "cwd" / "go-on").touch()
        until(lambda: client.get("/v1/tasks/T/join").json()["complete"])
        assert not [path for path in PATHS if SECRET in client.get(path).text]
    assert output.read_text() == f"{hashlib.sha256(SECRET.encode()).hexdigest()} the goal on stdin\n"
    daemon.stop()
    assert holding(home) == []
