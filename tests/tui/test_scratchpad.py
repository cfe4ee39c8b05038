"""The scratchpad of the Policy screen: an expression is tried while it is typed."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from syncropel.errors import DaemonUnreachable, RemoteError
from syncropel.policy.expression_contexts import CONTEXTS
from syncropel.wire import EXPRESSION_CONTEXTS, ExpressionValue
from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tests.tui.sample_policy import PolicyClient, invalid, opened
from tui.model import scratchpad
from tui.model.glyphs import UNICODE
from tui.model.scratchpad import Outcome, Trial


async def types(page: Console, words: str) -> None:
    """Type in the scratchpad, and wait for the pause after it."""
    await page.press(*("space" if char == " " else char for char in words))
    await page.passes(0.15)


def result(page: Console) -> str:
    return page.part("try-outcome")


async def test_a_value_is_told_with_its_type_and_cost() -> None:
    client = PolicyClient()
    client.evaluates = lambda _: ExpressionValue(value={"a": [1, 2]}, type="map", steps=14, micros=33.14)
    async with opened(client) as page:
        await page.press("x")
        await types(page, "{'a': [1,2]}")
        assert '= {"a": [1, 2]}' in result(page)
        assert "map · 14 steps · 33 µs" in result(page)
        assert client.tried == [{"context": "trigger", "expression": "{'a': [1,2]}", "thread": ""}]


async def test_it_is_tried_when_typing_pauses_and_not_for_every_key() -> None:
    client = PolicyClient()
    async with opened(client) as page:
        await page.press("x", *"true")
        assert client.tried == []
        assert "… asking" in result(page)
        await page.passes(0.15)
        assert [one["expression"] for one in client.tried] == ["true"]


async def test_the_context_goes_round_all_eight() -> None:
    client = PolicyClient()
    async with opened(client) as page:
        await page.press("x")
        await types(page, "true")
        for _ in range(8):
            await page.press("down")
            await page.passes(0.15)
        await page.press("up")
        await page.passes(0.15)
        tried = [one["context"] for one in client.tried]
        assert tried == [*EXPRESSION_CONTEXTS, EXPRESSION_CONTEXTS[0], EXPRESSION_CONTEXTS[-1]]
        assert f"context {EXPRESSION_CONTEXTS[-1]}" in page.part("try-head")


async def test_it_is_tried_against_a_real_thread() -> None:
    client = PolicyClient()
    async with opened(client) as page:
        await page.press("x")
        await types(page, "task.status")
        await page.press("tab")
        await types(page, "DOCS-11")
        assert client.tried[-1] == {"context": "trigger", "expression": "task.status", "thread": "DOCS-11"}
        await page.press("tab")
        assert page.app.screen.query_one("#expression", Input).has_focus


async def test_the_caret_stands_below_the_mistake() -> None:
    client = PolicyClient()
    client.evaluates = lambda fields: invalid("unknown field 'actt'", fields["expression"], 8, "known: act")
    async with opened(client) as page:
        await page.press("x")
        await types(page, "record.actt == 1")
        lines = page.app.screen.query_one("#try-outcome").text.splitlines()
        assert lines[0] == " " * (7 + 7) + "▲"
        assert "✗ unknown field 'actt' at line 1, column 8" in lines[1]
        assert "known: act" in lines[2]
        typed = page.app.screen.query_one("#expression", Input)
        below = "".join(part.text for part in page.app.screen._compositor.render_strips()[typed.region.y])
        assert below[lines[0].index("▲")] == "a", "of actt"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RemoteError(422, "t", "EVALUATION_FAILED", "divide by zero", "see types"), "? no value: divide by"),
        (RemoteError(404, "t", "NOT_FOUND", "no thread 'X'", "see the list"), "no thread 'X'"),
        (DaemonUnreachable("the daemon gave no answer", "see spl status"), "? not tried: the daemon gave no"),
    ],
)  # fmt: skip
async def test_an_expression_without_a_value_says_why(error: Exception, told: str) -> None:
    client = PolicyClient()
    client.evaluates = lambda _: error
    async with opened(client) as page:
        await page.press("x")
        await types(page, "1 / 0")
        assert told in result(page)
        assert "→" in result(page)


async def test_a_rule_is_tried_with_its_own_expression_in_its_own_context() -> None:
    client = PolicyClient()
    async with opened(client) as page:
        await page.press("tab", "equals_sign")
        await page.passes(0.15)
        assert client.tried[-1]["context"] == "routing"
        assert client.tried[-1]["expression"] == 'parent.domain == "docs" ? "worker-a" : ""'
        await page.press("escape", "tab", "tab", "equals_sign")
        assert any("only rules have expressions" in one.message for one in page.app._notifications)


async def test_keys_are_letters_while_typing_and_esc_goes_back() -> None:
    async with opened(PolicyClient()) as page:
        await page.press("x")
        await types(page, "1F?q/5")
        assert page.app.screen.query_one("#expression", Input).value == "1F?q/5"
        await page.press("escape")
        assert page.table("permission").has_focus
        assert page.app.screen.query_one("#expression", Input).value == "1F?q/5", "what was typed stays"
        assert page.app.is_running


async def test_an_emptied_line_forgets_what_it_said() -> None:
    client = PolicyClient()
    async with opened(client) as page:
        await page.press("x")
        await types(page, "1")
        assert "= true" in result(page)
        await page.press("backspace")
        assert "choose the context" in result(page)
        await page.passes(1)
        assert len(client.tried) == 1


async def test_trying_goes_on_while_another_try_hangs() -> None:
    client = PolicyClient()
    async with opened(client) as page:
        await page.press("x")
        await types(page, "1")
        await page.press("2")
        await page.press("3")
        await page.passes(0.15)
        assert [one["expression"] for one in client.tried] == ["1", "123"], "the overtaken one was never sent"


def test_the_contexts_are_those_that_the_engine_knows() -> None:
    assert set(EXPRESSION_CONTEXTS) == set(CONTEXTS)


@pytest.mark.parametrize(
    ("column", "scrolled", "place"), [(1, 0, 7), (5, 0, 11), (5, 4, 7), (5, 10, 7), (90, 0, 39)]
)
def test_the_caret_stays_in_sight(column: int, scrolled: int, place: int) -> None:
    assert scratchpad.caret("x" * 100, column, 7, scrolled, 40, "^") == " " * place + "^"


def test_the_caret_knows_wide_characters() -> None:
    assert scratchpad.caret('"日本" + x', 8, 7, 0, 80, "^") == " " * (7 + 9) + "^"


def test_a_long_value_is_cut_and_says_so() -> None:
    outcome = scratchpad.answered(ExpressionValue(value="x" * 5000, type="string", steps=1, micros=1.0))
    assert "characters more" in outcome.words[0]
    assert len(outcome.words[0]) < 2100


def test_a_value_obeys_nobodys_terminal() -> None:
    outcome = scratchpad.answered(ExpressionValue(value="\u202e\x9b2J", type="string", steps=1, micros=1.0))
    assert outcome.words[0].isprintable()


def test_the_command_line_says_the_same() -> None:
    assert Trial("1 + 1", "join", "X").command() == "spl expr eval '1 + 1' --context join --thread X"
    assert Trial("true", "trigger").command() == "spl expr eval true --context trigger"


def test_while_asking_the_last_words_stand() -> None:
    lines = scratchpad.outcome_lines(Outcome("value", ("true", "bool")).asking(), UNICODE)
    assert [one.text for one in lines] == ["… true", "  bool"]


async def test_a_rule_about_work_is_tried_in_its_own_context() -> None:
    client = PolicyClient()
    async with console(status=sample.status(), client=client, screen="policy") as page:
        await page.press(*["tab"] * 5, "down", "equals_sign")
        await page.passes(0.15)
        assert client.tried[-1]["context"] == "aitl"
        assert client.tried[-1]["expression"].startswith("record.body.budget_usd")
