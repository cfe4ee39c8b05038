"""Goals that are posted: what an answer comes to, what is tried again, and what is written down of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters import http as posting
from syncropel.adapters.contract import Place
from syncropel.adapters.http import HttpAdapter
from syncropel.errors import SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

URL = "https://agents.example/run"
SECRET = "Bearer s3cret-value"
Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """Gives one answer after the other, the last one for good."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bench:
    """An adapter before a server; `waits` is how long it waited between tries, `share` which part of each."""

    def __init__(self, folder: Path, server: Server, share: float = 1.0, **options: Any) -> None:
        self.folder, self.server = folder, server
        self.waits: list[float] = []
        (folder / "secrets").mkdir(exist_ok=True)
        runtime = Runtime(sleep=self.sleep, share=lambda: share)
        place = Place(folder / "work", folder / "run", runtime, secrets=folder / "secrets")
        table = AdapterTable("mine", "http", options={"url": URL, **options})
        self.adapter = HttpAdapter(table, place, httpx.MockTransport(server.handle))

    async def sleep(self, secs: float) -> None:
        self.waits.append(secs)

    async def run(self, **more: Any) -> Outcome:
        return await self.adapter.run(replace(Job("th_child", "do it", 1, 60.0), **more), self.observe)

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        raise AssertionError("a post is no event")

    def transcript(self) -> list[dict[str, Any]]:
        text = (self.folder / "work" / "th_child" / "attempt-1.log").read_text()
        return [json.loads(line) for line in text.splitlines()]


def says(status: int = 200, body: object = "", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else str(body).encode()
    content = json.dumps(body).encode() if isinstance(body, dict | list) else content
    return httpx.Response(status, content=content, headers=headers)


@pytest.mark.parametrize(
    ("answer", "verdict", "summary", "cost"),
    [
        (says(200, "done"), "accept", "done", 0.0),
        (says(204), "accept", "", 0.0),
        (says(200, "\x1b[31m" + "x" * 9000), "accept", (" [31m" + "x" * 9000).strip()[:500], 0.0),
        (says(200, b"\xff"), "accept", "\ufffd", 0.0),
        (says(200, {"summary": "did it", "cost_usd": 0.25}), "accept", "did it", 0.25),
        (says(200, {"verdict": "failed", "summary": "no"}), "failed", "no", 0.0),
        (says(200, {"verdict": "reject"}), "reject", "", 0.0),
        (
            says(200, {"verdict": "great"}),
            "failed",
            'answered with an unknown verdict: {"verdict": "great"}',
            0.0,
        ),
        (says(200, {"verdict": ["accept"]}), "failed", None, 0.0),
        (says(200, {"verdict": "terminated"}), "failed", None, 0.0),
        (says(200, {"cost_usd": -1}), "accept", "its cost_usd is not an amount", 0.0),
        (says(200, {"cost_usd": True, "summary": "s"}), "accept", "s\nits cost_usd is not an amount", 0.0),
        (says(200, {"other": 1}), "accept", '{"other": 1}', 0.0),
        (says(200, [1]), "accept", "[1]", 0.0),
        (says(400, "no such goal"), "failed", "no such goal\nHTTP 400", 0.0),
        (says(302, "", location="https://agents.example/x"), "failed", None, 0.0),
    ],
)
async def test_what_an_answer_comes_to(
    tmp_path: Path, answer: httpx.Response, verdict: str, summary: str | None, cost: float
) -> None:
    bench = Bench(tmp_path, Server(answer))
    outcome = await bench.run()
    assert (outcome.verdict, outcome.cost_usd) == (verdict, cost)
    assert summary in (outcome.summary, None)
    assert (len(bench.server.requests), bench.waits) == (1, [])
    assert outcome.output == str(tmp_path / "work" / "th_child" / "attempt-1.log")


async def test_what_is_posted(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, Server(says()), headers={"X-Team": "a"}, secret_headers={"Authorization": "TOKEN"}
    )
    (tmp_path / "secrets" / "TOKEN").write_text(SECRET)
    (tmp_path / "secrets" / "TOKEN").chmod(0o600)
    await bench.run(hint="h", budget_usd=0.5, model="m", attempt=1)
    request = bench.server.requests[0]
    assert (request.method, str(request.url)) == ("POST", URL)
    assert (request.headers["authorization"], request.headers["x-team"]) == (SECRET, "a")
    assert json.loads(request.content) == {
        "goal": "do it",
        "attempt": 1,
        "child_thread": "th_child",
        "hint": "h",
        "budget_usd": 0.5,
        "model": "m",
    }
    assert bench.transcript()[0]["request"]["body"]["goal"] == "do it"


async def test_a_secret_is_written_nowhere_even_when_the_server_sends_it_back(tmp_path: Path) -> None:
    server = Server(says(500, SECRET), httpx.ConnectError(f"no {SECRET}"), says(200, f"you sent {SECRET}"))
    bench = Bench(tmp_path, server, secret_headers={"Authorization": "TOKEN"})
    (tmp_path / "secrets" / "TOKEN").write_text(SECRET)
    (tmp_path / "secrets" / "TOKEN").chmod(0o600)
    outcome = await bench.run()
    assert outcome.summary == "you sent [secret]"
    assert SECRET not in str(bench.transcript())


@pytest.mark.parametrize("first", [*map(says, (408, 429, 500, 502, 503, 504)), httpx.ConnectError("down")])
async def test_what_may_pass_is_tried_again(tmp_path: Path, first: httpx.Response | Exception) -> None:
    bench = Bench(tmp_path, Server(first, says(200, "done")))
    assert (await bench.run()).verdict == "accept"
    keys = {request.headers["idempotency-key"] for request in bench.server.requests}
    assert (len(bench.server.requests), len(keys), len(bench.waits)) == (2, 1, 1)
    assert [next(key for key in line if key != "at") for line in bench.transcript()] == [
        "request",
        "answer" if isinstance(first, httpx.Response) else "error",
        "waits_secs",
        "request",
        "answer",
    ]


async def test_tries_come_to_an_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Server(says(503, "busy")), retries=4)
    outcome = await bench.run()
    assert (outcome.verdict, outcome.summary) == ("failed", "busy\nHTTP 503")
    assert bench.waits == [0.2, 0.4, 0.8, 1.6]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("86400", 60.0), ("tomorrow", 0.0)])
