"""/v1/tasks/{name}/merge and /v1/merges: finished branches are merged where they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import Field

from syncropel.api.http.caller import Signed, writer
from syncropel.api.http.request_body import RequestBody
from syncropel.api.tasks.merge_views import merge_out, merges_of
from syncropel.api.tasks.task_requests import Request
from syncropel.api.tasks.task_views import find_task
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, Forbidden
from syncropel.folds.fanout.spec import MAX_SUBTASKS
from syncropel.record.authors import TRUSTED
from syncropel.wire import MergeList, MergeOut, MergeTaken

Text = Annotated[str, Field(max_length=512)]


class NewMerge(Request):
    """POST /v1/tasks/{name}/merge"""

    subtasks: list[int] = Field(
        default=[],
        max_length=MAX_SUBTASKS,
        description="indexes of the subtasks to merge; empty for all that are accepted and have a branch",
    )
    into: str = Field(
        default="",
        max_length=255,
        description="the branch to merge into; empty: the repository's `base`, or what it has checked out",
    )
    mode: Literal["merge", "squash", "ff-only"] = Field(
        default="merge",
        description="a merge commit for each branch, one plain commit for each, or fast-forward alone",
    )
    dry_run: bool = Field(
        default=False, description="merge to see what comes of it, run no gate, and move nothing"
    )


class BranchToMerge(RequestBody):
    """A branch, and the commit that is accepted of it."""

    index: int = Field(ge=0)
    attempt: int = Field(ge=1)
    branch: Text = Field(min_length=1, description="the branch's name")
    commit: str = Field(
        pattern="^[0-9a-f]{40}([0-9a-f]{24})?$", description="the commit that the attempt's result names"
    )
    child_thread: Text = ""
    work: Text = Field(default="", description="the attempt's name in its commits")
    title: Text = Field(default="", description="the first line of its goal")


class MergeGiven(RequestBody):
    """POST /v1/merges"""

    merge: str = Field(pattern="^[0-9a-f]{64}$", description="id of the record that asked for it")
    thread: Text = Field(min_length=1, description="the task's thread")
    namespace: Text = Field(min_length=1, description="the task's namespace")
    repo: Text = Field(min_length=1, description="the repository, by its name on this instance")
    into: Text = Field(default="", description="the branch to merge into; empty for the repository's base")
    mode: Literal["merge", "squash", "ff-only"] = Field(description="how each branch is merged")
    dry_run: bool = Field(default=False, description="move nothing")
    branches: list[BranchToMerge] = Field(
        min_length=1, max_length=MAX_SUBTASKS, description="the branches, in the order of merging"
    )


def router(engine: Engine) -> APIRouter:
    """The routes of merges."""
    routes = APIRouter(tags=["tasks"])

    @routes.post("/v1/tasks/{name}/merge", status_code=201)
    async def ask_for_merge(name: str, body: NewMerge, sign: Signed, request: HttpRequest) -> MergeOut:
        """Have the branches of accepted subtasks merged, one after the other, by the instance that has them.
        The answer comes when that instance has taken it on. Merges of a repository wait for each other.
        """
        actor = sign(body.actor)
        if writer(request.scope).author not in TRUSTED:
            raise Forbidden(
                "only the operator, and accounts with the scope repo:write, have branches merged",
                "use the Unix socket, or a token",
            )
        if engine.settings.role == "worker":
            raise Conflict(
                "merges are asked of the coordinator, which knows what is accepted",
                f"ask there: {engine.settings.fleet.coordinator_url}",
            )
        await engine.lists.warm(name)
        state = find_task(engine, name)
        asked: dict[str, Any] = {"dry_run": body.dry_run}
        merge = await engine.merging.desk.ask(state, body.subtasks, body.into, body.mode, actor, **asked)
        return merge_out(merge, engine.ingest.live.names())

    @routes.get("/v1/tasks/{name}/merge")
    async def get_merges(name: str) -> MergeList:
        """The merges of a task, each with its steps so far."""
        await engine.lists.warm(name)
        state, names = find_task(engine, name), engine.ingest.live.names()
        return MergeList(thread=state.thread, alias=state.alias, data=merges_of(state, names))

    @routes.post("/v1/merges", status_code=202)
    async def take_merge(body: MergeGiven, request: HttpRequest) -> MergeTaken:
        """For the coordinator: take a merge on. What becomes of it is reported on the task's thread."""
        if writer(request.scope).author != "coordinator":
            raise Forbidden("only the coordinator gives an instance merges", "ask it: spl task merge NAME")
        await engine.merging.work.take(body.model_dump())
        return MergeTaken(instance=engine.instance.did)

    return routes
