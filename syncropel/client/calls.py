"""The requests to a daemon: one function each, returning a `Call` that knows the type of its answer.

Nothing here does I/O, so the blocking and the async client share every line of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote

from syncropel.client.late import loaded, schema
from syncropel.wire.start_words import PATH, WHILE_STARTING

if TYPE_CHECKING:
    from pydantic import BaseModel

Answer = TypeVar("Answer", bound="BaseModel")
QUERY_PATIENCE_SECS: Final = 120.0
"""An older daemon looks at up to a million records before it answers; a newer one stops in time."""


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request: the model of its answer, path, method, query, and JSON body.

    `repeatable`: sending it twice has the effect of sending it once, so clients may retry it. `lines` is a
    body of JSON lines instead of a document; `patience_secs` is how long the answer may take, if that is
    longer than usual.
    """

    model: type[Answer]
    path: str
    method: str = "GET"
    query: Mapping[str, str | int | float] | None = None
    body: Any = None
    repeatable: bool = True
    lines: bytes | None = None
    patience_secs: float | None = None

    @property
    def answer(self) -> type[Answer]:
        """The model, imported now."""
        model: type[Answer] = loaded(self.model)
        return model


def _query(**values: Any) -> dict[str, str | int | float]:
    return {key: value for key, value in values.items() if value is not None}


def _part(text: str) -> str:
    return quote(text, safe="")


def health() -> Call[schema.Health]:
    return Call(schema.Health, "/health")


def start() -> Call[schema.Start]:
    """How far the daemon's start has come."""
    return Call(schema.Start, PATH)


def engine_health(details: bool = False) -> Call[schema.EngineHealth]:
    return Call(schema.EngineHealth, "/v1/engine/health", query={"details": str(details).lower()})


def post_record(record: Mapping[str, Any]) -> Call[schema.PostedRecord]:
    """Append one record. Repeatable only with a clock: without one the daemon would assign a second one."""
    return Call(schema.PostedRecord, "/v1/records", "POST", body=dict(record), repeatable="clock" in record)


def post_batch(records: Sequence[Mapping[str, Any]]) -> Call[schema.BatchResult]:
    return Call(
        schema.BatchResult,
        "/v1/records/batch",
        "POST",
        body=[dict(record) for record in records],
        repeatable=all("clock" in record for record in records),
    )


def record(record_id: str) -> Call[schema.RecordOut]:
    return Call(schema.RecordOut, f"/v1/records/{_part(record_id)}")


def records(
    *,
    thread: str | None = None,
    actor: str | None = None,
    act: str | None = None,
    topic: str | None = None,
    since: int | None = None,
    limit: int | None = None,
) -> Call[schema.Page[schema.RecordOut]]:
    query = _query(thread=thread, actor=actor, act=act, topic=topic, since=since, limit=limit)
    return Call(schema.Page[schema.RecordOut], "/v1/records", query=query)


def query_records(query: Mapping[str, Any]) -> Call[schema.QueryResult]:
    """Run a query document: `filter`, `thread`, `sort`, `limit`, `offset`, `cursor`, `within_secs`,
    `explain`. Repeat it with the answer's `next_cursor` as its `cursor` until that is None.
    """
    return Call(
        schema.QueryResult, "/v1/records/query", "POST", body=dict(query), patience_secs=QUERY_PATIENCE_SECS
    )


def threads(*, since: int | None = None, limit: int | None = None) -> Call[schema.Page[schema.ThreadSummary]]:
    return Call(schema.Page[schema.ThreadSummary], "/v1/threads", query=_query(since=since, limit=limit))


def thread_records(
    thread: str, *, since: int | None = None, limit: int | None = None
) -> Call[schema.Page[schema.RecordOut]]:
    query = _query(since=since, limit=limit)
    return Call(schema.Page[schema.RecordOut], f"/v1/threads/{_part(thread)}/records", query=query)


def thread_state(thread: str) -> Call[schema.ThreadState]:
    return Call(schema.ThreadState, f"/v1/threads/{_part(thread)}/state")


def participants(thread: str) -> Call[schema.Page[schema.Participant]]:
    return Call(schema.Page[schema.Participant], f"/v1/threads/{_part(thread)}/participants")


