"""Rules written, changed and taken away from the Policy screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.cli.support.grammar import Grammar
from syncropel.errors import RemoteError
from syncropel.wire import ConfigWritten, ExpressionChecked, RuleList, WhoAmI
from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tests.tui.console_states import SMALL, USUAL, Size
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_policy import RULES, PolicyClient, invalid, rule
from tui.model import rules

CHECK = "/v1/expr/check"
COMPILES = ExpressionChecked(context="permission", size=14)
WRITTEN = ConfigWritten(record="ab" * 32, names=["new"])


class RulesClient(PolicyClient):
    """Takes rules, and says of an expression what `checks` gives."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.answers[CHECK] = COMPILES
        self.tasks(sample.tasks())
        self.join(sample.join())
        for kind in rules.KINDS:
            for name in ("new", "operators", "freeze-soft", "queue", "docs-go-to-a", "costly"):
                self.answers[f"{RULES}/{kind}/{name}"] = WRITTEN
                self.answers[f"{RULES}/{kind}/{name}/remove"] = WRITTEN
        self.answers[f"{RULES}/restore-defaults"] = ConfigWritten(names=["freeze-soft"])
        for verb in ("enable", "disable"):
            self.answers[f"/v1/config/permissions/{verb}"] = ConfigWritten(record="cd" * 32)

    def mistake(self, expression: str, column: int) -> None:
        self.answers[CHECK] = invalid("undeclared reference to 'actr'", expression, column, "known: actor")

    @property
    def checked(self) -> list[Any]:
        """What was checked, in turn."""
        return [one.body for one in self.sent if one.path == CHECK]

    @property
    def written(self) -> list[tuple[str, str, Any]]:
        """What was sent that changes something."""
        return [
            (one.method, one.path, one.body)
            for one in self.sent
            if one.method in ("PUT", "POST") and one.path != CHECK
        ]


def policy(client: RulesClient, size: tuple[int, int] = (120, 40), **how: Any) -> Any:
    return console(size, sample.status(), client, screen="policy", **how)


async def checked(page: Console) -> DialogPage:
    """The dialog in front, once its expression was looked at."""
    await page.passes(0.15)
    return DialogPage(page)


async def test_a_rule_is_added_with_its_expression_checked_and_its_command_shown() -> None:
    client = RulesClient()
    async with policy(client) as page:
        await page.press("plus")
        dialog = DialogPage(page)
        assert dialog.title == "Add a permission rule"
        assert dialog.focused == "Cancel"
        assert dialog.greyed == "which name? (n)"
        await dialog.fill("name", "new")
        await dialog.fill("expression", "record.act=='DO'")
        assert dialog.greyed == "the expression is being checked"
        await checked(page)
        assert "✓ it compiles · 14 steps" in dialog.part("checked")
        assert client.sent[-1].body == {"context": "permission", "expression": "record.act=='DO'"}
        await page.press("tab", "right")
        await dialog.fill("ops", "record_write")
        await dialog.fill("priority", "30")
        assert dialog.greyed == ""
        assert " ".join(dialog.part("command").split()) == (
            "$ spl config add-permission-rule new --priority 30 --effect deny --op record_write "
            "--expression 'record.act=='\"'\"'DO'\"'\"''"
        )
        dialog.dialog.set_focus(dialog.dialog.query_one("#button-cancel"))
        assert client.written == []
        await page.press("s")
        assert dialog.part("outcome") == "✓ permission rule new is in force"
        (method, path, body) = client.written[0]
        assert (method, path) == ("PUT", f"{RULES}/permission/new")
        assert (body["effect"], body["ops"], body["priority"]) == ("deny", ["record_write"], 30)


async def test_a_mistake_stands_under_its_column_and_nothing_is_sent() -> None:
    client = RulesClient()
    client.mistake("record.actr == 1", 8)
    async with policy(client) as page:
        await page.press("plus")
        dialog = DialogPage(page)
        await dialog.fill("name", "new")
        await dialog.fill("expression", "record.actr == 1")
        await checked(page)
        sign, words, *_ = dialog.part("checked").splitlines()
        typed = next(line for line in dialog.words.splitlines() if "record.actr" in line)
        below = dialog.words.splitlines()[dialog.words.splitlines().index(typed) + 1]
        assert below.index("▴" if "▴" in sign else sign.strip()) == typed.index("actr")
        assert "undeclared reference to 'actr'" in words
        assert dialog.greyed == "the expression has a mistake"
        dialog.dialog.set_focus(dialog.dialog.query_one("#button-cancel"))
        await page.press("s")
        assert client.written == []


async def test_a_name_that_is_taken_says_what_it_replaces() -> None:
    async with policy(RulesClient()) as page:
        await page.press("plus")
        dialog = DialogPage(page)
        await dialog.fill("name", "operators")
        assert "it replaces: allow at 10: current_actor()" in dialog.part("after-fields")


