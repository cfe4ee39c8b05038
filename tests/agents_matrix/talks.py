"""The cases of agents that are talked to: what they ask, who answers, and what comes of it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.agents_matrix.cases import (
    FAILED,
    WORKERS,
    Plain,
    Row,
    frozen,
    killed,
    restart,
    resume,
    row_of,
    stop,
    together,
    unless,
)
from tests.agents_matrix.fleet import Fleet, wait

TALKING = ("claude-ask", "codex-ask", "gemini", "opencode")
DENIED = ("failed", "permission_denied")
BLIND = ("failed", "budget_blind")
SPENT = ("failed", "budget_exceeded")
IDLE = ("failed", "idle")
SILENT = "opencode asks again without a word"
PLAIN = [
    Plain("ok", "ok", ("accept", "")),
    Plain("edit, a rule allows", "edit:by-rule-{agent}.txt", ("accept", ""), "the file is there"),
    Plain("edit, a rule denies", "edit:never-{agent}.txt", DENIED, "nobody is asked"),
    Plain(
        "denied=ignore",
        "edit:never-{agent}.txt",
        {**dict.fromkeys(TALKING, ("accept", "")), "codex-ask": DENIED},
        "codex ends its turn when it is denied something",
        more=",denied=ignore",
    ),
    Plain("stall", "stall", IDLE, "the model never goes on"),
    Plain("API 400", "400", FAILED),
    Plain("API 401", "401", FAILED),
    Plain("API 429", "429", {**dict.fromkeys(TALKING, ("failed", "rate_limited")), "opencode": IDLE}, SILENT),
    Plain("API 500", "500", {**dict.fromkeys(TALKING, FAILED), "opencode": IDLE}, SILENT),
    Plain("huge", "huge", ("accept", ""), "an answer of 2 MB"),
    Plain("many turns", "turns:8", ("accept", "")),
    Plain("too many turns", "turns:30", ("failed", "max_turns")),
    Plain("budget", "turns:15", SPENT, "only claude is ended within its turn", more=",budget=0.004"),
    Plain(
        "token budget",
        "turns:3",
        {"claude-ask": SPENT, "codex-ask": SPENT, "gemini": SPENT, "opencode": BLIND},
        more=",budget_tokens=3000",
    ),
    Plain("time limit", "slow", ("timeout", ""), timeout=8),
]


def asked(fleet: Fleet, alias: str) -> dict[str, Any]:
    """The open question of a task's only subtask, with all that it shows."""
    return dict(fleet.json("task", "answer", alias, "0"))


def question(fleet: Fleet, alias: str) -> dict[str, Any]:
    """The same, once there is one."""

    def look() -> dict[str, Any] | None:
        with contextlib.suppress(RuntimeError):
            return asked(fleet, alias)
        return None

    return dict(wait(look, "a question", 60))


@contextlib.contextmanager
def allowing(fleet: Fleet, alias: Callable[[], str]) -> Iterator[None]:
    """An operator who allows whatever the task's only subtask asks."""
    over = threading.Event()

    def allow() -> None:
        while not over.wait(0.5):
            with contextlib.suppress(RuntimeError):  # there is no question that waits
                fleet.spl("task", "answer", alias(), "0", "--allow")

    operator = threading.Thread(target=allow)
    operator.start()
    try:
        yield
    finally:
        over.set()
        operator.join()


def allowed(case: Callable[[Fleet, str], Row]) -> Callable[[Fleet, str], Row]:
    """A case of agents that ask nobody, with an operator who allows everything."""

    def run(fleet: Fleet, agent: str) -> Row:
        with allowing(fleet, lambda: fleet.latest):
            return case(fleet, agent)

    run.__name__ = case.__name__
    return run


def edit(fleet: Fleet, agent: str, name: str) -> str:
    """Begin a task that edits a file; its alias."""
    where = f"target={WORKERS[agent]},adapter={agent},timeout=100"
    return fleet.fan_out(f"goal=Please play:edit:{name} now,{where}")


def allow(fleet: Fleet, agent: str) -> Row:
    """An operator allows an edit: what was shown is what is done."""
    alias = edit(fleet, agent, f"allowed-{agent}.txt")
    shown = question(fleet, alias)
    fleet.spl("task", "answer", alias, "0", "--allow")
    child = fleet.ended(alias)[0]
    path = fleet.repo / f"allowed-{agent}.txt"
    diffs = shown["shown"].get("diffs") or [{}]
    right = child["verdict"] == "accept" and path.exists() and shown["paths"] == [str(path)]
    right = right and diffs[0].get("new") == path.read_text()
    return row_of("edit, allowed", agent, child, "the diff that was shown", unless(right, [child, shown]))


def deny(fleet: Fleet, agent: str) -> Row:
    """An operator denies an edit."""
    alias = edit(fleet, agent, f"denied-{agent}.txt")
    question(fleet, alias)
    fleet.spl("task", "answer", alias, "0", "--deny", "--note", "not now")
    child = fleet.ended(alias)[0]
    right = (child["verdict"], child["reason"]) == DENIED
    right = right and not (fleet.repo / f"denied-{agent}.txt").exists()
    return row_of("edit, denied", agent, child, "there is no file", unless(right, child))


def held(fleet: Fleet, agent: str) -> Row:
    """The question waits for longer than the agent may be silent, and over a restart of the worker."""
    alias = edit(fleet, agent, f"held-{agent}.txt")
    first = question(fleet, alias)
    time.sleep(fleet.idle_secs + 3)
    fleet.kill(WORKERS[agent])
    fleet.restart()
    again = question(fleet, alias)
    fleet.spl("task", "answer", alias, "0", "--allow")
    child = fleet.ended(alias)[0]
    right = (child["verdict"], child["attempt"]) == ("accept", 1) and first["id"] == again["id"]
    right = right and (fleet.repo / f"held-{agent}.txt").exists()
    note = "held for 15 s and over a restart of the worker"
    return row_of("edit, held", agent, child, note, unless(right, child))


def stopped(fleet: Fleet, agent: str) -> Row:
    """An operator stops it while it waits for an answer."""
    alias = edit(fleet, agent, f"stopped-{agent}.txt")
    question(fleet, alias)
    fleet.spl("task", "stop", alias, "--subtask", "0")
    wait(lambda: not fleet.agents(), "an empty process tree", 30)
    child = fleet.ended(alias)[0]
    right = child["verdict"] == "terminated" and not (fleet.repo / f"stopped-{agent}.txt").exists()
    return row_of("stop in a question", agent, child, "no process is left", unless(right, child))


def second(fleet: Fleet, agent: str) -> Row:
    """An operator says something while the agent waits for an answer: it is its next prompt."""
    alias = edit(fleet, agent, f"first-{agent}.txt")
    question(fleet, alias)
    fleet.spl("task", "say", alias, "0", f"Please play:edit:by-rule-second-{agent}.txt now")
    fleet.spl("task", "answer", alias, "0", "--allow")
    child = fleet.ended(alias)[0]
    states = [one["state"] for one in fleet.json("task", "say", alias, "--list")["data"]]
    made = (fleet.repo / f"by-rule-second-{agent}.txt").exists()
    right = child["verdict"] == "accept" and states == ["answered"] and made
    return row_of("second prompt", agent, child, "both are done", unless(right, [states, made, child]))


SPECIAL: list[Callable[[Fleet, str], Row]] = [
    allow,
    deny,
    held,
    stopped,
    second,
    allowed(stop),
    allowed(killed),
    allowed(frozen),
    allowed(restart),
    allowed(resume),
    together,
]
