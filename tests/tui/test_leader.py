"""The console over a fleet that is split, and over a coordinator that is fenced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.wire import LeaderOut, RivalOut, SplitOut
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured, unpictured
from tests.tui.console_states import SMALL, USUAL, Size
from tui.model.glyphs import ASCII
from tui.model.leader import leader_lines

B = "did:sync:instance:000000000000000b"
FORMER = SplitOut(did="did:sync:instance:00000000000000c0", url="http://127.0.0.1:9100", problem="")
SIZES = [SMALL, pytest.param(USUAL, marks=unpictured)]


def leader(**changes: Any) -> LeaderOut:
    fields: dict[str, Any] = {
        "did": B,
        "alias": "worker-b",
        "term": 2,
        "address": "http://127.0.0.1:9202",
        "since": sample.AT,
        "place": "leads",
        "instance": B,
    }
    return LeaderOut.model_validate({**fields, **changes})


def banner(page: Console) -> str:
    return " ".join(line.strip() for line in page.part("banner").splitlines() if line.strip())


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
async def test_a_split_fleet_is_said_until_it_is_over(
    size: Size, picture: Callable[[Pictured], None]
) -> None:
    split = leader(split=FORMER)
    client = FakeClient()
    client.tasks(sample.tasks())
    async with console(size, sample.status(leader=split), client) as page:
        told = banner(page)
        assert "✗ split: the former coordinator (http://127.0.0.1:9100) has not been told" in told
        assert "if it is gone for good: spl leader forget-former" in told
        if size == SMALL:
            picture(page)
        await page.hears(sample.status(leader=leader(told="acknowledged")))
        assert banner(page) == ""


async def test_a_fenced_coordinator_names_the_leader() -> None:
    async with console(USUAL, sample.status(leader=leader(place="fenced", instance="d"))) as page:
        told = banner(page)
        assert "✗ fenced: worker-b leads at http://127.0.0.1:9202 since " in told
        assert "(term 2)" in told
        assert "spl fleet status --url http://127.0.0.1:9202" in told


@pytest.mark.parametrize(
    ("changes", "words", "tone"),
    [
        ({"split": FORMER}, "split: the former coordinator", "alarm"),
        ({"place": "fenced"}, "fenced: worker-b leads", "alarm"),
        ({"place": "unclaimed", "problem": "p"}, "no term: p", "warn"),
        ({"problem": "c says so"}, "c says so", "warn"),
        (
            {"rivals": [RivalOut(did="d", alias="c", address="")]},
            "c was promoted in term 2, too; the lower DID leads: worker-b",
            "warn",
        ),
    ],
)
def test_each_problem_has_its_words(changes: dict[str, Any], words: str, tone: str) -> None:
    (line,) = leader_lines(sample.status(leader=leader(**changes)), ASCII)
    assert words in line.wrong
    assert line.tone == tone
    assert line.helps


def test_nothing_is_said_of_a_fleet_that_is_led() -> None:
    for one in (None, leader()):
        assert leader_lines(sample.status(leader=one), ASCII) == []
    assert leader_lines(None, ASCII) == []
