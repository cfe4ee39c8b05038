"""Requests about service accounts and their tokens. As in `calls`, nothing here does I/O."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def tokens() -> Call[schema.Page[schema.ApiToken]]:
    """Every token ever minted, without its secret, oldest first."""
    return Call(schema.Page[schema.ApiToken], "/v1/tokens")


def mint_token(sa_id: str) -> Call[schema.MintedToken]:
    """Another token of an account, with its current scopes."""
    return Call(schema.MintedToken, "/v1/tokens", "POST", body={"sa_id": sa_id}, repeatable=False)


def revoke_token(token_id: str, reason: str = "") -> Call[schema.ApiToken]:
    """Revoke a token for good, given its id or the first digits of it."""
    path = f"/v1/tokens/{quote(token_id, safe='')}/revoke"
    return Call(schema.ApiToken, path, "POST", body={"reason": reason})


def grant(
    sa_id: str, scopes: Sequence[str] = (), actors: Sequence[str] = (), pulls_for: str = ""
) -> Call[schema.ServiceAccount]:
    """Change what an account's new tokens may do, whom all of its tokens may write as, or for which namespace
    they fetch bundles; empty: unchanged.
    """
    path = f"/v1/service-accounts/{quote(sa_id, safe='')}"
    given = {"scopes": list(scopes), "allowed_actors": list(actors), "pulls_for": pulls_for}
    return Call(
        schema.ServiceAccount, path, "PUT", body={key: value for key, value in given.items() if value}
    )
