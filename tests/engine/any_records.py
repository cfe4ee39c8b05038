"""Records with any body that JSON can hold, in the words of the log."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from syncropel.folds.control.access import API_TOKEN, SERVICE_ACCOUNT, TOKEN_REVOKED
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.namespaces import STATE_OF_TOPIC, STRICT_TOPIC
from syncropel.folds.control.rules import ENABLED_TOPIC, KINDS
from syncropel.folds.fanout.additions import TOPICS as ADDITIONS
from syncropel.folds.fanout.asked import KINDS as TALKS
from syncropel.folds.fanout.child import COMPLETE, END_CHILD, SESSION, STREAM_EVENT
from syncropel.folds.fanout.child import WORDS as CHILD_WORDS
from syncropel.folds.fanout.reassignments import TOPICS as MOVES
from syncropel.folds.fanout.state import AMEND_JOIN, CHILD_DONE, RETRY, SPAWNED
from syncropel.folds.fanout.talk import WORDS
from syncropel.folds.fanout.told import FACTS
from syncropel.folds.fleet.registry import INSTANCE_STATE
from syncropel.folds.tasks.state import STATUS_TOPICS
from tests.folds.build import THREAD, subtask

_WORDS = [
    *(SERVICE_ACCOUNT, API_TOKEN, TOKEN_REVOKED, INSTANCE_STATE, FREEZE, UNFREEZE, DRAIN, STRICT_TOPIC),
    *(SPAWNED, CHILD_DONE, RETRY, AMEND_JOIN, END_CHILD, SESSION, STREAM_EVENT, COMPLETE),
    *sorted(FACTS | WORDS | TALKS | CHILD_WORDS | ADDITIONS),
    *(ENABLED_TOPIC, "auth_cors_origins", *KINDS, *MOVES, *STATE_OF_TOPIC, *STATUS_TOPICS),
]
_KEYS = [
    *("task", "goal", "alias", "priority", "domain", "namespace", "labels", "criteria", "subtasks", "join"),
    *("at", "index", "attempt", "child_thread", "child_intend", "instance", "worker", "verdict", "summary"),
    *("cost_usd", "cost_offset", "wall_time_secs", "output", "reason", "hint", "target", "fulfills", "kind"),
    *("explanation", "parent_thread", "parent_intend", "coordinator", "budget_usd", "timeout_secs", "did"),
    *("report_clock", "role", "endpoint", "version", "state", "sa_id", "scopes", "token_sha256", "level"),
    *("grace_secs", "terminate", "deadline", "then", "from", "strict", "description", "name", "expression"),
    *("effect", "ops", "priority", "enabled", "origins", "removed", "cancels"),
    *("question", "decision", "message", "messages", "digest", "chosen", "text", "note", "answer", "by"),
    *("subtask", "asked", "depth", "added", "may_add"),
]
ASKED = {"id": "x", "kind": "question", "size": 1, "digest": "x", "options": [{"kind": 1}, 2], "until": 1}
_JSON = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, 1, 2, -1, 10**400, -(10**400), 1e308, 0.5),
            *("", "x", "accept", "joined", "all", "delivered", "allow_once"),
        ]
    ),
    st.sampled_from(
        [[], {}, [[]], [{}], {"a": []}, ["x"], [1], "start", "soft", "*", "active", "any", THREAD]
    ),
    st.sampled_from(
        [
            {"request": "x", "goal": "g", "adapter": "a"},
            {"index": 0, "attempt": 1},
            {**subtask(), "target": "worker-a"},
        ]
    ),
    st.sampled_from([ASKED, {**ASKED, "size": 10**400}, {"how": "rule", "chosen": "allow_once"}]),
    st.sampled_from([[subtask()], [subtask(), subtask(0)], "did:sync:instance:000000000000000a", "ab" * 32]),
)
BODIES = st.builds(
    lambda topic, body: {"topic": topic, **body},
    st.sampled_from(_WORDS),
    st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=9),
)
CHILD_BODY = {"goal": "g", "parent_thread": THREAD, "parent_intend": "ab" * 32, "index": 0}
OPENINGS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"task": True}, {"subtasks": [subtask(), subtask(0)]}, CHILD_BODY, {}]
)
