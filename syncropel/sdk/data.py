"""The published client's data plane: its names, so that programs can import them.

A fleet keeps records, not files. Each call raises SyncropelDataError with status 501, and sends nothing.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

_UNSET: Final[Any] = object()
"""Distinguishes an omitted `expected_hash` from None, which means that no file must exist yet."""


class SyncropelDataError(Exception):
    """Raised when a call of the data plane fails. `status`: an HTTP status, 0 when there was no answer.

    `expected_hash` and `current_hash` (64 hex digits, None for no file) are set when a file is not what the
    caller expected.
    """

    def __init__(
        self,
        op: str,
        status: int,
        code: str,
        detail: str,
        *,
        expected_hash: str | None = _UNSET,
        current_hash: str | None = _UNSET,
    ) -> None:
        super().__init__(f"{op} failed (HTTP {status} {code}): {detail}")
        self.op, self.status, self.code, self.detail = op, status, code, detail
        self.expected_hash, self.current_hash = expected_hash, current_hash

    @property
    def is_conflict(self) -> bool:
        """Whether a file is not what the caller expected."""
        return (self.status, self.code) == (409, "precondition_failed")


@dataclass(frozen=True)
class WriteResult:
    """A file that was written."""

    content_hash: str
    size_bytes: int


@dataclass(frozen=True)
class MaterialProvenance:
    """Which work produced a file."""

    work_thread: str
    actor: str
    goal_summary: str
    clock: int
    content_hash: str | None


@dataclass(frozen=True)
class StatResult:
    """Information about a path; `mtime` in unix seconds."""

    kind: str
    size_bytes: int
    content_hash: str | None
    mtime: int
    content_type: str | None
    pin_state: str | None
    provenance: MaterialProvenance | None


@dataclass(frozen=True)
class ListResult:
    """A page of a folder listing."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    cursor: str | None = None


@dataclass(frozen=True)
class ReadUrlResult:
    """Where to read a file's bytes, valid for `expires_in` seconds."""

    blob_url: str
    expires_in: int
    via: str


@dataclass(frozen=True)
class PublishResult:
    """A file that was published."""

    content_hash: str
    manifest_record_id: str | None
    pin_state: str


@dataclass(frozen=True)
class UsageResult:
    """Bytes used, and the quota."""

    used: int
    quota: int


class ClientData:
    """Files, as `client.data`. Each call raises SyncropelDataError."""

    async def write(
        self,
        *,
        path: str,
        data: bytes | bytearray | str,
        content_type: str | None = None,
        expected_hash: str | None = _UNSET,
    ) -> WriteResult:
        _refuse("data.write")

    async def read_url(self, path: str) -> ReadUrlResult:
        _refuse("data.read-url")

    async def read(self, path: str) -> bytes:
        _refuse("data.read")

    async def read_text(self, path: str, encoding: str = "utf-8") -> str:
        _refuse("data.read")

    async def list(self, path: str, *, cursor: str | None = None, limit: int | None = None) -> ListResult:
        _refuse("data.list")

    async def stat(self, path: str) -> StatResult:
        _refuse("data.stat")

    async def mkdir(self, path: str) -> None:
        _refuse("data.mkdir")

    async def mv(self, from_path: str, to_path: str) -> None:
        _refuse("data.mv")

    async def rm(self, path: str, *, recursive: bool = False) -> dict[str, Any]:
        _refuse("data.rm")

    async def materials(self, *, q: str | None = None, limit: int | None = None) -> builtins.list[Any]:
        _refuse("data.materials")

    async def node(self, path: str) -> Any:
        _refuse("data.node")

    async def publish(self, path: str, *, storage_class: str | None = None) -> PublishResult:
        _refuse("data.publish")

    async def usage(self) -> UsageResult:
        _refuse("data.usage")

    async def capabilities(self) -> dict[str, Any]:
        _refuse("data.capabilities")

    async def provenance(
        self, *, region: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Any:
        _refuse("data.provenance")


def _refuse(op: str) -> NoReturn:
    raise SyncropelDataError(op, 501, "not_supported", "a fleet keeps records, and no files")