@pytest.mark.parametrize(
    ("tabs", "kind", "name"), [(0, "permission", "freeze-emergency"), (1, "routing", "docs-go-to-a"),
                               (2, "health", "queue")],
)  # fmt: skip
async def test_a_rule_is_changed_as_it_stands(tabs: int, kind: str, name: str) -> None:
    async with policy(RulesClient()) as page:
        await page.press(*["tab"] * tabs, "E")
        dialog = await checked(page)
        assert dialog.title == f"Change {kind} rule {name}"
        assert dialog.greyed == ""
        assert not dialog.dialog.query("#name"), "another name would be another rule"
        assert dialog.part("command").startswith("$ spl config add-")


async def test_a_rule_that_somebody_else_set_meanwhile_is_not_overwritten() -> None:
    client = RulesClient()
    async with policy(client) as page:
        await page.press("down", "down", "E")
        dialog = await checked(page)
        assert dialog.title == "Change permission rule operators"
        theirs = rule(record="dd" * 32, actor="did:sync:user:eve", expression="false")
        client.answers[f"{RULES}/permission"] = RuleList(data=[theirs], enabled=True)
        await page.press("s")
        assert "✗ eve set operators since this was opened, allow at 10: false" in dialog.part("outcome")
        assert client.written == []


async def test_a_rule_that_went_meanwhile_is_told() -> None:
    client = RulesClient()
    async with policy(client) as page:
        await page.press("down", "down", "delete")
        dialog = DialogPage(page)
        client.answers[f"{RULES}/permission"] = RuleList(data=[], enabled=True)
        await page.press("r")
        assert "✗ operators was removed since this was opened" in dialog.part("outcome")
        assert client.written == []


async def test_a_rule_is_taken_away_and_a_default_one_with_a_warning() -> None:
    client = RulesClient()
    async with policy(client) as page:
        await page.press("down", "delete")
        dialog = DialogPage(page)
        assert "This rule enforces freezes" in dialog.part("says")
        assert dialog.part("command") == "$ spl config remove-permission-rule freeze-soft"
        assert dialog.focused == "Cancel"
        await page.press("r")
        assert dialog.part("outcome") == "✓ permission rule freeze-soft was removed"
        assert [path for _, path, _ in client.written] == [f"{RULES}/permission/freeze-soft/remove"]


async def test_the_default_rules_are_put_back() -> None:
    client = RulesClient()
    async with policy(client) as page:
        await page.press("V", "r")
        assert DialogPage(page).part("outcome") == "✓ restored: freeze-soft"
        assert DialogPage(page).part("command") == "$ spl config restore-default-rules"


@pytest.mark.parametrize(("enforced", "turn", "verb"), [
    (False, False, "enable"), (False, True, "disable"), (True, False, "disable"), (True, True, "enable"),
])  # fmt: skip
async def test_permissions_are_switched_to_what_was_chosen(enforced: bool, turn: bool, verb: str) -> None:
    client = RulesClient(enforced=enforced)
    async with policy(client) as page:
        await page.press("P")
        dialog = DialogPage(page)
        assert dialog.part("says") == f"They are {'' if enforced else 'not '}enforced."
        if turn:
            await page.press("c", "right")
            dialog.dialog.set_focus(dialog.dialog.query_one("#button-cancel"))
        assert dialog.part("command") == f"$ spl config permissions-{verb}"
        client.answers[f"{RULES}/permission"] = RuleList(data=[], enabled=not enforced)
        await page.press("p")
        assert [path for _, path, _ in client.written] == [f"/v1/config/permissions/{verb}"]


async def test_a_refusal_says_why_and_the_question_stands() -> None:
    client = RulesClient()
    locked = RemoteError(409, "conflict", "LOCKOUT", "that would lock the daemon out", "allow it first")
    client.answers["/v1/config/permissions/enable"] = locked
    async with policy(client) as page:
        await page.press("P", "p")
        dialog = DialogPage(page)
        assert "✗ refused: that would lock the daemon out (HTTP 409)" in dialog.part("outcome")
        assert dialog.greyed == ""


@pytest.mark.parametrize("key", ["plus", "E", "delete", "V", "P"])
@pytest.mark.parametrize("why", ["read-only", "scope", "down"])
async def test_nothing_of_it_is_done_while_it_may_not_be(key: str, why: str) -> None:
    client = RulesClient()
    if why == "scope":
        scopes = ["records:read", "config:read", "fleet:write"]
        client.answers["/v1/whoami"] = WhoAmI(kind="service_account", name="bot", scopes=scopes)
    async with policy(client, read_only=why == "read-only") as page:
        if why == "down":
            await page.down()
        await page.press("down", "down", key)
        dialog = await checked(page)
        if key == "plus":
            await dialog.fill("name", "new")
            await dialog.fill("expression", "true")
            dialog.dialog.set_focus(dialog.dialog.query_one("#button-cancel"))
        expected = {
            "read-only": "this console is read-only",
            "scope": "the token of bot",
            "down": "nothing is sent while the connection is ✗ DOWN",
        }
        assert dialog.greyed.startswith(expected[why])
        await page.press(dialog.dialog.letter)
        assert client.written == []


