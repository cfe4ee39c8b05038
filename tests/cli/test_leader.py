"""`spl leader`: who leads, in words, and what is asked before it changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tui.test_leader import FORMER, leader

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]


def test_a_fleet_that_is_led_is_told(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/leader", leader(told="acknowledged"))
    done = spl("leader", "show")
    assert done.code == 0
    first, *rest = done.out.splitlines()
    assert first.startswith("Leader: worker-b since ")
    assert first.endswith(" (term 2)")
    assert rest == [
        "  DID: did:sync:instance:000000000000000b",
        "  Address: http://127.0.0.1:9202",
        "  This daemon: it leads",
        "  Former coordinator: knows that it leads no more",
    ]
    first_term = leader(term=1, since=None, alias="coordinator")
    daemon.answer("/v1/leader", first_term)
    assert spl("leader", "show").out.startswith("Leader: coordinator (term 1)\n")
    assert spl("leader", "show", "-o", "json").json["term"] == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": FORMER}, "✗ split: the former coordinator (http://127.0.0.1:9100) has not been told"),
        ({"place": "fenced"}, "✗ fenced: worker-b leads at http://127.0.0.1:9202 since "),
        ({"place": "unclaimed", "problem": "p"}, "✗ no term: p"),
        ({"problem": "\x1b[31mc says so"}, "✗ "),
    ],
)
def test_what_is_wrong_fails(spl: Spl, daemon: FakeDaemon, changes: dict[str, object], words: str) -> None:
    daemon.answer("/v1/leader", leader(**changes))
    done = spl("leader", "show")
    assert done.code == 1
    assert words in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    ("verb", "path", "words"),
    [
        ("take", "/v1/leader/take", "✓ worker-b leads the fleet in term 2\n"),
        ("forget-former", "/v1/leader/forget-former", "✓ the former coordinator counts as gone"),
    ],
)
def test_nothing_is_changed_unless_somebody_agrees(
    spl: Spl, daemon: FakeDaemon, verb: str, path: str, words: str
) -> None:
    daemon.answer(path, leader(), status=201)
    done = spl("leader", verb)
    assert (done.code, "nobody agreed" in done.err, "add --yes" in done.err) == (2, True, True)
    assert words in spl("leader", verb, "--yes").out
    assert spl("leader", verb, "--yes", "-o", "json").json["object"] == "leader"
