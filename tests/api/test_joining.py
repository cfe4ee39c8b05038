"""Joining from another host: an invite is good once, for one instance, and for a while."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncropel.engine.fleet.credentials import LIFE_SECS
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import FleetSettings, ServerSettings, Settings
from syncropel.settings.join_line import parse_line
from syncropel.settings.keyring import bearer_hash
from syncropel.wire.version import PROTOCOL
from tests.api.conftest import DID, Api, MakeApi, assert_error, beat
from tests.certificates import home_with_ca

A, B = beat("a")["did"], beat("b")["did"]
SECRETS = {did: f"spl_instance_{did[-16:]}_{digit * 48}" for did, digit in ((A, "a"), (B, "b"))}
LISTENS = Settings(server=ServerSettings(listen="0.0.0.0:9443"))


class Clock:
    """The coordinator's wall clock, which a test turns."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
async def coordinator(make_api: MakeApi) -> Api:
    api = await make_api(LISTENS)
    home_with_ca(api.engine.instance.home.path, time.time(), "fleet.example", "10.0.0.7")
    return api


async def invited(api: Api, alias: str = "laptop-a", **more: Any) -> dict[str, Any]:
    answer = await api.operator.post("/v1/fleet/invites", json={"alias": alias, **more})
    assert answer.status_code == 201, answer.text
    line = parse_line(answer.json()["line"])
    return {"invite": line.invite, "secret": line.secret}


def asking(invite: dict[str, Any], did: str = A, /, **changes: Any) -> dict[str, Any]:
    return {**invite, "did": did, "sha256": bearer_hash(SECRETS[did]), "protocol": PROTOCOL, **changes}


async def join(api: Api, invite: dict[str, Any], did: str = A, /, **changes: Any) -> httpx.Response:
    """As another host does it: over TCP, without a token."""
    return await api.tcp.post("/v1/fleet/join", json=asking(invite, did, **changes))


async def beats(api: Api, secret: str, did: str = A, **changes: Any) -> httpx.Response:
    letter = "a" if did == A else "b"
    body = beat(letter, alias="laptop-a", **changes)
    return await api.tcp.post("/v1/fleet/heartbeat", json=body, headers={"authorization": f"Bearer {secret}"})


async def test_an_invite_names_hosts_pin_and_secret_and_the_log_has_only_its_hash(coordinator: Api) -> None:
    answer = await coordinator.operator.post("/v1/fleet/invites", json={"alias": "laptop-a"})
    line = parse_line(answer.json()["line"])
    assert line.hosts == ("fleet.example:9443", "10.0.0.7:9443")
    info = (await coordinator.tcp.get("/v1/fleet/join")).json()
    assert info["protocol"] == PROTOCOL
    assert info["ca"].count("BEGIN CERTIFICATE") == 1
    (record,) = (await coordinator.get("/v1/records", topic="join_invite"))["data"]
    assert line.secret not in str(record)
    assert record["body"]["alias"] == "laptop-a"
    assert (await coordinator.get("/v1/fleet/nodes"))["invites"][0]["id"] == line.invite


async def test_an_instance_that_joined_has_a_credential_and_beats(coordinator: Api) -> None:
    answer = await join(coordinator, await invited(coordinator))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["alias"], told["coordinator"]) == ("laptop-a", DID)
    assert told["sha256"] == bearer_hash(coordinator.engine.keyring.towards(A))
    assert (await beats(coordinator, SECRETS[A])).status_code == 200
    (node,) = (await coordinator.get("/v1/fleet/nodes"))["nodes"]
    assert (node["did"], node["alias"], node["credential"], node["status"]) == (
        A,
        "laptop-a",
        "valid",
        "live",
    )
    row = await coordinator.get(f"/v1/fleet/instances/{A}")
    assert row["credential"] == "own"
    assert row["credential_at"] == pytest.approx(time.time(), abs=30)


