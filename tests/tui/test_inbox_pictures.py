"""The Inbox and the dialog that answers, in all their states: in words, and as pictures."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from syncropel.wire import InboxItem, QuestionDetail
from tests.tui.console_page import Console
from tests.tui.console_states import SMALL, USUAL, WIDE, Drawn, ScreenState, Size, cases, drawn
from tests.tui.sample_inbox import InboxClient, answered, changed, decided, detail, inbox, item, late

__all__ = ["drawn"]

SITE = "th_" + "11" * 32
SOME = (
    item(1),
    item(2, index=3, instance_alias="worker-b", kind="question", what="Which colour shall the links have?"),
    item(3, index=4, kind="approval", question="", until=None, instance=None, instance_alias=None,
         what="waits for your decision, because of the rule costly"),
    item(4, thread=SITE, alias="SITE-4", index=1, kind="failed", question="", until=None,
         what="failed: the task cannot join any more: [1] failed on worker-b: exit status 3"),
    late(),
)  # fmt: skip
NEW = "".join(f"{n}. {'chapter' if n % 7 else 'CHAPTER'} {n}\n" for n in range(40))
EDIT = {"diffs": [{"path": "/w/contents.md", "old": NEW.lower(), "new": NEW}]}


@dataclass(frozen=True)
class State(ScreenState):
    """What waits, and what the first one asks."""

    items: tuple[InboxItem, ...] = SOME
    question: QuestionDetail | None = None


async def opens(page: Console) -> None:
    await page.press("enter")
    await page.passes(1)


async def is_allowed(page: Console) -> None:
    await opens(page)
    await page.press("a")
    assert isinstance(page.client, InboxClient)
    page.client.shows(detail(state="decided", answer=answered(), decision=decided()))
    page.client.waits(*SOME[1:])
    await page.hears(changed())
    await page.passes(1)


async def goes_down(page: Console) -> None:
    await page.down()


ASKS = ("DOCS-11 [2] asks for permission", "│ -two", "│ +2", "[Allow once (a)]", "[Deny (d)]")
STATES = {
    "list": State(("INBOX 5", "◇ 5 need you", "◇ permission", "✗ failed", "6 Inbox 5"), sizes=(SMALL, WIDE)),
    "empty": State(("INBOX 0", "nothing waits for you"), items=()),
    "down": State(
        ("INBOX 5", "6 Inbox ?", "◇ permission"), goes_down, sizes=(SMALL,), not_there=("need you",)
    ),
    "asks": State(ASKS, opens, sizes=(SMALL, USUAL)),
    "asks-no-colour": State(ASKS, opens, sizes=(SMALL,)),
    "asks-ascii": State(("| -two", "| +2", "? is denied in", "[Deny (d)]"), opens, how={"ascii_only": True}),
    "asks-long": State(
        ("Allow once is greyed: read it to its end first (pgdn)",), opens, question=detail(shown=EDIT)
    ),
    "allowed": State(("✓ allowed once", "its agent was told", "[Next: DOCS-11 [3] (n)]"), is_allowed),
    "in-words": State(
        ("DOCS-11 [2] asks", "Send the answer is greyed: type an answer first (t)"),
        opens,
        sizes=(SMALL,),
        question=detail(kind="question", text="Which colour?", shown={}, command=None),
    ),
}


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_inbox(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    client = InboxClient(*state.items, questions=(state.question or detail(),))
    async with inbox(client, size=size, **state.how) as page:
        await state.steps(page)
        await drawn(page, state)
