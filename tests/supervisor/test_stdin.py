"""The goal's stdin behind the socket: a conversation goes on although whoever held it is gone."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from syncropel.adapters.control_socket import control_socket
from syncropel.adapters.stdin_feed import StdinFeed
from syncropel.adapters.supervised import Supervised
from syncropel.supervisor.decide import Limits
from syncropel.supervisor.words import Spec

LIMIT_SECS = 60.0
LIMITS = Limits(run=60, interrupt=0.2, term=0.2, leftover=0.2, kill=5, orphan=30, start=15)


async def launched(folder: Path, *command: str, stdin: str = "pipe") -> Supervised:
    spec = Spec([*command], str(folder), LIMITS, stdin=stdin)
    with (folder / "output").open("wb") as output:
        run = await Supervised.launch(folder / "run", spec, dict(os.environ), output.fileno(), {})
    run.go()
    return run


def feed(run: Supervised, data: bytes) -> None:
    """Somebody who says something to the goal and is gone."""
    with socket.socket(socket.AF_UNIX) as caller, control_socket(run.folder) as address:
        caller.connect(address)
        caller.sendall(b"stdin\n" + data)


async def until_said(folder: Path, text: str) -> None:
    async with asyncio.timeout(LIMIT_SECS):
        while (folder / "output").read_text() != text:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)


async def test_a_conversation_survives_who_held_it(tmp_path: Path) -> None:
    run = await launched(tmp_path, "cat")
    await asyncio.to_thread(feed, run, b"hello\n")
    await until_said(tmp_path, "hello\n")
    run.leave()
    after = await Supervised.reach(run.folder, LIMIT_SECS)
    assert after.pid == run.pid
    await asyncio.to_thread(feed, after, b"again\n")
    await until_said(tmp_path, "hello\nagain\n")
    after._say("close")
    ending = await after.ending()
    assert (ending.why, ending.exit_code, ending.proven) == ("exit", 0, True)


async def test_more_than_a_pipe_holds_arrives_whole(tmp_path: Path) -> None:
    run = await launched(tmp_path, "bash", "-c", "sleep 0.3; head -c 1000000 | wc -c")
    await asyncio.to_thread(feed, run, b"x" * 1_000_000)
    assert (await run.ending()).exit_code == 0
    assert (tmp_path / "output").read_text().strip() == "1000000"


async def test_a_goal_that_reads_nothing_is_stopped_all_the_same(tmp_path: Path) -> None:
    run = await launched(tmp_path, "sleep", "600")
    talking = asyncio.ensure_future(asyncio.to_thread(feed, run, b"x" * 300_000))
    ending = await asyncio.wait_for(run.stop(gently=True), LIMIT_SECS)
    assert (ending.why, ending.proven) == ("stopped", True)
    await asyncio.gather(talking, return_exceptions=True)


async def test_what_is_said_to_a_goal_without_a_pipe_is_dropped(tmp_path: Path) -> None:
    run = await launched(tmp_path, "bash", "-c", "sleep 0.2; cat; echo end", stdin="null")
    await asyncio.to_thread(feed, run, b"hello\n")
    assert (await run.ending()).exit_code == 0
    assert (tmp_path / "output").read_text() == "end\n"


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    ending = await (await launched(tmp_path, "no-such-program-here")).ending()
    assert (ending.started, ending.proven) == (False, True)
    assert "No such file" in ending.error


async def test_stdin_is_a_file_and_stderr_another(tmp_path: Path) -> None:
    """A program may lose the end of what it writes into a pipe; a file takes it all."""
    (tmp_path / "prompt").write_bytes(b"x" * 300_000)
    words = ["bash", "-c", "wc -c; echo said >&2; head -c 2000000 /dev/zero"]
    spec = Spec(words, str(tmp_path), LIMITS, stdin=str(tmp_path / "prompt"), stderr=str(tmp_path / "errors"))
    with (tmp_path / "output").open("wb") as output:
        run = await Supervised.launch(tmp_path / "run", spec, dict(os.environ), output.fileno(), {})
    run.go()
    assert (await run.ending()).exit_code == 0
    assert (tmp_path / "output").read_bytes() == b"300000\n" + bytes(2_000_000)
    assert (tmp_path / "errors").read_bytes() == b"said\n"
    assert (tmp_path / "errors").stat().st_mode & 0o077 == 0


async def test_a_prompt_that_is_not_there_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="ended before it had begun"):
        await launched(tmp_path, "cat", stdin=str(tmp_path / "missing"))


async def test_who_comes_later_learns_how_much_the_goal_was_given(tmp_path: Path) -> None:
    run = await launched(tmp_path, "cat")
    await asyncio.to_thread(feed, run, b"one\ntwo")
    later = StdinFeed(run.folder)

    assert await later.taken() == 7
    await later.send(b"\nthree\n")
    await later.close(14)

    later.leave()
    assert (await run.ending()).exit_code == 0
    assert (tmp_path / "output").read_text() == "one\ntwo\nthree\n"
    with pytest.raises(ConnectionRefusedError):
        await StdinFeed(run.folder).taken()


async def test_who_comes_later_waits_until_all_that_was_sent_before_is_counted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    run = await launched(tmp_path, "bash", "-c", "read go < go; wc -c")
    before = asyncio.ensure_future(asyncio.to_thread(feed, run, b"x" * 400_000))
    later = StdinFeed(run.folder)
    async with asyncio.timeout(LIMIT_SECS):
        while not (await later._fed())["bytes"]:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.01)
    assert (await later._fed())["feeding"] == 1
    counting = asyncio.ensure_future(later.taken())

    await asyncio.to_thread((tmp_path / "go").write_text, "\n")

    assert await counting == 400_000
    await before
    await later.close(400_000)
    later.leave()
    assert (await run.ending()).exit_code == 0
    assert (tmp_path / "output").read_text().strip() == "400000"
