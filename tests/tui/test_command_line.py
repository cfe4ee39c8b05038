"""`:` as a person types it: words, completion, history, mistakes, and the dialogs that it opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input

from syncropel.cli.support.grammar import Grammar
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_page import Console, console
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn, pressing
from tests.tui.dialog_page import DialogPage
from tests.tui.fleets_page import consoles, daemon
from tui.dialogs.command import CommandScreen

__all__ = ["drawn"]


@asynccontextmanager
async def typing(size: tuple[int, int] = (120, 40), **how: Any) -> AsyncIterator[Console]:
    async with console(size, sample.status(), control.daemon(), grammar=Grammar(), **how) as page:
        yield page


async def command(page: Console, line: str) -> None:
    """Type a line after `:` and give it."""
    await begin(page, line)
    await page.press("enter")
    await page.settle()


async def begin(page: Console, line: str) -> None:
    await page.press(":", *line)


def line(page: Console) -> str:
    return page.app.screen.query_one("#line", Input).value


@pytest.mark.parametrize(
    ("typed", "title", "said"),
    [
        ("freeze docs/v0.11 bad prices", "Freeze", "$ spl kill --namespace docs/v0.11 --reason 'bad prices'"),
        ("kill --namespace docs --level hard --grace 5 --reason x --terminate", "Freeze",
         "$ spl kill --namespace docs --level hard --grace 5 --reason x --terminate"),
        ("kill --emergency", "Emergency stop", "$ spl kill --emergency"),
        ("drill", "drill", "spl drill kill"),
        ("drain start worker-a", "Drain", "$ spl drain start --instance worker-a"),
        ("drain start --instance worker-a", "Drain", "$ spl drain start --instance worker-a"),
        ("task retry DOCS-11 --subtask 2", "DOCS-11 [2]", "spl task retry DOCS-11 --subtask 2"),
        ("task say DOCS-11 2 'mind the tests'", "DOCS-11 [2]", "spl task say DOCS-11 2 'mind the tests'"),
        ("task merge DOCS-11 0 --into x --squash", "DOCS-11",
         "spl task merge DOCS-11 0 --into x --squash --dry-run"),
        ("task approve DOCS-11", None, "✗ "),
    ],
)  # fmt: skip
async def test_what_changes_the_fleet_opens_its_dialog_filled_in(
    typed: str, title: str | None, said: str
) -> None:
    async with typing(screen="tasks") as page:
        await command(page, typed)
        if title is None:
            assert said in page.part("hints")
            assert line(page) == typed, "the line is there to be mended"
            return
        dialog = DialogPage(page)
        assert title in dialog.title
        assert said.split("--reason")[0].strip() in dialog.words.replace("\n", " ")


@pytest.mark.parametrize(
    ("typed", "crumb"),
    [
        ("tasks", "Tasks"), ("feed", "Feed"), ("task DOCS-11", "Fleet › DOCS-11"),
        ("instance worker-a", "› worker-a"), ("task show DOCS-11", "› DOCS-11"), ("task list", "Tasks"),
        ("fleet status", "Fleet"), ("thread DOCS-11", "DOCS-11"),
    ],
)  # fmt: skip
async def test_words_that_go_somewhere(typed: str, crumb: str) -> None:
    async with typing() as page:
        await command(page, typed)
        assert crumb in page.part("header")


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("frezee docs", "there is no command 'frezee'", "did you mean freeze?"),
        ("xyzzy", "there is no command 'xyzzy'", "known: freeze"),
        ("task DOCS-12", "there is no task 'DOCS-12'", "did you mean DOCS-"),
        ("why", "which task?", "known: DOCS-11"),
        ("drain start worker-x", "there is no instance 'worker-x'", "did you mean worker-"),
        ("kill --levl hard", "has no flag --levl", "spl kill --help"),
        ("task retyr X", "'retyr'", "did you mean retry?"),
        ("theme mauve", "there is no theme 'mauve'", "known: "),
        ("context prod", "there is no context 'prod'", "known: local"),
        ("unlock", "this fleet is not locked", "allowed already"),
        ('task "DOCS', "no closing quotation", "close the quotation mark"),
        ("config permissions-unlock", "not done from the console", "in a shell: spl config"),
        ("fleet stop", "not done from the console", "in a shell: spl fleet stop"),
    ],
)  # fmt: skip
async def test_a_mistake_is_told_with_what_was_probably_meant(typed: str, message: str, hint: str) -> None:
    async with typing() as page:
        await command(page, typed)
        words = page.part("hints")
        assert message in words
        assert hint in words
        assert line(page) == typed
        await page.press("escape")
        assert not isinstance(page.app.screen, CommandScreen)


async def test_tab_completes_words_names_and_flags() -> None:
    async with typing() as page:
        await begin(page, "un")
        assert page.part("hints").startswith("unfreeze unkill unlock")
        await page.press("tab", "tab")
        assert line(page) == "unkill"
        assert "unfreeze [unkill] unlock" in page.part("hints")
        await page.press("escape")
        await begin(page, "kill --l")
        await page.press("tab")
        assert line(page) == "kill --level "
        await page.press("tab")
        assert line(page) == "kill --level soft"
        await page.press("escape")
        await begin(page, "drain start w")
        await page.press("tab")
        assert line(page) == "drain start worker-a"
        await page.press("escape")
        await begin(page, "freeze d")
        assert "docs docs/v0.11" in page.part("hints")


async def test_what_was_typed_comes_back_also_in_the_next_run(tmp_path: Path) -> None:
    place = tmp_path / "console.json"
    async with typing(preferences=place) as page:
        for one in ("tasks", "fleet", "xyzzy"):
            await command(page, one)
        await page.press("escape")
    async with typing(preferences=place) as page:
        await begin(page, "ta")
        await page.press("up")
        assert line(page) == "xyzzy"
        await page.press("up", "up", "up")
        assert line(page) == "tasks"
        await page.press("down", "down", "down")
        assert line(page) == "ta", "what was begun is there again"


async def test_what_is_typed_at_once_after_the_colon_is_no_key() -> None:
    async with typing() as page:
        for char in ":freeze Docs":
            page.app.post_message(events.Key(_character_to_key(char), char))
        await page.settle()
        assert line(page) == "freeze Docs"


async def test_a_colon_in_a_filter_is_a_colon() -> None:
    async with typing() as page:
        await page.press("/", *"status:stale")
        assert page.app.screen.filter.text == "status:stale"  # type: ignore[attr-defined]


async def test_filter_theme_lock_and_quit() -> None:
    async with typing() as page:
        await command(page, "filter status:stale")
        assert page.rows("instances") == [sample.WORKERS["c"]]
        await command(page, "theme console-day")
        assert page.app.theme == "console-day"
        await command(page, "lock")
        assert page.app.fleets.front.read_only
        await command(page, "unlock")
        assert DialogPage(page).title == "Unlock"
        await page.press("escape")
        await command(page, "quit")
        assert not page.app.is_running


async def test_a_command_goes_to_the_fleet_in_front() -> None:
    async with consoles({"local": daemon("local"), "prod": daemon("prod")}, grammar=Grammar()) as page:
        await command(page, "context prod")
        assert "[prod]" in page.part("header")
        await command(page, "freeze docs")
        dialog = DialogPage(page)
        assert dialog.dialog.query_one("#dialog").border_subtitle == "prod"
        assert dialog.greyed == "this console is read-only: not on this machine"


async def test_the_palette_jumps_to_tasks_instances_and_fleets() -> None:
    async with consoles({"local": daemon("local"), "prod": daemon("prod")}) as page:
        await page.app.typed("instance local-w")
        await page.settle()
        assert "› local-w" in page.part("header")
        await page.press("escape", "ctrl+p")
        await page.settle()
        from tui.app.palette import Jumps

        jumps = Jumps(page.app.screen)
        found = [str(hit.text) async for hit in jumps.search("prod")]
        assert found == ["context prod"]
        assert [str(hit.text) async for hit in jumps.search("LOCAL-1")] == ["task LOCAL-1"]


STATES = {
    "empty": ScreenState(("tab completes",), pressing(":")),
    "completion": ScreenState(("unfreeze [unkill] unlock",), pressing(*":un", "tab", "tab"), (SMALL,)),
    "usage": ScreenState(("drain start|stop INSTANCE",), pressing(*":drain "), (SMALL,)),
    "unknown": ScreenState(("did you mean freeze?",), pressing(*":frezee docs", "enter"), (USUAL,)),
}


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_picture(name: str, size: Size, drawn: Drawn) -> None:
    async with typing(size) as page:
        await STATES[name].steps(page)
        await drawn(page, STATES[name])
