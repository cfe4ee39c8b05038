"""/v1/webhooks: who else hears what happens in the fleet; and what there is to tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from fastapi import APIRouter

from syncropel.api.fleet.fleet_views import fleet_status
from syncropel.api.http.request_body import RequestBody
from syncropel.api.inbox import inbox
from syncropel.engine.engine import Engine
from syncropel.engine.webhooks.notice import Notice
from syncropel.engine.webhooks.posting import NotTaken, WebhookRefused
from syncropel.engine.webhooks.webhooks import FREEZE, Webhooks
from syncropel.errors import NotFound
from syncropel.wire import Page, WebhookOut, WebhookTested
from syncropel.wire.fleet import FleetStatus
from syncropel.wire.inbox import InboxItem

_EVENTS: Final = {
    "permission": ("question", "waits for an answer"),
    "question": ("question", "waits for an answer"),
    "approval": ("question", "waits for your approval"),
    "review": ("question", "waits for your review"),
    "failed": ("failure", "failed"),
    "silent": ("stale", "is on an instance that does not answer"),
    "late": ("stale", "is late"),
    "budget": ("budget", "has nearly spent its budget"),
}
"""By kind of an inbox item, the event and what it is. Others are told to nobody."""


class WebhookTest(RequestBody):
    """An object without members: what is posted is always the same."""


def router(engine: Engine) -> APIRouter:
    """The routes of webhooks."""
    routes = APIRouter(tags=["webhooks"])

    @routes.get("/v1/webhooks")
    async def list_webhooks() -> Page[WebhookOut]:
        """The webhooks of this instance's settings, and how they are; never their URLs or secrets."""
        told = [] if engine.webhooks is None else engine.webhooks.told()
        return Page(data=[WebhookOut.model_validate(one) for one in told])

    @routes.post("/v1/webhooks/{name}/test")
    async def test_webhook(name: str, body: WebhookTest) -> WebhookTested:
        """Post a notice to one which says that nothing has happened; answered once it was taken."""
        if engine.webhooks is None:
            raise NotFound(f"there is no webhook {name!r}", "add [webhooks.NAME] to config.toml and restart")
        try:
            await engine.webhooks.test(name)
        except NotTaken as error:
            told = f"the webhook {name} did not take it: {error}"
            raise WebhookRefused(told, "check its URL and its server, then try again") from None
        return WebhookTested(name=name)

    return routes


def webhooks_of(engine: Engine) -> Webhooks:
    """The webhooks that the settings of this engine name."""
    settings, home = engine.settings, engine.instance.home
    fleet = settings.fleet.alias or engine.instance.did
    return Webhooks(settings.webhooks.hooks, fleet, home.webhooks, engine.runtime, partial(notices, engine))


def notices(engine: Engine) -> dict[str, Notice]:
    """Everything that a webhook may have to be told now, by key."""
    status = fleet_status(engine)
    found = (
        *(notice for item in inbox(engine, status) for notice in _of_item(item)),
        *_freezes(status),
        *_stale(status),
        *_joins(engine, status),
    )
    return {one.key: one for one in found}


def _of_item(item: InboxItem) -> Iterator[Notice]:
    if item.kind not in _EVENTS:
        return
    event, words = _EVENTS[item.kind]
    where = "" if item.index is None else f"[{item.index}]"
    facts = {
        "task": item.alias,
        "thread": item.thread,
        "subtask": item.index,
        "attempt": item.attempt,
        "instance": item.instance_alias,
        "command": item.command,
    }
    key = f"{item.kind}/{item.thread}/{item.index}/{item.attempt}/{item.question}"
    yield Notice(key, event, item.since, f"{item.alias or item.thread}{where} {words}", item.what, facts)


def _freezes(status: FleetStatus) -> Iterator[Notice]:
    for one in status.freezes:
        what = "the whole fleet" if one.namespace == "*" else one.namespace
        text = f"{one.level} freeze of {what}{f' by {one.actor}' if one.actor else ''}"
        facts = {"namespace": one.namespace, "level": one.level, "record": one.record}
        yield Notice(f"{FREEZE}{one.record}", "freeze", one.at, text, one.reason, facts)


def _stale(status: FleetStatus) -> Iterator[Notice]:
    for one in status.instances:
        if one.status == "stale":
            text = f"{one.alias or one.did} does not answer"
            facts = {"instance": one.alias, "command": f"spl fleet show {one.alias or one.did}"}
            yield Notice(f"stale/{one.did}", "stale", status.at, text, facts=facts)


def _joins(engine: Engine, status: FleetStatus) -> Iterator[Notice]:
    for thread in status.joined:
        state = engine.ingest.live.tasks.get(thread)
        joined = None if state is None or state.fanout is None else state.fanout.joined
        if state is None or joined is None:
            continue
        name = state.alias or thread
        facts = {"task": state.alias, "thread": thread, "cost_usd": joined.cost_usd}
        text = f"{name} joined after {joined.wall_time_secs:.0f} s, ${joined.cost_usd:.2f}"
        at = joined.at or joined.taken_at
        yield Notice(f"join/{joined.record}", "join", at, text, joined.explanation, facts)
