"""What an agent says of itself, in every place of the console that repeats it: shown as text, and no more."""

from __future__ import annotations

import unicodedata

import pytest

from syncropel.wire.agents import AgentOut, GateOut
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console

WORDS = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2066\u200b\u2060\ufeff\u2028\U000e0041"
    "[bold red]markup[/] [@click=app.quit]x[/] \\[/]"
)
HOSTILE = WORDS + "z" * 20_000  # more than the largest of the screens holds
SIZES = [(80, 24), (120, 40), (200, 50)]


def client() -> FakeClient:
    agent = AgentOut(adapter=HOSTILE, session=HOSTILE, model=HOSTILE, denied=[HOSTILE] * 3)
    gate = GateOut(command=[HOSTILE], exit_code=1, tail=HOSTILE, output=HOSTILE)
    told = {"summary": HOSTILE, "last_words": HOSTILE, "why": HOSTILE, "output": HOSTILE, "reason": HOSTILE}
    child = sample.child(
        0, state="reject", verdict="reject", goal=HOSTILE, agent=agent, gate=gate, model=HOSTILE, **told
    )
    found = FakeClient()
    found.tasks(sample.tasks())
    found.join(sample.join(subtasks=[child, sample.child(1, summary=HOSTILE)], explanation=HOSTILE))
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [("tab",), ("enter",), ("enter", "enter")], ids=["tasks", "join", "subtask"])
async def test_it_is_text(size: tuple[int, int], keys: tuple[str, ...]) -> None:
    async with console(size, sample.status(), client(), screen="tasks") as page:
        await page.passes(1)
        await page.press(*keys)
        await page.passes(1)
        drawn = page.drawn
        odd = {unicodedata.name(one, repr(one)) for one in drawn if unicodedata.category(one)[0] == "C"}
        assert odd <= {"'\\n'"}
        assert not set(drawn) & {"\u2028", "\u2029"}
        assert all(len(line) <= size[0] for line in drawn.split("\n"))
        assert page.app.is_running
        if size[0] > 80 or keys == ("enter", "enter"):
            assert "[bold red]markup[/]" in drawn.replace("\n", ""), "markup is drawn as it is"