async def test_a_lost_answer_is_given_again_to_the_same_instance_alone(coordinator: Api) -> None:
    invite = await invited(coordinator)
    first, again = await join(coordinator, invite), await join(coordinator, invite)
    assert (first.status_code, first.json()) == (200, again.json())
    assert len((await coordinator.get("/v1/records", topic="join_used"))["data"]) == 1
    for did, sha256 in (
        (B, bearer_hash(SECRETS[B])),
        (A, bearer_hash(SECRETS[B])),
        (B, bearer_hash(SECRETS[A])),
    ):
        assert_error(await join(coordinator, invite, did, sha256=sha256), 403, "INVITE_USED", "invite_used")


async def test_two_hosts_cannot_use_one_invite_together(coordinator: Api) -> None:
    invite = await invited(coordinator)
    answers = await asyncio.gather(*(join(coordinator, invite, did) for did in (A, B) * 4))
    won = {asked for asked, one in zip((A, B) * 4, answers, strict=True) if one.status_code == 200}
    assert len(won) == 1
    assert {one.json()["code"] for one in answers if one.status_code != 200} == {"INVITE_USED"}
    assert len((await coordinator.get("/v1/records", topic="instance_credential"))["data"]) == 1


async def test_what_is_refused_is_refused_by_name(coordinator: Api) -> None:
    invite = await invited(coordinator)
    refusals = {
        "INVITE_UNKNOWN": [{"secret": "x" * 43}, {"invite": "0" * 12}, {"secret": invite["secret"][:-1]}],
        "TOO_OLD": [{"protocol": 0}, {"protocol": -1}],
        "TOO_NEW": [{"protocol": PROTOCOL + 1}],
    }
    for code, changes in refusals.items():
        for change in changes:
            assert_error(await join(coordinator, invite, **change), 403, code, code.lower())
    assert_error(await join(coordinator, invite, sha256="z" * 64), 400, "BAD_REQUEST")
    assert_error(
        await coordinator.tcp.post("/v1/fleet/join", json=asking(invite) | {"did": "x"}), 400, "BAD_REQUEST"
    )
    assert_error(
        await coordinator.tcp.post("/v1/fleet/join", json=asking(invite) | {"did": DID}), 409, "CONFLICT"
    )
    assert (await join(coordinator, invite)).status_code == 200, "none of these has used it up"


async def test_an_invite_expires_and_can_be_taken_back(make_api: MakeApi) -> None:
    clock = Clock()
    api = await make_api(LISTENS, runtime=Runtime(now=clock))
    home_with_ca(api.engine.instance.home.path, time.time())
    late = await invited(api, "late", ttl_secs=60)
    clock.ahead = 61.0
    assert_error(await join(api, late), 403, "INVITE_EXPIRED", "invite_expired")
    clock.ahead = -86_400.0  # the coordinator's clock is put back: what it said stays as it is now
    gone = await invited(api, "gone")
    answer = await api.operator.post("/v1/fleet/invites/gone/withdraw", json={})
    assert answer.json()["alias"] == "gone"
    assert_error(await join(api, gone), 403, "INVITE_WITHDRAWN", "invite_withdrawn")
    assert_error(await api.operator.post("/v1/fleet/invites/gone/withdraw", json={}), 404, "NOT_FOUND")


async def test_an_alias_belongs_to_one_instance(coordinator: Api) -> None:
    invite = await invited(coordinator)
    taken = await coordinator.operator.post("/v1/fleet/invites", json={"alias": "laptop-a"})
    assert_error(taken, 403, "ALIAS_TAKEN", "open invite", "uninvite")
    await join(coordinator, invite)
    taken = await coordinator.operator.post("/v1/fleet/invites", json={"alias": "laptop-a"})
    assert_error(taken, 403, "ALIAS_TAKEN", A)
    answer = await beats(coordinator, SECRETS[A])
    assert answer.status_code == 200
    headers = {"authorization": f"Bearer {SECRETS[A]}"}
    other = await coordinator.tcp.post(
        "/v1/fleet/heartbeat", json=beat("a", alias="worker-b"), headers=headers
    )
    assert_error(other, 403, "WRONG_AUTHOR", "joined as laptop-a")
    await coordinator.operator.post("/v1/fleet/instances/laptop-a/revoke", json={})
    assert (await join(coordinator, await invited(coordinator), B)).status_code == 200, "free again"


