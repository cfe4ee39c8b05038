"""The published client's invites and members: their names, so that programs can import them.

A fleet knows service accounts and instances (`spl token`, `spl fleet`), and no members. Each call raises
SyncropelMembershipError with status 501, and sends nothing.
"""

from __future__ import annotations

from typing import Any, NoReturn


class SyncropelMembershipError(Exception):
    """Raised when a call about members fails. `status`: an HTTP status, 0 when there was no answer."""

    def __init__(self, op: str, status: int, code: str, detail: str) -> None:
        super().__init__(f"{op}: {code} ({status}): {detail}")
        self.op, self.status, self.code, self.detail = op, status, code, detail


class ClientMembership:
    """Invites and members, as `client.membership`. Each call raises SyncropelMembershipError."""

    async def issue_invite(
        self,
        *,
        scopes: list[str] | None = None,
        ttl_seconds: int | None = None,
        max_uses: int = 1,
        membership: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        _refuse("invites.issue")

    async def redeem_invite(
        self,
        invite_id: str,
        *,
        holder_pubkey: str,
        member_label: str | None = None,
        custody: str = "custodial",
    ) -> dict[str, Any]:
        _refuse("invites.redeem")

    async def list_members(self) -> list[dict[str, Any]]:
        _refuse("members.list")

    async def adopt(
        self, label: str, *, sa_id: str | None = None, ttl_seconds: int | None = None
    ) -> dict[str, Any]:
        _refuse("members.adopt")

    async def revoke_member(self, label: str, *, note: str | None = None) -> dict[str, Any]:
        _refuse("members.revoke")

    async def mint_agent_grant(
        self,
        member: str,
        *,
        aud: str,
        scopes: list[str] | None = None,
        caveats: dict[str, Any] | None = None,
        ttl_seconds: int | None = None,
    ) -> dict[str, Any]:
        _refuse("members.mint_agent_grant")

    async def revoke_agent_grant(self, member: str, grant_id: str) -> dict[str, Any]:
        _refuse("members.revoke_agent_grant")


def _refuse(op: str) -> NoReturn:
    raise SyncropelMembershipError(
        op, 501, "not_supported", "a fleet has no members; see spl token and spl fleet"
    )
