"""The guard in memory and the default rules' text give the same answer, whatever is frozen and written."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.cel.budget import Budget
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import NamespaceFrozen
from syncropel.folds.control.grace import Moment
from syncropel.folds.control.rules import FREEZE_RULES, PERMISSION, parse_rule
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.guard import check, namespaces_of
from syncropel.policy.permissions import Request, judge
from syncropel.record.model import ACTS, Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL, RESERVED

DID = "did:sync:instance:0123456789abcdef"
NOW = 1000.0
NAMES = st.sampled_from(["default", "docs", "docs/v1", "docs/v1/x", "docsy", "a", "a/b", "*", "", "/", "a/"])
FREEZES = st.lists(
    st.fixed_dictionaries(
        {
            "topic": st.sampled_from(["freeze", "freeze", "unfreeze"]),
            "level": st.sampled_from(["soft", "hard", "emergency", "odd"]),
            "namespace": NAMES,
            "grace_secs": st.sampled_from([0, 60, 10_000]),
            "at": st.sampled_from([0.0, 900.0, 960.0, 999.0]),
        }
    ),
    max_size=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "namespace": st.one_of(NAMES, st.integers(), st.none()),
        "verdict": st.one_of(st.sampled_from(["terminated", "accept"]), st.integers(), st.none()),
    },
)
RULES = [
    parse_rule(PERMISSION, {"name": name, "expression": text, "effect": "deny", "priority": 0})
    for name, text in FREEZE_RULES.items()
]


@settings(max_examples=500)
@given(
    freezes=FREEZES,
    act=st.sampled_from(sorted(ACTS)),
    thread=st.sampled_from(["th_task", "th_other", *sorted(RESERVED)]),
    actor=st.sampled_from([DID, "did:sync:user:a"]),
    body=BODIES,
    task_namespace=NAMES,
)
def test_guard_and_text_agree(
    freezes: list[dict[str, object]],
    act: str,
    thread: str,
    actor: str,
    body: dict[str, object],
    task_namespace: str,
) -> None:
    live = LiveFolds()
    live.tasks["th_task"] = TaskState("th_task", namespace=task_namespace)
    for clock, freeze in enumerate(freezes):
        record = Record(FLEET_CONTROL, "did:sync:user:o", "LEARN", freeze, clock).identified()
        live.control.apply(StoredRecord(record, clock + 1, 0.0))
    live.control.pass_time(Moment(NOW, 0.0, ""))
    record = Record(thread, actor, act, body, 0).identified()
    refused = isinstance(check(record, live, NOW, DID), NamespaceFrozen)
    request = Request("record_write", actor, thread, record, frozenset(namespaces_of(record, live)))
    verdict = judge(RULES, request, EvaluationFunctions(live, NOW, DID, actor), True, Budget())
    assert verdict.problem == ""
    assert refused == (not verdict.allowed)
