"""Prints the output of a subtask: as text, as JSON lines, or as raw bytes."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from syncropel.cli.support.numbers import size
from syncropel.cli.support.terminal import is_json, print_json_line, tell, write, write_bytes

if TYPE_CHECKING:
    from syncropel.client.output_text import EventDocuments, EventLines, OutputLines
    from syncropel.errors import SyncropelError
    from syncropel.wire import OutputPage


class Printer:
    """Prints the pages of one subtask's output in the requested form."""

    def __init__(self, args: Namespace, *, prefix: bool = False) -> None:
        self._args = args
        self._prefix = prefix
        self._lines: OutputLines | EventLines | None = None
        self._events: EventDocuments | None = None
        self._page: OutputPage | None = None
        self._lost = False

    def lost(self, error: SyncropelError) -> None:
        """Report that its instance, or the daemon, does not answer; output continues when it does again."""
        self._lost = True
        if is_json(self._args):
            index = self._page.index if self._page is not None else None
            print_json_line({"index": index, **error.envelope(), "object": "output.lost"})
        else:
            tell(f"{self._where()}{error.message}", "waiting for it to come back; Ctrl-C ends this")

    def _where(self) -> str:
        return f"[{self._page.index}] " if self._prefix and self._page is not None else ""

    def take(self, page: OutputPage) -> None:
        """Print what this page completes."""
        from syncropel.client import output_calls, output_text

        if self._page is not None and page.attempt != self._page.attempt:
            self.finish()
            tell(f"{self._where()}attempt {page.attempt} on {page.alias or 'another instance'}")
            self._page = None
        if self._lost:
            self._lost = False
            tell(f"{self._where()}it answers again: going on after byte {page.offset:,}")
        if self._page is not None and page.offset < self._page.next_offset:
            tell(f"{self._where()}the output was cut to {size(page.size)}: going on from there")
        if self._page is None or page.format != self._page.format:
            self._lines, self._events = output_text.reader(page.format), None
            if page.format == "events" and is_json(self._args):
                self._events = output_text.EventDocuments()
        self._page = page
        data = output_calls.data(page)
        if self._args.raw:
            write_bytes(data)
        elif self._events is not None:
            for event in self._events.add(data):
                print_json_line({"object": "output.event", **self._about(), **event})
        elif self._lines is not None:
            self._print(self._lines.add(data))

    def finish(self) -> None:
        """Print what is left of the last line, and in JSON the state of the attempt."""
        if self._page is None or self._args.raw:
            return
        if self._lines is not None and self._events is None:
            self._print(self._lines.finish())
        if is_json(self._args):
            told = self._page.model_dump(mode="json", exclude={"object", "data", "encoding", "next_offset"})
            print_json_line({"object": "output.state", **told})
        elif self._page.size == 0:
            so_far = "wrote nothing" if self._page.ended else "has not written anything yet"
            tell(f"{self._where()}attempt {self._page.attempt} {so_far}")

    def _print(self, lines: list[str]) -> None:
        if is_json(self._args):
            for line in lines:
                print_json_line({"object": "output.line", **self._about(), "text": line})
            return
        head = self._where()
        write(sys.stdout, "".join(f"{head}{line}\n" for line in lines))

    def _about(self) -> dict[str, int]:
        assert self._page is not None
        return {"index": self._page.index, "attempt": self._page.attempt}