@pytest.mark.parametrize("alias", ["", "A", "a b", "../x", "-a", "a" * 64])
async def test_an_alias_that_is_none_is_refused(coordinator: Api, alias: str) -> None:
    assert (await coordinator.operator.post("/v1/fleet/invites", json={"alias": alias})).status_code in (
        400,
        422,
    )


async def test_nobody_takes_over_an_instance_with_an_invite_of_another(coordinator: Api) -> None:
    await join(coordinator, await invited(coordinator))
    other = await invited(coordinator, "laptop-b")
    stolen = await join(coordinator, other, A, sha256=bearer_hash(SECRETS[B]))
    assert_error(stolen, 403, "ALREADY_JOINED", "already_joined")
    assert_error(await join(coordinator, other, B, sha256=bearer_hash(SECRETS[A])), 409, "CONFLICT")
    assert (await beats(coordinator, SECRETS[A])).status_code == 200
    assert (await join(coordinator, other, B)).status_code == 200


async def test_who_was_revoked_joins_again_with_another_secret(coordinator: Api) -> None:
    invite = await invited(coordinator)
    await join(coordinator, invite)
    assert (
        await coordinator.operator.post("/v1/fleet/instances/laptop-a/revoke", json={})
    ).status_code == 201
    assert_error(await beats(coordinator, SECRETS[A]), 401, "CREDENTIAL_REVOKED")
    again = await invited(coordinator)
    assert_error(await join(coordinator, again), 403, "SECRET_REVOKED", "secret_revoked")
    assert (await join(coordinator, again, sha256=bearer_hash(SECRETS[B]))).status_code == 200
    assert (await beats(coordinator, SECRETS[B])).status_code == 200
    assert_error(await join(coordinator, invite), 403, "INVITE_USED", "another credential")


async def test_a_crash_between_use_and_credential_is_gone_on_with(coordinator: Api) -> None:
    invite = await invited(coordinator)
    issue = coordinator.engine.issuer.issue

    async def crashes(*_: Any, **__: Any) -> None:
        raise RuntimeError("the machine went down")

    coordinator.engine.issuer.issue = crashes  # type: ignore[method-assign]
    assert (await join(coordinator, invite)).status_code == 500
    coordinator.engine.issuer.issue = issue  # type: ignore[method-assign]
    assert_error(await join(coordinator, invite, B), 403, "INVITE_USED")
    assert (await join(coordinator, invite)).status_code == 200
    assert (await beats(coordinator, SECRETS[A])).status_code == 200


async def test_a_coordinator_without_a_door_for_others_says_how_to_make_one(
    api: Api, make_api: MakeApi
) -> None:
    answer = await api.operator.post("/v1/fleet/invites", json={"alias": "a"})
    assert_error(answer, 409, "CONFLICT", "spl fleet tls init --listen")
    assert_error(await api.tcp.get("/v1/fleet/join"), 409, "CONFLICT")
    worker = await make_api(replace(LISTENS, fleet=FleetSettings("w", "http://127.0.0.1:1")))
    assert_error(await worker.tcp.get("/v1/fleet/join"), 409, "CONFLICT", "only the coordinator")


