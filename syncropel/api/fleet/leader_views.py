"""Who leads, as the API shows it."""

from __future__ import annotations

from syncropel.engine.engine import Engine
from syncropel.folds.fleet.leadership import FIRST_TERM
from syncropel.wire import LeaderOut, RivalOut, SplitOut
from syncropel.wire.leader import Place


def leader_out(engine: Engine, identity: str = "") -> LeaderOut:
    """Who leads, and what this instance is then. `identity`: by which it proves to an asker who it is."""
    leading, settings = engine.leading, engine.settings
    leader, former = leading.leader, leading.split
    split = SplitOut(did=former.did, url=former.url, problem=engine.announcing.problem) if former else None
    if leader is None:
        here = settings.role == "coordinator" and not leading.unclaimed
        known = engine.keyring.coordinator
        return LeaderOut(
            did=engine.instance.did if here else known,
            alias=settings.fleet.alias if here else "",
            term=FIRST_TERM,
            address=engine.instance.endpoint if here else settings.fleet.coordinator_url,
            place=_place(engine),
            instance=engine.instance.did,
            problem=_problem(engine),
            identity=identity,
        )
    return LeaderOut(
        did=leader.did,
        alias=leader.alias,
        term=leader.term,
        address=leader.address,
        since=leader.since,
        place=_place(engine),
        instance=engine.instance.did,
        told=leading.state.told.get(leader.term, ""),
        split=split,
        rivals=[RivalOut(did=one.did, alias=one.alias, address=one.address) for one in leading.rivals],
        problem=_problem(engine),
        identity=identity,
    )


def _place(engine: Engine) -> Place:
    leading = engine.leading
    if engine.settings.role == "worker":
        return "follows"
    if leading.standing.fenced is not None:
        return "fenced"
    return "unclaimed" if leading.unclaimed else "leads"


def _problem(engine: Engine) -> str:
    leading = engine.leading
    if leading.unclaimed:
        return "it coordinates without a term: its former coordinator is not told, and may run work"
    return leading.problem
