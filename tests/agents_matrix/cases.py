"""The cases of the matrix: what is asked of an agent, and what has to come of it."""

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.agents_matrix.fleet import Fleet, wait

AGENTS = ("claude", "codex")
WORKERS = {
    "claude": "worker-a",
    "codex": "worker-b",
    "claude-ask": "worker-a",
    "codex-ask": "worker-b",
    "gemini": "worker-b",
    "opencode": "worker-a",
}
RESUMED_SECS = {"gemini": 80, "opencode": 30}
"""The time limit of attempts that go on in a session: gemini waits for its next minute, opencode is slow."""
REQUEST_USD = {"claude": 0.0058, "codex": 0.0056}
"""A little more than a request of the model costs."""
_FREEZE = ["kill", "--namespace", "default", "--level", "hard", "--terminate", "--accept-unverified"]


@dataclass(frozen=True)
class Row:
    """What one agent did in one case; `wrong` says what should have been otherwise."""

    case: str
    agent: str
    verdict: str
    reason: str
    tokens: str
    cost: str
    note: str
    wrong: str = ""


@dataclass(frozen=True)
class Plain:
    """A case whose result alone says all. `ends`: verdict and reason, for both agents or by agent."""

    name: str
    play: str
    ends: tuple[str, str] | dict[str, tuple[str, str]]
    note: str = ""
    adapter: str = ""
    more: str = ""
    timeout: float = 90

    def flag(self, agent: str) -> str:
        """The subtask of this case for an agent."""
        where = f"target={WORKERS[agent]},adapter={agent}{self.adapter},timeout={self.timeout:g}"
        return f"goal=Please play:{self.play} now,{where}{self.more}"


FAILED = ("failed", "agent_error")
PLAIN = [
    Plain("ok", "ok", ("accept", "")),
    Plain("edit", "edit:edited-{agent}.txt", ("accept", ""), "the file is there"),
    Plain(
        "denied",
        "edit:denied-{agent}.txt",
        ("failed", "permission_denied"),
        "the agent itself exits with 0",
        adapter="-shut",
    ),
    Plain("denied=ignore", "edit:denied-{agent}.txt", ("accept", ""), adapter="-shut", more=",denied=ignore"),
    Plain("long tool", "long:8", ("accept", "")),
    Plain("stall", "stall", ("failed", "idle"), "the model never goes on"),
    Plain("API 500", "500", FAILED),
    Plain("API 401", "401", FAILED),
    Plain("API 429", "429", ("failed", "rate_limited")),
    Plain("garbage", "garbage", FAILED, "the model answers with nonsense"),
    Plain("huge", "huge", ("accept", ""), "an answer of 2 MB"),
    Plain("many turns", "turns:8", ("accept", "")),
    Plain("too many turns", "turns:60", ("failed", "max_turns")),
    Plain("time limit", "long:60", ("timeout", ""), timeout=8),
    Plain(
        "budget",
        "turns:15",
        ("failed", "budget_exceeded"),
        "ended at most one request late",
        more=",budget=0.02",
    ),
    Plain("token budget", "turns:15", ("failed", "budget_exceeded"), more=",budget_tokens=4000"),
    Plain("gateway: edit", "edit:gated-{agent}.txt", ("accept", ""), adapter="-gate"),
    Plain("gateway: many turns", "turns:8", ("accept", ""), "the same cost as without it", adapter="-gate"),
    Plain("gateway: stall", "stall", ("failed", "idle"), "the request is cut", adapter="-gate"),
    Plain("gateway: API 500", "500", FAILED, adapter="-gate"),
    Plain("gateway: API 429", "429", ("failed", "rate_limited"), "busy, and no quota", adapter="-gate"),
    Plain("gateway: huge", "huge", ("accept", ""), "an answer of 2 MB", adapter="-gate"),
    Plain(
        "gateway: budget",
        "turns:15",
        ("failed", "budget_exceeded"),
        "nothing is sent on after the request that spent it",
        adapter="-gate",
        more=",budget=0.02",
    ),
    Plain(
        "gateway: token budget",
        "turns:15",
        ("failed", "budget_exceeded"),
        adapter="-gate",
        more=",budget_tokens=4000",
    ),
]


