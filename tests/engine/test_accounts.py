"""Service accounts and tokens: who gets one, and what is kept of it."""

from __future__ import annotations

import pytest

from syncropel.engine.control.accounts import (
    BOOTSTRAP_ACCOUNT,
    FLEET_SCOPES,
    Accounts,
    find_token,
)
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.control.access import Access
from syncropel.peer.runtime import Runtime
from syncropel.settings.keyring import secret_hash, split_bearer
from syncropel.store.memory import MemoryStore
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR

SECRET = "a-long-enough-secret"


class Office:
    """Where accounts are made, and everything that was ever written there."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock=lambda: 0.0)
        self.ingest = Ingest(self.store, LiveFolds(), Broadcast(), COORDINATOR, Runtime())
        self.accounts = Accounts(self.ingest, COORDINATOR, Runtime())

    @property
    def access(self) -> Access:
        return self.ingest.live.access

    def written(self) -> str:
        return "".join(one.record.body_json for one in self.store._log)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_a_minted_token_opens_what_it_was_made_for(office: Office) -> None:
    bearer = (await office.accounts.mint("sa-ci", ["records:read", "records:write"])).bearer
    assert bearer.startswith("spl_prod_sa-ci_")
    token = find_token(office.access, bearer)
    assert token is not None
    assert (token.sa_id, token.scopes) == ("sa-ci", {"records:read", "records:write"})
    again = await rebuild(office.store)
    assert find_token(again.access, bearer) == token


async def test_no_secret_is_ever_written(office: Office) -> None:
    bearer = (await office.accounts.mint("sa-ci", ["admin"])).bearer
    await office.accounts.accept(f"spl_prod_sa-fleet_{SECRET}", FLEET_SCOPES)
    for secret in (bearer.rsplit("_", 1)[1], SECRET):
        assert secret not in office.written()
        assert secret_hash(secret) in office.written()


async def test_two_tokens_are_never_the_same(office: Office) -> None:
    assert len({(await office.accounts.mint(f"sa-{n}", ["admin"])).bearer for n in range(20)}) == 20


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "spl",
        "spl_prod_sa-ci",
        "spl_prod_sa-ci_",
        "spl_prod_sa-other_{secret}",
        "xyz_prod_sa-ci_{secret}",
        "{secret}",
        "spl_prod_sa-ci_{secret}x",
        "spl_prod_sa-ci_ÿ",
        "spl_prod__{secret}",
    ],
)
async def test_what_does_not_open(office: Office, bearer: str) -> None:
    secret = (await office.accounts.mint("sa-ci", ["admin"])).bearer.rsplit("_", 1)[1]
    assert find_token(office.access, bearer.replace("{secret}", secret)) is None


async def test_a_secret_may_hold_underscores(office: Office) -> None:
    bearer = "spl_prod_sa-fleet_one_two_three_four"
    assert split_bearer(bearer) == ("sa-fleet", "one_two_three_four")
    await office.accounts.accept(bearer, FLEET_SCOPES)
    assert find_token(office.access, bearer) is not None


@pytest.mark.parametrize("sa_id", ["", "SA", "sa_ci", "-sa", "sa ci", "ä", "a" * 64, "sa\n"])
async def test_an_account_has_a_plain_name(office: Office, sa_id: str) -> None:
    with pytest.raises(BadRequest, match="service account id"):
        await office.accounts.mint(sa_id, ["admin"])
    assert office.store.count == 0


async def test_scopes_are_from_the_list_and_there_is_one_at_least(office: Office) -> None:
    with pytest.raises(BadRequest, match="everything"):
        await office.accounts.mint("sa-ci", ["records:read", "everything"])
    with pytest.raises(BadRequest, match="needs a scope"):
        await office.accounts.mint("sa-ci", [])


async def test_an_account_is_made_once(office: Office) -> None:
    await office.accounts.mint("sa-ci", ["records:read"])
    with pytest.raises(Conflict, match="sa-ci"):
        await office.accounts.mint("sa-ci", ["admin"])


async def test_accepting_what_is_valid_writes_nothing(office: Office) -> None:
    bearer = f"spl_prod_sa-fleet_{SECRET}"
    await office.accounts.accept(bearer, FLEET_SCOPES)
    before = office.store.count
    await office.accounts.accept(bearer, FLEET_SCOPES)
    assert office.store.count == before == 2


@pytest.mark.parametrize(
    "bearer", ["", "secret", "spl_prod_sa-fleet_short", f"spl_prod_sa-fleet_{'x' * 257}"]
)
async def test_only_what_looks_like_a_token_is_accepted(office: Office, bearer: str) -> None:
    with pytest.raises(BadRequest, match="spl_<env>"):
        await office.accounts.accept(bearer, FLEET_SCOPES)


async def test_the_first_account_comes_from_the_operator_s_secret(office: Office) -> None:
    assert await office.accounts.bootstrap(SECRET)
    token = find_token(office.access, f"spl_prod_{BOOTSTRAP_ACCOUNT}_{SECRET}")
    assert token is not None
    assert office.access.allows(token, "config:write")
    assert not await office.accounts.bootstrap("another-long-enough-secret"), "only the first"


async def test_where_there_is_an_account_nothing_is_bootstrapped(office: Office) -> None:
    await office.accounts.mint("sa-ci", ["records:read"])
    assert not await office.accounts.bootstrap(SECRET)


@pytest.mark.parametrize(
    "secret", ["", "fifteen-letters", "x" * 257, "a secret with spaces", "pässwörter-sind-toll"]
)
async def test_a_weak_secret_bootstraps_nothing(office: Office, secret: str) -> None:
    assert not await office.accounts.bootstrap(secret)
    assert office.store.count == 0
