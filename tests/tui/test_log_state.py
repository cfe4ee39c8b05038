"""A log that is not sound, in the console: the banner, and what is marked; nothing passes for sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.wire import FleetStatus, LinkOut, LogState
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured, unpictured
from tests.tui.console_states import SMALL, USUAL, Size
from tests.tui.sample_threads import ThreadClient, some
from tui.model.log_state import thread_lines
from tui.screens.frame import LEAST_HEIGHT, LEAST_WIDTH

HELP = "spl store status names the records · spl backup list · spl store accept-altered RECORD"
LEAST = (LEAST_WIDTH, LEAST_HEIGHT)
TASK = sample.THREAD
ALTERED = LogState(
    state="altered",
    problem=f"record {'ab' * 32} on {TASK} was altered: it does not hash to its id",
    hint="restore a backup: spl backup list",
    altered=[TASK],
)
HELD = LogState(
    state="held",
    problem="4 of 5 records are gone, and no copy was ever made that ends there",
    hint="bring the missing records back: spl stop, then spl backup restore "
    "/home/ann/.local/share/syncropel/backups/instance-89dbc0a011dd9d86/hub.db.bak; "
    "or go on without them: spl store accept-loss",
    stops_all=True,
)


def client() -> FakeClient:
    fake = FakeClient()
    fake.tasks(sample.tasks())
    fake.join(sample.join())
    return fake


def banner(page: Console) -> list[str]:
    return [line.strip() for line in page.part("banner").splitlines() if line.strip()]


@pytest.mark.parametrize("size", [SMALL, pytest.param(USUAL, marks=unpictured)], ids=["80x24", "120x40"])
async def test_an_altered_record_is_named_and_its_thread_is_marked_on_every_screen(
    size: Size, picture: Callable[[Pictured], None]
) -> None:
    async with console(size, sample.status(log=ALTERED), client()) as page:
        first, second, *_ = banner(page)
        assert first == "✗ LOG ALTERED DOCS-11: nothing begins or is joined there"
        assert second == "→ spl store status names the records, and what helps"
        (row,) = [row for row in page.table("fanouts")._rows if row.key == TASK]
        assert (row.cells["explanation"].text, row.is_troubled) == (
            "✗ altered: a record of it is not what it was",
            True,
        )
        await page.press("2")
        (row,) = [row for row in page.table("tasks")._rows if row.key == TASK]
        assert row.cells["status"].text == "✗ altered"
        assert "altered records: the task itself" in page.part("summary")
        if size == SMALL:
            picture(page)
        await page.hears(sample.status())
        assert (banner(page), "altered" in page.drawn) == ([], False), "it was accepted, or restored"


async def test_an_altered_record_of_a_subtask_is_marked_in_the_tree_and_its_details() -> None:
    child = sample.join().subtasks[0]
    assert child.child_thread
    of_worker = sample.instance(log=ALTERED.model_copy(update={"altered": [child.child_thread]}))
    status = sample.status(instances=[sample.coordinator(), of_worker])
    async with console(USUAL, status, client()) as page:
        assert banner(page)[0].startswith("✗ LOG ALTERED worker-a: …")
        (row,) = [row for row in page.table("instances")._rows if row.fields["alias"] == "worker-a"]
        assert (row.cells["health"].text, row.cells["health"].tone) == ("log altered", "bad")
        await page.press("2", "enter")
        found = {row.cells["index"].text: row.cells["state"].text for row in page.table("subtasks")._rows}
        assert list(found.values()).count("✗ altered") == 1
        assert f"altered records: [{child.index}]" in page.part("summary")
        await page.press("enter")
        assert "what it says is not proven" in " ".join(page.part("facts").split())


@pytest.mark.parametrize("thread", [TASK, sample.join().subtasks[0].child_thread])
async def test_the_details_of_a_subtask_rest_on_its_own_thread_and_its_tasks(thread: str) -> None:
    """What it reported is a record of the task's thread."""
    status = sample.status(log=ALTERED.model_copy(update={"altered": [thread]}))
    async with console(USUAL, status, client()) as page:
        await page.press("2", "enter", "enter")
        shown = page.part("facts").splitlines()
        assert shown[0].split(maxsplit=1)[1].startswith("✗ a record of it was altered")
        (state,) = [line for line in shown if line.startswith(" state ")]
        assert state.split() == ["state", "✗", "altered"]
        await page.hears(sample.status())
        shown = page.part("facts").splitlines()
        assert "altered" not in page.part("facts")
        assert shown[0].split() == ["state", "✓", "accept"]


@pytest.mark.parametrize("words", ["altered", "state:altered"])
async def test_the_filter_finds_an_altered_subtask(words: str) -> None:
    thread = sample.join().subtasks[0].child_thread
    status = sample.status(log=ALTERED.model_copy(update={"altered": [thread]}))
    async with console(USUAL, status, client()) as page:
        await page.press("2", "enter")
        await page.filter(words)
        table = page.table("subtasks")
        assert [row.cells["state"].text for row in table._rows] == ["✗ altered"]


async def test_a_thread_with_an_altered_record_is_marked_in_the_list_of_threads() -> None:
    fake, thread = ThreadClient(some()), some()[1].id
    status = sample.status(log=ALTERED.model_copy(update={"altered": [thread]}))
    async with console(USUAL, status, fake, screen="threads") as page:
        states = {row.key: row.cells["status"].text for row in page.table("threads")._rows}
        assert states[thread] == "✗ altered"
        assert list(states.values()).count("✗ altered") == 1
        await page.hears(sample.status())
        assert "✗ altered" not in [row.cells["status"].text for row in page.table("threads")._rows]