def run_plain(fleet: Fleet, cases: Sequence[Plain], agents: Sequence[str]) -> list[Row]:
    """All plain cases, as subtasks of one task for each agent."""
    rows = []
    started = {
        agent: fleet.fan_out(*(one.flag(agent).replace("{agent}", agent) for one in cases))
        for agent in agents
    }
    for agent, alias in started.items():
        for case, child in zip(cases, fleet.ended(alias, 600), strict=True):
            wanted = case.ends[agent] if isinstance(case.ends, dict) else case.ends
            right = (child["verdict"], child["reason"]) == wanted
            wrong = "" if right else f"wanted {wanted}: {str(child['summary'])[:400]}"
            rows.append(row_of(case.name, agent, child, case.note, wrong or _also(fleet, case, agent, child)))
    return rows


def _also(fleet: Fleet, case: Plain, agent: str, child: dict[str, Any]) -> str:
    """What else has to be so."""
    file = fleet.repo / case.play.partition(":")[2].replace("{agent}", agent)
    if case.note == "the file is there" and not file.is_file():
        return "the file is not there"
    if file.name.startswith(("denied-", "never-")) and file.exists():
        return "a denied edit was made"
    told = child["agent"] or {}
    if case.name == "budget" and child["cost_usd"] > 0.02 + 2 * REQUEST_USD.get(agent, 1.0):
        return "over the budget by more than a request"
    if case.name == "gateway: budget" and child["cost_usd"] > 0.02 + REQUEST_USD[agent]:
        return "over the budget by more than a request"
    if case.adapter == "-gate" and (told.get("gateway") or {}).get("disagrees"):
        return str(told["gateway"]["disagrees"])
    if case.ends == ("accept", "") and agent != "opencode" and (told.get("tokens") or 0) == 0:
        return "no tokens were told"
    if case.name == "ok" and child["summary"] != "All done.":
        return f"the summary is {child['summary']!r}"
    return ""


def row_of(case: str, agent: str, child: dict[str, Any], note: str = "", wrong: str = "") -> Row:
    """A result as a row."""
    told = child["agent"] or {}
    tokens = told.get("tokens") if told else 0
    cost = f"${child['cost_usd']:.4f}"
    if child["cost_unknown"]:
        cost = f"unknown, at least {cost}" if child["cost_usd"] else "unknown"
    reason = child["reason"] or ""
    return Row(
        case, agent, child["verdict"], reason, "unknown" if tokens is None else str(tokens), cost, note, wrong
    )


def begun(fleet: Fleet, agent: str, alias: str) -> dict[str, Any]:
    """The session that an agent has named, once it runs a tool."""
    worker = WORKERS[agent]
    wait(lambda: fleet.runs("sleep"), "a tool that runs")
    found = wait(
        lambda: fleet.records(worker, "syncropel.dispatch.agent_session.v1", alias), "the session in the log"
    )
    return dict(found[-1])


def stop(fleet: Fleet, agent: str) -> Row:
    """An operator stops it while a tool runs: nothing of it is left."""
    alias = fleet.fan_out(f"goal=Please play:long:60 now,target={WORKERS[agent]},adapter={agent}")
    begun(fleet, agent, alias)
    fleet.spl("task", "stop", alias, "--subtask", "0")
    wait(lambda: not fleet.agents(), "an empty process tree", 30)
    child = fleet.ended(alias)[0]
    return row_of("stop", agent, child, "no process is left", unless(child["verdict"] == "terminated", child))


def killed(fleet: Fleet, agent: str) -> Row:
    """The agent itself is killed while a tool runs: nothing of it is left."""
    alias = fleet.fan_out(f"goal=Please play:long:60 now,target={WORKERS[agent]},adapter={agent}")
    begun(fleet, agent, alias)
    session = fleet.records(WORKERS[agent], "syncropel.dispatch.session.v1", alias)[-1]
    os.kill(session["pid"], signal.SIGKILL)
    child = fleet.ended(alias)[0]
    wait(lambda: not fleet.agents(), "an empty process tree", 30)
    right = (child["verdict"], child["reason"]) == ("failed", "result_missing")
    return row_of("agent killed", agent, child, "no process is left", unless(right, child))


