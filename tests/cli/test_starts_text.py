"""The starts of an attempt in `spl task diagnose`."""

from __future__ import annotations

from syncropel.cli.text.diagnosis import diagnosis_lines
from syncropel.wire.diagnosis import AttemptDiagnosis, Diagnosis
from syncropel.wire.fleet import StartOut

A, B = "did:sync:instance:000000000000000a", "did:sync:instance:000000000000000b"


def shown(*starts: StartOut, state: str = "failed") -> list[str]:
    attempt = AttemptDiagnosis.model_construct(
        index=0, attempt=2, goal="g", state=state, instance=B, instance_alias="worker-b",
        child_thread="th_c", spawned_at=1.0, starts=list(starts), success=None,
    )  # fmt: skip
    told = Diagnosis.model_construct(thread="t", alias="T", goal="g", status="x", attempts=[attempt])
    return diagnosis_lines(told)


def test_each_start_is_a_row() -> None:
    lines = shown(
        StartOut(at=1.0, instance=A, pid=0, ended="instance_vanished"),
        StartOut(at=2.0, instance=B, pid=77, ended=""),
        state="in_progress",
    )
    rows = lines[lines.index("Starts") + 1 :][:3]
    assert rows[0].split() == ["START", "AT", "INSTANCE", "PID", "ENDED"]
    assert [row.split()[0] for row in rows[1:]] == ["1", "2"]
    assert rows[1].split()[3:] == [A, "-", "instance", "vanished"]
    assert rows[2].split()[3:] == ["worker-b", "77", "in", "progress"]


def test_without_any_there_is_no_block() -> None:
    assert "Starts" not in shown()
