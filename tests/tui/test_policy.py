"""The Policy screen: what holds is told, what cannot be read too, and an expression is tried while typed."""

from __future__ import annotations

import shlex

import pytest

from syncropel.cli.support.parsing import build_parser
from syncropel.errors import DaemonUnreachable, RemoteError
from syncropel.wire import FreezeOut, NamespaceList, RuleList
from tests.tui import console_sample as sample
from tests.tui import sample_policy
from tests.tui.console_page import console
from tests.tui.sample_policy import RULES, PolicyClient, opened
from tui.model import freezes, policy
from tui.model.glyphs import UNICODE
from tui.model.moment import Moment
from tui.model.policies import Policies
from tui.model.policy import PANES
from tui.model.rules import WORK, Draft
from tui.model.world import World


def frozen() -> list[FreezeOut]:
    return [sample.freeze(namespace="docs", level="hard", waiting=["worker-b"])]


@pytest.mark.parametrize(
    ("enforced", "words"),
    [(True, "● permissions enforced: what no rule matches is denied"), (False, "○ permissions not enforced")],
)
async def test_it_says_whether_permissions_are_enforced(enforced: bool, words: str) -> None:
    async with opened(PolicyClient(enforced=enforced, strict=enforced)) as page:
        assert words in page.part("standing")
        assert f"strict namespaces {'on' if enforced else 'off'}" in page.part("standing")
        assert "42/1024 expressions, 98.3% hits" in page.part("standing")


async def test_the_panes_go_round_with_tab() -> None:
    async with opened(PolicyClient(), sample.status(freezes=frozen())) as page:
        seen = []
        for _ in PANES:
            (shown,) = [one for one in page.app.screen.query("Table") if one.display]
            seen.append((shown.id, page.rows(shown.id)[:2], shown.has_focus))
            await page.press("tab")
        assert seen == [
            ("permission", ["freeze-emergency", "freeze-soft"], True),
            ("routing", ["docs-go-to-a"], True),
            ("health", ["queue", "workers"], True),
            ("namespaces", ["default", "docs"], True),
            ("freezes", [frozen()[0].record], True),
            ("work", ["precondition after-the-release", "aitl costly"], True),
        ]
        assert "[PERMISSIONS 4]" in page.part("tabs")


async def test_a_click_on_a_tab_goes_there() -> None:
    async with opened(PolicyClient()) as page:
        await page.app.run_action("screen.pane('health')")
        await page.settle()
        assert "[HEALTH 2]" in page.part("tabs")
        text = page.table("health").text()
        assert "✓ passes" in text
        assert "✗ fails" in text


async def test_namespaces_say_what_freezes_them() -> None:
    async with opened(PolicyClient(), sample.status(freezes=frozen())) as page:
        await page.press("tab", "tab", "tab")
        lines = page.table("namespaces").text().splitlines()
        (docs,) = [one for one in lines if "docs/v0.11" in one]
        (shop,) = [one for one in lines if "shop" in one]
        assert "❄ hard" in docs
        assert "○ archived" in shop
        assert "❄" not in shop


async def test_the_filter_looks_at_whole_expressions() -> None:
    async with opened(PolicyClient()) as page:
        await page.filter("expression:trust !effect:allow")
        assert page.rows("permission") == ["no-robots"]
        assert page.table("permission").has_focus


@pytest.mark.parametrize(
    ("tabs", "downs", "told"),
    [
        (0, 2, ["operators", "✓ allow", "c0c0", 'current_actor() == "did:sync:user:ada"',
                "spl config add-permission-rule operators --priority 10 --effect allow"]),
        (1, 0, ["spl config add-rule docs-go-to-a", "parent.domain"]),
        (2, 1, ["✗ fails", "only 1 of 3 is live", "--severity critical"]),
        (3, 1, ["all that is written", "spl namespace show docs"]),
        (4, 0, ["hard", "spl unkill --namespace docs", "worker-b"]),
    ],
)  # fmt: skip
async def test_every_row_opens_in_full_with_its_command(tabs: int, downs: int, told: list[str]) -> None:
    async with opened(PolicyClient(), sample.status(freezes=frozen())) as page:
        await page.press(*["tab"] * tabs, *["down"] * downs, "enter")
        facts = " ".join(page.part("facts").split())
        for words in told:
            assert words in facts
        await page.press("escape")
        assert "[" in page.part("tabs")


def test_the_command_of_a_rule_sets_that_very_rule() -> None:
    tricky = sample_policy.rule(expression="""record.actor == 'it"s' && "a b" != '$x'""", ops=["thread_read"])
    args = build_parser().parse_args(shlex.split(Draft.of("permission", tricky).command())[1:])
    assert (args.name, args.expression, args.priority) == (tricky.name, tricky.expression, 10)
    assert (args.effect, args.op) == ("allow", ["thread_read"])