def frozen(fleet: Fleet, agent: str) -> Row:
    """A freeze that ends work comes while a tool runs."""
    alias = fleet.fan_out(f"goal=Please play:long:60 now,target={WORKERS[agent]},adapter={agent}")
    begun(fleet, agent, alias)
    fleet.spl(*_FREEZE, "--reason", "matrix")
    wait(lambda: not fleet.agents(), "an empty process tree", 30)
    fleet.spl("unkill", "--namespace", "default")
    child = fleet.ended(alias)[0]
    right = (child["verdict"], child["reason"]) == ("terminated", "frozen")
    return row_of("frozen", agent, child, "no process is left", unless(right, child))


def restart(fleet: Fleet, agent: str) -> Row:
    """The worker is killed while a tool runs: it takes the agent back, and counts nothing twice."""
    return _restarted(fleet, agent, agent, "worker killed")


def gated_restart(fleet: Fleet, agent: str) -> Row:
    """The same with an agent that asks through the worker's gateway."""
    return _restarted(fleet, agent, f"{agent}-gate", "gateway: worker killed")


def _restarted(fleet: Fleet, agent: str, adapter: str, case: str) -> Row:
    worker = WORKERS[agent]
    alias = fleet.fan_out(f"goal=Please play:long:12 now,target={worker},adapter={adapter}")
    session = begun(fleet, agent, alias)["session"]
    fleet.kill(worker)
    fleet.restart()
    child = fleet.ended(alias)[0]
    same = (child["verdict"], child["attempt"], (child["agent"] or {}).get("session")) == (
        "accept",
        1,
        session,
    )
    asked = agent == "opencode" or (child["agent"]["tokens"] if child["agent"] else 0)
    cost = abs(child["cost_usd"] - (child["agent"] or {}).get("cost_usd", 0)) < 1e-9
    note = "the same session and attempt, counted once"
    return row_of(case, agent, child, note, unless(same and asked and cost, child))


def gated_resume(fleet: Fleet, agent: str) -> Row:
    """A retry goes on with the session through the gateway."""
    return _resumed(fleet, agent, f"{agent}-gate", "gateway: resume")


def gated_frozen(fleet: Fleet, agent: str) -> Row:
    """A freeze that ends work comes while an answer streams in: the request is cut."""
    adapter = f"{agent}-gate"
    alias = fleet.fan_out(f"goal=Please play:slow now,target={WORKERS[agent]},adapter={adapter}")
    wait(
        lambda: fleet.records(WORKERS[agent], "syncropel.dispatch.agent_session.v1", alias),
        "the session in the log",
    )
    time.sleep(2)
    fleet.spl(*_FREEZE, "--reason", "matrix")
    wait(lambda: not fleet.agents(), "an empty process tree", 30)
    fleet.spl("unkill", "--namespace", "default")
    child = fleet.ended(alias)[0]
    right = (child["verdict"], child["reason"]) == ("terminated", "frozen")
    return row_of("gateway: frozen", agent, child, "the request is cut", unless(right, child))


def quota(fleet: Fleet, agent: str) -> Row:
    """The provider's quota is spent: the run ends, and the next waits until the provider is resumed."""
    where = f"target={WORKERS[agent]},adapter={agent}-gate"
    first = fleet.ended(fleet.fan_out(f"goal=Please play:quota now,{where}"))[0]
    paused = wait(lambda: fleet.json("provider", "list")["data"], "the pause", 30)
    alias = fleet.fan_out(f"goal=Please play:ok now,{where}")
    wait(lambda: "is paused until" in str(fleet.subtasks(alias)[0]["why"]), "what waits says why", 30)
    fleet.spl("provider", "resume", paused[0]["provider"])
    second = fleet.ended(alias)[0]
    right = (first["reason"], second["verdict"]) == ("rate_limited", "accept")
    note = "the next one waits until the provider is resumed"
    return row_of("gateway: quota spent", agent, first, note, unless(right, [first, second]))


def resume(fleet: Fleet, agent: str) -> Row:
    """A retry goes on with the session, and tells only its own tokens."""
    return _resumed(fleet, agent, agent, "resume")


