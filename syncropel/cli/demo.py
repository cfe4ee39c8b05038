"""`spl demo`: a fleet with real work, in a temporary home, on free ports; it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NoReturn

from syncropel.cli import console, demo_agents
from syncropel.cli.support.connect import import_client
from syncropel.cli.support.parsing import Parser
from syncropel.cli.support.terminal import complain, say
from syncropel.cli.text import task as task_text
from syncropel.errors import SetupError
from syncropel.settings.home import Home, actor_from

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import JoinStatus

ALIAS: Final = "DEMO-001"
LIMIT_SECS: Final = 60.0
_POLL_SECS: Final = 0.2
_OURS: Final = ("SPL_", "SYNCROPEL_")

# Real work over the folder: its size, its duplicates, and then both in one answer.
_GOALS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (
        "find . -name '.?*' -prune -o -type f -name '*.py' -print0 | xargs -0 cat | wc -l"
        " | sed 's/^/lines of Python: /' | tee {share}/size",
        {"target": "worker-a"},
    ),
    (
        "find . -name '.?*' -prune -o -type f -name '*.py' -size +0 -print0 | xargs -0 sha256sum"
        " | cut -c1-64 | sort | uniq -d | wc -l"
        " | sed 's/^/files in more than one place: /' | tee {share}/doubles",
        {"target": "worker-b"},
    ),
    ("cat {share}/size {share}/doubles", {"target": "least-loaded-worker", "depends_on": [0, 1]}),
)


def configure(parser: Parser) -> None:
    parser.description = (
        "Start a coordinator and two workers in a temporary home, fan real work out over this folder and\n"
        "open the console on it. Two fake agents edit a scratch repository, each in its own worktree.\n"
        "When stdout is not a terminal, print the join and the speedup instead.\n"
        "Leaving stops the fleet and removes everything."
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    import_client()
    from syncropel.client import Client, Target

    screen = sys.stdout.isatty() and sys.stdin.isatty()
    with (
        tempfile.TemporaryDirectory(prefix="spl-demo-", ignore_cleanup_errors=True) as folder,
        _terminated_like_interrupted(),
    ):
        home = Home(Path(folder) / ".syncro")
        target = Target(socket=home.socket, home=home.display())
        agents = demo_agents.GOALS if demo_agents.offer_repository(home, Path(folder)) else ()
        with _fleet(home, Path(folder)) as farewell, Client(target) as client:
            _fan_out(client, Path(folder), (*_GOALS, *agents))
            return console.open_on(target, "tasks", farewell) if screen else _print(client)


def _print(client: Client) -> int:
    from syncropel.client import calls, worktree_calls

    status = _joined(client)
    say(*task_text.join_lines(status), "")
    for child in status.subtasks:
        say(f"[{child.index}] says:", *(f"    {line}" for line in child.summary.splitlines()))
    for tree in client.send(worktree_calls.worktrees()).data:
        say("", f"[{tree.index}] worked on the branch {tree.branch} of a scratch repository, in {tree.path}")
    say("", *task_text.speedup_lines(client.send(calls.speedup(ALIAS))))
    return 0 if status.complete else 1


def _joined(client: Client) -> JoinStatus:
    """The join once it is reached, or once it is out of reach. Raises SetupError after a minute."""
    from syncropel.client import calls

    deadline = time.monotonic() + LIMIT_SECS
    while time.monotonic() < deadline:
        status = client.send(calls.join(ALIAS))
        if status.complete or not status.satisfiable:
            return status
        time.sleep(_POLL_SECS)
    raise SetupError(f"{ALIAS} has not joined within {LIMIT_SECS:g}s: {status.explanation}", "try again")


def _fan_out(client: Client, share: Path, goals: Iterable[tuple[str, dict[str, Any]]]) -> None:
    from syncropel.client import calls

    actor = actor_from(os.environ)
    client.send(
        calls.create_task(
            {
                "goal": f"Describe the tree at {Path.cwd().name}/",
                "alias": ALIAS,
                "priority": "high",
                "domain": "demo",
                "criteria": ["its size is known", "its doubles are counted"],
                "actor": actor,
            }
        )
    )
    subtasks = [
        {"goal": script.replace("{share}", str(share)), "timeout_secs": LIMIT_SECS, **where}
        for script, where in goals
    ]
    client.send(calls.fan_out(ALIAS, {"subtasks": subtasks, "join": "all", "actor": actor}))


class _Farewell:
    """Stops the fleet and removes its files, once; a second caller waits until that is done.

    When a terminal closes, the signal and the terminal watcher may both call it.
    """

    def __init__(self, home: Home, folder: Path) -> None:
        self._home, self._folder = home, folder
        self._lock, self._done = RLock(), False

    def __call__(self) -> None:
        from syncropel.launcher.local import Local, local_workers
        from syncropel.launcher.teardown import stop

        with self._lock:
            if self._done:
                return
            say_nothing: Callable[[str], None] = lambda _: None  # noqa: E731
            stop(local_workers(self._home), say_nothing)
            stop([Local("coordinator", self._home)], say_nothing)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._done = True

    def on_hangup(self, *_: object) -> NoReturn:
        """The signal handler: nothing can be drawn any more, so no screen is restored."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self()
        os._exit(128 + signal.SIGHUP)


@contextmanager
def _fleet(home: Home, folder: Path) -> Iterator[_Farewell]:
    """A coordinator and two workers with bash goals in this folder; stopped at the end, whatever happens.

    Yields the function that stops them, for an exit that does not return here: loss of the terminal.
    """
    from syncropel.launcher.launcher import Launcher
    from syncropel.launcher.plan import FleetPlan

    # HOME and XDG_DATA_HOME keep backups and files written by goals out of the user's own home.
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "share"), "SYNCROPEL_HOME": str(home.path)}
    environ = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    plan = FleetPlan(workers=2, adapter="bash", bash_cwd=str(Path.cwd()), port=0, worker_port=0)
    say_nothing: Callable[[str], None] = lambda _: None  # noqa: E731
    farewell = _Farewell(home, folder)
    before = signal.signal(signal.SIGHUP, farewell.on_hangup)
    try:
        Launcher(home, plan, say, complain, progress=say_nothing, environ={**environ, **own}).run()
        say("")
        yield farewell
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
        farewell()
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """A TERM ends the demo as Ctrl-C does, so that the fleet is stopped then too."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
