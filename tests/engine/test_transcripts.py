"""What an agent says as a file of events: the same whoever looks, in steps, and written through no link."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import Job
from syncropel.adapters.output_file import identity, open_own, read_piece
from syncropel.adapters.reading import OutputReader
from syncropel.engine.output import transcripts
from syncropel.engine.output.transcripts import MAX_TEXT, Transcripts
from tests.adapters.readers import LineReader

JOB = Job("th_child", "goal", 1, 60.0)


class Agent:
    """An adapter that speaks the protocol of `LineReader`."""

    name = "agent"

    def __init__(self) -> None:
        self.readers: list[LineReader] = []

    def reader(self, job: Job) -> OutputReader:
        self.readers.append(LineReader())
        return self.readers[-1]

    async def run(self, job: Job, observe: Any) -> Any:
        raise NotImplementedError

    async def end_orphan(self, session: dict[str, Any]) -> None:
        raise NotImplementedError


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "th_child" / "attempt-1.out"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    return path


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def made(agent: Agent) -> Transcripts:
    return Transcripts({"agent": agent})


def says(output: Path, **words: Any) -> None:
    with output.open("a") as file:
        file.write(json.dumps(words) + "\n")


def look(made: Transcripts, output: Path, *, ended: bool = False) -> list[dict[str, Any]]:
    told = made.extend(output, "agent", JOB, ended=ended)
    assert told is not None
    path, whole = told
    assert whole
    assert path == output.with_suffix(".events")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_come_as_they_are_said(made: Transcripts, output: Path) -> None:
    assert look(made, output) == []
    says(output, session="s-1")
    says(output, text="hello")
    assert look(made, output) == [
        {"kind": "session", "id": "s-1", "model": "m"},
        {"kind": "text", "text": "hello"},
    ]
    with output.open("a") as file:
        file.write('{"text": "no newline yet"')
    assert len(look(made, output)) == 2
    with output.open("a") as file:
        file.write("}")
    assert len(look(made, output)) == 2
    assert look(made, output, ended=True)[2] == {"kind": "text", "text": "no newline yet"}
    assert len(look(made, output, ended=True)) == 3


def test_another_daemon_makes_the_same(agent: Agent, output: Path) -> None:
    for word in "abc":
        says(output, text=word)
    first = look(Transcripts({"agent": agent}), output)
    says(output, text="d")
    assert look(Transcripts({"agent": agent}), output)[:3] == first


def test_an_output_that_was_replaced_is_read_anew(made: Transcripts, output: Path) -> None:
    says(output, text="old")
    look(made, output)
    kept = output.rename(output.with_name("kept"))
    says(output, text="new")
    assert look(made, output) == [{"kind": "text", "text": "new"}]
    assert kept.exists()


def test_nonsense_and_a_reader_that_breaks_cost_their_lines_alone(made: Transcripts, output: Path) -> None:
    output.write_bytes(b"\xff\xfe nonsense\n{\n\n")
    says(output, breaks=True)
    says(output, text="after")
    assert look(made, output) == [{"kind": "text", "text": "after"}]


def test_a_long_text_is_cut_and_says_by_how_much(made: Transcripts, output: Path) -> None:
    says(output, text="x" * (MAX_TEXT + 1234))
    (event,) = look(made, output)
    assert event["text"] == "x" * MAX_TEXT + "… (1,234 more characters)"


def test_a_large_output_is_made_in_steps(
    made: Transcripts, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "STEP_BYTES", 1)
    monkeypatch.setattr("syncropel.adapters.tail.CHUNK_BYTES", 40)
    for number in range(20):
        says(output, text=f"line {number:02}")
    looks = 0
    while True:
        told = made.extend(output, "agent", JOB, ended=True)
        assert told is not None
        looks += 1
        if told[1]:
            break
    assert looks > 5
    assert len(told[0].read_text().splitlines()) == 20


def test_what_is_kept_open_is_bounded(
    made: Transcripts, agent: Agent, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "_KEPT", 2)
    others = [output.with_name(f"attempt-{number}.out") for number in range(2, 5)]
    for one in (output, *others):
        one.write_bytes(b"")
        says(one, text=one.name)
        look(made, one)
    assert len(made._open) == 2
    assert look(made, output) == [{"kind": "text", "text": output.name}]


def test_plain_programs_have_no_transcript(made: Transcripts, output: Path) -> None:
    assert made.extend(output, "bash", JOB, ended=True) is None
    assert not output.with_suffix(".events").exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "hard link"])
def test_a_transcript_is_never_written_through_what_a_goal_put_there(
    made: Transcripts, output: Path, tmp_path: Path, kind: str
) -> None:
    target, place = tmp_path / "target", output.with_suffix(".events")
    target.write_text("precious")
    if kind == "link":
        place.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        os.link(target, place)
    says(output, text="said")
    assert look(made, output) == [{"kind": "text", "text": "said"}]
    assert target.read_text() == "precious"
    place.unlink()
    place.symlink_to(target)
    with pytest.raises(OSError, match="Errno"):
        made.extend(output, "agent", JOB, ended=False)
    assert target.read_text() == "precious"


def test_an_output_that_is_a_link_is_not_read(made: Transcripts, output: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"text": "secret"}\n')
    output.unlink()
    output.symlink_to(secret)
    for act in (lambda: made.extend(output, "agent", JOB, ended=True), lambda: identity(output)):
        with pytest.raises(OSError, match="Errno"):
            act()
    with pytest.raises(OSError, match="Errno"):
        read_piece(output, 0, 10)
    with pytest.raises(OSError, match="Errno"):
        open_own(output, anew=False)


def test_the_lines_of_a_gate_follow_what_the_agent_said(made: Transcripts, output: Path) -> None:
    gate = output.with_suffix(".gate")
    says(output, text="hello")
    with output.open("a") as file:
        file.write('{"text": "no newline"}')

    def told(*, ended: bool = False) -> list[dict[str, Any]]:
        made.extend(output, "agent", JOB, gate, ended=ended)
        lines = output.with_suffix(".events").read_text().splitlines()
        return [event for line in lines if (event := json.loads(line))["kind"] != "final"]

    assert [event["text"] for event in told()] == ["hello"]
    gate.write_bytes(b"gate: make test\nrunning\n3 fail")
    said = ["hello", "no newline", "gate: make test", "running"]
    assert [event["text"] for event in told()] == said, "the agent has ended when its gate runs"
    assert [event["kind"] for event in told()] == ["text", "text", "gate", "gate"]
    assert [event["text"] for event in told(ended=True)] == [*said, "3 fail"]
    assert [event["text"] for event in told(ended=True)] == [*said, "3 fail"], "told once"
