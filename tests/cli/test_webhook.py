"""`spl webhook`"""

from __future__ import annotations

from collections.abc import Callable

from syncropel.wire import Page, WebhookOut, WebhookTested

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]

CHAT = WebhookOut(name="chat", events=["join", "freeze"], waiting=0, sent=3, dropped=1, at=None, problem="")


def test_they_are_listed_with_their_state(spl: Spl, daemon: FakeDaemon) -> None:
    pager = CHAT.model_copy(update={"name": "pager", "waiting": 2, "problem": "it answered 500"})
    daemon.answer("/v1/webhooks", Page[WebhookOut](data=[CHAT, pager]))
    done = spl("webhook", "list")
    assert (done.code, [line.split() for line in done.out.splitlines()]) == (
        0,
        [
            ["WEBHOOK", "EVENTS", "SENT", "WAITING", "DROPPED", "LAST", "STATE"],
            ["chat", "join,freeze", "3", "0", "1", "–", "ok"],
            ["pager", "join,freeze", "3", "2", "1", "–", "it", "answered", "500"],
        ],
    )
    assert spl("webhook", "list", "-o", "name").out == "chat\npager\n"
    assert spl("webhook", "list", "-o", "json").json["data"][1]["problem"] == "it answered 500"


def test_none_says_how_to_add_one(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/webhooks", Page[WebhookOut](data=[]))
    assert spl("webhook", "list").out.splitlines()[1] == (
        "  add one to config.toml: [webhooks.NAME], with url and events"
    )


def test_a_test_says_only_what_is_so(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/webhooks/chat/test", WebhookTested(name="chat"))
    done = spl("webhook", "test", "chat")
    assert (done.code, done.out) == (0, "✓ chat took it\n")
    daemon.refuse("/v1/webhooks/chat/test", 502, "NOT_TAKEN", "it answered 403", "check its URL")
    done = spl("webhook", "test", "chat")
    assert (done.code, done.out) == (1, "")
    assert "it answered 403" in done.err
