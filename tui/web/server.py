"""Serves the console on loopback: a page with a terminal in it, and one console process per page."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from syncropel.errors import SetupError
from tui.web.gate import Gate

HERE: Final = Path(__file__).parent
STOP_SECS: Final = 5.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Console(AppService):
    """One console process; killed when it does not end on request."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return super()._build_environment(width, height) | {"TEXTUAL_DRIVER": "tui.web.driver:PageDriver"}

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        process = self._process
        try:
            await asyncio.wait_for(super().stop(), STOP_SECS)
        except TimeoutError:
            if process is not None:
                process.kill()
        if process is not None:
            await process.wait()


class Page(Server):
    """textual-serve behind the gate, with our own page that loads nothing from elsewhere."""

    def __init__(self, command: str, port: int) -> None:
        super().__init__(command, host="127.0.0.1", port=port, title="Syncropel")
        self.gate = Gate(port)
        self._open: set[web.WebSocketResponse] = set()

    async def application(self) -> web.Application:
        """The web application, with the gate in front of every route."""
        app = await self._make_app()
        app.middlewares.append(self.gate.guard)
        app.add_routes([web.get("/page.js", self._script)])
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the command line has."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Close the pages, and their consoles with them."""
        await asyncio.gather(*(one.close() for one in list(self._open)))

    async def handle_index(self, request: web.Request) -> web.Response:
        text = (HERE / "index.html").read_text(encoding="utf-8")
        return web.Response(
            text=text.replace("WEBSOCKET", f"ws://{request.host}/ws"), content_type="text/html"
        )

    async def _script(self, request: web.Request) -> web.Response:
        return web.Response(
            text=(HERE / "page.js").read_text(encoding="utf-8"), content_type="text/javascript"
        )

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run a console for as long as the page is there."""
        page = web.WebSocketResponse(heartbeat=15, timeout=2)
        await page.prepare(request)
        self._open.add(page)

        async def close() -> None:
            await page.close()

        console = Console(
            self.command,
            write_bytes=page.send_bytes,
            write_str=page.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        try:
            width, height = (to_int(request.query.get(name, ""), 80) for name in ("width", "height"))
            await console.start(width, height)
            await self._process_messages(page, console)
        finally:
            self._open.discard(page)
            await asyncio.shield(console.stop())
        return page


def serve(words: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
    """Serve the console that `words` start, until a signal asks it to end.

    `port` 0 takes a free one. `announce` receives the address, with its one-time token. Raises SetupError
    when the port is taken.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(words, port, announce))


async def _serve(words: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"cannot listen on 127.0.0.1:{port}: {error.strerror}", "leave out --port to take a free one"
            ) from None
        page = Page(f"exec {shlex.join(words)}", listening.getsockname()[1])
        runner = web.AppRunner(await page.application(), shutdown_timeout=STOP_SECS, access_log=None)
        await runner.setup()
        over = asyncio.Event()
        for one in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(one, over.set)
        try:
            await web.SockSite(runner, listening).start()
            announce(page.gate.url)
            await over.wait()
        finally:
            await runner.cleanup()
