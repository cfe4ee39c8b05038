"""What a script spends: read from its cost file, added up by the meter of its run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.adapters.cost_file import CostFile
from syncropel.engine.dispatch.meter import Meter, ended_by_coordinator, tellable
from syncropel.folds.fanout.child import ChildIntend
from syncropel.folds.fanout.reassignments import DRAINED, OVER_BUDGET, SUPERSEDED
from syncropel.folds.fanout.spec import LARGEST
from tests.engine.registrar import beat

INTEND = ChildIntend("c" * 64, "th_child", 1, {"index": 3})


def test_only_whole_new_lines_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "attempt-1.cost"
    file.write_text("0.10\n0.2")
    costs = CostFile(file, 0)
    assert costs.read() == pytest.approx(0.10)
    assert costs.read() == 0
    with file.open("a") as more:
        more.write("5\n")
    assert costs.read() == pytest.approx(0.25)
    assert CostFile(file, costs.offset).read() == 0


def test_what_is_no_amount_counts_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "attempt-1.cost"
    file.write_bytes(b"$1\n-3\n\n \ninf\nnan\n\xff\n0.5\n")
    with caplog.at_level(logging.WARNING):
        assert CostFile(file, 0).read() == 0.5
    assert [one.levelname for one in caplog.records] == ["WARNING"]


def test_a_file_that_cannot_be_read_counts_nothing(tmp_path: Path) -> None:
    assert CostFile(tmp_path / "missing", 0).read() == 0


@given(st.lists(st.integers(1, 500), max_size=20), st.data())
def test_however_it_is_cut_everything_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, cents: list[int], data: st.DataObject
) -> None:
    text = "".join(f"{one / 100}\n" for one in cents).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    file = tmp_path_factory.mktemp("costs") / "cost"
    spent, offset = 0.0, 0
    for cut in [*cuts, len(text)]:
        file.write_bytes(text[:cut])
        costs = CostFile(file, offset)
        spent += costs.read()
        offset = costs.offset
    assert spent == pytest.approx(sum(cents) / 100)


def test_a_meter_warns_once_and_knows_when_the_money_is_spent() -> None:
    meter = Meter(INTEND, 1.0, 0.0)
    assert meter.take(0.79) is None
    warning = meter.take(0.01)
    assert warning is not None
    assert (warning["event"], warning["budget_usd"]) == ("budget_warning", 1.0)
    assert meter.take(0.19) is None
    assert not meter.over
    meter.take(0.01)
    assert meter.over
    outcome = meter.outcome()
    assert (outcome.verdict, outcome.reason) == ("failed", OVER_BUDGET)
    assert outcome.summary == "budget_exceeded: spent $1.00 of its budget of $1.00"


def test_a_meter_goes_on_where_a_former_process_stopped() -> None:
    assert Meter(INTEND, 1.0, 0.9).take(0.05) is None, "it was warned of already"
    assert Meter(INTEND, 1.0, 1.0).over
    assert not Meter(INTEND, None, 1e9).over


@pytest.mark.parametrize(
    ("reason", "verdict"), [(OVER_BUDGET, "failed"), (SUPERSEDED, "terminated"), (DRAINED, "terminated")]
)
def test_an_end_by_the_coordinator_has_a_verdict_and_says_why(reason: str, verdict: str) -> None:
    outcome = ended_by_coordinator(reason)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.summary


@pytest.mark.parametrize(
    ("spent", "told"), [(0.25, 0.25), (-1.0, 0.0), (float("inf"), LARGEST), (float("nan"), 0.0)]
)
def test_what_an_adapter_says_of_costs_never_makes_a_heartbeat_that_cannot_be_sent(
    spent: float, told: float
) -> None:
    goal = {"child_intend": "ab" * 32, "child_thread": "th_c", "cost_usd": tellable(spent)}
    assert beat(spend=[goal]).spend[0].cost_usd == told
