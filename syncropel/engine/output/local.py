"""The output of this instance's own attempts, from their files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from syncropel.adapters import Adapter, Job
from syncropel.adapters.output_file import Paths, Piece, output_paths, read_piece, read_tail
from syncropel.adapters.patch import PatchGone, patch_path, write_patch
from syncropel.engine.dispatch.earlier import earlier_agent
from syncropel.engine.dispatch.run_records import job_of
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.output.transcripts import Transcripts
from syncropel.errors import NoOutput, NotFound
from syncropel.folds.fanout.child import ChildIntend
from syncropel.folds.fanout.spend import Spent
from syncropel.settings.config import DispatchSettings
from syncropel.system.clean_git import GitFailed
from syncropel.system.interruptible import in_thread
from syncropel.wire import OutputPage

ATTEMPT_UNKNOWN: Final = "ATTEMPT_UNKNOWN"
"""Error code: this instance was not given such an attempt."""
MAX_BYTES: Final = 256 * 1024
"""Largest piece."""
LONGEST_CHARACTER: Final = 4
"""Bytes of one character in UTF-8."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read: `limit` bytes from `offset`, or with `tail` that many lines at the end.

    `raw`: an agent's bytes, instead of the events in them. `stderr`: its error output if it has its
    own file. `diff`: what the attempt changed in its worktree, as a patch, instead of its output.
    """

    offset: int
    limit: int
    tail: int | None = None
    raw: bool = False
    stderr: bool = False
    diff: bool = False

    def query(self, attempt: int) -> dict[str, Any]:
        """The query parameters for another instance."""
        query = {"attempt": attempt, "offset": self.offset, "limit": self.limit, "tail": self.tail}
        asked = {key: value for key, value in query.items() if value is not None}
        flags = {"raw": self.raw, "stderr": self.stderr, "diff": self.diff}
        return {**asked, **{key: "true" for key, on in flags.items() if on}}


@dataclass(frozen=True, slots=True)
class _Found:
    """`whole`: it contains everything written so far, and not only a part that could be made in time."""

    path: str
    format: Literal["text", "events"]
    piece: Piece
    whole: bool


def _piece(path: Path, wanted: Wanted, then: Path | None = None) -> Piece:
    if wanted.tail is None:
        return read_piece(path, wanted.offset, wanted.limit, then)
    return read_tail(path, wanted.tail, wanted.limit, then)


class LocalOutput:
    """Reads the output of attempts on this instance. `work`: its folder of work.

    `job`: what the adapter was asked to do for an attempt. `default`: the adapter of those that name none.
    """

    def __init__(
        self,
        ingest: Ingest,
        did: str,
        work: Path,
        transcripts: Transcripts,
        job: Callable[[ChildIntend], Job],
        default: str,
    ) -> None:
        self._ingest = ingest
        self._did = did
        self._work = work
        self._transcripts = transcripts
        self._job = job
        self._default = default

    async def read(self, child_thread: str, attempt: int | None, wanted: Wanted) -> OutputPage:
        """A piece of an attempt's output. `attempt`: None for the latest.

        Raises NotFound for an attempt that was not given to this instance, NoOutput when there is none.
        """
        intend = self._find(child_thread, attempt)
        # Checked before the file is read: then everything written before the attempt's end is in the file.
        result = self._ingest.live.children[child_thread].results.get(intend.record)
        ended = result is not None
        committed = _committed(result.body) if result is not None else ""
        try:
            found = await in_thread(self._read, intend, wanted, ended, committed)
        except FileNotFoundError:
            if result is not None:
                raise _none(intend, result.body, stderr=wanted.stderr) from None
            # It has not begun, or its adapter writes none.
            found = _Found("", "text", Piece(0, b"", 0), whole=True)
        except OSError as error:
            raise NoOutput(
                f"the output of attempt {intend.attempt} is not a plain file any more: {error.strerror}",
                "something replaced it on that instance's disk",
            ) from None
        ended = ended and found.whole
        return OutputPage(
            child_thread=child_thread,
            index=int(intend.body["index"]),
            attempt=intend.attempt,
            instance=self._did,
            path=found.path,
            format=found.format,
            state=result.body["verdict"] if result is not None else "in_progress",
            ended=ended,
            offset=found.piece.offset,
            size=found.piece.size,
            **_as_text(found.piece, ended=ended),
        )

    def _read(self, intend: ChildIntend, wanted: Wanted, ended: bool, committed: str) -> _Found:
        if wanted.diff:
            return self._patch(intend, wanted, committed)
        paths = output_paths(self._work, intend.thread, intend.attempt)
        if wanted.stderr:
            return _Found(str(paths.errors), "text", _piece(paths.errors, wanted), whole=True)
        then = None if wanted.raw else paths.gate
        try:
            return _Found(str(paths.merged), "text", _piece(paths.merged, wanted, then), whole=True)
        except FileNotFoundError:
            made = None if wanted.raw else self._transcript(paths, intend, ended)
        said = paths.said
        if made is None:
            return _Found(str(said), "text", _piece(said, wanted, then), whole=True)
        path, whole = made
        return _Found(str(said), "events", _piece(path, wanted), whole=whole)

    def _patch(self, intend: ChildIntend, wanted: Wanted, committed: str) -> _Found:
        """Made anew for the first piece: the following ones are parts of the same one."""
        path = patch_path(self._work, intend.thread, intend.attempt)
        try:
            if wanted.offset == 0 or not path.is_file():
                write_patch(path, committed)
        except PatchGone as error:
            raise NoOutput(
                f"what attempt {intend.attempt} changed is gone: {error}", "its branch was removed there"
            ) from None
        except GitFailed as error:
            raise NoOutput(
                f"what attempt {intend.attempt} changed cannot be told: {error}",
                "look on that instance: spl task diagnose names the folder",
            ) from None
        except FileNotFoundError:
            raise NoOutput(
                f"attempt {intend.attempt} has no worktree", "name a repository for the next one: repo=NAME"
            ) from None
        return _Found(str(path), "text", _piece(path, wanted), whole=True)

    def _transcript(self, paths: Paths, intend: ChildIntend, ended: bool) -> tuple[Path, bool] | None:
        adapter = str(intend.body.get("adapter") or self._default)
        return self._transcripts.extend(paths.said, adapter, self._job(intend), paths.gate, ended=ended)

    def _find(self, child_thread: str, attempt: int | None) -> ChildIntend:
        child = self._ingest.live.children.get(child_thread)
        intend = None
        if child is not None:
            intend = child.latest if attempt is None else child.intends.get(attempt)
        if intend is not None:
            return intend
        which = "" if child is None or attempt is None else f"attempt {attempt} of "
        raise NotFound(
            f"this instance was not given {which}{child_thread!r}",
            "ask its coordinator: spl task logs NAME N",
            code=ATTEMPT_UNKNOWN,
        )


def local_output(
    ingest: Ingest, did: str, work: Path, adapters: Mapping[str, Adapter], dispatch: DispatchSettings
) -> LocalOutput:
    """The output of an instance with these adapters."""

    def job(intend: ChildIntend) -> Job:
        adapter = str(intend.body.get("adapter") or dispatch.adapter)
        state = ingest.live.children[intend.thread]
        earlier = earlier_agent(state, intend, adapter)
        job = job_of(intend, dispatch.default_timeout_secs, Spent(), earlier=earlier)
        return replace(job, over=intend.record in state.results)

    return LocalOutput(ingest, did, work, Transcripts(adapters), job, dispatch.adapter)


def _none(intend: ChildIntend, result: dict[str, Any], *, stderr: bool) -> NoOutput:
    if stderr:
        return NoOutput(
            f"attempt {intend.attempt} has no error output of its own",
            "a script's is in its output: leave out --stderr",
        )
    if "output" in result:
        return NoOutput(f"the output of attempt {intend.attempt} was removed from its instance's disk")
    adapter = intend.body.get("adapter")
    named = f"the adapter {adapter!r}" if adapter else "its adapter"
    return NoOutput(
        f"attempt {intend.attempt} has no output: {named} writes none, or it ended before it began",
        "see what came of it: spl task join-status NAME",
    )


def _committed(result: dict[str, Any]) -> str:
    """The commit with all that an attempt changed, as its result says; empty when no commit has all of it."""
    left = result.get("worktree")
    commit = left.get("commit") if isinstance(left, dict) and left.get("uncommitted") == 0 else None
    return commit if isinstance(commit, str) else ""


def _as_text(piece: Piece, *, ended: bool) -> dict[str, Any]:
    """The data of a page. Text ends between two characters where the rest of the last one may still come."""
    data = piece.data
    more = not ended or piece.offset + len(data) < piece.size
    cut = _cut_character(data) if more else 0
    whole = data[: len(data) - cut] or data
    encoding: Literal["utf-8", "base64"] = "utf-8"
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        encoding, whole, text = "base64", data, base64.b64encode(data).decode()
    return {"encoding": encoding, "data": text, "next_offset": piece.offset + len(whole)}


def _cut_character(data: bytes) -> int:
    """How many bytes at the end are an incomplete character."""
    for back in range(1, min(LONGEST_CHARACTER, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0
