"""`spl console --web`: who gets in, what is seen there, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.tui.chromium import chromium
from tests.tui.fake_daemon import FakeDaemon

LIMIT_SECS = 60.0
CONSOLE = [sys.executable, "-m", "syncropel.cli.main", "console", "--web"]


class Served:
    """A running `spl console --web`, and the address that it printed."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, said: str) -> None:
        self.process, self.url, self.said = process, url, said
        self.origin = url.partition("/?")[0]

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    async def ends(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), LIMIT_SECS)


@asynccontextmanager
async def served(home: Path, daemon: FakeDaemon, *words: str) -> AsyncIterator[Served]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "TEXTUAL"))}
    process = await asyncio.create_subprocess_exec(
        *CONSOLE, "--url", daemon.url, *words,
        env=environ | {"SYNCROPEL_HOME": str(home)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        first = (await asyncio.wait_for(process.stdout.readline(), LIMIT_SECS)).decode()
        second = (await asyncio.wait_for(process.stdout.readline(), LIMIT_SECS)).decode()
        yield Served(process, first.split()[-1], second)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined] # else it is closed when the loop is gone


async def test_the_console_in_a_browser(tmp_path: Path) -> None:
    with FakeDaemon().running() as daemon:
        async with served(tmp_path / "home", daemon) as page, chromium(tmp_path / "profile") as tab:
            assert await tab.open(page.url) == 200
            assert await tab.evaluate("location.href") == f"{page.origin}/", (
                "the token is not left in the address"
            )
            await tab.sees("● LIVE", "worker-b", "READ-ONLY")
            assert await tab.evaluate("document.body.classList.contains('-first-byte')")
            await tab.press("2")
            await tab.sees("DOCS-11", "not done yet")
            await tab.press("1")
            await tab.sees("INSTANCES 4")
            assert tab.foreign == [], "nothing is loaded from elsewhere"
            console = page.children()
            assert console
            assert await tab.open(page.url) == 403, "the token is good for one visit"
            _, alive = await asyncio.to_thread(psutil.wait_procs, console, LIMIT_SECS)
            assert not alive, "a page that is left ends its console"
            assert await tab.open(f"{page.origin}/") == 200, "the browser that brought it may come again"
            await tab.sees("● LIVE")
            console = page.children()
            assert await page.ends() == 0
            _, alive = await asyncio.to_thread(psutil.wait_procs, console, LIMIT_SECS)
            assert not alive


async def test_only_who_brings_the_token_gets_in(tmp_path: Path) -> None:
    with FakeDaemon().running() as daemon:
        async with (
            served(tmp_path, daemon) as page,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        ):

            async def status(path: str, **headers: str) -> int:
                async with http.get(page.origin + path, headers=headers, allow_redirects=False) as answer:
                    return answer.status

            assert "read-only" in page.said
            for path in ("/", "/ws", "/static/js/textual.js", "/page.js", "/?token=wrong", "/?token="):
                assert await status(path) == 403, path
            token = page.url.partition("/?")[2]
            assert await status(f"/?{token}", Host="evil.example") == 403
            assert await status(f"/?{token}") == 303, "what others tried has not used it up"
            assert await status(f"/?{token}") == 403
            async with http.get(f"{page.origin}/") as answer:
                assert answer.status == 200
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert await status("/", Host="evil.example:80") == 403, (
                "a name that was bound to this machine anew"
            )
            for origin in ("http://evil.example", "null", page.origin.replace("http", "https")):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await http.ws_connect(f"{page.origin}/ws", headers={"Origin": origin})
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await http.ws_connect(f"{page.origin}/ws")
            assert not page.children(), "nobody got a console"
            async with http.ws_connect(f"{page.origin}/ws", headers={"Origin": page.origin}) as socket:
                assert (await socket.receive(LIMIT_SECS)).type == aiohttp.WSMsgType.BINARY
                console = page.children()
                assert await page.ends(signal.SIGKILL) == -signal.SIGKILL
            _, alive = await asyncio.to_thread(psutil.wait_procs, console, LIMIT_SECS)
            assert not alive, "a console ends with its server, however that ends"
