"""/v1/worktrees: the git worktrees of attempts, and the removal of those no longer needed."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import Field

from syncropel.api.http.caller import OF_ACTOR, Signed, writer
from syncropel.api.http.request_body import RequestBody
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, Forbidden
from syncropel.record.authors import TRUSTED
from syncropel.record.model import MAX_CLOCK
from syncropel.wire import FilesAllowed, WorktreeList, WorktreesPruned

MAX_ATTEMPTS: Final = 10_000

Here = Annotated[bool, Query(description="only those of the instance that is asked")]


class PruneRequest(RequestBody):
    """POST /v1/worktrees/prune. `dry_run`: list what would be removed, and remove nothing."""

    dry_run: bool = False


class NamedAttempt(RequestBody):
    """An attempt that was given to this instance."""

    child_thread: str = Field(min_length=1, max_length=512)
    attempt: int = Field(ge=1, le=MAX_CLOCK)


class RemoveRequest(RequestBody):
    """POST /v1/worktrees/remove"""

    attempts: list[NamedAttempt] = Field(max_length=MAX_ATTEMPTS)


class AllowRequest(RequestBody):
    """POST /v1/worktrees/allow. `removed`: they may not run any more."""

    repo: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="the repository's name")
    digest: str = Field(pattern="^[0-9a-f]{64}$", description="digest of the files, as a refusal names it")
    removed: bool = Field(default=False, description="whether they may not run any more")
    actor: str = Field(default="", max_length=512, description=OF_ACTOR)


def _is_allowed(engine: Engine, repo: str, digest: str) -> bool:
    return engine.ingest.live.allowed_files.has(repo, digest)


def router(engine: Engine) -> APIRouter:
    """The routes of worktrees."""
    routes = APIRouter(tags=["output"])

    @routes.get("/v1/worktrees")
    async def list_worktrees(here: Here = False) -> WorktreeList:
        """The existing worktrees of all attempts of the fleet. An instance that does not answer is listed in
        `unknown`.
        """
        return await (engine.output.worktrees.here() if here else engine.output.worktrees.everywhere())

    @routes.post("/v1/worktrees/prune")
    async def prune_worktrees(body: PruneRequest) -> WorktreesPruned:
        """Remove the worktrees of ended attempts whose contents are all committed, and whose branch is merged
        into the base branch of their repository. Branches stay.
        """
        if engine.settings.role == "worker":
            raise Conflict(
                "worktrees are pruned by the coordinator, which knows what may be tried again",
                f"ask there: {engine.settings.fleet.coordinator_url}",
            )
        return await engine.output.worktrees.prune(dry_run=body.dry_run)

    @routes.post("/v1/worktrees/allow")
    async def allow_files(body: AllowRequest, sign: Signed, request: Request) -> FilesAllowed:
        """Say that the files of a repository with this digest may run as its gate or the like. A coordinator
        says it to every instance, too; one that does not answer is named with its `problem`.
        """
        author = writer(request.scope).author
        if author not in TRUSTED and author != "coordinator":
            raise Forbidden(
                "only the operator, and accounts with the scope repo:write, say what may run",
                "use the Unix socket, or a token",
            )
        if body.removed and author != "coordinator" and not _is_allowed(engine, body.repo, body.digest):
            raise Conflict(
                f"files {body.digest[:12]} of {body.repo} were not allowed here",
                "see the name of the repository and the whole digest in the record that allowed them",
            )
        actor = body.actor if author == "coordinator" and body.actor else sign(body.actor)
        return await engine.merging.allowing.say(body.repo, body.digest, actor, removed=body.removed)

    @routes.post("/v1/worktrees/remove")
    async def remove_worktrees(body: RemoveRequest) -> WorktreeList:
        """For the coordinator: remove the worktrees of these attempts from this very instance, except those
        whose removal would lose something; each is listed as it was, with `kept` where it still exists.
        """
        attempts = {(one.child_thread, one.attempt) for one in body.attempts}
        removed = await engine.output.worktrees.local.remove(attempts)
        return WorktreeList(instance=engine.instance.did, data=removed)

    return routes