async def test_a_credential_is_renewed_and_the_former_is_good_until_the_new_one_was_used(
    make_api: MakeApi,
) -> None:
    clock = Clock()
    api = await make_api(LISTENS, runtime=Runtime(now=clock))
    home_with_ca(api.engine.instance.home.path, time.time())
    await join(api, await invited(api))
    old, new = SECRETS[A], SECRETS[B]
    told = (await beats(api, old, next_credential=bearer_hash(new))).json()
    assert (told["renew"], told["renewed"]) == (False, ""), "not before it is due"
    clock.ahead = 0.68 * LIFE_SECS
    assert (await beats(api, old)).json()["renew"]
    for _ in range(2):  # the first answer was lost
        told = (await beats(api, old, next_credential=bearer_hash(new))).json()
        assert told["renewed"] == bearer_hash(new)
    assert (await beats(api, old)).status_code == 200
    assert (await api.get("/v1/fleet/nodes"))["nodes"][0]["credential"] == "renewing"
    assert (await beats(api, new)).status_code == 200
    assert_error(await beats(api, old), 401, "UNAUTHORIZED")
    (node,) = (await api.get("/v1/fleet/nodes"))["nodes"]
    assert (node["credential"], node["credential_at"] > time.time() + 0.6 * LIFE_SECS) == ("valid", True)
    assert len((await api.get("/v1/records", topic="instance_credential"))["data"]) == 3


async def test_a_host_that_was_off_for_months_comes_back(make_api: MakeApi) -> None:
    clock = Clock()
    api = await make_api(LISTENS, runtime=Runtime(now=clock))
    home_with_ca(api.engine.instance.home.path, time.time())
    await join(api, await invited(api))
    clock.ahead = 12 * LIFE_SECS
    answer = await beats(api, SECRETS[A])
    assert (answer.status_code, answer.json()["renew"]) == (200, True)


async def test_an_operator_has_a_credential_renewed_now(coordinator: Api) -> None:
    await join(coordinator, await invited(coordinator))
    assert (await coordinator.operator.post("/v1/fleet/nodes/laptop-a/rotate", json={})).status_code == 201
    assert (await beats(coordinator, SECRETS[A])).json()["renew"]
    told = (await beats(coordinator, SECRETS[A], next_credential=bearer_hash(SECRETS[B]))).json()
    assert told["renewed"] == bearer_hash(SECRETS[B])
    assert not (await beats(coordinator, SECRETS[B])).json()["renew"]
    assert_error(await coordinator.operator.post("/v1/fleet/nodes/x/rotate", json={}), 404, "NOT_FOUND")


async def test_who_may_take_the_coordinators_place_still_may_after_a_renewal(coordinator: Api) -> None:
    await join(coordinator, await invited(coordinator))
    known = coordinator.engine.ingest.live.credentials.known
    assert known[A].succession == "", "a host that joins may not"
    body = {"did": A, "sha256": bearer_hash(SECRETS[A]), "succession": "c" * 64}
    assert (await coordinator.operator.post("/v1/fleet/credentials", json=body)).status_code == 200
    await coordinator.operator.post("/v1/fleet/nodes/laptop-a/rotate", json={})
    await beats(coordinator, SECRETS[A], next_credential=bearer_hash(SECRETS[B]))
    await beats(coordinator, SECRETS[B])
    assert (known[A].sha256, known[A].succession) == (bearer_hash(SECRETS[B]), "c" * 64)


async def test_a_stolen_token_speaks_for_its_own_instance_alone(coordinator: Api) -> None:
    await join(coordinator, await invited(coordinator))
    await join(coordinator, await invited(coordinator, "laptop-b"), B)
    assert_error(await beats(coordinator, SECRETS[A], B), 403, "WRONG_AUTHOR")
    headers = {"authorization": f"Bearer {SECRETS[A]}"}
    for path in ("/v1/fleet/invites", "/v1/fleet/nodes/laptop-b/rotate", "/v1/fleet/invites/x/withdraw"):
        assert (await coordinator.tcp.post(path, json={"alias": "x"}, headers=headers)).status_code == 403
    assert (await coordinator.tcp.get("/v1/fleet/nodes", headers=headers)).status_code == 403
    renewed = await beats(coordinator, SECRETS[A], next_credential=bearer_hash(SECRETS[B]))
    assert renewed.json()["renewed"] == "", "nor does it make another's secret its own"
