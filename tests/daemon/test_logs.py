"""The log: one JSON object a line, whatever is logged."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.logs.lines import LEVELS, set_level, start_logging

from .conftest import Start


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    return stderr


@pytest.fixture
def log_file(tmp_path: Path, screen: io.StringIO) -> Iterator[Path]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    start_logging(tmp_path / "logs" / "spl.log", "TRACE", to_stderr=True)
    yield tmp_path / "logs" / "spl.log"
    logging.captureWarnings(False)
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_levels_have_the_protocols_names(log_file: Path) -> None:
    for number in (5, 10, 20, 30, 40, 50):
        logging.getLogger("x.y").log(number, "said at %d", number)
    told = lines(log_file)
    assert [line["level"] for line in told] == ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "ERROR"]
    assert {line["target"] for line in told} == {"x.y"}
    assert told[0]["message"] == "said at 5"
    assert told[0]["at"].endswith("Z")


@pytest.mark.parametrize(
    ("level", "count"), [("ERROR", 1), ("WARN", 2), ("INFO", 3), ("DEBUG", 4), ("TRACE", 5)]
)
def test_what_is_less_grave_than_the_level_is_left_out(log_file: Path, level: str, count: int) -> None:
    set_level(level)
    for number in LEVELS.values():
        logging.getLogger("x").log(number, "said")
    assert len(lines(log_file)) == count


def test_actor_thread_and_record_are_keys_of_their_own(log_file: Path) -> None:
    extra = {"actor": "did:a", "thread_id": "th_1", "record": "00"}
    logging.getLogger("x").info("said", extra=extra)
    (line,) = lines(log_file)
    assert (line["actor"], line["thread"], line["record"]) == ("did:a", "th_1", "00")


@pytest.mark.parametrize(
    "text", ["two\nlines\r\n", "\ud800", '"\\', "\u2028\x85", "é 日本", "\0\x1b[31m"], ids=ascii
)
def test_any_text_is_one_line_of_json(log_file: Path, text: str) -> None:
    # Straight to the file: pytest would put half a character into its own report of this test.
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "said: %s", (text,), None)
    (to_file,) = [one for one in logging.getLogger().handlers if isinstance(one, logging.FileHandler)]
    to_file.handle(record)
    (line,) = lines(log_file)
    assert line["message"] == f"said: {text}"


def test_an_error_has_its_traceback_in_the_file_and_one_line_on_the_screen(
    log_file: Path, screen: io.StringIO
) -> None:
    try:
        raise ValueError("the reason")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (line,) = lines(log_file)
    assert "ValueError: the reason" in line["traceback"]
    assert screen.getvalue().endswith(" ERROR it failed\n")
    assert "Traceback" not in screen.getvalue()


def test_what_was_printed_another_way_is_not_repeated_on_the_screen(
    log_file: Path, screen: io.StringIO
) -> None:
    logging.getLogger("x").error("printed", extra={"on_screen": True})
    assert lines(log_file)[0]["message"] == "printed"
    assert screen.getvalue() == ""


def test_warnings_of_libraries_are_logged(log_file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "old ways" in lines(log_file)[0]["message"]


def test_a_daemon_logs_what_it_ingests_by_thread_and_record(start: Start) -> None:
    daemon = start()
    daemon.ready().stop()
    daemon.home.config.write_text('[log]\nlevel = "DEBUG"\n')
    daemon = start().ready()
    (record,) = daemon.post(1, thread="music.library", actor="did:sync:user:a")
    ended = daemon.stop()
    assert (ended.code, ended.err) == (0, "")
    (line,) = [line for line in daemon.log() if line.get("record") == record]
    assert (line["actor"], line["thread"]) == ("did:sync:user:a", "music.library")
    assert {"at", "level", "target", "message"} <= set(line)
