"""Tokens of service accounts: another one, the list of them, and taken back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from syncropel.wire import ApiToken, MintedToken, Page, ServiceAccount

from .conftest import DID, Api, assert_error


async def account(api: Api, *scopes: str) -> MintedToken:
    answer = await api.operator.post("/v1/service-accounts", json={"sa_id": "sa-ci", "scopes": list(scopes)})
    return MintedToken.model_validate(answer.json())


async def another(api: Api) -> MintedToken:
    answer = await api.operator.post("/v1/tokens", json={"sa_id": "sa-ci"})
    assert answer.status_code == 201, answer.text
    return MintedToken.model_validate(answer.json())


async def revoke(api: Api, token_id: str) -> ApiToken:
    answer = await api.operator.post(f"/v1/tokens/{token_id}/revoke", json={"reason": "it leaked"})
    assert answer.status_code == 200, answer.text
    return ApiToken.model_validate(answer.json())


async def grant(api: Api, *scopes: str) -> httpx.Response:
    return await api.operator.put("/v1/service-accounts/sa-ci", json={"scopes": list(scopes)})


async def listed(api: Api) -> list[ApiToken]:
    return Page[ApiToken].model_validate(await api.get("/v1/tokens")).data


async def enters(api: Api, minted: MintedToken, path: str = "/v1/records") -> int:
    headers = {"authorization": f"Bearer {minted.token}"}
    return (await api.tcp.get(path, headers=headers)).status_code


async def test_a_token_is_taken_back_and_another_one_goes_on(durable: Api) -> None:
    first = await account(durable, "records:read")
    second = await another(durable)
    assert first.token != second.token
    assert (first.id, second.scopes) == ((await listed(durable))[0].id, ["records:read"])
    assert [await enters(durable, one) for one in (first, second)] == [200, 200]
    gone = await revoke(durable, first.id)
    told = (await durable.get("/v1/records", thread="th_engine_config"))["data"][-1]["body"]
    assert (told["topic"], told["sa_id"], told["reason"]) == ("api_token_revoked", "sa-ci", "it leaked")
    assert (gone.id, gone.sa_id, gone.state) == (first.id, "sa-ci", "revoked")
    assert [await enters(durable, one) for one in (first, second)] == [401, 200]
    assert [(one.id, one.state) for one in await listed(durable)] == [
        (first.id, "revoked"),
        (second.id, "active"),
    ]
    accounts = Page[ServiceAccount].model_validate(await durable.get("/v1/service-accounts")).data
    assert [(one.sa_id, one.tokens) for one in accounts] == [("sa-ci", 1)]


async def test_to_take_back_twice_is_to_take_back_once(api: Api) -> None:
    first = await account(api, "records:read")
    await revoke(api, first.id)
    written = (await api.get("/health"))["records"]
    assert (await revoke(api, first.id)).state == "revoked"
    assert (await api.get("/health"))["records"] == written


async def test_a_token_is_named_by_the_first_digits_of_its_id(api: Api) -> None:
    first = await account(api, "records:read")
    assert (await revoke(api, first.id[:12])).id == first.id
    assert_error(await api.operator.post("/v1/tokens/0123/revoke", json={}), 400, "BAD_REQUEST", "at least 8")
    nobody = "f" * 8 if not first.id.startswith("f" * 8) else "0" * 8
    assert_error(await api.operator.post(f"/v1/tokens/{nobody}/revoke", json={}), 404, "NOT_FOUND", nobody)


async def test_scopes_that_are_changed_hold_for_new_tokens_alone(api: Api) -> None:
    first = await account(api, "records:read", "config:read")
    changed = await grant(api, "records:read")
    assert ServiceAccount.model_validate(changed.json()).scopes == ["records:read"]
    second = await another(api)
    assert second.scopes == ["records:read"]
    assert await enters(api, first, "/v1/tokens") == 200, "a token keeps what it was made with"
    assert await enters(api, second, "/v1/tokens") == 403
    assert [one.scopes for one in await listed(api)] == [["config:read", "records:read"], ["records:read"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/v1/tokens", {"sa_id": "nobody"}, 404, "nobody"),
        ("POST", "/v1/tokens", {}, 422, "sa_id"),
        ("POST", "/v1/tokens", {"sa_id": "sa-ci", "token": "mine"}, 422, "token"),
        ("PUT", "/v1/service-accounts/nobody", {"scopes": ["admin"]}, 404, "nobody"),
        ("PUT", "/v1/service-accounts/sa-ci", {"scopes": ["all"]}, 400, "all"),
        ("PUT", "/v1/service-accounts/sa-ci", {"scopes": []}, 400, "scope"),
        ("PUT", "/v1/service-accounts/sa-ci", {"scopes": "admin"}, 422, "scopes"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(
    api: Api, method: str, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    await account(api, "records:read")
    answer = await api.operator.request(method, path, json=body)
    code = {400: "BAD_REQUEST", 404: "NOT_FOUND", 422: "INVALID_RECORD"}[status]
    assert_error(answer, status, code, words)


async def test_only_an_admin_gives_and_takes(api: Api) -> None:
    first = await account(api, "admin")
    reader = await api.bearer("config:read")
    writer = await api.bearer("config:write", "records:write")
    assert (await api.tcp.get("/v1/tokens", headers=reader)).status_code == 200
    assert first.token not in (await api.tcp.get("/v1/tokens", headers=reader)).text
    for headers in (reader, writer):
        for method, path, body in (
            ("POST", "/v1/tokens", {"sa_id": "sa-ci"}),
            ("POST", f"/v1/tokens/{first.id}/revoke", {}),
            ("PUT", "/v1/service-accounts/sa-ci", {"scopes": ["admin"]}),
        ):
            assert_error(await api.tcp.request(method, path, json=body, headers=headers), 403, "FORBIDDEN")
    assert await enters(api, first) == 200


async def test_the_list_of_tokens_is_guarded_by_the_rules_of_reading(api: Api) -> None:
    reader = await api.bearer("config:read")
    mine = f"current_actor() == '{DID}' || current_actor() == 'did:sync:user:operator'"
    rule = {"expression": mine, "effect": "allow", "priority": 1}
    answer = await api.operator.put("/v1/config/rules/permission/admins", json=rule)
    assert answer.status_code == 201, answer.text
    assert (await api.tcp.get("/v1/tokens", headers=reader)).status_code == 200
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).status_code == 201
    refused = await api.tcp.get("/v1/tokens", headers=reader)
    assert_error(refused, 403, "PERMISSION_DENIED")
    assert (await api.operator.get("/v1/tokens")).status_code == 200
