"""What needs attention in a fleet, in words, shared by the console's `!` and `spl fleet status --check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from syncropel.client.clock_text import clock_problem
from syncropel.client.freeze_text import unverified
from syncropel.client.leader_text import leader_problems
from syncropel.client.link_text import link_problem
from syncropel.freeze_levels import EMERGENCY
from syncropel.wire.work_words import of_collision, of_dispatch, of_fan_out

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, InstanceOut, LogState


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that needs attention. `name` is what a person calls it."""

    kind: Literal["leader", "log", "instance", "running", "fan-out", "files", "freeze", "rule"]
    name: str
    words: str


def attention(status: FleetStatus) -> list[Attention]:
    """Everything that needs attention, who leads and instances first; empty when nothing does."""
    return list(_found(status))


def _found(status: FleetStatus) -> Iterator[Attention]:
    for problem in leader_problems(status.leader) if status.leader is not None else ():
        yield Attention("leader", "the fleet:", problem.words)
    if status.log.state != "sound" and all(one.did != status.coordinator_did for one in status.instances):
        yield Attention("log", "the log", f"is {status.log.state}: {status.log.problem}")
    found = altered(status)
    for one in status.instances:
        if words := of_instance(one):
            yield Attention("instance", one.alias or one.did, words)
    for running in status.dispatches:
        if not found.isdisjoint((running.thread, running.child_thread)):
            words = "has an altered record below it"
        else:
            words = of_dispatch(running, status.at)
        if words:
            yield Attention("running", f"{running.alias or running.thread}[{running.index}]", words)
    for fanout in status.fanouts:
        if words := "has an altered record" if fanout.thread in found else of_fan_out(fanout):
            yield Attention("fan-out", fanout.alias or fanout.thread, words)
    for met in status.collisions:
        yield Attention("files", met.repo, of_collision(met))
    for freeze in status.freezes:
        name = "emergency stop" if freeze.level == EMERGENCY else freeze.namespace
        if freeze.level == EMERGENCY:
            yield Attention("freeze", name, f"is in force: {freeze.reason}")
        if freeze.waiting:
            yield Attention("freeze", name, f"not confirmed by {', '.join(freeze.waiting)}")
        if unproven := unverified(freeze):
            yield Attention("freeze", name, f"confirmed without proof by {', '.join(unproven)}")
    for rule in status.rules:
        if rule.waiting:
            yield Attention("rule", rule.name, f"not confirmed by {', '.join(rule.waiting)}")


def altered(status: FleetStatus | None) -> frozenset[str]:
    """The threads of which some instance has an altered record: their states are not proven."""
    if status is None:
        return frozenset()
    logs = [status.log, *(one.log for one in status.instances if one.log is not None)]
    return frozenset(thread for log in logs for thread in log.altered)


def of_instance(one: InstanceOut) -> str:
    """What is wrong with an instance; empty when nothing is, or when it is gone for good and sends no refused
    heartbeats.
    """
    if one.refused:
        return f"runs, but its heartbeats are refused: {one.refused}"
    if one.status in ("archived", "left"):
        return ""
    if one.status != "live":
        return f"is {one.status}"
    if one.health != "healthy":
        return f"is {one.health}"
    if unproven := [run for run in one.unended if run.ended]:
        pids = ", ".join(str(pid) for run in unproven for pid in run.left)
        if pids:
            return f"could not end what it ran: pid {pids}"
        return f"has ended {len(unproven)} runs, not proven empty"
    if one.log is not None and one.log.state != "sound":
        return _of_log(one.log)
    if problem := link_problem(one):
        return f"has its {problem}"
    if problem := clock_problem(one):
        return f"has its {problem}"
    return f"has a loop that waits: {one.backed_up}" if one.backed_up else ""


def _of_log(log: LogState) -> str:
    return f"has a log that is {log.state}: {log.problem}"
