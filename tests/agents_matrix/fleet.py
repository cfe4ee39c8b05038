"""A fleet of a coordinator and two workers in a folder of its own, whose agents reach only the model."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import psutil

from tests.agents_matrix import configs

LIMIT_SECS = 120.0


@dataclass
class Fleet:
    """`base`: the folder that all is in. `model`: the address of the model. `programs`: the folder of the
    agents' programs. `adapters`: what its workers' config says of them.
    """

    base: Path
    model: str
    programs: Path
    adapters: str
    idle_secs: float = 12.0
    max_turns: int = 20
    _count: int = field(default=0)

    @property
    def environ(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        kept["PATH"] = f"{self.programs}{os.pathsep}{kept['PATH']}"  # a Node of their own comes first
        return {**kept, "HOME": str(self.base), "XDG_DATA_HOME": str(self.base / "share")}

    @property
    def repo(self) -> Path:
        return self.base / "repo"

    def home(self, worker: str) -> Path:
        return self.base / f".syncro-{worker}"

    def spl(self, *words: str, check: bool = True) -> str:
        """What a command prints."""
        ran = subprocess.run(
            [sys.executable, "-m", "syncropel.cli.main", *words],
            capture_output=True,
            text=True,
            env=self.environ,
            cwd=self.base,
            timeout=LIMIT_SECS,
            check=False,
        )
        if check and ran.returncode != 0:
            raise RuntimeError(f"spl {' '.join(words)}: {ran.stderr}{ran.stdout}")
        return ran.stdout

    def json(self, *words: str) -> Any:
        """What a command says as JSON."""
        return json.loads(self.spl(*words, "-o", "json"))

    def start(self) -> None:
        """Make the repository and the homes, and start the daemons."""
        git = ["git", "-C", str(self.repo), "-c", "user.name=matrix", "-c", "user.email=matrix@localhost"]
        self.repo.mkdir(parents=True)
        for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "begin"]):
            subprocess.run([*git, *words], check=True)
        gemini = self.base / ".gemini" / "settings.json"
        gemini.parent.mkdir()
        gemini.write_text('{"general": {"maxAttempts": 2}}', encoding="utf-8")
        known = {"url": self.model, "repo": str(self.repo), "programs": str(self.programs)}
        known |= {"idle": f"{self.idle_secs:g}", "turns": str(self.max_turns)}
        known |= configs.providers(self.model)
        for worker in ("worker-a", "worker-b"):
            secrets = self.home(worker) / "secrets"
            secrets.mkdir(parents=True, mode=0o700)
            text = Template(configs.WORKER + self.adapters).substitute(known, port=_free_port())
            (self.home(worker) / "config.toml").write_text(text, encoding="utf-8")
            for name in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MODEL_KEY"):
                secret = secrets / name
                secret.touch(mode=0o600)
                secret.write_text("not-a-real-key", encoding="utf-8")
        self.spl("fleet", "start", "--workers", "2", "--port", str(_free_port()))

    def stop(self) -> None:
        self.spl("fleet", "stop", "--all", check=False)

    @property
    def latest(self) -> str:
        """The alias of the last task."""
        return f"M-{self._count:03d}"

    def fan_out(self, *subtasks: str) -> str:
        """Give a new task these subtasks (flags of `spl task fan-out`); its alias."""
        self._count += 1
        alias = self.latest
        self.spl("task", "add", f"case {self._count}", "--alias", alias)
        flags = [word for one in subtasks for word in ("--subtask", one)]
        self.spl("task", "fan-out", alias, *flags, "--join", "all")
        return alias

    def subtasks(self, alias: str) -> list[dict[str, Any]]:
        return list(self.json("task", "join-status", alias)["subtasks"])

    def ended(self, alias: str, limit_secs: float = LIMIT_SECS) -> list[dict[str, Any]]:
        """The subtasks, once all have a verdict."""
        return wait(lambda: _all_ended(self.subtasks(alias)), f"the end of {alias}", limit_secs)

    def records(self, worker: str, topic: str, alias: str) -> list[dict[str, Any]]:
        """Bodies of the observations on a worker of one kind that belong to a task's subtasks."""
        threads = {one.get("child_thread") for one in self.subtasks(alias)}
        url = self.home(worker)
        environ = {**self.environ, "SYNCROPEL_HOME": str(url)}
        ran = subprocess.run(
            [sys.executable, "-m", "syncropel.cli.main", "records", "list", "--topic", topic, "-o", "json"],
            capture_output=True,
            text=True,
            env=environ,
            timeout=LIMIT_SECS,
            check=True,
        )
        found = json.loads(ran.stdout)
        rows = found["data"] if isinstance(found, dict) else found
        return [row["body"] for row in rows if row["body"].get("child_thread") in threads]

    def pid(self, worker: str) -> int:
        return int((self.home(worker) / "run" / "spl.pid").read_text(encoding="utf-8").split()[0])

    def kill(self, worker: str) -> None:
        """SIGKILL its daemon, and wait until it is gone."""
        pid = self.pid(worker)
        os.kill(pid, signal.SIGKILL)
        wait(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "its end")

    def kill_all(self, worker: str) -> None:
        """SIGKILL its daemon, and then its agents with their supervisors."""
        self.kill(worker)
        for one in self.agents():
            with contextlib.suppress(psutil.Error):
                one.kill()
        wait(lambda: not self.agents(), "an empty process tree", 30)

    def restart(self) -> None:
        """Start what does not run."""
        self.spl("fleet", "start", "--workers", "2")

    def runs(self, word: str) -> bool:
        """Whether one of them has this word in its command."""
        for one in self.agents():
            with contextlib.suppress(psutil.Error):
                if word in " ".join(one.cmdline()):
                    return True
        return False

    def agents(self) -> list[psutil.Process]:
        """Processes of agents and of what they started, in this fleet."""
        return list(_bearers(f"HOME={self.base}", "SPL_RUN="))


def _bearers(*marks: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            told = [f"{key}={value}" for key, value in process.environ().items()]
            if all(any(one.startswith(mark) for one in told) for mark in marks):
                yield process


def _all_ended(found: Sequence[dict[str, Any]]) -> Any:
    return found if found and all(one.get("verdict") for one in found) else None


def wait(look: Callable[[], Any], what: str, limit_secs: float = LIMIT_SECS) -> Any:
    """The first true answer. Raises TimeoutError."""
    until = time.monotonic() + limit_secs
    while not (found := look()):
        if time.monotonic() > until:
            raise TimeoutError(f"waited {limit_secs:g} s for {what}")
        time.sleep(0.2)
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
