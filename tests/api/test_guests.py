"""Accounts with `federation:read` alone get what may be shared with their namespace, and nothing else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from syncropel.folds.control.access import SCOPES
from syncropel.record.threads import CONSENT, ENGINE_CONFIG
from syncropel.wire.bundles import WITHHELD

from .conftest import Api, assert_error
from .test_auth import NEEDS, WATCHES, filled
from .test_bundles import SNAPSHOT
from .test_consents import grant, note, revoke, threads_in


async def pull(api: Api, **query: Any) -> httpx.Response:
    guest = await api.bearer("federation:read")
    return await api.tcp.get(SNAPSHOT, params=query or {"all": "true"}, headers=guest)


async def account(api: Api, method: str = "POST", path: str = "", **body: Any) -> httpx.Response:
    return await api.operator.request(method, f"/v1/service-accounts{path}", json=body)


async def test_a_guest_gets_what_was_granted_to_its_namespace(api: Api) -> None:
    for thread, namespace in (("t-docs", "docs"), ("t-code", "code"), ("t-theirs", "partner")):
        await note(api, thread, namespace)
    answer = await pull(api)
    assert threads_in(answer) == {"t-theirs"}
    assert answer.headers[WITHHELD] == "", "how much there is besides is nobody's business"
    await grant(api)
    assert threads_in(await pull(api)) == {"t-theirs", "t-docs"}
    assert threads_in(await pull(api, all="true", to_namespace="partner/eu")) == {"t-docs"}
    await revoke(api)
    assert threads_in(await pull(api)) == {"t-theirs"}


async def test_a_guest_learns_of_nothing_else(api: Api) -> None:
    await note(api, "t-code", "code")
    await api.token("admin")
    told = set()
    for name in ("t-code", "nowhere", ENGINE_CONFIG, CONSENT):
        answer = await pull(api, threads=name)
        assert_error(answer, 404, "NOT_FOUND", "not shared with you")
        told.add(answer.text)
    assert len(told) == 1, "what there is and what there is not cannot be told apart"
    assert_error(await pull(api), 404, "NOT_FOUND", "nothing is shared with you")
    for closure in ({"threads": "t-code", "causal_closure": "true"}, {"threads": ["t-code", "nowhere"]}):
        assert_error(await pull(api, **closure), 404, "NOT_FOUND")


@pytest.mark.parametrize("asked", ["docs", "default", "partnerx", "part", "*", "", "partner/../docs"])
async def test_a_guest_pulls_for_its_own_namespace_alone(api: Api, asked: str) -> None:
    await note(api, "t-docs", "docs")
    answer = await pull(api, all="true", to_namespace=asked)
    assert answer.status_code in (403, 422), answer.text


@pytest.mark.parametrize(("method", "path"), sorted(NEEDS))
async def test_a_guest_may_ask_for_nothing_else(api: Api, method: str, path: str) -> None:
    guest = await api.bearer("federation:read")
    answer = await api.tcp.request("HEAD" if path in WATCHES else method, filled(path), headers=guest)
    open_to_it = NEEDS[method, path] in (None, "") or path == SNAPSHOT
    assert (answer.status_code == 403) is not open_to_it


@pytest.mark.parametrize("path", ["x", "/", "/x", "x/records", "/records", "/x/records", "/watch", "/state"])
async def test_a_thread_that_is_called_as_the_route_is_no_door(api: Api, path: str) -> None:
    await note(api, "snapshot/x", "code")
    await note(api, "snapshotx", "code")
    guest = await api.bearer("federation:read")
    answer = await api.tcp.get(f"{SNAPSHOT}{path}", headers=guest)
    assert answer.status_code == 403, answer.text


async def test_an_account_that_pulls_needs_a_namespace(api: Api) -> None:
    pulls: dict[str, Any] = {"sa_id": "sa-p", "scopes": ["federation:read"]}
    assert_error(await account(api, **pulls), 400, "BAD_REQUEST", "--pulls-for NS")
    assert_error(await account(api, **pulls, pulls_for="Docs"), 422, "INVALID_NAMESPACE", "pulls_for")
    other: dict[str, Any] = {"sa_id": "sa-p", "scopes": ["records:read"], "pulls_for": "partner"}
    assert_error(await account(api, **other), 400, "BAD_REQUEST", "--scope federation:read")
    assert (await account(api, **pulls, pulls_for="partner")).status_code == 201
    assert_error(await account(api, "PUT", "/sa-p", pulls_for=""), 400, "BAD_REQUEST")
    changed = await account(api, "PUT", "/sa-p", pulls_for="partner/eu")
    assert (changed.json()["pulls_for"], changed.json()["scopes"]) == ("partner/eu", ["federation:read"])
    without = await account(api, "PUT", "/sa-p", scopes=["records:read"])
    assert without.json()["pulls_for"] == ""


async def test_changing_the_namespace_changes_what_its_tokens_get_at_once(api: Api) -> None:
    await note(api, "t-eu", "partner/eu")
    await note(api, "t-us", "partner/us")
    made = await account(api, sa_id="sa-p", scopes=["federation:read"], pulls_for="partner/eu")
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    for namespace, thread in (("partner/eu", "t-eu"), ("partner/us", "t-us")):
        await account(api, "PUT", "/sa-p", pulls_for=namespace)
        answer = await api.tcp.get(SNAPSHOT, params={"all": "true"}, headers=headers)
        assert threads_in(answer) == {thread}


async def test_who_may_read_everything_is_no_guest(api: Api) -> None:
    await note(api, "t-code", "code")
    for scopes in (("records:read",), ("admin",), tuple(one for one in SCOPES if one != "admin")):
        headers = await api.bearer(*scopes)
        answer = await api.tcp.get(SNAPSHOT, params={"threads": "t-code"}, headers=headers)
        assert threads_in(answer) == {"t-code"}
