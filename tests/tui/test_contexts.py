"""Several fleets in one console: each is itself, whatever another one does and however late it answers."""

from __future__ import annotations

from syncropel.client import calls
from syncropel.errors import DaemonNotRunning
from syncropel.wire import ControlWritten
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console
from tests.tui.dialog_page import DialogPage
from tests.tui.fleets_page import OPERATOR, READER, HeldClient, consoles, daemon, status_of
from tests.tui.plain_dialog import ConfirmDialog, Question

UNFREEZE = "/v1/fleet/unfreeze"
QUESTION = Question(
    title="Unfreeze docs",
    button="Unfreeze",
    lines=(("Lift the freeze of docs?", "plain"),),
    command="spl unkill --namespace docs",
    make=lambda: calls.unfreeze("did:sync:user:tester", "docs"),
    done="docs is not frozen any more",
)


async def look_at(page: Console, name: str) -> None:
    await page.app.fleet_screens.look_at(name)
    await page.settle()
    page.clock.advance(0.5)
    await page.settle()


async def test_c_lists_the_fleets_and_enter_looks_at_another_on_the_same_screen() -> None:
    async with consoles({"local": daemon("local"), "prod": daemon("prod")}, screen="tasks") as page:
        await page.press("c")
        words = DialogPage(page).dialog.query_one("#contexts").text  # type: ignore[attr-defined]
        assert "▸ local" in words
        assert words.count("● LIVE  1 live") == 2, "the others are watched too"
        assert "↻ CONNECTING" in words
        await page.press("down", "enter")
        await page.passes(0.5)
        assert page.part("header").startswith(" [prod]  Tasks  ● LIVE  READ-ONLY  (not on this machine)")
        assert "PROD-1" in page.drawn
        assert "LOCAL" not in page.drawn


async def test_of_a_fleet_behind_only_its_stream_is_read_and_it_is_live_at_once_when_looked_at() -> None:
    local, prod = daemon("local"), daemon("prod")
    async with consoles({"local": local, "prod": prod}) as page:
        await look_at(page, "prod")
        asked, opened = local.asked.total(), local.opened
        local.snapshot(status_of("local", live=77, tasks_revision=99))
        await page.settle()
        assert "77 live" not in page.part("header")
        await page.press("c")
        assert "● LIVE  77 live" in page.drawn
        assert local.asked.total() == asked
        await page.press("escape")
        await page.app.fleet_screens.look_at("local")
        await page.settle()
        assert "● LIVE" in page.part("header")
        assert local.opened == opened, "the stream goes on"
        assert local.asked.total() > asked
        assert "prod" not in page.drawn


async def test_a_fleet_that_was_lost_behind_keeps_its_last_data_with_its_age() -> None:
    local, prod = daemon("local"), daemon("prod")
    async with consoles({"local": local, "prod": prod}) as page:
        await look_at(page, "prod")
        await page.passes(60)
        await page.press("c")
        assert "◐ STALE 1m 01s  1 live" in page.drawn
        await page.press("escape")
        local.refuse = DaemonNotRunning("gone", "start it")
        await look_at(page, "local")
        assert "local-w" in page.drawn, "what was known stays"
        assert "STALE 1m 01s" in page.part("header")
        assert "prod" not in page.drawn


async def test_a_fleet_that_is_down_blocks_no_other() -> None:
    local, prod = daemon("local"), FakeClient()
    prod.refuse = DaemonNotRunning("no daemon answers at prod", "start it: spl serve")
    async with consoles({"local": local, "prod": prod}, current="prod") as page:
        for _ in range(3):
            await page.passes(5)
        assert "DOWN" in page.part("header")
        local.snapshot(status_of("local"))
        await look_at(page, "local")
        assert "● LIVE" in page.part("header")
        assert "no daemon" not in page.drawn
        await look_at(page, "prod")
        assert "no daemon answers at prod" in page.drawn
        assert "local-w" not in page.drawn


async def test_a_late_answer_is_never_drawn_under_another_name() -> None:
    local, prod = HeldClient("/v1/tasks"), daemon("prod")
    async with consoles({"local": daemon("local", local), "prod": prod}, screen="tasks") as page:
        await look_at(page, "prod")
        assert "PROD-1" in page.drawn
        local.let_go.set()
        local.snapshot(status_of("local"))
        await page.settle()
        await page.passes(1)
        assert "LOCAL-1" not in page.drawn
        assert [one.alias for one in page.app.fleets.front.world.tasks or ()] == ["PROD-1"]
        await look_at(page, "local")
        assert "LOCAL-1" in page.drawn
        assert "PROD-1" not in page.drawn


async def test_switching_back_and_forth_while_answers_are_held_leaves_each_its_own() -> None:
    local, prod = HeldClient("/v1/tasks", "/v1/whoami"), HeldClient("/v1/tasks", "/v1/whoami")
    daemons = {"local": daemon("local", local), "prod": daemon("prod", prod, READER)}
    async with consoles(daemons, screen="tasks") as page:
        for name in ("prod", "local", "prod", "local", "prod"):
            await look_at(page, name)
        for client, name in ((prod, "prod"), (local, "local")):
            client.snapshot(status_of(name))
            client.let_go.set()
            await page.settle()
        await page.passes(1)
        for name, other in (("prod", "LOCAL-1"), ("local", "PROD-1")):
            await look_at(page, name)
            assert f"{name.upper()}-1" in page.drawn
            assert other not in page.drawn
        assert page.app.fleets.front.access.lacking == ""
        assert page.app.fleets.session("prod").access.lacking == "the token of viewer may only read"