async def work_pane(page: Console, *keys: str) -> DialogPage:
    await page.press(*["tab"] * 5, *keys)
    return await checked(page)


async def test_a_rule_about_work_is_added_with_its_kind_chosen() -> None:
    client = RulesClient()
    async with policy(client) as page:
        dialog = await work_pane(page, "plus")
        assert dialog.title == "Add a rule about work"
        assert "until then it is held" in dialog.part("says")
        assert not dialog.dialog.query_one("#field-goal").display
        await dialog.fill("name", "new")
        await dialog.fill("expression", "true")
        await checked(page)
        assert client.checked[-1] == {"context": "precondition", "expression": "true"}
        dialog.dialog.set_focus(dialog.dialog.query_one("#button-cancel"))
        await page.press("k", "right", "right")
        await checked(page)
        assert client.checked[-1] == {"context": "trigger", "expression": "true"}
        assert "It opens a task" in dialog.part("says")
        assert dialog.greyed == "what are its tasks to do? (g)"
        await page.press("enter")
        assert dialog.focused == "goal"
        await dialog.type("look at {id}")
        await dialog.fill("target", "worker-a")
        assert dialog.greyed == ""
        dialog.dialog.set_focus(dialog.dialog.query_one("#button-cancel"))
        await page.press("s")
        assert dialog.part("outcome") == "✓ trigger rule new is in force"
        (method, path, body) = client.written[0]
        assert (method, path) == ("PUT", f"{RULES}/trigger/new")
        assert (body["goal"], body["effect"]) == ("look at {id}", "worker-a")


async def test_of_two_rules_of_one_name_the_chosen_one_is_changed_and_the_other_removed() -> None:
    client = RulesClient()
    async with policy(client) as page:
        dialog = await work_pane(page, "down", "E")
        assert dialog.title == "Change aitl rule costly"
        assert not dialog.dialog.query("#kind, #goal"), "of another kind it would be another rule"
        assert dialog.part("command").startswith("$ spl config add-aitl costly --priority 10")
        await page.press("escape", "down", "delete")
        assert dialog.title == "Remove trigger rule costly"
        assert "→ look at the bill" in dialog.part("says")
        await page.press("r")
        assert [path for _, path, _ in client.written] == [f"{RULES}/trigger/costly/remove"]


@pytest.mark.parametrize("key", ["plus", "E", "delete"])
async def test_a_pane_without_rules_says_so(key: str) -> None:
    async with policy(RulesClient()) as page:
        await page.press("tab", "tab", "tab", key)
        assert not DialogPage(page).is_open
        assert "no rules" in next(iter(page.app._notifications)).message


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("config add-rule r --expression true", "Add a routing rule"),
        ("config add-permission-rule operators --effect deny --expression true", "Add a permission rule"),
        ("config remove-health queue", "Remove health rule queue"),
        ("config permissions-disable", "Permissions"),
        ("config add-trigger look --goal why --expression true", "Add a trigger rule"),
        ("config remove-precondition after-the-release", "Remove precondition rule after-the-release"),
        ("config restore-default-rules", "Restore the default rules"),
    ],
)
async def test_the_words_of_the_command_line_open_the_dialog_filled_in(line: str, title: str) -> None:
    async with policy(RulesClient(), grammar=Grammar()) as page:
        await page.app.typed(line)
        await page.settle()
        dialog = await checked(page)
        assert dialog.title == title
        assert dialog.part("command").startswith("$ spl " + line.split(" --")[0].rsplit(" ", 1)[0])


@pytest.mark.parametrize(
    ("state", "size", "greyed"),
    [
        pytest.param("good", USUAL, "", id="good-120x40"),
        pytest.param("mistake", SMALL, "the expression has a mistake", id="mistake-80x24"),
    ],
)
async def test_rule_dialog(state: str, size: Size, greyed: str, picture: Callable[[Pictured], None]) -> None:
    client = RulesClient()
    if state == "mistake":
        client.mistake("record.actr == 1", 8)
    async with policy(client, size) as page:
        await page.press("plus")
        dialog = DialogPage(page)
        await dialog.fill("name", "operators")
        await dialog.fill("expression", "record.actr == 1")
        await checked(page)
        assert greyed in dialog.greyed
        picture(page)


async def test_a_trigger_is_written(picture: Callable[[Pictured], None]) -> None:
    async with policy(RulesClient(), SMALL) as page:
        dialog = await work_pane(page, "down", "down", "plus")
        await dialog.fill("name", "costly")
        await dialog.fill("expression", 'record.topic == "over_budget"')
        await dialog.fill("goal", "find out why record {id} was written")
        await checked(page)
        assert "it replaces: at 10: record.topic" in dialog.part("after-fields")
        assert dialog.greyed == ""
        picture(page)


@pytest.mark.parametrize("key", ["delete", "V", "P"], ids=["R", "B", "P"])
async def test_other_rule_dialogs(key: str, picture: Callable[[Pictured], None]) -> None:
    async with policy(RulesClient()) as page:
        await page.press("down", key)
        assert DialogPage(page).greyed == ""
        picture(page)
