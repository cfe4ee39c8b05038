"""The daemon's log: one JSON object per line, for people with `tail` and `grep` and for machines alike."""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LEVELS: Final = {
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": 5,
}
MAX_BYTES: Final = 20 * 1024 * 1024
KEPT_FILES: Final = 3
_SHORT: Final = {number: name for name, number in LEVELS.items()}
_FIELDS: Final = {"actor": "actor", "thread_id": "thread", "record": "record"}
"""Attribute of a log record → key in the line. Logging uses `thread` for the system's own threads."""
_BEARER: Final = re.compile(r"\b(spl_[a-z0-9]+_[a-z0-9.-]+_)[!-~]{16,}")
_TRACEBACKS: Final = logging.Formatter()


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """`level, target, message`, then `actor, thread, record` if known, then a traceback.

    A bearer token in the message loses its secret.
    """
    line: dict[str, object] = {
        "level": _SHORT.get(record.levelno, "ERROR" if record.levelno > logging.ERROR else record.levelname),
        "target": record.name,
        "message": _without_secrets(record.getMessage()),
    }
    for attribute, key in _FIELDS.items():
        value = getattr(record, attribute, None)
        if value is not None:
            line[key] = value
    if record.exc_info:
        line["traceback"] = _without_secrets(_TRACEBACKS.formatException(record.exc_info))
    return line


def _without_secrets(text: str) -> str:
    return _BEARER.sub(r"\1…", text) if "spl_" in text else text


class JsonLines(logging.Formatter):
    """A line of the file: `at`, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"at": at.replace("+00:00", "Z"), **fields_of(record)}, ensure_ascii=False)


class Plain(logging.Formatter):
    """For a person watching `spl serve --foreground`: time, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        return f"{at} {_SHORT.get(record.levelno, record.levelname):5} {record.getMessage()}"


def log_nowhere() -> None:
    """Keep Python from printing warnings and errors on stderr until there is a log file."""
    logging.getLogger().handlers[:] = [logging.NullHandler()]


def start_logging(
    path: Path, level: str = "INFO", *, to_stderr: bool, also: logging.Handler | None = None
) -> None:
    """Send every log record and every warning of this process to `path`, rotated by size, and to `also`.

    They go to stderr too if asked, except those marked `on_screen`, which were already printed there. Raises
    OSError when the file cannot be written, KeyError for an unknown level.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Lone surrogates have no UTF-8 form; as a backslash escape they are JSON again.
    file = logging.handlers.RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8", errors="backslashreplace"
    )
    file.setFormatter(JsonLines())
    handlers: list[logging.Handler] = [file] if also is None else [file, also]
    if to_stderr:
        screen = logging.StreamHandler(sys.stderr)
        screen.setFormatter(Plain())
        screen.addFilter(lambda record: not getattr(record, "on_screen", False))
        handlers.append(screen)
    root = logging.getLogger()
    root.handlers[:] = handlers
    set_level(level)
    logging.captureWarnings(True)
    for noisy in ("httpx", "httpcore", "uvicorn", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns about each malformed HTTP request: anybody who can connect could fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def set_level(level: str) -> None:
    """Log messages of at least this severity. Raises KeyError for an unknown level."""
    logging.getLogger().setLevel(LEVELS[level])
