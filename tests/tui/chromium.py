"""A real browser without a window, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pyte
import pytest

LIMIT_SECS = 30.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class Tab:
    """One page. What came over its WebSocket is kept as the terminal that the page draws."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._count = socket, 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Event()
        self._session: str | None = None
        self._reader = asyncio.create_task(self._read())
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.status: int | None = None
        self.foreign: list[str] = []

    async def ask(self, method: str, **words: Any) -> Any:
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        message = {"id": self._count, "method": method, "params": words}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        return await asyncio.wait_for(answer, LIMIT_SECS)

    async def begin(self) -> None:
        target = await self.ask("Target.createTarget", url="about:blank")
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            await self.ask(f"{domain}.enable")

    async def open(self, url: str) -> int | None:
        """Go there; gives the HTTP status of the page."""
        self.status = None
        await self.ask("Page.navigate", url=url)
        while self.status is None:
            await self._something()
        return self.status

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, text=key if kind == "keyDown" else "", key=key
            )

    async def evaluate(self, words: str) -> Any:
        return (await self.ask("Runtime.evaluate", expression=words))["result"].get("value")

    async def sees(self, *wanted: str) -> None:
        """Wait until these stand on the terminal in the page."""
        try:
            while not all(one in self.text for one in wanted):
                await self._something()
        except TimeoutError:
            pytest.fail(f"{wanted} never came:\n{self.text}")

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _something(self) -> None:
        self._changed.clear()
        await asyncio.wait_for(self._changed.wait(), LIMIT_SECS)

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said.get("result", said.get("error")))
            else:
                self._hear(said.get("method", ""), said["params"])
            self._changed.set()

    def _hear(self, method: str, words: Any) -> None:
        if method == "Network.webSocketFrameReceived" and words["response"]["opcode"] == 2:
            self._stream.feed(base64.b64decode(words["response"]["payloadData"]))
        elif method == "Network.webSocketCreated":
            self.screen.reset()
        elif method == "Network.webSocketFrameSent":
            said = json.loads(words["response"]["payloadData"])
            if said[0] == "resize":
                self.screen.resize(said[1]["height"], said[1]["width"])
        elif method == "Network.responseReceived" and words["type"] == "Document":
            self.status = words["response"]["status"]
        elif method == "Network.requestWillBeSent":
            url = words["request"]["url"]
            self.foreign += [] if url.startswith(("http://127.0.0.1:", "data:", "blob:")) else [url]


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Tab]:
    """Start the browser with a profile of its own, and open a tab. Fails when there is no browser."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail("the page is tested in a real browser: install it with `apt-get install chromium`")
    browser = await asyncio.create_subprocess_exec(
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking", "--remote-debugging-port=0",
        "--window-size=1200,800", f"--user-data-dir={folder}", "about:blank",
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as http:
            assert browser.stderr is not None
            address = ""
            while "DevTools listening on" not in address:
                address = (await asyncio.wait_for(browser.stderr.readline(), LIMIT_SECS)).decode()
                assert address, "chromium ended"
            drain = asyncio.create_task(browser.stderr.read())
            async with http.ws_connect(address.split()[-1], max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.begin()
                yield tab
                await tab.close()
    finally:
        if browser.returncode is None:
            browser.terminate()
        await asyncio.wait_for(browser.wait(), LIMIT_SECS)
        drain.cancel()
        await asyncio.gather(drain, return_exceptions=True)
