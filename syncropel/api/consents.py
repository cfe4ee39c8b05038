"""/v1/consents: which namespace may share its records with which other."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from syncropel.api.control.control import ControlRequest
from syncropel.api.http.caller import Signed, writer
from syncropel.engine.consent import ConsentBook
from syncropel.engine.engine import Engine
from syncropel.folds.consents import LATEST_EXPIRY, Consent
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.record.model import StoredRecord
from syncropel.wire import ConsentOut, ConsentWritten, Page

_LONGEST = 2048


class NewConsent(ControlRequest):
    """POST /v1/consents. `expires_at`: unix seconds; without it the grant lasts until it is revoked."""

    source_namespace: str = DEFAULT
    target_namespace: str
    purpose: str = Field(default="", max_length=_LONGEST)
    expires_at: float | None = Field(default=None, gt=0, le=LATEST_EXPIRY)


class EndedConsent(ControlRequest):
    """POST /v1/consents/revoke: exactly the pair that was granted."""

    source_namespace: str = DEFAULT
    target_namespace: str
    reason: str = Field(default="", max_length=_LONGEST)


def router(engine: Engine) -> APIRouter:
    """The routes of consent. Grants apply to this instance's log, and are not forwarded."""
    routes = APIRouter(tags=["consent"])
    book = ConsentBook(engine.ingest, engine.runtime)

    @routes.get("/v1/consents")
    async def list_consents() -> Page[ConsentOut]:
        """The latest grant or revocation for every pair of namespaces, including expired ones."""
        known, now = engine.ingest.live.consents.known, engine.runtime.now()
        return Page(data=[_out(known[pair], now) for pair in sorted(known)])

    @routes.post("/v1/consents", status_code=201)
    async def grant_consent(body: NewConsent, sign: Signed, request: Request) -> ConsentWritten:
        """Let one namespace share its records with another."""
        written = await book.grant(
            source=body.source_namespace,
            target=body.target_namespace,
            purpose=body.purpose,
            expires_at=body.expires_at,
            actor=sign(body.actor),
            writer=writer(request.scope),
        )
        return _written(written)

    @routes.post("/v1/consents/revoke", status_code=201)
    async def revoke_consent(body: EndedConsent, sign: Signed, request: Request) -> ConsentWritten:
        """Revoke a grant. Records already shared under it stay where they are."""
        written = await book.revoke(
            source=body.source_namespace,
            target=body.target_namespace,
            reason=body.reason,
            actor=sign(body.actor),
            writer=writer(request.scope),
        )
        return _written(written)

    return routes


def _out(consent: Consent, now: float) -> ConsentOut:
    return ConsentOut(
        source_namespace=consent.source,
        target_namespace=consent.target,
        state=consent.state(now),  # type: ignore[arg-type]  # the fold's words are the wire's
        purpose=consent.purpose,
        expires_at=consent.expires_at,
        problem=consent.problem,
        actor=consent.actor,
        at=consent.at,
        record=consent.record,
    )


def _written(stored: StoredRecord) -> ConsentWritten:
    body = stored.record.body
    return ConsentWritten(
        record=stored.record.id,
        source_namespace=body["source_namespace"],
        target_namespace=body["target_namespace"],
    )
