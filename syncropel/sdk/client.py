"""The client for programs: emits records, reads them, follows threads, and runs work on a fleet."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import httpx

from syncropel.client.calls import health
from syncropel.sdk import inference, pages, queries, subscription
from syncropel.sdk.connection import UNIX, Connection, log, target
from syncropel.sdk.data import ClientData
from syncropel.sdk.fleet import ClientFleet
from syncropel.sdk.identity import Identity
from syncropel.sdk.membership import ClientMembership
from syncropel.sdk.posting import Clocks, Posting, envelope
from syncropel.sdk.reserved import ReservedKinds
from syncropel.sdk.results import EmitResult

_DRAIN_SECS: Final = 5.0
"""How long closing waits for a subscription to end."""


class Client(ReservedKinds):
    """A daemon, asked from an event loop.

        async with Client.local() as client:
            result = await client.emit(act="PUT", kind="music.catalog.track", body={}, thread="music.library")

    Network trouble and refusals raise nothing here: an emit says in its result what went wrong, and what
    reads gives nothing and logs a warning (logger `syncropel`). With `strict` it raises RemoteError or
    DaemonUnreachable where it would read nothing. Wrong arguments raise ValueError or TypeError before
    anything is sent. `fleet` raises always.
    """

    def __init__(
        self,
        *,
        endpoint: str = "http://localhost:9100",
        identity: Identity,
        timeout: float = 30.0,
        max_retries: int = 2,
        backoff_ms: float = 250.0,
        on_emit: Callable[[EmitResult], None] | None = None,
        api_key: str | None = None,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
        strict: bool = False,
    ) -> None:
        """`endpoint`: `http://…`, `https://…` or `unix:///path/of/run/spl.sock`. `api_key`: a bearer token
        (`spl token mint`). `timeout`: seconds. An emit is sent up to `max_retries` times again, after
        `backoff_ms` milliseconds, then twice that, and so on. `on_emit` is called with each result.
        `transport` replaces the network in tests.

        Raises TypeError for an identity that is none, ValueError for an endpoint that is none.
        """
        if not isinstance(identity, Identity):
            raise TypeError(f"an identity is an Identity, such as Identity.static(did), not {identity!r}")
        self.endpoint = endpoint.rstrip("/")
        self.identity = identity
        self.timeout, self.max_retries, self.backoff_ms = timeout, max_retries, backoff_ms
        self.on_emit, self.api_key = on_emit, api_key
        where = target(self.endpoint, identity.actor_did, api_key or "")
        self._connection = Connection(where, timeout, transport, strict)
        self._clocks = Clocks(time.time_ns)
        self._subscriptions: list[subscription.Subscription] = []
        self._closed = False

    @classmethod
    def local(
        cls,
        home: str | Path | None = None,
        identity: Identity | None = None,
        *,
        timeout: float = 30.0,
        strict: bool = False,
    ) -> Self:
        """The daemon of a home on this machine, over its Unix socket, as its operator.

        `home`: as SYNCROPEL_HOME, which it stands for (default `~/.syncro`). `identity`: SPL_ACTOR, or a DID
        made from the login name.
        """
        from syncropel.settings.home import Home, actor_from, home_from

        place = home_from(os.environ) if home is None else Home(Path(home).expanduser().absolute())
        who = identity or Identity.static(actor_from(os.environ))
        return cls(endpoint=f"{UNIX}{place.socket}", identity=who, timeout=timeout, strict=strict)

    @property
    def fleet(self) -> ClientFleet:
        """Tasks, fan-outs, and the kill switch; raises RemoteError and DaemonUnreachable."""
        return ClientFleet(self._connection, self.identity.actor_did)

    @property
    def data(self) -> ClientData:
        """The published client's files, which a fleet does not keep."""
        return ClientData()

    @property
    def membership(self) -> ClientMembership:
        """The published client's members, which a fleet does not have."""
        return ClientMembership()

    async def close(self) -> None:
        """End every subscription, then the connections. Safe to call twice."""
        self._closed = True
        followed, self._subscriptions = self._subscriptions, []
        for one in followed:
            with suppress(RuntimeError):  # of an event loop that is gone
                one.close()
                await one.wait_closed(_DRAIN_SECS)
        await self._connection.close()

    async def aclose(self) -> None:
        """The same as `close`."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def emit(
        self,
        *,
        act: str,
        kind: str,
        body: dict[str, Any],
        thread: str,
        refs: list[dict[str, str]] | None = None,
        parents: list[str] | None = None,
        data_type: str = "SCALAR",
        clock: int | None = None,
    ) -> EmitResult:
        """Append a record to a thread. `clock` None: derived from the time, in milliseconds since 1970.

        Raises SyncropelKindError, ValueError, and TypeError for invalid arguments, and nothing else.
        """
        posting = self._posting(act, kind, body, thread, refs, parents, data_type, clock)
        return self._told(await self._connection.post(posting))

    def emit_sync(
        self,
        *,
        act: str,
        kind: str,
        body: dict[str, Any],
        thread: str,
        refs: list[dict[str, str]] | None = None,
        parents: list[str] | None = None,
        data_type: str = "SCALAR",
        clock: int | None = None,
    ) -> EmitResult:
        """The same without an event loop; it blocks. For more than emitting, see SyncClient."""
        posting = self._posting(act, kind, body, thread, refs, parents, data_type, clock)
        return self._told(self._connection.post_blocking(posting))

    async def intend(
        self,
        goal: str,
        *,
        thread: str | None = None,
        parents: list[str] | None = None,
        kind: str = "core.intent",
        body: dict[str, Any] | None = None,
        clock: int | None = None,
    ) -> EmitResult:
        """Open a thread with an INTEND that has this `body.goal`; without `thread` a new one is created, see
        the result.
        """
        return await self.emit(
            act="INTEND",
            kind=kind,
            body={"goal": goal, **(body or {})},
            thread=inference.random_thread_id() if thread is None else thread,
            parents=parents,
            clock=clock,
        )

    async def fulfill(
        self,
        thread: str,
        summary: str,
        *,
        fulfills: str | list[str] | None = None,
        kind: str = "core.outcome",
        body: dict[str, Any] | None = None,
        parents: list[str] | None = None,
        clock: int | None = None,
    ) -> EmitResult:
        """Report the outcome of a thread with a KNOW. `fulfills`: the id, or ids, of the INTENDs that are
        done.
        """
        whole: dict[str, Any] = {"summary": summary, **(body or {})}
        if fulfills is not None:
            whole["fulfills"] = fulfills if isinstance(fulfills, str) else [*fulfills]
        return await self.emit(act="KNOW", kind=kind, body=whole, thread=thread, parents=parents, clock=clock)

    async def query_thread(
        self, thread: str, *, limit: int = 100, since: int | None = None
    ) -> list[dict[str, Any]]:
        """The first `limit` records of a thread with a clock above `since`, by clock.

        A thread is given by its id or by the alias of its task.
        """
        if not thread:
            raise ValueError("query_thread needs a thread")
        return await queries.of_thread(self._connection.read, thread, limit or 100, since)

    async def query(
        self,
        *,
        kind: str | None = None,
        actor: str | None = None,
        thread: str | None = None,
        since: int | None = None,
        limit: int = 100,
        where: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """The first `limit` records that match all of this; `kind`, `actor`, or `thread` is required.

        `since`: only those after this clock when a thread is given, otherwise after this sequence. `where`:
        paths such as `body.title`, and the values they must equal.
        """
        if not (kind or actor or thread):
            raise ValueError("query needs a kind, an actor or a thread")
        conditions = {**({"body.kind": kind} if kind else {}), **(where or {})}
        return await queries.filtered(self._connection.read, thread, actor, conditions, since, limit)

    async def rich_query(
        self,
        *,
        filter: dict[str, Any],  # noqa: A002 - the published name
        thread: str | None = None,
        sort: dict[str, int] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        explain: bool = False,
    ) -> dict[str, Any]:
        """`{"records": [...]}`: the first `limit` (default 100) records that match a filter document.

        `filter`: see `spl records query`; `{}` matches every record. `thread`: only this one, by id or alias.
        `sort`: paths, with 1 for ascending or -1 for descending; by sequence if omitted. `explain` adds how
        the first page was found, as `plan`.
        """
        if filter is None:
            raise ValueError("rich_query needs a filter; {} means every record")
        asked = {"thread": thread, "sort": sort, "limit": limit, "offset": offset, "explain": explain or None}
        document = {"filter": filter, **{key: value for key, value in asked.items() if value is not None}}
        return await queries.queried(self._connection.read, document)

    async def search(
        self,
        query: str,
        *,
        k: int = 10,
        thread: str | None = None,
        actor: str | None = None,
        kind: str | None = None,
        after_clock: int | None = None,
    ) -> dict[str, Any]:
        """The `k` records nearest in meaning, as `hits`. A fleet cannot do this yet: `disabled` is True."""
        if not query or not query.strip():
            raise ValueError("search needs a query")
        return {"embedder": None, "k": k, "hits": [], "disabled": True}

    def subscribe(
        self,
        thread: str,
        callback: Callable[[dict[str, Any]], None],
        *,
        since_clock: int | None = None,
        bearer: str | None = None,
        on_error: Callable[[subscription.SubscribeError], None] | None = None,
        on_open: Callable[[], None] | None = None,
        on_heartbeat: Callable[[], None] | None = None,
        reconnect_base_s: float = subscription.RECONNECT_BASE_SECS,
        reconnect_max_s: float = subscription.RECONNECT_MAX_SECS,
        max_reconnects: float = float("inf"),
        heartbeat_timeout_s: float = subscription.HEARTBEAT_TIMEOUT_SECS,
        transport: subscription.Transport | None = None,
    ) -> subscription.Subscription:
        """Call `callback` with each record of a thread above `since_clock`, or otherwise from now on.

        A stream that ends is reopened where it ended; `on_error` is called each time. Without `since_clock`,
        a stream that breaks before its first record may miss some. `bearer`: another token for the stream.
        Must be called from a running event loop.
        """
        if not thread:
            raise ValueError("subscribe needs a thread")
        if not callable(callback):
            raise TypeError("subscribe needs a function that takes a record")
        if self._closed:
            raise RuntimeError("this client is closed")
        wanted = subscription.Wanted(
            self.endpoint,
            thread,
            since_clock,
            self.api_key,
            bearer,
            callback,
            on_error,
            on_open,
            on_heartbeat,
            reconnect_base_s,
            reconnect_max_s,
            max_reconnects,
            heartbeat_timeout_s,
        )
        chosen = subscription.SseTransport() if transport is None else transport
        made = subscription.Subscription(wanted, chosen, self._connection.http)
        self._subscriptions = [*(one for one in self._subscriptions if not one.closed), made]
        return made

    async def health(self) -> dict[str, Any]:
        """The answer of `GET /health`; empty when there is none."""
        found: Any = await self._connection.read(health(), {})
        return found if isinstance(found, dict) else {}

    async def infer(
        self, request: dict[str, Any], options: inference.InferOptions | None = None
    ) -> inference.InferResult | inference.InferPending:
        """Ask for an inference, and wait for its answer unless the options say otherwise.

        Raises ValueError and TypeError for an invalid request, RuntimeError when the question is not
        accepted, TimeoutError when no answer comes in time.
        """
        chosen = options or inference.InferOptions()
        body = inference.build_infer_query_body(request)
        thread = chosen.thread or inference.random_thread_id()
        asked = await self.emit(act="INTEND", kind=inference.QUERY, body=body, thread=thread)
        if not asked.success:
            raise RuntimeError(f"cannot ask for an inference: {asked.error}")
        pending = inference.InferPending(asked.record_id or "", thread)
        return await self._answer(pending, asked.clock, chosen) if chosen.wait else pending

    async def _answer(
        self, pending: inference.InferPending, since: int | None, options: inference.InferOptions
    ) -> inference.InferResult:
        deadline = time.monotonic() + options.poll_timeout_ms / 1000
        while True:
            records = await self.query_thread(pending.thread_id, since=since, limit=pages.PAGE)
            result = inference.find_infer_result(records, pending.correlation_id)
            if result is not None:
                return result
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"no answer within {options.poll_timeout_ms} ms to {pending.correlation_id} "
                    f"on {pending.thread_id}"
                )
            await asyncio.sleep(options.poll_interval_ms / 1000)

    def _posting(
        self,
        act: str,
        kind: str,
        body: dict[str, Any],
        thread: str,
        refs: list[dict[str, str]] | None,
        parents: list[str] | None,
        data_type: str,
        clock: int | None,
    ) -> Posting:
        record = envelope(
            actor=self.identity.actor_did,
            act=act,
            kind=kind,
            body=body,
            thread=thread,
            refs=refs,
            parents=parents,
            data_type=data_type,
        )
        return Posting(record, clock, self._clocks, self.max_retries, self.backoff_ms / 1000)

    def _told(self, result: EmitResult) -> EmitResult:
        try:
            if self.on_emit is not None:
                self.on_emit(result)
        except Exception:  # noqa: BLE001 - a mistake in the program's own function must not lose the result
            log.exception("on_emit failed")
        return result
