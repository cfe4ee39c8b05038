"""The command line's words without running them: parsed, loosened, completed."""

from __future__ import annotations

import pytest

from syncropel.cli.support.grammar import Grammar
from syncropel.cli.support.parsing import COMMANDS
from syncropel.errors import SyncropelError


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("kill --namespace docs --level hard", {"command": "kill", "namespace": "docs", "level": "hard",
                                                "rest": []}),
        ("kill --emergency", {"emergency": True, "namespace": None}),
        ("unkill --namespace docs", {"command": "unkill", "namespace": "docs"}),
        ("drain start worker-a", {"verb": "start", "instance": None, "rest": ["worker-a"]}),
        ("task retry DOCS-1 --subtask 2", {"verb": "retry", "name": "DOCS-1", "subtask": 2}),
        ("task retry", {"verb": "retry", "name": None}),
        ("task block DOCS-1", {"verb": "block", "name": "DOCS-1"}),
        ("fleet", {"command": "fleet"}),
        ("fleet start", {"verb": "start", "workers": None}),
    ],
)  # fmt: skip
def test_what_is_required_may_be_missing(line: str, found: dict[str, object]) -> None:
    parsed = Grammar().parse(line.split())
    assert {name: parsed[name] for name in found} == found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kil --namespace docs", "did you mean kill?"),
        ("task retyr X", "did you mean retry?"),
        ("kill --namespac docs", "see: spl kill --help"),
        ("kill --level medium", "known: soft, hard"),
        ("kill --emergency --namespace docs", "see: spl kill --help"),
        ("drain start --deadline soon", "see: spl drain start --help"),
    ],
)
def test_mistakes_are_told_as_on_the_command_line(line: str, said: str) -> None:
    with pytest.raises(SyncropelError) as refused:
        Grammar().parse(line.split())
    assert said in refused.value.hint


@pytest.mark.parametrize(
    ("words", "begun", "offered"),
    [
        ("", "dr", ["drill", "drain"]),
        ("drain", "st", ["start", "status", "stop"]),
        ("kill", "--e", ["--emergency"]),
        ("kill --level", "", ["soft", "hard"]),
        ("kill --namespace", "", []),
        ("kill --emergency", "--em", []),
        ("nonsense", "x", []),
    ],
)
def test_completion(words: str, begun: str, offered: list[str]) -> None:
    assert Grammar().complete(words.split(), begun) == offered


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_parsed_bare(command: str) -> None:
    assert Grammar().parse([command])["command"] == command
