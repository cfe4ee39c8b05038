"""What if the fan-out had another predicate, asked from the console."""

from __future__ import annotations

from syncropel.errors import DaemonUnreachable, RemoteError, SyncropelError
from tests.tui.console_page import Console
from tests.tui.sample_what_if import answer, opened
from tui.dialogs.what_if import PAUSE_SECS
from tui.model.glyphs import ASCII, UNICODE
from tui.model.what_if import failed_lines, what_if_lines


def test_the_two_timelines_stand_on_one_axis() -> None:
    """[1] ends with the real join; it has run half of its time when the supposed one comes."""
    words = [line for line, _ in what_if_lines(answer(), 31, 8, UNICODE)]
    assert words[0].startswith("it would have joined 5.0 s sooner")
    bars = [line[10:] for line in words if "[1]" in line and "━" in line]
    assert bars == ["━" * 20, "━" * 10 + "·" * 10]
    assert [line.index("▲") - 10 for line in words if "▲" in line] == [19, 10]
    assert any("joined after 5.0s at $0.20: 1 accepted, 1 ended, [0] tips it" in line for line in words)


def test_many_subtasks_are_counted_and_ascii_is_ascii() -> None:
    lines = what_if_lines(answer(bars=11), 60, 8, ASCII)
    assert sum("+3 more" in line for line, _ in lines) == 2
    assert all(ASCII.text(line).isascii() for line, _ in lines)


def test_the_subtask_that_tips_the_join_is_always_shown() -> None:
    late = answer(bars=40, tips=39)
    bars = [line.split()[1] for line, _ in what_if_lines(late, 60, 3, UNICODE) if line.startswith("  ✓")]
    assert bars == ["[0]", "[1]", "[39]"] * 2


def test_without_an_answer_the_reason_stands_there() -> None:
    told = failed_lines(SyncropelError("T is not fanned out", "fan it out"))
    assert told == [("T is not fanned out", "bad"), ("fan it out", "plain")]


def asked(page: Console) -> list[str]:
    sent = [call for call in page.client.sent if call.path.endswith("/what-if")]
    return [str(call.query["join"]) for call in sent if call.query]


async def test_it_begins_with_the_predicate_that_there_is_and_follows_what_is_typed() -> None:
    async with opened(answer()) as (page, dialog):
        assert dialog.focused == "join"
        assert dialog.value("join") == "all"
        await page.passes(PAUSE_SECS)
        assert "5.0 s sooner" in dialog.part("after-fields")
        await dialog.fill("join", "any")
        assert "sooner" not in dialog.part("after-fields"), "that was said of another predicate"
        await page.passes(PAUSE_SECS)
        assert asked(page) == ["all", "any"], "what was overtaken while typing is not asked"
        assert "supposed: any" in dialog.part("after-fields")
        assert dialog.part("command") == "$ spl task what-if DOCS-11 --join any"


async def test_a_mistake_stands_under_its_column_and_the_dialog_stays() -> None:
    source = "k_of_n > (2"
    wrong = RemoteError(
        422,
        "invalid",
        "INVALID_EXPRESSION",
        "unexpected end",
        f"{source}\n{' ' * 11}^\nclose it",
        place=(1, 12),
    )
    async with opened(wrong) as (page, dialog):
        await page.passes(PAUSE_SECS)
        assert dialog.part("after-fields").splitlines() == [
            source, " " * 11 + "^", "unexpected end", "close it",
        ]  # fmt: skip
        await dialog.press("escape")
        assert not dialog.is_open


async def test_a_daemon_that_is_gone_is_said() -> None:
    async with opened(DaemonUnreachable("no daemon answers", "start it: spl serve")) as (page, dialog):
        await page.passes(PAUSE_SECS)
        assert dialog.part("after-fields").splitlines() == ["no daemon answers", "start it: spl serve"]
