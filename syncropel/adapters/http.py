"""The `http` adapter: the goal is posted to a URL, and the answer is the result."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final

import httpx

from syncropel.adapters.base import Job, Observe, Outcome
from syncropel.adapters.configured import missing
from syncropel.adapters.contract import Place
from syncropel.adapters.endpoint import KEYS, read_endpoint
from syncropel.adapters.files import Files
from syncropel.adapters.reading import SUMMARY_CHARS, printable
from syncropel.backoff import Backoff
from syncropel.errors import SetupError
from syncropel.folds.fanout.state import ACCEPT, number
from syncropel.peer.peers import trusted_roots
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

LONGEST_ANSWER: Final = 4 * 1024 * 1024
"""Longest answer that is read; a longer one is a failure."""
MOST_REDIRECTS: Final = 5
LONGEST_WAIT_SECS: Final = 60.0
"""Longest delay between two tries, even when the answer asks for more."""
HIDDEN: Final = "[secret]"
_VERDICTS: Final = (ACCEPT, "reject", "failed")
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_POST_AGAIN: Final = frozenset({307, 308})


@dataclass(frozen=True)
class Answer:
    """The result of one try. `transient`: another may succeed, after at least `wait_secs`."""

    outcome: Outcome
    transient: bool = False
    wait_secs: float = 0.0


class Transcript:
    """Requests and answers as JSON lines, without the secrets, wherever these occur."""

    def __init__(self, sink: BinaryIO, secrets: Iterable[str], runtime: Runtime) -> None:
        self._sink = sink
        self._secrets = tuple(secrets)
        self._runtime = runtime

    def write(self, **what: Any) -> None:
        """Write one line, at once."""
        line = json.dumps({"at": round(self._runtime.now(), 3), **what}, ensure_ascii=False)
        self._sink.write(line.encode("utf-8", "replace") + b"\n")
        self._sink.flush()

    def without_secrets(self, text: str) -> str:
        """This text, with every secret in it hidden."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class HttpAdapter:
    """Posts a goal and waits for the answer. A status of 2xx accepts; transient failures are retried."""

    def __init__(
        self, table: AdapterTable, place: Place, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        table.refuse_all_but("max_concurrent", *KEYS)
        self.name = table.name
        self._endpoint = read_endpoint(table)
        self._place = place
        self._transport = transport

    def problem(self) -> str:
        return missing(self._endpoint.secret_headers.values(), self._place)

    async def run(self, job: Job, observe: Observe) -> Outcome:
        files = Files.of(job, self._place.work, None)
        try:
            secrets = self._endpoint.secrets(self._place.secrets)
            files.kept.mkdir(parents=True, exist_ok=True)
            files.merged.unlink(missing_ok=True)
            with files.merged.open("xb") as sink:
                transcript = Transcript(sink, secrets.values(), self._place.runtime)
                outcome = await self._within_limit(job, secrets, transcript)
        except SetupError as error:
            return Outcome("failed", f"cannot post the goal: {error.message}")
        except (OSError, ValueError) as error:
            return Outcome("failed", f"cannot keep the answer: {error}")
        summary = transcript.without_secrets(outcome.summary)
        return replace(outcome, summary=summary, output=str(files.merged))

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """The connection ended with the daemon that had it."""

    async def _within_limit(self, job: Job, secrets: dict[str, str], transcript: Transcript) -> Outcome:
        try:
            async with asyncio.timeout(job.timeout_secs):
                return await self._until_settled(job, secrets, transcript)
        except TimeoutError:
            return Outcome("timeout", f"over its time limit of {job.timeout_secs:g}s")

    async def _until_settled(self, job: Job, secrets: dict[str, str], transcript: Transcript) -> Outcome:
        backoff = Backoff(LONGEST_WAIT_SECS, self._place.runtime.share)
        headers = {
            **self._endpoint.headers,
            "content-type": "application/json",
            "accept-encoding": "identity",  # a small answer that decompresses to gigabytes is not small
            "idempotency-key": _key(job),
        }
        content = json.dumps(_asked(job), ensure_ascii=False).encode("utf-8", "replace")
        async with httpx.AsyncClient(
            timeout=self._endpoint.timeout_secs,
            trust_env=False,
            transport=self._transport,
            verify=trusted_roots(),
        ) as client:
            for tries_left in range(self._endpoint.retries, -1, -1):
                shown = {"url": str(self._endpoint.url), "headers": headers, "body": _asked(job)}
                transcript.write(request=shown)
                answer = await self._once(client, content, headers | secrets, transcript)
                if not answer.transient or not tries_left:
                    break
                wait = min(max(backoff.failed(), answer.wait_secs), LONGEST_WAIT_SECS)
                transcript.write(waits_secs=round(wait, 3))
                await self._place.runtime.sleep(wait)
        return answer.outcome

    async def _once(
        self, client: httpx.AsyncClient, content: bytes, headers: dict[str, str], transcript: Transcript
    ) -> Answer:
        limit = self._endpoint.timeout_secs
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(client, content, headers, transcript)
        except (TimeoutError, httpx.TimeoutException):
            problem = f"no answer within {limit:g}s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = transcript.without_secrets(str(error) or type(error).__name__)
        transcript.write(error=problem)
        return Answer(Outcome("failed", f"{self._endpoint.url.host}: {problem}"), transient=True)

    async def _exchange(
        self, client: httpx.AsyncClient, content: bytes, headers: dict[str, str], transcript: Transcript
    ) -> Answer:
        url = self._endpoint.url
        for _ in range(MOST_REDIRECTS + 1):
            async with client.stream("POST", url, content=content, headers=headers) as response:
                if (packed := response.headers.get("content-encoding", "identity").lower()) != "identity":
                    told = f"HTTP {response.status_code}: the answer is packed ({printable(packed)[:40]})"
                    transcript.write(error=told)
                    return Answer(Outcome("failed", f"{told}, which was not asked for"))
                body = await _read(response)
                text = transcript.without_secrets((body or b"").decode("utf-8", "replace"))
                kind = response.headers.get("content-type", "")
                transcript.write(answer={"status": response.status_code, "content_type": kind, "body": text})
            if body is None:
                return Answer(Outcome("failed", f"the answer is over {LONGEST_ANSWER} bytes"))
            if not response.has_redirect_location:
                return _judged(response, text)
            to = url.join(response.headers["location"])
            if response.status_code not in _POST_AGAIN or _origin(to) != _origin(url):
                told = f"HTTP {response.status_code}: a redirect to {to.host or 'nowhere'} is not followed"
                return Answer(Outcome("failed", told))
            url = to
        return Answer(Outcome("failed", f"redirected more than {MOST_REDIRECTS} times"))


def _asked(job: Job) -> dict[str, Any]:
    asked = {
        "goal": job.goal,
        "attempt": job.attempt,
        "child_thread": job.child_thread,
        "hint": job.hint,
        "budget_usd": job.budget_usd,
    }
    return asked | ({"model": job.model} if job.model else {})


def _key(job: Job) -> str:
    """The same for every try of an attempt, so that a server can recognize a repeated request."""
    return hashlib.sha256(f"{job.child_thread}#{job.attempt}".encode("utf-8", "replace")).hexdigest()[:32]


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(response: httpx.Response) -> bytes | None:
    """The body; None when it is too long."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            return None
    return bytes(body)


def _judged(response: httpx.Response, text: str) -> Answer:
    shown = printable(text[: SUMMARY_CHARS * 4]).strip()[:SUMMARY_CHARS]
    if not response.is_success:
        outcome = Outcome("failed", f"{shown}\nHTTP {response.status_code}".strip())
        wait = response.headers.get("retry-after", "")
        secs = float(wait) if wait.isascii() and wait.isdigit() else 0.0
        return Answer(outcome, response.status_code in _TRANSIENT, secs)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not said.keys() & {"verdict", "summary", "cost_usd"}:
        return Answer(Outcome(ACCEPT, shown))
    verdict, summary, cost = said.get("verdict", ACCEPT), said.get("summary", ""), said.get("cost_usd", 0)
    if verdict not in _VERDICTS:
        return Answer(Outcome("failed", f"answered with an unknown verdict: {shown}"))
    summary = printable(str(summary))[:SUMMARY_CHARS]
    spent = number(cost, -1.0)
    if spent < 0:
        return Answer(Outcome(verdict, f"{summary}\nits cost_usd is not an amount".strip()))
    return Answer(Outcome(verdict, summary, spent))
