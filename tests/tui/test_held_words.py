"""A join says what holds it, which is not only in its records: it is read again when that changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console

SOFT = sample.freeze(level="soft", reason="wrong prices", record="aa" * 32)
HARD = sample.freeze(level="hard", reason="much worse", record="bb" * 32)


def gone(status: Any, alias: str) -> Any:
    """The same fleet, with one of its instances stale."""
    return [
        one.model_copy(update={"status": "stale"}) if one.alias == alias else one for one in status.instances
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"freezes": []}, {"freezes": [SOFT]}),
        ({"freezes": [SOFT]}, {"freezes": [HARD]}),
        ({"freezes": [SOFT]}, {"freezes": []}),
        ({}, {"instances": gone(sample.status(), "worker-a")}),
    ],
    ids=["frozen", "harder", "lifted", "stale"],
)
async def test_what_a_join_waits_for_is_never_a_freeze_of_before(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join(explanation="held by what was so before"))
    async with console((120, 40), sample.status(**before), client, screen="tasks") as page:
        await page.press("enter")
        assert "held by what was so before" in page.part("summary")
        client.join(sample.join(explanation="held by what is so now"))
        await page.hears(sample.status(**after))
        await page.passes(1)
        assert "held by what is so now" in page.part("summary")
        asked = client.asked.total()
        await page.hears(sample.status(**after | {"at": sample.AT + 5}))
        await page.passes(1)
        assert client.asked.total() == asked, "a heartbeat changes nothing of it"