async def test_a_server_may_say_when_to_come_back(tmp_path: Path, asked: str, waited: float) -> None:
    answer = httpx.Response(429, headers={"retry-after": asked})
    bench = Bench(tmp_path, Server(answer, says()), share=0.0, retries=1)
    await bench.run()
    assert bench.waits == [waited]


@pytest.mark.parametrize(
    ("status", "to", "followed"),
    [
        (307, "/other", True),
        (308, "https://agents.example/other", True),
        (307, "https://elsewhere.example/run", False),
        (307, "http://agents.example/run", False),
        (307, "https://agents.example:8443/run", False),
        (301, "/other", False),
    ],
)
async def test_a_redirect_leads_to_no_other_host(
    tmp_path: Path, status: int, to: str, followed: bool
) -> None:
    server = Server(httpx.Response(status, headers={"location": to}), says(200, "done"))
    bench = Bench(tmp_path, server)
    outcome = await bench.run()
    assert outcome.verdict == ("accept" if followed else "failed")
    assert {request.url.host for request in server.requests} == {"agents.example"}
    assert len(server.requests) == 1 + followed


async def test_redirects_come_to_an_end(tmp_path: Path) -> None:
    server = Server(httpx.Response(307, headers={"location": "/again"}))
    outcome = await Bench(tmp_path, server).run()
    assert (outcome.verdict, len(server.requests)) == ("failed", posting.MOST_REDIRECTS + 1)


async def test_an_answer_without_end_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST_ANSWER", 1000)
    outcome = await Bench(tmp_path, Server(says(200, b"x" * 1001))).run()
    assert (outcome.verdict, outcome.summary) == ("failed", "the answer is over 1000 bytes")


class Slow(Server):
    def __init__(self, *answers: httpx.Response) -> None:
        super().__init__(*answers)
        self.asked = asyncio.Event()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.asked.set()
        await asyncio.sleep(600)
        raise AssertionError("unreachable")


async def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Slow(says()), timeout_secs=0.05, retries=1)
    outcome = await bench.run()
    assert (outcome.verdict, outcome.summary) == ("failed", "agents.example: no answer within 0.05s")
    assert len(bench.server.requests) == 2


async def test_the_time_limit_of_the_subtask_counts_over_all_tries(tmp_path: Path) -> None:
    outcome = await Bench(tmp_path, Slow(says())).run(timeout_secs=0.05)
    assert (outcome.verdict, outcome.summary) == ("timeout", "over its time limit of 0.05s")


async def test_a_run_that_is_stopped_lets_go_of_the_server(tmp_path: Path) -> None:
    server = Slow(says())
    bench = Bench(tmp_path, server)
    running = asyncio.ensure_future(bench.run())
    await server.asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [next(key for key in line if key != "at") for line in bench.transcript()] == ["request"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": ""}, "url must be an http or https URL"),
        ({"url": 7}, "url must be an http or https URL"),
        ({"url": "ftp://x/y"}, "url must be an http or https URL"),
        ({"url": "http://me:word@x/"}, "url must not contain a user or a password"),
        ({"timeout_secs": 0}, "timeout_secs must be a number above 0"),
        ({"timeout_secs": True}, "timeout_secs must be a number above 0"),
        ({"retries": -1}, "retries must be a whole number from 0 to 100"),
        ({"retries": 1.5}, "retries must be a whole number from 0 to 100"),
        ({"headers": "x"}, "headers must be a table of texts"),
        ({"headers": {"a b": "x"}}, "headers: a b is not a valid header name"),
        ({"headers": {"a": "x\r\ny"}}, "headers: a is not a valid header name"),
        ({"secret_headers": {"a": 1}}, "secret_headers: a is not a valid header name"),
        ({"method": "GET"}, "unknown key 'method' in [adapters.mine]"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    table = AdapterTable("mine", "http", options={"url": URL, **options})
    with pytest.raises(SetupError) as raised:
        HttpAdapter(table, Place(tmp_path, tmp_path, Runtime()))
    assert told in raised.value.message
    assert "word" not in raised.value.message.replace("password", "")


async def test_a_secret_that_is_missing_or_no_header_is_a_failure(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Server(says()), secret_headers={"Authorization": "TOKEN"})
    outcome = await bench.run()
    assert "there is no secret 'TOKEN'" in outcome.summary
    (tmp_path / "secrets" / "TOKEN").write_text("two\nlines")
    (tmp_path / "secrets" / "TOKEN").chmod(0o600)
    outcome = await bench.run()
    assert (outcome.verdict, bench.server.requests) == ("failed", [])
    assert "two" not in outcome.summary