def tasks(
    *,
    status: str | None = None,
    since: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Call[schema.Page[schema.TaskSummary]]:
    """Tasks, most recent change first. `since`: only those changed after this revision; `before`: the page
    after the one with this `next_cursor`.
    """
    query = _query(status=status, since=since, before=before, limit=limit)
    return Call(schema.Page[schema.TaskSummary], "/v1/tasks", query=query)


def task(name: str) -> Call[schema.TaskDetail]:
    return Call(schema.TaskDetail, f"/v1/tasks/{_part(name)}")


def create_task(fields: Mapping[str, Any]) -> Call[schema.TaskDetail]:
    return Call(schema.TaskDetail, "/v1/tasks", "POST", body=dict(fields), repeatable=False)


def fan_out(name: str, spec: Mapping[str, Any]) -> Call[schema.PostedRecord]:
    """Fan a task out; `spec` has subtasks, join, and optionally namespace, budget_usd, may_add.

    Returns the parent INTEND.
    """
    return Call(
        schema.PostedRecord, f"/v1/tasks/{_part(name)}/fan-out", "POST", body=dict(spec), repeatable=False
    )


def dispatch(asked: Mapping[str, Any]) -> Call[schema.Dispatched]:
    """Give a `goal`, or a `task`, to one instance: target, adapter, budget_usd, timeout_secs, hint, …"""
    return Call(schema.Dispatched, "/v1/dispatch", "POST", body=dict(asked), repeatable=False)


def dispatches() -> Call[schema.Page[schema.RunningDispatch]]:
    """What is running now, longest first."""
    return Call(schema.Page[schema.RunningDispatch], "/v1/dispatches")


def retry(
    name: str,
    index: int,
    actor: str,
    hint: str | None = None,
    target: str | None = None,
    budget_usd: float | None = None,
    *,
    model: str | None = None,
    resume: bool = False,
    allow_unknown: bool = False,
) -> Call[schema.PostedRecord]:
    # An older daemon rejects unknown keys.
    body = _query(
        index=index,
        actor=actor,
        hint=hint,
        target=target,
        budget_usd=budget_usd,
        model=model,
        resume=resume or None,
        allow_unknown=allow_unknown or None,
    )
    return Call(schema.PostedRecord, f"/v1/tasks/{_part(name)}/retry", "POST", body=body, repeatable=False)


def amend(
    name: str,
    actor: str,
    *,
    budget_usd: float | None = None,
    join: str | None = None,
    reason: str | None = None,
) -> Call[schema.PostedRecord]:
    """Set another budget or join predicate for a fan-out."""
    body = _query(actor=actor, budget_usd=budget_usd, join=join, reason=reason)
    return Call(schema.PostedRecord, f"/v1/tasks/{_part(name)}/amend", "POST", body=body, repeatable=False)


def answer(name: str, index: int, verdict: str, actor: str, reason: str = "") -> Call[schema.PostedRecord]:
    """Decide whether a subtask that waits for an operator may begin. `verdict`: accept or reject."""
    body = {"index": index, "verdict": verdict, "actor": actor, "reason": reason}
    return Call(schema.PostedRecord, f"/v1/tasks/{_part(name)}/answer", "POST", body=body, repeatable=False)


def join(name: str) -> Call[schema.JoinStatus]:
    return Call(schema.JoinStatus, f"/v1/tasks/{_part(name)}/join")


def speedup(name: str, serial: str | None = None) -> Call[schema.Speedup]:
    return Call(schema.Speedup, f"/v1/tasks/{_part(name)}/speedup", query=_query(vs_serial=serial))


def fleet_status(*, while_starting: bool = False) -> Call[schema.FleetStatus]:
    """`while_starting`: take instances and freezes alone, as long as the daemon reads its log."""
    query = {WHILE_STARTING: "true"} if while_starting else {}
    return Call(schema.FleetStatus, "/v1/fleet/status", query=query)


def instances() -> Call[schema.Page[schema.InstanceOut]]:
    return Call(schema.Page[schema.InstanceOut], "/v1/fleet/instances")


def instance(name: str) -> Call[schema.InstanceOut]:
    """One instance, by DID or alias."""
    return Call(schema.InstanceOut, f"/v1/fleet/instances/{_part(name)}")


def mint_service_account(
    sa_id: str, scopes: Sequence[str], actors: Sequence[str] = (), pulls_for: str = ""
) -> Call[schema.MintedToken]:
    """A new account with a token. `actors`: patterns of the actors it may write as; by default itself only.
    `pulls_for`: the namespace for which it may fetch bundles with the scope `federation:read`.
    """
    body: dict[str, Any] = {"sa_id": sa_id, "scopes": list(scopes)}
    body |= {"allowed_actors": list(actors)} if actors else {}
    body |= {"pulls_for": pulls_for} if pulls_for else {}
    return Call(schema.MintedToken, "/v1/service-accounts", "POST", body=body, repeatable=False)


def whoami() -> Call[schema.WhoAmI]:
    """The caller, and its scopes."""
    return Call(schema.WhoAmI, "/v1/whoami")


def freeze(fields: Mapping[str, Any]) -> Call[schema.ControlWritten]:
    """Freeze: level, namespace (not for an emergency), reason, grace_secs, terminate, actor."""
    return Call(schema.ControlWritten, "/v1/fleet/freeze", "POST", body=dict(fields), repeatable=False)


def blast(level: str, namespace: str | None = None, terminate: bool = False) -> Call[schema.BlastRadius]:
    """What a freeze set now would affect; without a namespace, an emergency stop."""
    query = _query(level=level, namespace=namespace, terminate=str(terminate).lower())
    return Call(schema.BlastRadius, "/v1/control/blast", query=query)


def unfreeze(actor: str, namespace: str | None = None, reason: str = "") -> Call[schema.ControlWritten]:
    """Lift the freeze of a namespace; without one, the emergency."""
    body = {"actor": actor, **({"emergency": True} if namespace is None else {"namespace": namespace})}
    body |= {"reason": reason} if reason else {}
    return Call(schema.ControlWritten, "/v1/fleet/unfreeze", "POST", body=body, repeatable=False)


def drain(fields: Mapping[str, Any]) -> Call[schema.DrainChanged]:
    """Start or stop draining: state, instance, deadline_secs, then, reason, actor."""
    return Call(schema.DrainChanged, "/v1/drain", "POST", body=dict(fields), repeatable=False)


def paused_providers() -> Call[schema.Page[schema.PauseOut]]:
    """The providers on which nothing starts."""
    return Call(schema.Page[schema.PauseOut], "/v1/fleet/providers")


def pause_provider(name: str, fields: Mapping[str, Any]) -> Call[schema.ProviderChanged]:
    """Start no goal on a provider for a while: secs, reason, actor."""
    return _provider(name, "pause", fields)


def resume_provider(name: str, fields: Mapping[str, Any]) -> Call[schema.ProviderChanged]:
    """Start goals on it again: actor."""
    return _provider(name, "resume", fields)


def _provider(name: str, verb: str, fields: Mapping[str, Any]) -> Call[schema.ProviderChanged]:
    path = f"/v1/fleet/providers/{quote(name, safe='')}/{verb}"
    return Call(schema.ProviderChanged, path, "POST", body=dict(fields), repeatable=False)


def drain_status(instance: str | None = None) -> Call[schema.DrainStatus]:
    """What is draining; `instance`: only this one, by DID or alias."""
    return Call(schema.DrainStatus, "/v1/drain", query=_query(instance=instance))


def namespaces() -> Call[schema.NamespaceList]:
    return Call(schema.NamespaceList, "/v1/namespaces")


def create_namespace(namespace: str, description: str, actor: str) -> Call[schema.ControlWritten]:
    body = {"namespace": namespace, "description": description, "actor": actor}
    return Call(schema.ControlWritten, "/v1/namespaces", "POST", body=body, repeatable=False)


def set_strict(strict: bool, actor: str) -> Call[schema.ControlWritten]:
    """Set whether only registered namespaces may be used."""
    return Call(
        schema.ControlWritten, "/v1/namespaces/strict", "PUT", body={"strict": strict, "actor": actor}
    )


def close_namespace(verb: str, namespace: str, actor: str) -> Call[schema.ControlWritten]:
    """`verb`: archive or delete."""
    body = {"namespace": namespace, "actor": actor}
    return Call(schema.ControlWritten, f"/v1/namespaces/{verb}", "POST", body=body, repeatable=False)
