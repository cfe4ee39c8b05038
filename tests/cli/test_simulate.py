"""`spl simulate`: what it says of a fan-out, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.cli.text.simulation import share
from tests.network import replace_network

from .conftest import Ran

Spl = Callable[..., Ran]

ONE = ("--subtask", "goal=build it,target=worker-a")
STEADY = ("--secs", "60", "--cost", "0.50")


def test_a_plan_is_told_with_its_assumptions(spl: Spl) -> None:
    done = spl("simulate", *ONE, *ONE, *ONE, "--worker", "worker-a=1", *STEADY, "--runs", "3")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "3 runs of 3 subtasks, join all, seed 0",
        "  assumed       attempts of 1m00s, $0.50, none fails",
        "  joins         in 100% of the runs",
        "  time to join  median 3m00s, 5% below 3m00s, 95% below 3m00s",
        "  spent on      33% work, 67% waiting for a slot",
        "  cost          median $1.50, 95% below $1.50",
        "  WORKER    SLOTS  BUSY  WAIT",
        "  worker-a  1      100%  1m00s  bottleneck in 100% of the runs",
        "  with 2 slots at worker-a: median 2m00s, 95% below 2m00s",
    ]


def test_what_fails_and_what_runs_on_is_told(spl: Spl) -> None:
    failing = ("--of", "0:fails=0.999999999999", "--of", "1:secs=600,cost=1")
    done = spl("simulate", *ONE, *ONE, *STEADY, *failing, "--retries", "2", "--lost", "1e-12", "--runs", "2")
    assert (
        "  joins         in 0% of the runs; otherwise, for example: all can no longer be satisfied"
        in done.out
    )
    assert "time to join" not in done.out
    assert "other work for 2 of them, 2 retries after 1m00s, 0.0% lose their instance" in done.out
    assert "  [0] build it: keeps it from joining in 100% of the runs" in done.out
    done = spl("simulate", *ONE, *ONE, "--join", "any", *STEADY, "--of", "1:secs=120,cost=2", "--runs", "1")
    assert "  cost          median $1.50, 95% below $1.50; then $1.00 for what runs on" in done.out


def test_only_the_worst_are_listed(spl: Spl) -> None:
    done = spl("simulate", *ONE * 8, *STEADY, "--fails", "99.99999999%", "--runs", "1")
    assert done.out.count("keeps it from joining") == 5
    assert done.out.endswith("  and 3 more subtasks\n")


def test_a_file_is_read_as_a_fan_out_reads_it(spl: Spl, tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text(
        "## Subtasks\n\njoin: any\n- goal=a,target=worker-a\n- goal=b,target=worker-b,depends=0\n"
    )
    told: Any = spl("simulate", str(plan), *STEADY, "--runs", "1", "-o", "json").json
    assert (told["object"], told["seed"], told["joins"], told["secs"]["p50"]) == ("simulation", 0, 1.0, 60.0)
    assert told["assumed"]["workers"] == {"worker-a": 4, "worker-b": 4}
    assert (told["bottleneck"], told["with_another_slot"]) == (None, None)
    told = spl("simulate", str(plan), "--join", "all", *STEADY, "--runs", "1", "-o", "json").json
    assert told["secs"]["p50"] == 120.0


def test_the_seed_decides(spl: Spl) -> None:
    def out(seed: str) -> str:
        return spl("simulate", *ONE, "--runs", "20", "--seed", seed).out.partition("\n")[2]

    assert out("1") == out("1") != out("2")


def test_nobody_is_asked(spl: Spl, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"asked for {request.url}")

    replace_network(monkeypatch, httpx.MockTransport(refuse))
    assert spl("simulate", *ONE, "--runs", "1").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give a FILE or --subtask, and not both"),
        (("plan.md", *ONE), "give a FILE or --subtask, and not both"),
        (("no-such-file.md",), "cannot read no-such-file.md"),
        ((*ONE, "--secs", "20..10"), "is not a range such as 300..1200"),
        ((*ONE, "--secs", "nan"), "is not a range such as 300..1200"),
        ((*ONE, "--cost", "0..5"), "half of the values are above 0, or none is"),
        ((*ONE, "--fails", "100%"), "is not a share below 100%"),
        ((*ONE, "--fails", "x"), "is not a share below 100%"),
        ((*ONE, "--worker", "laptop"), "is not the alias of a worker"),
        ((*ONE, "--worker", "worker-a=0"), "is not a number above 0"),
        ((*ONE, "--worker", "worker-b=1"), "worker-a is not among the workers: worker-b"),
        ((*ONE, "--of", "1:secs=1"), "--of names subtask 1, but the subtasks are 0 to 0"),
        ((*ONE, "--of", "0"), "is not INDEXES:KEY=VALUE"),
        ((*ONE, "--of", "0:mood=1"), "'mood' is no assumption"),
        ((*ONE, "--of", "3-1:secs=1"), "'3-1' is not an index or a range of them"),
        ((*ONE, "--of", "0-1-2:secs=1"), "'0-1-2' is not an index or a range of them"),
        ((*ONE, "--of", "0-99999999999:secs=1"), "is not an index or a range of them"),
        ((*ONE, "--runs", "100001"), "--runs is 100000 at most"),
        ((*ONE, "--join", "k_of_n:2"), "K must be a number from 1 to 1"),
        (("--subtask", "goal=x"), "subtask 0: target is missing"),
        (("--subtask", "goal=x,target=nowhere"), "unknown target 'nowhere'"),
    ],
)
def test_bad_input_is_named(spl: Spl, words: tuple[str, ...], told: str) -> None:
    done = spl("simulate", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_an_expression_that_does_not_compile_is_refused_as_everywhere(spl: Spl) -> None:
    done = spl("simulate", *ONE, "--join", "children.siz()")
    assert (done.code, done.out) == (1, "")
    assert "siz" in done.err


def test_a_file_without_subtasks_is_named(spl: Spl, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("# A plan\n")
    done = spl("simulate", str(tmp_path / "plan.md"))
    assert (done.code, "declares no subtasks under ## Subtasks" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0%"), (1.0, "100%"), (0.5, "50%"), (0.004, "0.4%"), (0.9951, "99.5%"), (0.01, "1%")],
)
def test_a_share_is_never_rounded_to_none_or_all(value: float, told: str) -> None:
    assert share(value) == told
