"""/v1/backups: take a backup of the log now."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.http.request_body import RequestBody
from syncropel.engine.backups import outcome
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Conflict
from syncropel.wire import BackupOut


class NewBackup(RequestBody):
    """`to`: an absolute path of a folder on the daemon's machine; without one, the usual place, and that
    of `[backup] to`.
    """

    to: str | None = Field(default=None, max_length=4096)


def router(engine: Engine) -> APIRouter:
    """The route of backups."""
    routes = APIRouter(tags=["health"])

    @routes.post("/v1/backups", status_code=201)
    async def take_backup(body: NewBackup) -> BackupOut:
        """Copy the log while it is used, check each record of the copy, and only then give it its name.
        Settings and task files are saved beside it, and keys and secrets where `[backup] passphrase_file`
        seals them.
        """
        if engine.backups is None:
            raise Conflict(
                f"the log is not a file that could be copied: it is {engine.store.place or 'in memory'}",
                "a database has backups of its own: pg_dump, or those of whoever runs it",
            )
        folder = None if body.to is None else Path(body.to)
        if folder is not None and not folder.is_absolute():
            raise BadRequest(f"to: {body.to!r} is not an absolute path", "name a folder such as /mnt/backups")
        return BackupOut.model_validate(outcome(await engine.backups.now(folder)))

    return routes