def _resumed(fleet: Fleet, agent: str, adapter: str, case: str) -> Row:
    worker = WORKERS[agent]
    limit = RESUMED_SECS.get(agent, 8)
    alias = fleet.fan_out(f"goal=Please play:long:200 now,target={worker},adapter={adapter},timeout={limit}")
    first = fleet.ended(alias)[0]
    hint = "Please play:ok now"
    fleet.spl("task", "retry", alias, "--subtask", "0", "--hint", hint)
    child = wait(lambda: _second(fleet.subtasks(alias)[0]), "the second attempt")
    same = first["agent"]["session"] == child["agent"]["session"]
    right = same and child["verdict"] == "accept"
    return row_of(case, agent, child, "a retry in the session of the first attempt", unless(right, child))


def _second(child: dict[str, Any]) -> dict[str, Any] | None:
    return child if child["attempt"] == 2 and child.get("verdict") else None


def together(fleet: Fleet, agent: str) -> Row:
    """Two at once in one repository."""
    where = f"target={WORKERS[agent]},adapter={agent}"
    names = [f"by-rule-{agent}-{name}.txt" for name in ("one", "two")]
    children = fleet.ended(fleet.fan_out(*(f"goal=Please play:edit:{one} now,{where}" for one in names)))
    made = all((fleet.repo / name).exists() for name in names)
    right = made and [one["verdict"] for one in children] == ["accept", "accept"]
    return row_of("two at once", agent, children[0], "both edits are there", unless(right, children))


def unpriced(fleet: Fleet, agent: str) -> Row:
    """A budget in dollars where nobody knows the price: codex is not started, claude says what it costs."""
    more = ",model=a-model-of-nobody" if agent == "codex" else ""
    flag = f"goal=Please play:ok now,target={WORKERS[agent]},adapter={agent},budget=1{more}"
    child = fleet.ended(fleet.fan_out(flag))[0]
    wanted = ("failed", "budget_blind") if agent == "codex" else ("accept", "")
    note = "not started" if agent == "codex" else "claude tells its cost itself"
    right = (child["verdict"], child["reason"]) == wanted
    return row_of("budget without a price", agent, child, note, unless(right, child))


def lost(fleet: Fleet, agent: str) -> Row:
    """The worker is killed together with its agent: the same attempt goes on in the agent's session."""
    worker = WORKERS[agent]
    alias = fleet.fan_out(f"goal=Please play:long:12 now,target={worker},adapter={agent}")
    session = begun(fleet, agent, alias)["session"]
    fleet.kill_all(worker)
    fleet.restart()
    child = fleet.ended(alias)[0]
    started = fleet.records(worker, "syncropel.dispatch.session.v1", alias)
    right = (child["verdict"], child["attempt"], started[-1].get("resumes")) == ("accept", 1, session)
    return row_of(
        "worker and agent killed", agent, child, "the same session and attempt", unless(right, child)
    )


def gate_passes(fleet: Fleet, agent: str) -> Row:
    """A gate passes: it accepts a run that was only denied a tool call."""
    goal = f"goal=Please play:edit:denied-{agent}.txt now"
    child = fleet.ended(fleet.fan_out(f"{goal},target={WORKERS[agent]},adapter={agent}-shut,repo=gated"))[0]
    right = child["verdict"] == "accept" and (child["gate"] or {}).get("passed") and child["agent"]["denied"]
    return row_of("denied, gate passes", agent, child, "the denied call is told", unless(right, child))


def gate_fails(fleet: Fleet, agent: str) -> Row:
    """A gate fails: what the agent calls done is rejected, and nothing is committed."""
    where = f"target={WORKERS[agent]},adapter={agent},repo=gated"
    child = fleet.ended(fleet.fan_out(f"goal=Please play:edit:bad.txt now,{where}"))[0]
    gate = child["gate"] or {}
    right = (child["verdict"], child["reason"]) == ("reject", "gate_failed") and gate.get("exit_code") == 3
    right = right and "bad.txt is there" in child["summary"]
    return row_of("edit, gate fails", agent, child, "nothing is committed", unless(right, child))


SPECIAL: list[Callable[[Fleet, str], Row]] = [
    stop,
    killed,
    frozen,
    restart,
    lost,
    resume,
    together,
    gate_passes,
    gate_fails,
    unpriced,
    gated_restart,
    gated_resume,
    gated_frozen,
    quota,
]


def unless(right: object, told: object) -> str:
    """What is wrong with a row that is not right."""
    return "" if right else json.dumps(told)[:400]
