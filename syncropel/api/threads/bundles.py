"""/v1/threads/snapshot and /v1/threads/restore: exports threads as one file, and imports them."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from typing import IO, Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from syncropel.api.http.caller import writer
from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.api.threads.sharing import named_threads, receiver_of, shared_threads
from syncropel.engine.engine import Engine
from syncropel.engine.ingest.closure import causal_closure
from syncropel.engine.ingest.collector import uncollected
from syncropel.engine.restoring import Restored, Wanted, refuse_as_writes, restore
from syncropel.errors import BadRequest, Unavailable
from syncropel.record.model import StoredRecord
from syncropel.store.bundle.format import MAX_LINE_BYTES, Bundled, Sealer, read_bundle, read_header
from syncropel.wire.bundles import WITHHELD, LeftOut, RestoreReport, SkippedRecord

log = logging.getLogger("syncropel.api")

RESTORE_LIMIT: Final = 256 * 1024 * 1024
MEDIA_TYPE: Final = "application/x-ndjson"
_IN_MEMORY: Final = 8 * 1024 * 1024
_BYTES_A_RECORD: Final = 500
_LISTED: Final = 100
_WITHOUT_MODELS: Final = {
    "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}


class BundleStream(StreamingResponse):
    """A bundle being sent. It breaks off when the daemon stops, and its reader sees that it is not whole."""

    media_type = MEDIA_TYPE

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except Unavailable:
            log.info("a bundle is not sent to its end: the daemon is stopping")


def router(engine: Engine) -> APIRouter:
    """The routes of bundles. They come before those of threads, whose names may be anything."""
    routes = APIRouter(tags=["bundles"])

    @routes.get("/v1/threads/snapshot", response_class=BundleStream)
    async def snapshot(
        request: Request,
        threads: Annotated[list[str] | None, Query()] = None,
        causal_closure: bool = False,
        whole: Annotated[bool, Query(alias="all")] = False,
        to_namespace: str | None = None,
    ) -> Response:
        """A bundle of these threads (ids or aliases, repeat the parameter), of these and everything that
        belongs to them (`causal_closure`), or of the whole log (`all`). With `to_namespace` it contains only
        what may be shared with that namespace; naming a thread that may not be is a 403. A token with only
        `federation:read` gets what may be shared with its account's namespace, and learns of nothing else.
        """
        if whole == bool(threads):
            raise BadRequest(
                "no threads named" if not whole else "all threads, or only some?",
                "threads=ID, once for each, perhaps with causal_closure=true; or all=true",
            )
        receiver = receiver_of(request.scope, engine, to_namespace)
        named, headers = named_threads(engine, threads or [], receiver), None
        chosen = await _chosen(engine, named, causal_closure, whole)
        last = _last_of(engine, chosen)  # records that arrive from now on are neither judged nor included
        if receiver is not None:
            shared = await shared_threads(engine, chosen, named, receiver)
            headers = {WITHHELD: "" if receiver.is_guest else str(len(chosen) - len(shared))}
            chosen = shared
        for thread in sorted(chosen):
            if (refusal := await refusal_to_read_thread(request.scope, engine, thread)) is not None:
                raise refusal
        return BundleStream(await _bundle(engine, chosen, last), headers=headers)

    @routes.post("/v1/threads/restore", openapi_extra=_WITHOUT_MODELS)
    async def restore_bundle(
        request: Request,
        dry_run: bool = False,
        on_conflict: Literal["fail", "skip"] = "fail",
        reserved: bool = False,
        take_up_work: bool = False,
    ) -> RestoreReport:
        """Import a bundle, completely or not at all. Every line is checked before anything is written."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            async for chunk in request.stream():
                file.write(chunk)
            size = file.tell()
            with uncollected(size // _BYTES_A_RECORD):
                bundled = await asyncio.to_thread(_read, file)
                wanted = Wanted(dry_run, on_conflict == "skip", reserved, take_up_work)
                if (author := writer(request.scope)).author not in ("operator", "account"):
                    refuse_as_writes(engine.ingest.live, bundled, wanted, author)
                return _report(await restore(engine, bundled, wanted), dry_run)

    return routes


async def _chosen(engine: Engine, named: set[str], closure: bool, whole: bool) -> set[str]:
    if whole:
        return engine.lists.all_threads()
    return (
        await causal_closure(engine.store, engine.ingest.live, named, engine.lists.runs_on)
        if closure
        else named
    )


def _last_of(engine: Engine, chosen: set[str]) -> int:
    known = engine.ingest.live.index.threads
    return max((known[thread].last_sequence for thread in chosen if thread in known), default=0)


async def _bundle(engine: Engine, chosen: set[str], last: int) -> AsyncIterator[str]:
    """The lines of the bundle in chunks. The log is read twice: the header counts what follows."""
    known = engine.ingest.live.index.threads
    first = min((known[thread].first_sequence for thread in chosen if thread in known), default=1)
    counted = Sealer()
    async for _ in _pieces(engine, chosen, first, last, counted):
        pass

    async def pieces() -> AsyncIterator[str]:
        yield counted.header().line()
        async for piece in _pieces(engine, chosen, first, last, Sealer()):
            yield piece

    return pieces()


async def _pieces(
    engine: Engine, chosen: set[str], first: int, last: int, sealer: Sealer
) -> AsyncIterator[str]:
    async for chunk in engine.store.scan(first - 1):
        if engine.stopping:
            raise Unavailable("the daemon is stopping", "request the bundle again after the restart")
        wanted = [one for one in chunk if one.sequence <= last and one.record.thread in chosen]
        if wanted:
            await engine.quarantine.refuse_altered(wanted)  # a bundle is proof to others
            yield await asyncio.to_thread(_seal, sealer, wanted)
        if chunk[-1].sequence >= last:
            return


def _seal(sealer: Sealer, records: list[StoredRecord]) -> str:
    return "".join([sealer.line(stored.record, stored.received_at) for stored in records])


def _read(file: IO[bytes]) -> list[Bundled]:
    file.seek(0)
    header = read_header(file.readline(MAX_LINE_BYTES + 1))
    return list(read_bundle(header, iter(partial(file.readline, MAX_LINE_BYTES + 1), b"")))


def _report(restored: Restored, dry_run: bool) -> RestoreReport:
    return RestoreReport(
        dry_run=dry_run,
        records=restored.records,
        threads=restored.threads,
        created=restored.created,
        present=restored.present,
        skipped_count=len(restored.skipped),
        skipped=[SkippedRecord(line=line, problem=problem) for line, problem in restored.skipped[:_LISTED]],
        left_out=[
            LeftOut(thread=thread, records=count) for thread, count in sorted(restored.left_out.items())
        ],
        unfinished=restored.work,
    )