async def test_a_dialog_belongs_to_the_fleet_it_was_opened_for() -> None:
    local, prod = HeldClient(UNFREEZE), daemon("prod")
    daemon("local", local)
    for client in (local, prod):
        client.answers[UNFREEZE] = ControlWritten(record="ab" * 32, namespace="docs")
    async with consoles({"local": local, "prod": prod}) as page:
        page.app.push_screen(ConfirmDialog(QUESTION))
        await page.settle()
        assert DialogPage(page).dialog.query_one("#dialog").border_subtitle == "local"
        await look_at(page, "prod")
        assert not DialogPage(page).is_open, "it stays behind, on the screens of its own fleet"
        local.snapshot(status_of("local"))
        await look_at(page, "local")
        await page.press("y")
        await look_at(page, "prod")
        local.let_go.set()
        await page.settle()
        assert (local.asked[UNFREEZE], prod.asked[UNFREEZE]) == (1, 0)
        (told,) = page.app._notifications
        assert (told.title, told.message) == ("Unfreeze · local", "✓ docs is not frozen any more")
        await look_at(page, "local")
        assert "✓ docs is not frozen any more" in DialogPage(page).part("outcome")


async def test_a_dialog_whose_fleet_is_not_in_front_sends_to_its_own_fleet() -> None:
    local, prod = daemon("local"), daemon("prod")
    for client in (local, prod):
        client.answers[UNFREEZE] = ControlWritten(record="ab" * 32, namespace="docs")
    async with consoles({"local": local, "prod": prod}) as page:
        dialog = ConfirmDialog(QUESTION)
        page.app.push_screen(dialog)
        await page.settle()
        await page.app.fleet_screens.look_at("prod")
        await dialog.act()
        assert (local.asked[UNFREEZE], prod.asked[UNFREEZE]) == (1, 0)


async def test_every_client_is_closed_at_the_end() -> None:
    local, prod = daemon("local"), daemon("prod")
    async with consoles({"local": local, "prod": prod}) as page:
        await look_at(page, "prod")
    assert local.closed
    assert prod.closed


# read-only


async def test_each_fleet_has_a_lock_of_its_own_and_unlocking_is_typed_and_ends() -> None:
    async with consoles({"local": daemon("local"), "prod": daemon("prod")}) as page:
        assert "READ-ONLY" not in page.part("header")
        await look_at(page, "prod")
        await page.press("W")
        dialog = DialogPage(page)
        assert "prod (https://prod.example.org) is read-only: not on this machine" in dialog.part("says")
        assert "for 15m 00s" in dialog.part("says")
        await page.press("u")
        assert page.app.fleets.front.read_only
        assert dialog.greyed == "type prod to confirm (c)"
        await page.press("c")
        await dialog.type("prod")
        await page.press("enter", "enter")
        assert "✓ prod can be changed from here" in dialog.part("outcome")
        await page.press("escape")
        await page.passes(57)
        assert "UNLOCKED 14m 03s" in page.part("header")
        assert "READ-ONLY" not in page.part("header")
        await page.passes(900)
        assert "READ-ONLY" in page.part("header"), "it ends by itself"


async def test_the_same_key_locks_at_once_without_asking() -> None:
    async with consoles({"local": daemon("local")}) as page:
        await page.press("W")
        assert not DialogPage(page).is_open
        assert "READ-ONLY  (locked by hand)" in page.part("header")


async def test_a_token_without_a_scope_to_write_cannot_be_unlocked() -> None:
    async with consoles({"local": daemon("local", who=READER)}) as page:
        assert "(the token of viewer may only read)" in page.part("header")
        await page.press("W", "c")
        dialog = DialogPage(page)
        await dialog.type("local")
        assert "no key changes that" in dialog.greyed
        await page.press("enter", "enter")
        assert page.app.fleets.front.read_only


async def test_what_the_token_may_do_is_asked_again_at_each_connecting() -> None:
    local = daemon("local", who=READER)
    async with consoles({"local": local}) as page:
        assert page.app.fleets.front.read_only
        local.answers["/v1/whoami"] = OPERATOR
        await page.loses()
        local.refuse = None
        await page.hears(sample.status())
        await page.passes(5)
        await page.passes(1)
        assert not page.app.fleets.front.read_only


async def test_a_daemon_that_cannot_tell_who_we_are_is_not_read_only_for_that() -> None:
    local = daemon("local")
    del local.answers["/v1/whoami"]
    async with consoles({"local": local}) as page:
        assert not page.app.fleets.front.read_only
        assert page.part("banner") == ""


async def test_looking_at_what_is_in_front_already_changes_nothing() -> None:
    prod = daemon("prod")
    async with consoles({"prod": prod}, current="prod") as page:
        opened = prod.opened
        await look_at(page, "prod")
        assert prod.opened == opened
