"""Service accounts: minted once, listed without secrets, and no secret is kept anywhere."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest

from syncropel.logs.lines import start_logging
from syncropel.wire import MintedToken, Page, ServiceAccount

from .conftest import Api, assert_error


@pytest.fixture
def log_file(tmp_path: Path) -> Any:
    """Everything that is logged, down to the last detail."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    path = tmp_path / "spl.log"
    start_logging(path, "TRACE", to_stderr=False)
    yield path
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_the_secret_is_told_once_and_kept_nowhere(log_file: Path, durable: Api) -> None:
    answer = await durable.operator.post(
        "/v1/service-accounts", json={"sa_id": "sa-ci", "scopes": ["records:read", "records:write"]}
    )
    assert answer.status_code == 201
    minted = MintedToken.model_validate(answer.json())
    assert minted.token.startswith("spl_prod_sa-ci_")
    secret = minted.token.rpartition("_")[2]
    assert len(secret) >= 32
    headers = {"authorization": f"Bearer {minted.token}"}
    assert (await durable.tcp.get("/v1/records", headers=headers)).status_code == 200
    assert (await durable.tcp.get("/v1/nothing", headers=headers)).status_code == 404
    for path in ("/v1/records", "/v1/service-accounts", "/v1/threads/th_engine_config/records"):
        assert secret not in (await durable.operator.get(path, params={})).text
    await durable.lifecycle.stop()
    await durable.engine.store.close()
    kept = [path for path in log_file.parent.rglob("*") if path.is_file()]
    assert durable.engine.instance.home.store in kept
    assert log_file in kept
    for file in kept:
        assert secret.encode() not in file.read_bytes(), file
    assert (
        hashlib.sha256(secret.encode()).hexdigest().encode()
        in durable.engine.instance.home.store.read_bytes()
    )


async def test_an_account_is_minted_once_even_by_two_at_a_time(durable: Api) -> None:
    body = {"sa_id": "sa-one", "scopes": ["records:read"]}
    answers = await asyncio.gather(
        *(durable.operator.post("/v1/service-accounts", json=body) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    page = Page[ServiceAccount].model_validate(await durable.get("/v1/service-accounts"))
    assert [(one.sa_id, one.tokens, one.scopes) for one in page.data] == [("sa-one", 1, ["records:read"])]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"sa_id": "Upper", "scopes": ["admin"]}, 400, "Upper"),
        ({"sa_id": "a_b", "scopes": ["admin"]}, 400, "a_b"),
        ({"sa_id": "", "scopes": ["admin"]}, 400, "id"),
        ({"sa_id": "x" * 64, "scopes": ["admin"]}, 400, "63"),
        ({"sa_id": "ok", "scopes": ["records:all"]}, 400, "records:all"),
        ({"sa_id": "ok", "scopes": []}, 400, "scope"),
        ({"sa_id": "ok", "scopes": "admin"}, 422, "scopes"),
        ({"sa_id": "ok"}, 422, "scopes"),
        ({"sa_id": "ok", "scopes": ["admin"], "token": "mine"}, 422, "token"),
    ],
)
async def test_a_bad_account_is_refused(api: Api, body: dict[str, Any], status: int, words: str) -> None:
    for path in ("/v1/service-accounts", "/v1/bootstrap/service-account"):
        answer = await api.operator.post(path, json=body)
        assert_error(answer, status, "BAD_REQUEST" if status == 400 else "INVALID_RECORD", words)


async def test_a_caller_is_told_who_it_is_and_what_it_may(api: Api) -> None:
    assert await api.get("/v1/whoami") == {"kind": "operator", "name": "operator", "scopes": ["admin"]}
    reader = await api.bearer("records:read", "fleet:write")
    answer = await api.tcp.get("/v1/whoami", headers=reader)
    assert answer.json() == {
        "kind": "service_account", "name": "sa-0", "scopes": ["fleet:write", "records:read"],
    }  # fmt: skip