@pytest.mark.parametrize("size", [SMALL, USUAL])
async def test_a_held_log_is_shown_with_the_command_that_helps(size: Size) -> None:
    async with console(size, sample.status(log=HELD), client()) as page:
        shown = " ".join(banner(page))
        assert f"✗ LOG HELD {HELD.problem}" in shown
        assert f"→ {HELD.hint}".replace(" ", "") in shown.replace(" ", ""), (
            "to its last word: the command stands there"
        )


def fleet_of(*logs: LogState, **more: Any) -> FleetStatus:
    """The coordinator has the first of these logs, and worker-1, worker-2, … have the others."""
    others = [
        sample.instance(f"worker-{number}", f"did:sync:instance:{number:016x}", log=log)
        for number, log in enumerate(logs[1:], start=1)
    ]
    return sample.status(log=logs[0], instances=[sample.coordinator(log=logs[0]), *others], **more)


@pytest.mark.parametrize("size", [LEAST, SMALL, USUAL], ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 9])
async def test_however_many_logs_are_held_freezes_come_first_and_the_footer_stays(
    size: Size, count: int
) -> None:
    frozen = [sample.freeze(namespace=f"docs/{one}") for one in range(3)]
    async with console(size, fleet_of(*[HELD] * count, freezes=frozen), client()) as page:
        drawn = page.drawn.splitlines()
        assert "? help" in drawn[-1]
        assert ["FROZEN" in line for line in drawn[1:5]] == [True, True, True, False]
        assert any("INSTANCES" in line for line in drawn)
        (first,) = [line for line in banner(page) if "LOG HELD 4 of 5" in line]
        assert drawn[4].strip() == first
        told = sum("LOG HELD" in line for line in drawn)
        more = [line for line in drawn if "not sound" in line]
        assert told + (int(more[0].split()[1]) if more else 0) == count
        if more:
            assert "1 lists them under HEALTH" in more[0]
        if size == USUAL:
            assert told == min(count, 2)
        if size != LEAST:
            assert any("▸ coordinator" in line for line in drawn), "the rows that name the others"


@pytest.mark.parametrize("size", [SMALL, USUAL], ids=str)
async def test_two_logs_are_told_to_the_last_word_and_the_rest_is_counted(size: Size) -> None:
    async with console(size, fleet_of(HELD, HELD, HELD), client()) as page:
        shown = "".join(banner(page)).replace(" ", "")
        wanted = f"✗ LOG HELD {HELD.problem}→ {HELD.hint}✗ LOG HELD worker-1: {HELD.problem}"
        assert shown.startswith(
            f"{wanted}→ on worker-1: {HELD.hint}✗ 1 more log is not sound".replace(" ", "")
        )
        assert "? help" in page.drawn.splitlines()[-1]


async def test_too_small_a_terminal_tells_of_freezes_before_logs() -> None:
    async with console((59, 12), fleet_of(HELD, freezes=[sample.freeze()]), client()) as page:
        assert page.drawn.index("FROZEN") < page.drawn.index("LOG HELD")


async def test_commands_for_another_log_say_where_they_must_be_typed() -> None:
    """Typed here, they would act on the coordinator."""
    remote = ALTERED.model_copy(update={"hint": "spl stop"})
    status = fleet_of(LogState(), remote)
    async with console(USUAL, status, client()) as page:
        assert banner(page)[1] == "→ on worker-1: spl store status names the records, and what helps"
        page.table("instances").select("did:sync:instance:0000000000000001")
        await page.settle()
        await page.press("enter")
        assert "on worker-1: spl stop" in " ".join(page.part("facts").split())
        facts = thread_lines([TASK], status, page.app.glyphs)
        assert [line.text for _, line in facts][1:] == [f"on worker-1: {HELP}"]
        both = fleet_of(remote, remote, remote, remote, remote)
        facts = thread_lines([TASK], both, page.app.glyphs)
        assert [line.text for _, line in facts][1:] == [HELP, f"on worker-1, worker-2 and 2 more: {HELP}"]


@pytest.mark.parametrize("size", [SMALL, USUAL], ids=str)
@pytest.mark.parametrize(
    ("what", "health"),
    [
        ({"log": ALTERED}, "log altered"),
        ({"link": LinkOut(state="refused")}, "link refused"),
        ({"clock_ahead_secs": -75.0}, "clock 75 s behind"),
        ({"clock_ahead_secs": None}, "clock unknown"),
        ({"backed_up": "the queue grows"}, "backed up"),
        ({"health": "overwhelmed"}, "overwhelmed"),
    ],
)
async def test_what_is_wrong_with_an_instance_is_never_cut(
    size: Size, what: dict[str, Any], health: str
) -> None:
    status = sample.status(instances=[sample.coordinator(), sample.instance("worker-a", **what)])
    async with console(size, status, client()) as page:
        (line,) = [line for line in page.drawn.splitlines() if line.strip().startswith("worker-a ")]
        assert f"  {health}  " in line


async def test_an_emergency_stop_by_an_altered_record_is_called_so() -> None:
    stop = ALTERED.model_copy(update={"altered": ["th_fleet_control"], "stops_all": True})
    async with console(USUAL, sample.status(log=stop), client()) as page:
        assert banner(page)[0] == "✗ LOG ALTERED th_fleet_control: emergency stop, nothing runs"


async def test_a_word_of_a_newer_daemon_and_foreign_text_are_shown_plainly() -> None:
    odd = LogState.model_construct(
        state="melted", problem="it \x1b[31m melted\nand more", hint="", altered=[]
    )
    async with console(USUAL, sample.status(log=odd), client()) as page:
        (only,) = [line for line in banner(page) if "LOG" in line]
        assert only == "✗ LOG MELTED it  [31m melted …"
