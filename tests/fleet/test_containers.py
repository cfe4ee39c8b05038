"""Dockerfile and compose.yaml: no container engine runs them here. They are read, and what they run is run as
plain processes: the command, settings, and token of each instance, and the check of its health.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from tests.daemon.conftest import LIMIT_SECS, Daemon, python_path, until

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
HOME = "/syncropel"
VOLUMES = {HOME, "/home/syncropel/.syncro-data", "/home/syncropel/.local/share/syncropel/backups"}
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "HEALTHCHECK", "STOPSIGNAL"}
KNOWN |= {"ENTRYPOINT", "CMD"}
TOKEN = f"spl_prod_sa-fleet_{'5a' * 32}\n"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, with lines that go on joined."""
    text = "".join(
        line for line in (ROOT / "Dockerfile").read_text().splitlines(keepends=True) if line[:1] != "#"
    )
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest) for line in lines if line.strip() for word, _, rest in [line.partition(" ")]]


def the(word: str) -> str:
    found = [rest for name, rest in instructions() if name == word]
    assert len(found) == 1, word
    return found[0]


def health_check() -> list[str]:
    return list(json.loads(the("HEALTHCHECK").partition("CMD ")[2]))


def test_the_image_has_the_volumes_that_have_to_outlive_it_and_no_root() -> None:
    words = [word for word, _ in instructions()]
    assert set(words) <= KNOWN
    assert words[0] == "FROM"
    assert set(json.loads(the("VOLUME"))) == VOLUMES
    assert the("USER") == "syncropel"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert f"SYNCROPEL_HOME={HOME}" in the("ENV")
    assert json.loads(the("ENTRYPOINT")) == ["spl"]
    assert json.loads(the("CMD")) == ["serve", "--foreground"]
    assert (ROOT / "constraints.txt").exists()


def test_a_token_that_is_mounted_does_not_make_its_folder_roots() -> None:
    # The engine makes what lacks on the way to a mount, and as root; what the image has, it leaves alone.
    (made,) = [rest for word, rest in instructions() if word == "RUN" and "useradd" in rest]
    targets = [one["target"] for service in COMPOSE["services"].values() for one in service["secrets"]]
    for folder in {str(Path(one).parent) for one in targets}:
        assert f"mkdir -p {folder} " in made
        assert re.search(rf"chmod 700 [^&]*{folder}\b", made)
    assert f"chown -R syncropel:syncropel {HOME} " in made


def test_neither_the_token_nor_an_environment_is_copied_into_an_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", "fleet.token", ".venv*"} <= set(ignored)


def test_three_instances_each_with_volumes_settings_and_the_token_of_their_own() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"coordinator", "worker-a", "worker-b"}
    named: list[str] = []
    for name, service in services.items():
        places = dict(reversed(one.split(":")) for one in service["volumes"])
        assert set(places) == VOLUMES
        named += places.values()
        (config,), (secret,) = service["configs"], service["secrets"]
        assert config == {"source": name, "target": f"{HOME}/config.toml"}
        assert secret == {"source": "fleet-token", "target": f"{HOME}/secrets/fleet.token"}
        shares = service.get("network_mode")
        assert shares == (None if name == "coordinator" else "service:coordinator")
    assert len(set(named)) == len(named)  # no two share a log
    assert set(COMPOSE["volumes"]) == {one for one in named if not one.startswith("./")}
    assert set(COMPOSE["configs"]) == set(services)


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Daemon]]:
    """What compose would start, on free ports."""
    folder = tmp_path_factory.mktemp("c")
    url = "http://127.0.0.1:9100"
    with ExitStack() as stack:
        running: dict[str, Daemon] = {}
        for name, service in COMPOSE["services"].items():
            home = Home(folder / name / "home")
            (home.path / "secrets").mkdir(parents=True, mode=0o700)
            text = COMPOSE["configs"][service["configs"][0]["source"]]["content"]
            home.config.write_text(text.replace(url, running["coordinator"].url if running else url))
            assert load_settings(home, {}).fleet.alias == name
            home.fleet_token.write_text(TOKEN)
            home.fleet_token.chmod(0o600)
            *words, port = service["command"]
            assert (words[-1], port.isdecimal()) == ("--port", True)
            kept = {key: os.environ[key] for key in ("PATH",)}
            environ = {**kept, "HOME": str(folder / name), "SYNCROPEL_HOME": str(home.path)}
            process = subprocess.Popen(
                [sys.executable, "-m", "syncropel.cli.main", *words, "0"],
                env={**environ, "PYTHONPATH": python_path()},
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, LIMIT_SECS)
            stack.callback(process.terminate)
            daemon = running[name] = Daemon.__new__(Daemon)
            daemon.home, daemon.process = home, process
            daemon.ready()
        yield running


def test_what_compose_starts_is_a_fleet_that_works_and_is_healthy(fleet: dict[str, Daemon]) -> None:
    with fleet["coordinator"].operator() as client:

        def live() -> bool:
            found = client.get("/v1/fleet/status").json()["instances"]
            return {one["alias"] for one in found if one["status"] == "live"} == set(fleet)

        until(live)
        assert client.post("/v1/tasks", json={"goal": "try it", "alias": "T"}).status_code == 201
        subtasks = [{"goal": "say hello", "target": name} for name in ("worker-a", "worker-b")]
        assert client.post("/v1/tasks/T/fan-out", json={"subtasks": subtasks}).status_code == 201
        until(lambda: client.get("/v1/tasks/T/join").json()["complete"])
    for daemon in fleet.values():
        assert checked(daemon.home) == 0
    one = fleet["worker-b"]
    one.signal()
    one.process.wait(LIMIT_SECS)
    assert checked(one.home) != 0


def checked(home: Home) -> int:
    """The exit status of the image's own check, at this home."""
    _, *words = [word.replace(f"{HOME}/run/spl.sock", str(home.socket)) for word in health_check()]
    ran = subprocess.run([sys.executable, *words], capture_output=True, timeout=LIMIT_SECS, check=False)
    return ran.returncode
