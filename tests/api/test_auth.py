"""Who may call what. Every route is in the table below: a new one must say what it needs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from syncropel.api.app import create_routes
from syncropel.folds.control.access import SCOPES

from .conftest import ACTOR, DID, Api, MakeApi, assert_error, record, without_auth

NEEDS = {
    ("GET", "/health"): None,
    ("GET", "/.well-known/syncropel"): None,
    ("GET", "/v1/whoami"): "",  # a token, with whatever scopes
    ("GET", "/v1/engine/health"): "records:read",
    ("GET", "/metrics"): "metrics:read",  # records:read implies it
    ("GET", "/v1/start"): "records:read",
    ("GET", "/v1/engine/log"): "config:read",
    ("GET", "/v1/engine/log/watch"): "config:read",
    ("GET", "/v1/fleet/log"): "records:read",  # by the coordinator alone
    ("GET", "/v1/fleet/instances/{name}/log"): "config:read",
    ("POST", "/v1/records"): "records:write",
    ("GET", "/v1/records"): "records:read",
    ("POST", "/v1/records/batch"): "records:write",
    ("POST", "/v1/records/query"): "records:read",
    ("GET", "/v1/records/watch"): "records:read",
    ("GET", "/v1/records/{record_id}"): "records:read",
    ("GET", "/v1/threads"): "records:read",
    ("GET", "/v1/threads/{thread}"): "records:read",
    ("GET", "/v1/threads/{thread}/records"): "records:read",
    ("GET", "/v1/threads/{thread}/state"): "records:read",
    ("GET", "/v1/threads/{thread}/participants"): "records:read",
    ("GET", "/v1/threads/{thread}/watch"): "records:read",
    ("GET", "/v1/threads/{thread}/diff"): "records:read",
    ("GET", "/v1/threads/snapshot"): "federation:read",  # records:read implies it
    ("POST", "/v1/threads/restore"): "admin",
    ("GET", "/v1/threads/{thread}/replay"): "records:read",
    ("GET", "/v1/threads/{thread}/replay/changes"): "records:read",
    ("GET", "/v1/threads/{thread}/replay/{position}"): "records:read",
    ("GET", "/v1/tasks"): "records:read",
    ("GET", "/v1/trust"): "records:read",
    ("POST", "/v1/tasks"): "threads:write",
    ("POST", "/v1/dispatch"): "threads:write",
    ("GET", "/v1/dispatches"): "records:read",
    ("GET", "/v1/actors"): "records:read",
    ("GET", "/v1/tasks/{name}/diagnose"): "records:read",
    ("GET", "/v1/tasks/{name}/tree"): "records:read",
    ("GET", "/v1/tasks/{name}"): "records:read",
    ("POST", "/v1/tasks/{name}/fan-out"): "threads:write",
    ("POST", "/v1/tasks/{name}/retry"): "threads:write",
    ("POST", "/v1/tasks/{name}/answer"): "threads:write",
    ("POST", "/v1/tasks/{name}/amend"): "threads:write",
    ("POST", "/v1/tasks/{name}/merge"): "repo:write",
    ("GET", "/v1/tasks/{name}/merge"): "records:read",
    ("POST", "/v1/merges"): "repo:write",
    ("GET", "/v1/tasks/{name}/join"): "records:read",
    ("GET", "/v1/tasks/{name}/why"): "records:read",
    ("GET", "/v1/tasks/{name}/what-if"): "records:read",
    ("GET", "/v1/tasks/{name}/speedup"): "records:read",
    ("GET", "/v1/tasks/{name}/subtasks/{index}/output"): "output:read",
    ("GET", "/v1/tasks/{name}/subtasks/{index}/diff"): "output:read",
    ("GET", "/v1/dispatches/{thread}/output"): "output:read",
    ("GET", "/v1/worktrees"): "output:read",
    ("GET", "/v1/tasks/{name}/messages"): "records:read",
    ("POST", "/v1/tasks/{name}/subtasks/{index}/messages"): "agents:say",
    ("GET", "/v1/tasks/{name}/subtasks/{index}/attempts"): "records:read",
    ("POST", "/v1/tasks/{name}/subtasks/{index}/reviews"): "tasks:review",
    ("GET", "/v1/questions"): "records:read",
    ("GET", "/v1/inbox"): "records:read",
    ("GET", "/v1/questions/{question}"): "records:read",
    ("POST", "/v1/questions/{question}/answer"): "agents:answer",
    ("POST", "/v1/worktrees/prune"): "fleet:write",
    ("POST", "/v1/worktrees/allow"): "repo:write",
    ("GET", "/v1/store"): "records:read",
    ("POST", "/v1/store/accept-loss"): "admin",
    ("POST", "/v1/store/accept-altered"): "admin",
    ("POST", "/v1/backups"): "admin",
    ("POST", "/v1/worktrees/remove"): "fleet:write",
    ("GET", "/v1/fleet/status"): "records:read",
    ("GET", "/v1/fleet/instances"): "records:read",
    ("GET", "/v1/fleet/instances/{name}"): "records:read",
    ("GET", "/v1/fleet/watch"): "records:read",
    ("POST", "/v1/fleet/control"): "fleet:write",
    ("POST", "/v1/fleet/heartbeat"): "fleet:write",
    ("GET", "/v1/fleet/link"): "fleet:write",  # by the worker's own credential
    ("POST", "/v1/fleet/link/acks"): "fleet:write",  # likewise
    ("POST", "/v1/fleet/link/answers"): "fleet:write",  # likewise
    ("POST", "/v1/fleet/instances/{name}/relink"): "fleet:write",
    ("POST", "/v1/fleet/siblings"): "fleet:write",  # by the instance that has the attempt
    ("GET", "/v1/leader"): "",  # a token, with whatever scopes
    ("POST", "/v1/leader/announce"): "fleet:write",  # by the instance that leads
    ("POST", "/v1/leader/take"): "admin",
    ("POST", "/v1/leader/forget-former"): "admin",
    ("GET", "/v1/fleet/providers"): "records:read",
    ("POST", "/v1/fleet/providers/{name}/pause"): "fleet:write",
    ("POST", "/v1/fleet/providers/{name}/resume"): "fleet:write",
    ("POST", "/v1/fleet/credentials"): "admin",
    ("GET", "/v1/fleet/join"): None,  # what it says is no secret, and whoever joins has no token yet
    ("POST", "/v1/fleet/join"): None,  # an invite says who may
    ("POST", "/v1/fleet/invites"): "admin",
    ("POST", "/v1/fleet/invites/{name}/withdraw"): "admin",
    ("GET", "/v1/fleet/nodes"): "config:read",
    ("POST", "/v1/fleet/nodes/{name}/rotate"): "admin",
    ("POST", "/v1/fleet/instances/{name}/revoke"): "fleet:write",
    ("POST", "/v1/fleet/freeze"): "fleet:write",
    ("POST", "/v1/fleet/unfreeze"): "fleet:write",
    ("GET", "/v1/control/blast"): "records:read",
    ("GET", "/v1/drain"): "records:read",
    ("POST", "/v1/drain"): "fleet:write",
    ("GET", "/v1/webhooks"): "config:read",
    ("POST", "/v1/webhooks/{name}/test"): "config:write",
    ("GET", "/v1/config/rules/{kind}"): "config:read",
    ("PUT", "/v1/config/rules/{kind}/{name}"): "config:write",
    ("POST", "/v1/config/rules/{kind}/{name}/remove"): "config:write",
    ("POST", "/v1/config/rules/restore-defaults"): "config:write",
    ("POST", "/v1/config/permissions/{verb}"): "config:write",
    ("GET", "/v1/config/cors"): "config:read",
    ("PUT", "/v1/config/cors"): "config:write",
    ("POST", "/v1/expr/check"): "config:read",
    ("POST", "/v1/expr/eval"): "config:read",
    ("GET", "/v1/engine/expression_cache/stats"): "records:read",
    ("GET", "/v1/namespaces"): "records:read",
    ("POST", "/v1/namespaces"): "fleet:write",
    ("POST", "/v1/namespaces/{verb}"): "fleet:write",
    ("PUT", "/v1/namespaces/strict"): "fleet:write",
    ("GET", "/v1/consents"): "records:read",
    ("POST", "/v1/consents"): "config:write",
    ("POST", "/v1/consents/revoke"): "config:write",
    ("POST", "/v1/bootstrap/service-account"): "admin",
    ("POST", "/v1/service-accounts"): "admin",
    ("GET", "/v1/service-accounts"): "config:read",
    ("PUT", "/v1/service-accounts/{sa_id}"): "admin",
    ("GET", "/v1/tokens"): "config:read",
    ("POST", "/v1/tokens"): "admin",
    ("POST", "/v1/tokens/{token_id}/revoke"): "admin",
}
WATCHES = {path for _, path in NEEDS if path.endswith("/watch")}


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


async def ask(api: Api, method: str, path: str, **headers: str) -> Any:
    # HEAD needs what GET needs, and ends where a stream would go on.
    method = "HEAD" if path in WATCHES else method
    return await api.tcp.request(method, filled(path), headers=headers)


async def test_the_table_has_every_route(api: Api) -> None:
    documented = {
        (method.upper(), path)
        for path, operations in create_routes(api.engine).openapi()["paths"].items()
        for method in operations
    }
    assert documented == set(NEEDS)


@pytest.mark.parametrize(("method", "path"), NEEDS)
async def test_a_route_asks_for_its_scope_and_for_no_more(api: Api, method: str, path: str) -> None:
    needed = NEEDS[method, path]
    if needed is None:
        assert (await ask(api, method, path)).status_code not in (401, 403)
        return
    assert (await ask(api, method, path)).status_code == 401
    if not needed:
        assert (await ask(api, method, path, **await api.bearer("records:read"))).status_code == 200
        return
    implying = ("admin", "records:read") if needed in ("federation:read", "metrics:read") else ("admin",)
    others = await api.bearer(*(scope for scope in SCOPES if scope not in (needed, *implying)))
    refused = await ask(api, method, path, **others)
    assert refused.status_code == 403
    assert needed in (refused.text or needed)
    for scopes in ((needed,), ("admin",)):
        assert (await ask(api, method, path, **await api.bearer(*scopes))).status_code not in (401, 403)


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/v2", "/health/", "//health", "/health/x"])
async def test_nothing_else_is_open(api: Api, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        answer = await api.tcp.request(method, path)
        assert_error(answer, 401, "UNAUTHORIZED", "bearer")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tasks/T/subtasks/0/output%0A",
        "/v1/dispatches/th_x/output%0A",
        "/v1/threads/th_engine_config%0A",
        "/v1/threads/th_engine_config/records%0A",
        "/v1/engine/log%0A",
        "%0A/v1/tasks",
    ],
)
async def test_a_line_break_in_a_path_makes_no_other_path_of_it(api: Api, path: str) -> None:
    reader = await api.bearer("records:read")
    for answer in (await api.tcp.get(path, headers=reader), await api.operator.get(path)):
        assert_error(answer, 400, "BAD_REQUEST", "line break")


async def test_an_unknown_method_on_a_known_path_needs_admin(api: Api) -> None:
    writer = await api.bearer("records:read", "threads:write")
    assert_error(await api.tcp.delete("/v1/fleet/status", headers=writer), 403, "FORBIDDEN", "fleet:write")
    admin = await api.bearer("admin")
    assert_error(await api.tcp.delete("/v1/fleet/status", headers=admin), 405, "METHOD_NOT_ALLOWED")


async def test_tokens_that_are_none(api: Api) -> None:
    token = await api.token("admin")
    secret = token.rpartition("_")[2]
    wrong = [
        "", "x", "Bearer", "Bearer ", f"Basic {token}", f"Bearer {token}x", f"Bearer {secret}",
        f"Bearer spl_prod_sa-1_{secret}", f"Bearer SPL_prod_sa-0_{secret}",
        f"Bearer spl_prod_sa-0_{secret[:-1]}", "Bearer spl___", "Bearer \xff\xfe", "Bearer " + "x" * 100_000,
    ]  # fmt: skip
    for value in wrong:
        answer = await api.tcp.get("/v1/records", headers={b"authorization": value.encode("latin-1")})
        assert_error(answer, 401, "UNAUTHORIZED")
        assert secret not in answer.text
    for value in (f"Bearer {token}", f"bearer {token}", f"BEARER   {token} "):
        assert (await api.tcp.get("/v1/records", headers={"authorization": value})).status_code == 200
    assert (await api.tcp.get("/v1/records", headers={"x-api-key": token})).status_code == 200
    assert_error(await api.tcp.get("/v1/records", headers={"x-api-key": "x"}), 401, "UNAUTHORIZED")


async def test_the_operators_door_needs_no_token_and_cannot_be_claimed(api: Api) -> None:
    assert (await api.operator.get("/v1/service-accounts")).status_code == 200
    for header in ("syncropel.operator", "x-syncropel-operator", "x-forwarded-for"):
        assert (await api.tcp.get("/v1/records", headers={header: "127.0.0.1"})).status_code == 401


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(
    ("thread", "topic", "needed"),
    [
        ("th_engine_config", "auth_required", "config:write"),
        ("th_actor_registry", "actor", "config:write"),
        ("th_consent", "grant", "config:write"),
        ("th_instance_registry", "note", "fleet:write"),
        ("th_fleet_control", "note", "fleet:write"),
        ("th_namespace_registry", "note", "fleet:write"),
    ],
)
async def test_a_record_that_rules_the_engine_needs_the_scope_of_what_it_changes(
    api: Api, thread: str, topic: str, needed: str, batch: bool
) -> None:
    forged = record(thread=thread, act="LEARN", body={"topic": topic, "sa_id": "sa-x"})
    path, body = ("/v1/records/batch", [forged]) if batch else ("/v1/records", forged)
    before = api.engine.store.count
    others = [scope for scope in SCOPES if scope not in (needed, "admin")]
    refused = await api.tcp.post(path, json=body, headers=await api.bearer(*others))
    told = refused.json()["data"][0]["error"] if batch else refused.json()
    assert (told["code"], needed in told["message"]) == ("FORBIDDEN", True)
    assert api.engine.store.count == before + 2  # the account and the token that asked
    allowed = await api.tcp.post(path, json=body, headers=await api.bearer("records:write", needed))
    assert allowed.is_success
    assert not batch or allowed.json()["created"] == 1


@pytest.mark.parametrize("topic", ["service_account", "api_token", "api_token_revoked"])
async def test_accounts_and_tokens_are_made_by_their_routes_alone(api: Api, topic: str) -> None:
    forged = record(thread="th_engine_config", act="LEARN", body={"topic": topic, "sa_id": "sa-x"})
    for client, headers in ((api.operator, {}), (api.tcp, await api.bearer("admin"))):
        answer = await client.post("/v1/records", json=forged, headers=headers)
        assert_error(answer, 403, "WRONG_AUTHOR", "spl token mint")


async def test_a_writer_cannot_make_itself_an_admin(api: Api) -> None:
    writer = await api.bearer("records:read", "records:write", "threads:write", "fleet:write", "config:write")
    for act in ("LEARN", "KNOW"):
        body = {"topic": "api_token", "sa_id": "sa-evil", "scopes": ["admin"], "token_sha256": "0" * 64}
        answer = await api.tcp.post(
            "/v1/records", json=record(thread="th_engine_config", act=act, body=body), headers=writer
        )
        assert_error(answer, 403, "FORBIDDEN", "admin")


async def test_without_auth_everybody_on_this_machine_may_call(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    assert (await api.tcp.post("/v1/records", json=record())).status_code == 201
    minted = await api.tcp.post(
        "/v1/bootstrap/service-account", json={"sa_id": "sa-admin", "scopes": ["admin"]}
    )
    assert minted.status_code == 201
    for host in ("localhost:9100", "127.0.0.1", "[::1]:9100", "localhost"):
        assert (await api.tcp.get("/v1/records", headers={"host": host})).status_code == 200
    for origin in ("http://localhost:3000", "http://127.0.0.1:9100", "https://localhost"):
        assert (await api.tcp.get("/v1/records", headers={"origin": origin})).status_code == 200


async def test_without_auth_web_pages_of_others_are_kept_out(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    before = api.engine.store.count
    for name, value in (
        ("host", "evil.example"),
        ("host", "evil.example:9100"),
        ("host", "127.0.0.1.evil.example"),
        ("host", "localhost\u00a0"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost.evil.example"),
    ):
        headers = {name.encode(): value.encode("latin-1"), b"content-type": b"text/plain"}
        answer = await api.tcp.post("/v1/records", json=record(), headers=headers)
        assert_error(answer, 403, "FORBIDDEN", "this machine")
    assert api.engine.store.count == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", " cross-site ", "", "x"])
async def test_without_auth_no_page_of_another_site_makes_a_browser_call(
    make_api: MakeApi, method: str, site: str
) -> None:
    api = await make_api(without_auth())
    before = api.engine.store.count
    # As of an image, a link or a form: a browser need not send an origin with these.
    for path in ("/v1/records", "/v1/fleet/status", "/health", "/v1/fleet/unfreeze"):
        headers = {"sec-fetch-site": site, "content-type": "text/plain"}
        answer = await api.tcp.request(method, path, content=b"{}", headers=headers)
        assert answer.status_code == 403
        # Naming this machine as its origin does not help a page that the browser says is another's.
        answer = await api.tcp.request(method, path, headers={**headers, "origin": "http://localhost:9100"})
        assert answer.status_code == 403
    assert api.engine.store.count == before


async def test_without_auth_a_form_of_another_page_writes_nothing(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    before = api.engine.store.count
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "file://", ""):
            headers = {"content-type": kind, "origin": origin}
            answer = await api.tcp.post("/v1/records", json=record(), headers=headers)
            assert_error(answer, 403, "FORBIDDEN", "web page")
    assert api.engine.store.count == before


async def test_without_auth_what_is_no_page_of_another_calls_as_before(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    for headers in ({}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}):
        assert (await api.tcp.get("/v1/records", headers=headers)).status_code == 200
        posted = await api.tcp.post("/v1/records", json=record(), headers=headers)
        assert posted.status_code in (200, 201)


async def test_with_auth_a_browser_may_come_from_anywhere_with_a_token(api: Api) -> None:
    reader = await api.bearer("records:read")
    headers = {**reader, "sec-fetch-site": "cross-site", "origin": "https://app.example.com"}
    assert (await api.tcp.get("/v1/records", headers=headers)).status_code == 200


async def test_an_actor_is_what_the_record_says(api: Api) -> None:
    writer = await api.bearer("records:write")
    answer = await api.tcp.post("/v1/records", json=record(), headers=writer)
    assert answer.json()["actor"] == ACTOR


@pytest.mark.parametrize(
    "view",
    ["", "/records", "/state", "/participants", "/replay", "/replay/1", "/replay/changes", "/diff?with=open"],
)
async def test_read_rules_judge_the_whole_name_of_a_thread(api: Api, view: str) -> None:
    for thread in ("open", "open/secret"):
        await api.post(thread=thread)
    mine = "current_actor() in ['did:sync:user:operator', '%s']" % DID  # noqa: UP031 - braces are CEL's too
    for name, expression in (("mine", mine), ("open", "thread == 'open'")):
        body = {"expression": expression, "effect": "allow", "priority": 5}
        answer = await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)
        assert answer.is_success, answer.text
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).is_success
    reader = await api.bearer("records:read")
    assert (await api.tcp.get(f"/v1/threads/open{view}", headers=reader)).status_code == 200
    answer = await api.tcp.get(f"/v1/threads/open%2Fsecret{view}", headers=reader)
    assert_error(answer, 403, "PERMISSION_DENIED")
    assert (await api.tcp.get("/health")).status_code == 200
