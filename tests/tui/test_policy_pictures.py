"""The Policy screen in all its states: in words, and where its layout shows as a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from syncropel.errors import RemoteError
from syncropel.wire import ExpressionValue, FleetStatus, RuleList
from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tests.tui.console_states import (
    SMALL,
    USUAL,
    WIDE,
    Drawn,
    ScreenState,
    Size,
    Steps,
    cases,
    drawn,
    pressing,
)
from tests.tui.sample_policy import RULES, PolicyClient, invalid, rule
from tui.model.rules import KINDS

__all__ = ["drawn"]


def trying(words: str, *after: str) -> Steps:
    async def tries(page: Console) -> None:
        await page.press("x", *("space" if char == " " else char for char in words))
        await page.passes(0.15)
        await page.press(*after)

    return tries


async def goes_down(page: Console) -> None:
    await page.passes(3)
    await page.down()


def usual() -> PolicyClient:
    return PolicyClient()


def crowded() -> PolicyClient:
    client = PolicyClient(enforced=True)
    effects = {n: "deny" if n % 7 == 0 else "allow" for n in range(1, 301)}
    rules = [rule(name=f"team-{n}", priority=n, effect=effect) for n, effect in effects.items()]
    client.answers[f"{RULES}/permission"] = RuleList(data=rules, enabled=True)
    return client


def mistaken() -> PolicyClient:
    client = PolicyClient()
    client.evaluates = lambda fields: invalid(
        "unknown field 'actt'", fields["expression"], 8, "known: act, actor, body, clock, thread, topic"
    )
    return client


NAMES = ExpressionValue(value=["docs", "docs/v0.11"], type="list", steps=9, micros=21.7)


def valued() -> PolicyClient:
    client = PolicyClient()
    client.evaluates = lambda _: ExpressionValue(
        value=["docs", "docs/v0.11"], type="list", steps=9, micros=21.7
    )
    return client


def undecided() -> PolicyClient:
    client = PolicyClient()
    words = "subtask has no value here"
    client.evaluates = lambda _: RemoteError(400, "t", "BAD_REQUEST", words, "only while a fan-out is routed")
    return client


def refusing() -> PolicyClient:
    client = PolicyClient()
    lacks = RemoteError(403, "t", "FORBIDDEN", "sa-1 lacks the scope config:read", "it has: records:read")
    for kind in KINDS:
        client.answers[f"{RULES}/{kind}"] = lacks
    return client


def frozen() -> FleetStatus:
    waiting = sample.freeze(namespace="docs", level="hard", waiting=["worker-b"])
    return sample.status(freezes=[waiting, sample.freeze(level="soft", namespace="shop", record="5f" * 32)])


@dataclass(frozen=True)
class State(ScreenState):
    """A state of Policy, and what the daemon answers in it."""

    client: Callable[[], PolicyClient] = usual
    status: Callable[[], FleetStatus | None] = sample.status


STATES = {
    "off": State(("○ permissions not enforced: only freeze rules deny", "[PERMISSIONS 4]", "✗ deny",
                  "strict namespaces off", "98.3% hits"), sizes=(SMALL, USUAL, WIDE)),
    "on": State(("● permissions enforced: what no rule matches is denied", "strict namespaces on"),
                client=lambda: PolicyClient(enforced=True, strict=True)),
    "many": State(("[PERMISSIONS 300]", "of 300", "team-1"), sizes=(USUAL,), client=crowded),
    "empty": State(("[PERMISSIONS 0]", "no permission rule", "spl config add-permission-rule"),
                   sizes=(SMALL,), client=lambda: PolicyClient(empty=True)),
    "connecting": State(("CONNECTING", "not known whether permissions are enforced"),
                        status=lambda: None, client=refusing),
    "routing": State(("[ROUTING 1]", "docs-go-to-a"), pressing("tab"), (SMALL,)),
    "work": State(("[WORK 3]", "after-the-release", "aitl", "trigger", "costly"), pressing(*["tab"] * 5),
                  (USUAL,)),
    "work-open": State(
        ("Policy › trigger costly", "look at the bill", "spl config add-trigger costly --priority"),
        pressing(*["tab"] * 5, "end", "enter"), (SMALL,),
    ),
    "health": State(("[HEALTH 2]", "✓ passes", "✗ fails"), pressing("tab", "tab"), (USUAL,)),
    "namespaces": State(("[NAMESPACES 4]", "❄ hard", "○ archived"), pressing(*["tab"] * 3), (SMALL,),
                        status=frozen),
    "freezes": State(("[FREEZES 2]", "❄ hard", "0 of 1", "FROZEN hard: docs"),
                     pressing("tab", "tab", "tab", "tab"), (USUAL,), status=frozen),
    "refused": State(("not known whether", "lacks the scope config:read"), sizes=(SMALL,), client=refusing),
    "down": State(("✗ DOWN", "no-robots"), goes_down),
    "value": State(('= ["docs", "docs/v0.11"]', "list · 9 steps · 22 µs", "context routing"),
                   trying("fleet_frozen_namespaces()", "down"), (SMALL,), client=valued),
    "mistake": State(("▲", "✗ unknown field 'actt' at line 1, column 8", "known: act"),
                     trying("record.actt == 'DO'"), (USUAL,), client=mistaken),
    "no-value": State(("? no value: subtask has no value here", "only while a fan-out"),
                      trying("subtask.index"), client=undecided),
    "no-colour": State(("○ permissions not enforced", "✗ deny"), sizes=(USUAL,)),
    "ascii": State(("o permissions not enforced", "x deny", "+ allow"), sizes=(SMALL,),
                   how={"ascii_only": True}),
    "help": State(("Keys: Policy", "type an expression and see its value"), pressing("?")),
    "rule": State(("Policy › operators", "spl config add-permission-rule operators"),
                  pressing("down", "down", "enter"), (USUAL,)),
    "freeze": State(("Policy › freeze", "waits for", "worker-b", "spl unkill --namespace docs"),
                    pressing("tab", "tab", "tab", "tab", "enter"), (SMALL,), status=frozen),
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_policy(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    client = state.client()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console(size, state.status(), client, screen="policy", **state.how) as page:
        await state.steps(page)
        await page.passes(0.15)
        await drawn(page, state)
