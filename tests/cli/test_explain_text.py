"""The texts of `spl why` and `spl task what-if`."""

from __future__ import annotations

from syncropel.cli.text import explain as explain_text
from syncropel.wire.explain import JoinMoment, ProofOut, TaskWhy, WhatIf, WhatIfBar


def moment(index: int, secs: float, record: str, accepted: int) -> JoinMoment:
    return JoinMoment(
        record=record * 64,
        index=index,
        at=100.0 + secs,
        elapsed_secs=secs,
        cost_usd=0.25 * accepted,
        accepted=accepted,
        finished=accepted,
    )


def bar(index: int, begun: float | None, ended: float | None, state: str = "accept") -> WhatIfBar:
    return WhatIfBar(
        index=index, goal="work", state=state, spawned_at=begun, finished_at=ended, cost_usd=0.25
    )


def test_why_tells_the_sentence_the_way_out_and_the_proofs() -> None:
    told = TaskWhy(
        thread="th_x",
        alias="DOC-1",
        status="blocked",
        sentence="it cannot join any more: [1] failed",
        proofs=[ProofOut(record="a" * 64, shows="[1] ended with failed on worker-a")],
        hint="spl task retry DOC-1 --subtask 1",
    )
    assert explain_text.why_lines(told) == [
        "DOC-1: it cannot join any more: [1] failed",
        "  → spl task retry DOC-1 --subtask 1",
        "  Proved by:",
        f"    {'a' * 64}  [1] ended with failed on worker-a",
    ]


def what_if(**changes: object) -> WhatIf:
    fields = {
        "thread": "th_x",
        "alias": "DOC-1",
        "join": "all",
        "supposed": "any",
        "outcome": "sooner",
        "explanation": "it would have joined 20.0 s sooner, with $0.25 less spent by then",
        "started_at": 100.0,
        "real": moment(1, 40.0, "a", 2),
        "then": moment(0, 20.0, "b", 1),
        "subtasks": [bar(0, 100.0, 120.0), bar(1, 100.0, 140.0)],
    }
    return WhatIf.model_validate({**fields, **changes})


def test_both_timelines_stand_one_above_the_other_on_one_axis() -> None:
    assert explain_text.what_if_lines(what_if()) == [
        "DOC-1: it would have joined 20.0 s sooner, with $0.25 less spent by then",
        "",
        "  real: all",
        "    joined after 40s at $0.50: 2 accepted, 2 ended, [1] tips it (aaaaaaaaaaaa)",
        "    ✓ [0] " + "━" * 24,
        "    ✓ [1] " + "━" * 48,
        "          " + " " * 47 + "▲ joined",
        "",
        "  supposed: any",
        "    joined after 20s at $0.25: 1 accepted, 1 ended, [0] tips it (bbbbbbbbbbbb)",
        "    ✓ [0] " + "━" * 24,
        "    ✓ [1] " + "━" * 24 + "┈" * 24,
        "          " + " " * 24 + "▲ joined",
        "",
        "          0s    5s    10s   15s   20s   25s   30s   35s",
    ]


def test_what_never_began_and_what_never_joined_have_no_bar_and_no_mark() -> None:
    lines = explain_text.what_if_lines(
        what_if(outcome="never", then=None, subtasks=[bar(0, None, None, "pending")])
    )
    assert "    · [0]" in lines
    assert lines[-4:-2] == ["    not joined", "    · [0]"]
    assert "▲" not in "".join(lines[-4:])


def test_a_long_fan_out_is_cut() -> None:
    lines = explain_text.what_if_lines(what_if(subtasks=[bar(index, 100.0, 101.0) for index in range(50)]))
    assert lines.count("    +10 more") == 2
