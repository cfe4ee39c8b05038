"""`D`: practise the kill switch with the keyboard alone, on a fan-out made for it, and see the result."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from syncropel.client.drill import DrillReport, KillDrill, Step, reach
from syncropel.client.drill_records import PastDrill, page_of_drills, read_drills
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.model.drill import Progress, history_lines, report_lines, verdict_line
from tui.model.glyphs import Tone
from tui.model.request_state import Outcome, Stage
from tui.model.text import plain

LIMIT_SECS: Final = 20.0
PAGES: Final = 20
_TOKEN_BYTES: Final = 3
_WHAT: Final = (
    "A practice fan-out is started in a namespace of its own, frozen while it runs, written to at every "
    "instance, and lifted again. Nothing of yours is touched. It takes about five seconds.",
    "Measured: request to last confirmation, writes refused, writes leaked (must be 0), time to drain, "
    "time to recover.",
)


class DrillDialog(Dialog):
    """Start, progress by step, report, history. Leaving it during a drill lifts the practice freeze."""

    heading = "Kill switch drill"
    button = "Start the drill"
    letter = "s"
    danger = False

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress()
        self.report: DrillReport | None = None
        self._past: list[PastDrill] | None = None
        self._trouble = ""
        self._drill: asyncio.Task[None] | None = None
        self._leaving = False

    # content

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.outcome.stage is Stage.ASKING:
            return [(words, "plain") for words in _WHAT]
        if self.report is not None:
            return report_lines(self.report, self.glyphs)
        return self.progress.lines(now, self.glyphs, stopped=self.outcome.stage is not Stage.SENDING)

    def show(self) -> None:
        super().show()
        if self.is_shown:
            failed = self.report is not None and not self.report.ok
            self.query_one("#dialog").set_class(failed, "danger")

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        return self._history(now) if self.outcome.stage is Stage.ASKING else ()

    def _history(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._past is None:
            return [(self._trouble or "reading past drills", "warn" if self._trouble else "muted")]
        return history_lines(self._past, self.world.moment(now).now, self.glyphs)

    def command(self) -> str:
        return "spl drill kill" if self.outcome.stage is Stage.ASKING else ""

    def told(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.report is not None:
            return [*self._history(now), verdict_line(self.report, self.glyphs)]
        if self.outcome.stage is not Stage.SENDING:
            return super().told(now)
        if self._leaving:
            return [("stopping: the practice freeze is lifted first", "warn")]
        done = f"step {min(self.progress.done + 1, len(self.progress.steps))} of {len(self.progress.steps)}"
        return [(f"{done} · esc stops the drill and lifts its freeze", "muted")]

    # earlier drills

    def on_mount(self) -> None:
        super().on_mount()
        self.ask_again()

    def ask_again(self) -> None:
        if self._past is None:
            self.run_worker(self._learn(), exit_on_error=False)

    async def _learn(self) -> None:
        found: list[PastDrill] = []
        since: int | None = None
        try:
            for _ in range(PAGES):
                page = await self.ask(page_of_drills(since))
                found += read_drills(page.data)
                since = page.next_cursor
                if since is None:
                    break
        except SyncropelError as error:
            self._trouble = f"past drills could not be read: {plain(error.message)}"
        else:
            self._past = found
        self.show()

    # the drill

    def begin(self) -> None:
        self.progress, self._leaving = Progress(), False
        # The app's task: a worker of this screen would be gone before it could lift its freeze.
        self._drill = asyncio.create_task(self._run(), name="drill")

    async def _run(self) -> None:
        clock = self.console.clock
        try:
            self.report = await self._hold()
        except asyncio.CancelledError:
            self.outcome = Outcome(Stage.REFUSED, clock(), "stopped; the practice freeze is lifted")
        except SyncropelError as error:
            self.outcome = Outcome(Stage.REFUSED, clock(), f"broke off: {error.message}", error.hint)
        except Exception as error:  # noqa: BLE001 - the dialog must say that it is over, whatever happened
            words = f"broke off: unexpected {type(error).__name__}: {error}"
            self.outcome = Outcome(Stage.REFUSED, clock(), words, "see: spl fleet status")
        else:
            self.outcome = Outcome(Stage.DONE, clock())
            await self._learn()
        if self.is_current:
            self.show()

    async def _hold(self) -> DrillReport:
        session = self.session
        async with reach(session, session.target, session.outside.client) as clients:
            drill = KillDrill(
                session,
                clients,
                actor=self.actor,
                token=secrets.token_hex(_TOKEN_BYTES),
                limit_secs=LIMIT_SECS,
                now=session.clock,
                sleep=session.outside.sleep,
                say=self._heard,
            )
            return await drill.run()

    def _heard(self, step: Step, words: str, good: bool) -> None:
        self.progress = self.progress.heard(step, words, good, self.console.clock())
        if self.is_current:
            self.show()

    def way_out(self) -> str:
        return "Stop" if self.outcome.stage is Stage.SENDING else super().way_out()

    def why_not(self, now: float) -> str:
        return "it was held" if self.report is not None else super().why_not(now)

    def action_leave(self) -> None:
        """While it runs: stop it, and stay until its freeze is lifted. Otherwise close."""
        if self._drill is not None and not self._drill.done() and not self._leaving:
            self._leaving = True
            self._drill.cancel()
            self.show()
        elif self._drill is None or self._drill.done():
            self.withdraw()

    async def on_unmount(self) -> None:
        """The console is quitting: lift the practice freeze before the connection closes."""
        if self._drill is not None and not self._drill.done():
            self._drill.cancel()
            await asyncio.wait({self._drill}, timeout=5.0)