async def test_the_record_of_a_rule_is_copied() -> None:
    async with opened(PolicyClient()) as page:
        await page.press("y")
        assert page.app.clipboard == "c0" * 32


async def test_what_cannot_be_read_is_told_and_the_rest_is_shown() -> None:
    client = PolicyClient()
    lacks = RemoteError(403, "t", "FORBIDDEN", "sa-1 lacks the scope config:read", "it has: none")
    for kind in ("permission", "routing", "health"):
        client.answers[f"{RULES}/{kind}"] = lacks
    async with opened(client) as page:
        assert "not known whether permissions are enforced" in page.part("standing")
        assert "lacks the scope config:read → it has: none" in page.table("permission").text()
        assert "permission" in page.part("tabs").lower()
        await page.press("tab", "tab", "tab")
        assert page.rows("namespaces")[0] == "default"
        assert "not all could be read: sa-1 lacks" in page.part("standing")


async def test_a_daemon_that_lies_changes_nothing_of_the_rest() -> None:
    client = PolicyClient()
    client.answers["/v1/namespaces"] = DaemonUnreachable("/v1/namespaces answered HTTP 500", "is it one?")
    async with opened(client) as page:
        assert page.rows("permission")
        assert "not all could be read: /v1/namespaces answered HTTP 500" in page.part("standing")


async def test_it_is_read_again_when_the_log_grew_and_not_oftener_than_needed() -> None:
    client = PolicyClient()
    path = f"{RULES}/permission"
    async with opened(client) as page:
        await page.passes(6)
        before = client.asked[path]
        await page.passes(20)
        assert client.asked[path] == before, "nothing was written"
        client.answers[path] = RuleList(data=[], enabled=True)
        await page.hears(sample.status(records=99_999))
        assert client.asked[path] == before + 1
        assert "enforced: what no rule" in page.part("standing")
        for number in range(5):
            await page.hears(sample.status(records=100_000 + number))
        assert client.asked[path] == before + 1, "not more than once in five seconds"
        await page.press("1")
        await page.passes(10)
        assert client.asked[path] <= before + 2, "nothing is asked while nobody looks"


def test_an_emergency_freezes_every_namespace() -> None:
    everything = sample.freeze(level="emergency", namespace="*")
    world = World(status=sample.status(freezes=[everything]))
    assert [freezes.frozen_by(world, one) for one in ("default", "shop")] == ["emergency", "emergency"]
    docs = World(status=sample.status(freezes=[sample.freeze(namespace="docs", level="soft")]))
    assert [freezes.frozen_by(docs, one) for one in ("docs", "docs/v1", "docs2", "shop")] == [
        "soft",
        "soft",
        "",
        "",
    ]


def test_nothing_is_known_before_it_was_read() -> None:
    for pane in PANES:
        assert policy.pane_rows(pane.key, Policies(), World(), Moment(0, 0), UNICODE) is None
    assert policy.figures(Policies(), 0.0).text == "nothing has been read yet"
    assert isinstance(sample_policy.namespaces(), NamespaceList)


async def test_kinds_that_an_older_daemon_does_not_know_leave_the_others() -> None:
    client = PolicyClient()
    client.answers[f"{RULES}/aitl"] = RemoteError(404, "t", "NOT_FOUND", "no rules of kind aitl", "")
    async with console(status=sample.status(), client=client, screen="policy") as page:
        assert "[PERMISSIONS 4]" in page.part("tabs")
        assert "work ?" in page.part("tabs")
        await page.press(*["tab"] * 5)
        assert "no rules of kind aitl" in page.drawn


@pytest.mark.parametrize(("kind", "pane"), [("permission", policy.PERMISSION), ("fold", policy.ABOUT_WORK)])
def test_a_rule_that_could_not_be_evaluated_says_how_often_and_why(kind: str, pane: str) -> None:
    failing = sample_policy.rule(kind, "stage", failures=3, last_error="no such key: 'stage'")
    kinds = ("permission", *WORK)
    policies = Policies({one: RuleList(data=[failing] if one == kind else [], enabled=True) for one in kinds})
    rows = policy.pane_rows(pane, policies, World(), Moment(0, 0), UNICODE)
    assert rows is not None
    row = rows[0]
    assert row.cells["name"].tone == row.cells["expression"].tone == "bad"
    assert row.cells["expression"].text.startswith("failed 3× (no such key: 'stage'): current_actor()")
    facts = policy.facts_of(pane, row.key, policies, World(), Moment(0, 0), UNICODE)
    (told,) = [line.text for title, line in facts if title == "failed"]
    assert told == "3 times, last: no such key: 'stage'"
