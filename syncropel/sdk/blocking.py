"""The client without an event loop: every call blocks until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from syncropel.offline.in_process import LoopThread
from syncropel.sdk.client import Client
from syncropel.sdk.fleet import ClientFleet
from syncropel.sdk.subscription import Subscription

P = ParamSpec("P")
Result = TypeVar("Result")
Inner = TypeVar("Inner", covariant=True)


class _Blocking(Generic[Inner]):
    """Runs the calls of an asynchronous object on an event loop in a thread of its own."""

    def __init__(self, inner: Inner, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._loop.is_here:
            work.close()
            raise RuntimeError("a callback cannot call the client that called it: it would wait for itself")
        try:
            done = self._loop.submit(work)
        except RuntimeError:
            work.close()
            raise RuntimeError("this client is closed") from None
        try:
            return done.result()
        except BaseException:
            done.cancel()
            raise


def _blocking(
    method: Callable[Concatenate[Inner, P], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[_Blocking[Inner], P], Result]:
    """A blocking version of the method."""

    @wraps(method)
    def blocking(self: _Blocking[Inner], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return self._run(method(self._inner, *args, **kwargs))

    return blocking


class SyncFleet(_Blocking[ClientFleet]):
    """`ClientFleet`, blocking."""

    status = _blocking(ClientFleet.status)
    add_task = _blocking(ClientFleet.add_task)
    task = _blocking(ClientFleet.task)
    fan_out = _blocking(ClientFleet.fan_out)
    progress = _blocking(ClientFleet.progress)
    wait = _blocking(ClientFleet.wait)
    freeze = _blocking(ClientFleet.freeze)
    unfreeze = _blocking(ClientFleet.unfreeze)


class SyncSubscription(_Blocking[Subscription]):
    """`Subscription`, blocking. Its callbacks run on the client's thread."""

    wait_closed = _blocking(Subscription.wait_closed)

    @property
    def cursor(self) -> str | None:
        """Where a new stream would continue; None before the first record."""
        return self._inner.cursor

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._inner.closed

    def close(self) -> None:
        """Stop following. Safe to call twice."""
        self._inner.close()


class SyncClient(_Blocking[Client]):
    """A client for programs without an event loop: `Client`, blocking, with the same arguments.

        with SyncClient(Client.local()) as client:
            print(client.fleet.status().live)

    It takes the client over, and closes it. It may be shared by threads.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client, LoopThread("syncropel-client"))
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every subscription, the connections, and the thread. Safe to call twice."""
        if self._closed:
            return
        self._run(self._inner.close())
        self._closed = True
        self._loop.stop()

    @property
    def fleet(self) -> SyncFleet:
        """Tasks, fan-outs, and the kill switch."""
        return SyncFleet(self._inner.fleet, self._loop)

    def subscribe(
        self, thread: str, callback: Callable[[dict[str, Any]], None], **options: Any
    ) -> SyncSubscription:
        """As `Client.subscribe`, with its options; every callback runs on the client's own thread.

        A callback cannot call the client, since it would wait for itself: RuntimeError.
        """

        async def subscribe() -> Subscription:
            return self._inner.subscribe(thread, callback, **options)

        return SyncSubscription(self._run(subscribe()), self._loop)

    emit = _blocking(Client.emit)
    intend = _blocking(Client.intend)
    fulfill = _blocking(Client.fulfill)
    emit_correction = _blocking(Client.emit_correction)
    emit_erasure = _blocking(Client.emit_erasure)
    emit_alias = _blocking(Client.emit_alias)
    emit_scope_transfer = _blocking(Client.emit_scope_transfer)
    emit_scope_claim = _blocking(Client.emit_scope_claim)
    query_thread = _blocking(Client.query_thread)
    query = _blocking(Client.query)
    rich_query = _blocking(Client.rich_query)
    search = _blocking(Client.search)
    health = _blocking(Client.health)
    infer = _blocking(Client.infer)
