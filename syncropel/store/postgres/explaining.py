"""What an error of PostgreSQL means for a person."""

from __future__ import annotations

from typing import Final

import psycopg

from syncropel.errors import StoreError, StoreTooNew
from syncropel.store.postgres.address import Address
from syncropel.store.refusals import StoreBusy, StoreFull, StoreReplaced, StoreUnreachable

FENCED: Final = "SY001"
MOVED: Final = "SY002"
RULED: Final = "SY003"
UNSAFE: Final = "SY004"
OUTDATED: Final = "SY005"
"""What `append_group_v1` refuses with."""

_PASSWORD: Final = "give the password in the file that [store] password_file names, or in SPL_STORE_PASSWORD"
_BY_WORDS: Final = (
    ("password authentication failed", "the password is wrong", _PASSWORD),
    ("no password supplied", "it asks for a password", _PASSWORD),
    ("no pg_hba.conf entry", "it does not let this user in from here", "change its pg_hba.conf, or sslmode"),
    ('role "', "it does not know the user", "create it: createuser, or CREATE ROLE … LOGIN"),
    ('database "', "it has no such database", "create it: createdb, or CREATE DATABASE … ENCODING 'UTF8'"),
    ("certificate", "its certificate is not accepted", "give sslrootcert in the URL"),
    ("too many connections", "it has too many connections", "raise max_connections, or close some"),
    ("connection slots", "it has too many connections", "raise max_connections, or close some"),
)
"""What a server says when it refuses a connection, for which libpq has no code."""


def explain(error: psycopg.Error, address: Address) -> StoreError:
    """The StoreError that explains `error` for the log at `address`."""
    state, words = error.sqlstate or "", _first_line(error)
    if state == FENCED:
        return StoreReplaced(
            f"another process appends to {address.shown} now: {words}", "see what runs there, then: spl serve"
        )
    if state in (MOVED, RULED):
        return StoreReplaced(
            f"{address.shown} was changed behind this daemon's back: {words}", "start it again: spl serve"
        )
    if state == OUTDATED:
        return StoreTooNew(f"{address.shown} is used by a later version: {words}", "upgrade syncropel")
    if state == UNSAFE:
        return unsuitable(address, f"something between sets what must not be set: {words}")
    if state in ("53100", "58030"):
        return StoreFull(
            f"no room left in {address.shown}: {words}", "free some disk space there; nothing was lost"
        )
    if state == "55P03":
        return StoreBusy(f"{address.shown} was locked for 2 s: {words}", "see what holds a lock on log_head")
    if state == "42501":
        return StoreError(f"{address.shown} refuses: {words}", "let the user own the schema syncropel")
    if state == "25006":
        return StoreUnreachable(f"{address.shown} only lets this daemon read: it is a standby")
    if state and not state.startswith(("08", "57", "53")):
        return StoreError(f"cannot use {address.shown}: {words}", "look into the server's log")
    for sign, told, hint in _BY_WORDS:
        if sign in words:
            return StoreUnreachable(f"cannot open {address.shown}: {told}: {words}", hint)
    return StoreUnreachable(f"cannot reach {address.shown}: {words}")


def unsuitable(address: Address, why: str) -> StoreError:
    """The error for a database that cannot have a log. `why`: what is wrong with it."""
    return StoreError(
        f"{address.shown} cannot have a log: {why}",
        "PostgreSQL 14 or later, a database with the encoding UTF8, and a session without time limits",
    )


def _first_line(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
