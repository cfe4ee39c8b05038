"""Talks to other instances of the fleet: records in batches, heartbeats, and delays after failures."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import httpx

from syncropel.errors import CredentialRevoked, DaemonUnreachable, InvalidRecord
from syncropel.peer.link.links import Links
from syncropel.peer.link.protocol import is_link
from syncropel.peer.link.refusals import NotTaken
from syncropel.record.canonical import parse_json
from syncropel.record.model import Record
from syncropel.system.tls_problem import tls_problem
from syncropel.wire.fleet import Heartbeat
from syncropel.wire.leader import STALE_TERM, TERM_HEADER
from syncropel.wire.link_words import ENDPOINT

TIMEOUT_SECS: Final = 10.0
READ_SECS: Final = 5.0
"""How long a caller that waits for the answer is kept waiting: less than its own limit."""
_LOOKING: Final = httpx.Timeout(READ_SECS, read=60.0)
"""An instance examines each of its worktrees file by file."""
MAX_BATCH: Final = 500
_UNKNOWN_ROUTE: Final = (404, 405)
_UNKNOWN_TOKEN: Final = 401
_NO_DAEMON: Final = "check that a Syncropel daemon listens there"
_LINK_SCHEME: Final = ENDPOINT.removesuffix(":")
_LINKED: Final = f"{ENDPOINT}//worker"
"""What stands for the endpoint of an instance that is reached through its link, as a URL needs a host."""
_REFUSED: Final = (400, 401, 403, 409, 413, 421, 422)


class OlderPeer(DaemonUnreachable):
    """The other side does not know this request: its version is older."""


class RefusedByPeer(DaemonUnreachable):
    """The other side answers, but does not accept what this instance sent."""


class RevokedByPeer(RefusedByPeer):
    """The other side says that an instance was revoked: which one, and who says so."""

    def __init__(self, message: str, answer: dict[str, Any]) -> None:
        super().__init__(message, "see its log")
        self.instance, self.coordinator = str(answer.get("instance")), str(answer.get("coordinator"))


class Peers:
    """HTTP to other instances. `tokens` returns the bearer tokens to present to an instance (a DID; empty:
    this one's coordinator), best first: if one is not accepted, the next is tried. They are read for each
    call, since they may be created later. `trust`: what certificates are checked with; None: the system's
    CAs. `links`: how instances are reached whose endpoint is `link:`.
    """

    def __init__(
        self,
        tokens: Callable[[str], Sequence[str]],
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_secs: float = TIMEOUT_SECS,
        trust: ssl.SSLContext | None = None,
        links: Links | None = None,
    ) -> None:
        self._tokens = tokens
        self._links = links
        self._http = httpx.AsyncClient(
            timeout=timeout_secs, trust_env=False, transport=transport, verify=trust or trusted_roots()
        )

        self.speaks_as: Callable[[], str] = str
        """The term and the DID of a coordinator that asks; empty on a worker."""
        self.hear_leader: Callable[[str, Any], object] = lambda url, told: None
        """Called when somebody refuses a request because another leads: its URL, and who leads."""

    async def close(self) -> None:
        await self._http.aclose()

    async def post_records(
        self, endpoint: str, records: Sequence[Record], to: str = ""
    ) -> list[dict[str, Any]]:
        """Post a batch to the instance `to` (a DID; empty: this one's coordinator); return one outcome per
        record (`status`: created, duplicate, or error).

        Raises DaemonUnreachable when there is no valid answer.
        """
        posted = [wire(record) for record in records]
        if self._links is not None and is_link(endpoint):
            try:
                return await self._links.post_records(to, posted)
            except NotTaken as error:
                raise self._refusal(to, error.status, error.answer) from None
        answer = await self._post(f"{endpoint}/v1/records/batch", posted, to)
        outcomes = answer.get("data")
        if (
            not isinstance(outcomes, list)
            or len(outcomes) != len(records)
            or not all(isinstance(outcome, dict) for outcome in outcomes)
        ):
            raise DaemonUnreachable(f"{endpoint} gave an invalid answer to a batch", _NO_DAEMON)
        return outcomes

    async def heartbeat(self, endpoint: str, beat: Heartbeat) -> dict[str, Any]:
        """Post a heartbeat; return the coordinator's answer. Raises DaemonUnreachable."""
        return await self._post(f"{endpoint}/v1/fleet/heartbeat", beat.model_dump(mode="json"), "")

    async def leader(self, endpoint: str, nonce: str) -> dict[str, Any]:
        """Ask the coordinator there who leads (fields of the wire model `LeaderOut`); `nonce` is what it
        identifies itself by. Raises DaemonUnreachable.
        """
        url = f"{endpoint}/v1/leader"
        response, answer = await self._ask(self._request("GET", url, params={"nonce": nonce}), "")
        self._hear_of_leader(url, answer)
        if not response.is_success or not isinstance(answer, dict):
            raise DaemonUnreachable(f"{url} answered HTTP {response.status_code}", _NO_DAEMON)
        return answer

    async def announce(self, endpoint: str, claim: dict[str, Any]) -> None:
        """Tell the coordinator there that this instance leads. Raises DaemonUnreachable."""
        await self._post(f"{endpoint}/v1/leader/announce", claim, "")

    async def siblings(self, endpoint: str, parent_thread: str, child_intend: str) -> dict[str, Any]:
        """Ask this instance's coordinator for the other subtasks of an attempt's task (fields of the wire
        model `SiblingsOut`). Raises DaemonUnreachable.
        """
        body = {"parent_thread": parent_thread, "child_intend": child_intend}
        return await self._post(f"{endpoint}/v1/fleet/siblings", body, "")

    async def control(self, endpoint: str, message: dict[str, Any]) -> dict[str, Any]:
        """Tell a worker what is in force; return what it then enforces (fields of the wire model
        `ControlAnswer`). Raises OlderPeer when it does not support this, DaemonUnreachable.
        """
        return await self._post(f"{endpoint}/v1/fleet/control", message, str(message["to"]))

    async def output(
        self, endpoint: str, to: str, child_thread: str, query: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Ask the instance `to` (a DID) for a part of the output of one of its attempts.

        Returns the HTTP status and the answer: fields of the wire model `OutputPage`, or an error's. Raises
        DaemonUnreachable when there is no valid answer.
        """
        url = f"{endpoint}/v1/dispatches/{quote(child_thread, safe='')}/output"
        response, answer = await self._ask(self._request("GET", url, params=query), to)
        if not isinstance(answer, dict):
            raise DaemonUnreachable(f"{url} gave an invalid answer", _NO_DAEMON)
        return response.status_code, answer

    async def log(self, endpoint: str, to: str, query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask the instance `to` (a DID) for lines of its log.

        Returns the HTTP status and the answer: fields of the wire model `LogPage`, or an error's. Raises
        DaemonUnreachable when there is no valid answer.
        """
        url = f"{endpoint}/v1/fleet/log"
        response, answer = await self._ask(self._request("GET", url, params=query, timeout=_LOOKING), to)
        if not isinstance(answer, dict):
            raise DaemonUnreachable(f"{url} gave an invalid answer", _NO_DAEMON)
        return response.status_code, answer

    async def worktrees(
        self, endpoint: str, to: str, remove: Sequence[dict[str, Any]] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask the instance `to` (a DID) for its worktrees, or to `remove` those of these attempts.

        Returns the HTTP status and the answer: fields of the wire model `WorktreeList`, or an error's. Raises
        DaemonUnreachable when there is no valid answer.
        """
        if remove is None:
            request = self._request(
                "GET", f"{endpoint}/v1/worktrees", params={"here": "true"}, timeout=_LOOKING
            )
        else:
            url, body = f"{endpoint}/v1/worktrees/remove", {"attempts": list(remove)}
            request = self._request("POST", url, json=body, timeout=_LOOKING)
        response, answer = await self._ask(request, to)
        if not isinstance(answer, dict):
            raise DaemonUnreachable(f"{endpoint} gave an invalid answer", _NO_DAEMON)
        return response.status_code, answer

    async def merge(self, endpoint: str, to: str, body: dict[str, Any]) -> None:
        """Have the instance `to` (a DID) merge branches. Raises DaemonUnreachable unless it takes that on."""
        await self._post(f"{endpoint}/v1/merges", body, to)

    async def allow(self, endpoint: str, to: str, body: dict[str, Any]) -> None:
        """Say on the instance `to` (a DID) which files may run there. Raises DaemonUnreachable unless it
        takes that.
        """
        await self._post(f"{endpoint}/v1/worktrees/allow", body, to)

    @asynccontextmanager
    async def link(
        self, endpoint: str, query: dict[str, Any], limit_secs: float
    ) -> AsyncIterator[httpx.Response]:
        """Open a link to this instance's coordinator, or poll it: an answer whose body comes in pieces.
        `limit_secs`: the longest silence. Raises DaemonUnreachable.
        """
        timeout = httpx.Timeout(TIMEOUT_SECS, read=limit_secs)
        request = self._request("GET", f"{endpoint}/v1/fleet/link", params=query, timeout=timeout)
        if token := next(iter(self._tokens("")), ""):
            request.headers["authorization"] = f"Bearer {token}"
        try:
            response = await self._http.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise unreachable(endpoint, error) from None

    async def link_answer(self, endpoint: str, route: str, body: dict[str, Any]) -> None:
        """Answer a frame of the link: `acks` of records, `answers` to requests. Raises DaemonUnreachable."""
        await self._post(f"{endpoint}/v1/fleet/link/{route}", body, "")

    def _request(self, method: str, url: str, **more: Any) -> httpx.Request:
        if speaks_as := self.speaks_as():
            more["headers"] = {**more.get("headers", {}), TERM_HEADER: speaks_as}
        if url.startswith(ENDPOINT):
            url = url.replace(ENDPOINT, _LINKED, 1)
        try:
            return self._http.build_request(method, url, **more)
        except httpx.InvalidURL as error:
            raise DaemonUnreachable(f"{url}: {error}", "is that instance up?") from None

    async def _ask(self, request: httpx.Request, to: str) -> tuple[httpx.Response, Any]:
        """Send with the first token that is accepted there; return the response, and its JSON."""
        url = request.url.copy_with(query=None)
        if url.scheme == _LINK_SCHEME:
            return await self._ask_over_link(request, to)
        try:
            for token in self._tokens(to) or ("",):
                if token:
                    request.headers["authorization"] = f"Bearer {token}"
                response = await self._http.send(request)
                if response.status_code != _UNKNOWN_TOKEN or _names_revoked(response):
                    break
            return response, parse_json(response.content)
        except (httpx.HTTPError, InvalidRecord) as error:
            raise unreachable(str(url), error) from None

    def _hear_of_leader(self, url: str, answer: Any) -> None:
        if isinstance(answer, dict) and answer.get("code") == STALE_TERM:
            self.hear_leader(url, answer.get("leader"))

    async def _ask_over_link(self, request: httpx.Request, to: str) -> tuple[httpx.Response, Any]:
        if self._links is None:
            raise DaemonUnreachable(f"{to} is reached through a link", "ask the fleet's coordinator")
        limit_secs = request.extensions["timeout"]["read"]
        path, query = request.url.raw_path.decode("ascii").partition("?")[::2]
        body = json.loads(request.content) if request.content else None
        status, answer = await self._links.ask(to, request.method, path, query, body, limit_secs)
        return httpx.Response(status, json=answer), answer

    async def _post(self, url: str, body: Any, to: str) -> dict[str, Any]:
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"content-type": "application/json"}
        response, answer = await self._ask(self._request("POST", url, content=content, headers=headers), to)
        if response.status_code in _UNKNOWN_ROUTE:
            raise OlderPeer(f"{url} answered HTTP {response.status_code}", "upgrade that instance")
        if not response.is_success or not isinstance(answer, dict):
            if _names_revoked(response):
                raise RevokedByPeer(f"{url} answered HTTP 401 {answer.get('message', '')}".rstrip(), answer)
            raise self._refusal(url, response.status_code, answer)
        return answer

    def _refusal(self, where: str, status: int, answer: Any) -> DaemonUnreachable:
        """What an answer that is an error means; who leads is heard of from it."""
        told = answer.get("message", "") if isinstance(answer, dict) else ""
        self._hear_of_leader(where, answer)
        kind = RefusedByPeer if status in _REFUSED else DaemonUnreachable
        return kind(f"{where} answered HTTP {status} {told}".rstrip(), "see its log")


def _names_revoked(response: httpx.Response) -> bool:
    """Whether this is the answer to a revoked instance, and no other refusal."""
    if response.status_code != _UNKNOWN_TOKEN:
        return False
    try:
        answer = parse_json(response.content)
    except InvalidRecord:
        return False
    return isinstance(answer, dict) and answer.get("code") == CredentialRevoked.code


def unreachable(url: str, error: Exception) -> DaemonUnreachable:
    """An instance gave no answer: what was wrong, by its name if it was the certificate."""
    if (problem := tls_problem(error)) is not None:
        return DaemonUnreachable(f"{url}: {problem.told}", problem.hint, code=problem.code)
    return DaemonUnreachable(f"{url}: {error or type(error).__name__}", "is that instance up?")


@cache
def trusted_roots() -> ssl.SSLContext:
    """The trusted root certificates."""
    # Loaded once per process: reading them takes as long as everything else an engine needs to start.
    return httpx.create_ssl_context(trust_env=False)


def wire(record: Record) -> dict[str, Any]:
    """The eight fields as they are posted."""
    return {
        "thread": record.thread,
        "actor": record.actor,
        "act": record.act,
        "clock": record.clock,
        "parents": list(record.parents),
        "data_type": record.data_type,
        "judged_by": record.judged_by,
        "body": record.body,
    }
