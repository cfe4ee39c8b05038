"""Both tutorials, typed as they are printed on a fleet as it comes, and what they say is printed."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.child_process import has_ended

from .conftest import Machine

SIGNS = {
    "<hash>": "[0-9a-f]{64}",
    "<did>": "did:sync:instance:[0-9a-f]{16}",
    "<short>": r"did:sync:instance:[0-9a-f]{8}\.\.\.",
    "<n>": r"\d+",
    "<ratio>": r"[12]\.\d\d",  # of walls as measured: 2.00 on the page, a little less on a busy machine
    "<word>": r"\S+",
}


def prints(out: str, page: str) -> None:
    """Whether each line of the page is printed, in its order; other lines may stand between.

    What differs from run to run stands on the page as one of `SIGNS`.
    """
    lines = iter(" ".join(line.split()) for line in out.splitlines())
    for wanted in filter(None, (" ".join(line.split()) for line in page.splitlines())):
        pattern = re.escape(wanted)
        for sign, meaning in SIGNS.items():
            pattern = pattern.replace(sign, meaning)
        assert any(re.fullmatch(pattern, line) for line in lines), f"{wanted!r} in its place:\n{out}"


STARTED = """
Starting local fleet: 1 coordinator + 2 workers
[coordinator] spawned PID <n> on :<n> (home=~/.syncro)
[worker-a] spawned PID <n> on :<n> (home=~/.syncro-worker-a)
[worker-b] spawned PID <n> on :<n> (home=~/.syncro-worker-b)
Waiting for fleet convergence (3 live)...
✓ fleet converged
"""
READY = """
Fleet ready. Inspect with:
spl fleet list
spl fleet status
"""


def test_your_first_fan_out(machine: Machine) -> None:
    machine = replace(machine, forks=None)
    started = machine.start()
    prints(started, STARTED + READY)
    prints(
        started,
        "✓ fleet converged\ncoordinator <short> on :<n>\nworker-a <short> on :<n>\nworker-b <short> on :<n>",
    )
    prints(machine.spl("fleet", "list"), "<did> http://127.0.0.1:<n> live <word> <word> healthy\n" * 3)
    prints(
        machine.spl("task", "add", "My first fan-out", "--priority", "high", "--alias", "FIRST-001"),
        "◇ Task created: My first fan-out\nthread: th_<hash>\nalias: FIRST-001",
    )
    dids = machine.dids()
    fanned = machine.spl(
        "task", "fan-out", "FIRST-001",
        "--subtask", f"goal=do thing A,target=specific:{dids['worker-a']}",
        "--subtask", f"goal=do thing B,target=specific:{dids['worker-b']}",
        "--join", "all",
    )  # fmt: skip
    prints(
        fanned, "◇ Fan-out parent INTEND created\nthread: th_<hash>\nrecord: <hash>\nsubtasks: 2\njoin: all"
    )
    machine.joined("FIRST-001")
    prints(
        machine.spl("task", "join-status", "FIRST-001"),
        f"""
        Fan-out join status: th_<hash>
        Subtasks: 2
        Spawned: 2 / 2
        Completed: 2 / 2
        Join predicate: all
        Join complete: yes
        Per-subtask:
        [0] do thing A → specific:{dids["worker-a"]}
        accept ($0.00, <n>s)
        [1] do thing B → specific:{dids["worker-b"]}
        accept ($0.00, <n>s)
        """,
    )
    prints(
        machine.spl("task", "speedup", "FIRST-001"),
        """
        Fan-out speedup report: th_<hash>
        Parallel run:
        subtasks: 2
        per-subtask walls: [<n>, <n>]
        parallel wall: <n>s (critical path = max)
        total cost: $0.0000
        Weak estimate (single-run, sanity check only):
        serial estimate: <n>s (sum of subtask walls)
        estimated speedup: <ratio>×
        caveat: summing subtask walls is a sanity check, not a
        rigorous measurement. For a clean comparison, run
        the same workload serially and pass the resulting
        thread via `--vs-serial <thread>`.
        """,
    )
    pids = machine.pids()
    machine.spl("fleet", "stop", "--all")
    assert all(has_ended(pid) for pid in pids.values())


def test_monday_morning(machine: Machine) -> None:
    prints(machine.start(), STARTED + READY)
    prints(
        machine.spl("fleet", "list"),
        "DID ENDPOINT STATUS VERSION UPTIME HEALTH\n3 live · 0 stale · 0 archived",
    )
    created = machine.spl(
        "task", "add", "Tutorial: parallel docs writing",
        "--priority", "medium",
        "--domain", "docs",
        "--hypothesis", "Validate spl task fan-out end-to-end on a 3-instance fleet.",
        "--criteria", "All 3 subtasks complete within wall-clock 5 minutes",
        "--alias", "TUT-001",
    )  # fmt: skip
    prints(created, "◇ Task created: Tutorial: parallel docs writing\nthread: th_<hash>\nalias: TUT-001")
    fanned = machine.spl(
        "task", "fan-out", "TUT-001",
        "--subtask", "goal=Write section A on Loki integration,target=worker-a,budget=0.50,timeout=300",
        "--subtask", "goal=Write section B on Prometheus integration,target=worker-b,budget=0.50,timeout=300",
        "--subtask",
        "goal=Write summary synthesizing A and B,target=least-loaded-worker,"
        "budget=0.50,timeout=300,depends=0+1",
        "--join", "all",
    )  # fmt: skip
    prints(
        fanned,
        """
        ◇ Fan-out parent INTEND created
        thread: th_<hash>
        record: <hash>
        subtasks: 3
        join: all
        The engine will spawn child INTENDs to the targeted workers
        and emit a join KNOW once the predicate is satisfied.
        Watch progress: spl task join-status TUT-001
        """,
    )
    dids = machine.dids()
    first = f"""
        Fan-out join status: th_<hash>
        Subtasks: 3
        Spawned: <n> / 3
        Completed: <n> / 3
        Join predicate: all
        Per-subtask:
        [0] Write section A on Loki integration → specific:{dids["worker-a"]}
        [1] Write section B on Prometheus integration → specific:{dids["worker-b"]}
        [2] Write summary synthesizing A and B → specific:<did>
        """
    prints(machine.spl("task", "join-status", "TUT-001"), first)
    prints(
        machine.spl("kill", "--namespace", "docs/v0.11", "--reason", "wrong approach on section A"),
        "✓ soft freeze of 'docs/v0.11' recorded",
    )
    prints(
        machine.spl("fleet", "status"),
        """
        Fleet status
        Coordinator URL: http://127.0.0.1:<n>
        Heartbeat: every 5s
        Instances: 3 live · 0 stale · 0 archived
        Active freezes:
        [soft] docs/v0.11 — wrong approach on section A
        Emergency stop: inactive
        """,
    )
    prints(machine.spl("unkill", "--namespace", "docs/v0.11"), "✓ unfreeze of 'docs/v0.11' recorded")
    prints(
        machine.spl("task", "retry", "TUT-001", "--subtask", "0"),
        "◇ Retry requested for subtask 0 on th_<hash>\nWatch progress: spl task join-status TUT-001",
    )
    machine.joined("TUT-001")
    prints(
        machine.spl("task", "show", "TUT-001"),
        """
        Task: Tutorial: parallel docs writing
        Thread: th_<hash>
        Alias: TUT-001
        Status: approved
        Priority: medium
        Hypothesis: Validate spl task fan-out end-to-end on a 3-instance fleet.
        Success Criteria:
        [ ] All 3 subtasks complete within wall-clock 5 minutes
        Evaluation:
        Completed by: engine
        Verdict: accept (by engine)
        Records: <n>
        """,
    )
    done = machine.spl("task", "join-status", "TUT-001")
    prints(done, "Spawned: 3 / 3\nCompleted: 3 / 3\nJoin predicate: all\nJoin complete: yes\nPer-subtask:")
    assert done.count("accept ($0.00, ") == 3
    prints(machine.spl("fleet", "status"), "Active freezes: (none)\nEmergency stop: inactive")
    pids = machine.pids()
    assert machine.spl("fleet", "stop", "--workers").splitlines() == [
        f"[worker-a] stopped (PID {pids['.syncro-worker-a']})",
        f"[worker-b] stopped (PID {pids['.syncro-worker-b']})",
    ]
    told = machine.json("fleet", "list", "--all")["data"]
    assert [one["health"] for one in told if one["role"] == "worker"] == ["draining"] * 2
    prints(machine.spl("fleet", "list"), "1 live · 0 stale · 0 archived")
    assert machine.spl("fleet", "stop", "--all") == f"[coordinator] stopped (PID {pids['.syncro']})\n"
    assert machine.spl("fleet", "list") == "0 live · 0 stale · 0 archived\n"
    assert all(has_ended(pid) for pid in pids.values())
    assert machine.spl("fleet", "stop", "--all") == "nothing to stop: the fleet is not running\n"
