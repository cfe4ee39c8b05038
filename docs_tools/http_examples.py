"""One request for each route. A test sends them in this order to a daemon, so none can become outdated.

`RECORD`, `TOKEN`, `CHILD`, `PARENT`, `INTEND`, `QUESTION`, and `DIGEST` stand for values from the daemon: a
record's id, a token's id, a subtask's thread, a task's thread, the INTEND of a running attempt of it, a
question's id, and the digest of what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

WORKER: Final = "did:sync:instance:00000000000000aa"
HASH: Final = "ab" * 32
NONCE: Final = "0123456789abcdef" * 2
LINK: Final = "9c0e5b6a41d7f238"


@dataclass(frozen=True)
class Example:
    """A request: `path` with its query, a JSON `body` or NDJSON `lines`. `stream`: the answer never ends."""

    path: str
    body: Any = None
    lines: str = ""
    stream: bool = False


_NOTE: Final = {
    "thread": "docs.review",
    "actor": "did:sync:user:ada",
    "act": "KNOW",
    "body": {"text": "page 1 is read"},
}
_BEAT: Final = {
    "did": WORKER,
    "alias": "worker-a",
    "role": "worker",
    "endpoint": "http://127.0.0.1:9201",
    "version": "0.2.0",
    "uptime_secs": 12.5,
}
_SUBTASKS: Final = [
    {"goal": "read page 1", "target": "worker-a"},
    {"goal": "read page 2", "target": "least-loaded-worker", "depends_on": [0]},
]
_RULE: Final = {"expression": 'current_actor().startsWith("did:sync:")', "effect": "allow", "priority": 10}

EXAMPLES: Final[dict[str, Example]] = {
    "GET /health": Example("/health"),
    "GET /.well-known/syncropel": Example("/.well-known/syncropel"),
    "GET /v1/whoami": Example("/v1/whoami"),
    "GET /v1/start": Example("/v1/start"),
    "GET /v1/engine/health": Example("/v1/engine/health?details=true"),
    "GET /metrics": Example("/metrics"),
    "GET /v1/store": Example("/v1/store"),
    "POST /v1/store/accept-loss": Example("/v1/store/accept-loss", {"reason": "the disk is gone"}),
    "POST /v1/store/accept-altered": Example("/v1/store/accept-altered", {"record": "RECORD"}),
    "POST /v1/backups": Example("/v1/backups", {"to": "/mnt/backups"}),
    "POST /v1/records": Example("/v1/records", _NOTE),
    "POST /v1/records/batch": Example(
        "/v1/records/batch", [{**_NOTE, "body": {"text": f"page {number} is read"}} for number in (2, 3)]
    ),
    "GET /v1/records": Example("/v1/records?thread=docs.review&limit=10"),
    "GET /v1/records/{record_id}": Example("/v1/records/RECORD"),
    "POST /v1/records/query": Example(
        "/v1/records/query",
        {"filter": {"act": "KNOW", "body.text": {"$like": "page%"}}, "sort": {"clock": -1}, "limit": 10},
    ),
    "GET /v1/records/watch": Example("/v1/records/watch?since=0", stream=True),
    "GET /v1/threads": Example("/v1/threads?limit=10"),
    "GET /v1/threads/{thread}": Example("/v1/threads/docs.review"),
    "GET /v1/threads/{thread}/records": Example("/v1/threads/docs.review/records?since=0&limit=10"),
    "GET /v1/threads/{thread}/state": Example("/v1/threads/docs.review/state"),
    "GET /v1/threads/{thread}/participants": Example("/v1/threads/docs.review/participants"),
    "GET /v1/threads/{thread}/watch": Example("/v1/threads/docs.review/watch?since_clock=0", stream=True),
    "POST /v1/fleet/heartbeat": Example("/v1/fleet/heartbeat", _BEAT),
    "POST /v1/tasks": Example("/v1/tasks", {"goal": "Check the docs", "alias": "DOCS-7", "priority": "high"}),
    "POST /v1/tasks/{name}/fan-out": Example(
        "/v1/tasks/DOCS-7/fan-out", {"subtasks": _SUBTASKS, "join": "all"}
    ),
    "GET /v1/tasks": Example("/v1/tasks?status=in_progress&limit=10"),
    "GET /v1/tasks/{name}": Example("/v1/tasks/DOCS-7"),
    "GET /v1/tasks/{name}/join": Example("/v1/tasks/DOCS-7/join"),
    "GET /v1/tasks/{name}/tree": Example("/v1/tasks/DOCS-7/tree"),
    "GET /v1/tasks/{name}/why": Example("/v1/tasks/DOCS-7/why"),
    "GET /v1/tasks/{name}/what-if": Example("/v1/tasks/DOCS-7/what-if?join=any"),
    "GET /v1/tasks/{name}/diagnose": Example("/v1/tasks/DOCS-7/diagnose?subtask=0"),
    "GET /v1/tasks/{name}/speedup": Example("/v1/tasks/DOCS-7/speedup"),
    "POST /v1/tasks/{name}/answer": Example(
        "/v1/tasks/DOCS-7/answer", {"index": 0, "verdict": "accept", "reason": "go ahead"}
    ),
    "POST /v1/fleet/siblings": Example(
        "/v1/fleet/siblings", {"parent_thread": "PARENT", "child_intend": "INTEND"}
    ),
    "GET /v1/fleet/link": Example(
        f"/v1/fleet/link?protocol=1&incarnation=5f1d0c9a7b3e2846&nonce={NONCE}", stream=True
    ),
    "POST /v1/fleet/link/acks": Example(
        "/v1/fleet/link/acks",
        {"link": LINK, "n": 7, "outcomes": [{"status": "created", "id": HASH}]},
    ),
    "POST /v1/fleet/link/answers": Example(
        "/v1/fleet/link/answers", {"link": LINK, "n": 8, "status": 200, "body": {"object": "output"}}
    ),
    "POST /v1/fleet/instances/{name}/relink": Example("/v1/fleet/instances/worker-a/relink", {}),
    "GET /v1/inbox": Example("/v1/inbox"),
    "GET /v1/questions": Example("/v1/questions?open=true"),
    "GET /v1/questions/{question}": Example("/v1/questions/QUESTION"),
    "POST /v1/questions/{question}/answer": Example(
        "/v1/questions/QUESTION/answer", {"digest": "DIGEST", "verdict": "allow", "note": "once is fine"}
    ),
    "POST /v1/tasks/{name}/subtasks/{index}/messages": Example(
        "/v1/tasks/T/subtasks/0/messages", {"text": "leave the tests alone"}
    ),
    "GET /v1/tasks/{name}/messages": Example("/v1/tasks/T/messages"),
    "POST /v1/tasks/{name}/retry": Example(
        "/v1/tasks/DOCS-7/retry", {"index": 0, "hint": "read the appendix, too"}
    ),
    "POST /v1/tasks/{name}/amend": Example(
        "/v1/tasks/DOCS-7/amend", {"join": "any", "reason": "one page is enough"}
    ),
    "POST /v1/tasks/{name}/merge": Example("/v1/tasks/DOCS-7/merge", {"into": "main", "dry_run": True}),
    "GET /v1/tasks/{name}/merge": Example("/v1/tasks/DOCS-7/merge"),
    "GET /v1/tasks/{name}/subtasks/{index}/attempts": Example("/v1/tasks/DOCS-7/subtasks/0/attempts"),
    "POST /v1/tasks/{name}/subtasks/{index}/reviews": Example(
        "/v1/tasks/DOCS-7/subtasks/0/reviews",
        {
            "verdict": "reject",
            "attempt": 1,
            "commit": "12" * 20,
            "notes": [{"text": "off by one", "path": "src/a.py", "line": 12, "quote": "return n + 1"}],
        },
    ),
    "POST /v1/merges": Example(
        "/v1/merges",
        {
            "merge": HASH,
            "thread": "th_task",
            "namespace": "default",
            "repo": "app",
            "mode": "merge",
            "branches": [{"index": 0, "attempt": 1, "branch": "task/DOCS-7+0", "commit": "12" * 20}],
        },
    ),
    "POST /v1/dispatch": Example(
        "/v1/dispatch", {"goal": "make test", "alias": "RUN-1", "target": "worker-a"}
    ),
    "GET /v1/tasks/{name}/subtasks/{index}/output": Example("/v1/tasks/DOCS-7/subtasks/0/output?tail=10"),
    "GET /v1/tasks/{name}/subtasks/{index}/diff": Example("/v1/tasks/DOCS-7/subtasks/0/diff"),
    "GET /v1/dispatches/{thread}/output": Example("/v1/dispatches/CHILD/output?offset=0"),
    "GET /v1/worktrees": Example("/v1/worktrees"),
    "POST /v1/worktrees/prune": Example("/v1/worktrees/prune", {"dry_run": True}),
    "POST /v1/worktrees/allow": Example("/v1/worktrees/allow", {"repo": "app", "digest": HASH}),
    "POST /v1/worktrees/remove": Example(
        "/v1/worktrees/remove", {"attempts": [{"child_thread": "th_unknown", "attempt": 1}]}
    ),
    "GET /v1/dispatches": Example("/v1/dispatches"),
    "GET /v1/trust": Example("/v1/trust"),
    "GET /v1/actors": Example("/v1/actors"),
    "GET /v1/threads/{thread}/replay": Example("/v1/threads/DOCS-7/replay?since=0&limit=10"),
    "GET /v1/threads/{thread}/replay/{position}": Example("/v1/threads/DOCS-7/replay/1"),
    "GET /v1/threads/{thread}/replay/changes": Example("/v1/threads/DOCS-7/replay/changes"),
    "GET /v1/threads/{thread}/diff": Example("/v1/threads/DOCS-7/diff?with=RUN-1"),
    "GET /v1/threads/snapshot": Example("/v1/threads/snapshot?threads=docs.review"),
    "POST /v1/threads/restore": Example("/v1/threads/restore?dry_run=true", lines="@incident.snap.jsonl"),
    "GET /v1/fleet/status": Example("/v1/fleet/status"),
    "GET /v1/fleet/instances": Example("/v1/fleet/instances"),
    "GET /v1/fleet/instances/{name}": Example("/v1/fleet/instances/worker-a"),
    "GET /v1/fleet/watch": Example("/v1/fleet/watch", stream=True),
    "POST /v1/fleet/control": Example(
        "/v1/fleet/control",
        {"coordinator": "did:sync:instance:00000000000000cc", "to": "INSTANCE", "base": "", "records": []},
    ),
    "POST /v1/fleet/credentials": Example("/v1/fleet/credentials", {"did": WORKER, "sha256": HASH}),
    "POST /v1/fleet/invites": Example("/v1/fleet/invites", {"alias": "laptop-a", "ttl_secs": 3600}),
    "POST /v1/fleet/invites/{name}/withdraw": Example("/v1/fleet/invites/laptop-a/withdraw", {}),
    "GET /v1/fleet/nodes": Example("/v1/fleet/nodes"),
    "POST /v1/fleet/nodes/{name}/rotate": Example(f"/v1/fleet/nodes/{WORKER}/rotate", {}),
    "GET /v1/fleet/join": Example("/v1/fleet/join"),
    "POST /v1/fleet/join": Example(
        "/v1/fleet/join",
        {"invite": "0123456789ab", "secret": "SECRET", "did": WORKER, "sha256": HASH, "protocol": 1},
    ),
    "POST /v1/fleet/freeze": Example(
        "/v1/fleet/freeze", {"namespace": "docs", "level": "soft", "reason": "a leak"}
    ),
    "POST /v1/fleet/unfreeze": Example("/v1/fleet/unfreeze", {"namespace": "docs", "reason": "mended"}),
    "GET /v1/control/blast": Example("/v1/control/blast?namespace=docs&level=hard"),
    "GET /v1/drain": Example("/v1/drain?instance=worker-a"),
    "GET /v1/leader": Example("/v1/leader"),
    "POST /v1/leader/announce": Example(
        "/v1/leader/announce",
        {"did": WORKER, "term": 2, "alias": "worker-a", "address": "http://127.0.0.1:9201"},
    ),
    "POST /v1/leader/take": Example("/v1/leader/take", {}),
    "POST /v1/leader/forget-former": Example("/v1/leader/forget-former", {}),
    "GET /v1/webhooks": Example("/v1/webhooks"),
    "POST /v1/webhooks/{name}/test": Example("/v1/webhooks/chat/test", {}),
    "GET /v1/fleet/providers": Example("/v1/fleet/providers"),
    "POST /v1/fleet/providers/{name}/pause": Example(
        "/v1/fleet/providers/anthropic/pause", {"secs": 3600, "reason": "quota is spent"}
    ),
    "POST /v1/fleet/providers/{name}/resume": Example("/v1/fleet/providers/anthropic/resume", {}),
    "POST /v1/drain": Example(
        "/v1/drain", {"instance": "worker-a", "state": "start", "deadline_secs": 60, "then": "reassign"}
    ),
    "POST /v1/fleet/instances/{name}/revoke": Example(
        "/v1/fleet/instances/worker-a/revoke", {"reason": "laptop lost"}
    ),
    "GET /v1/namespaces": Example("/v1/namespaces"),
    "POST /v1/namespaces": Example(
        "/v1/namespaces", {"namespace": "docs", "description": "all that is written"}
    ),
    "PUT /v1/namespaces/strict": Example("/v1/namespaces/strict", {"strict": False}),
    "POST /v1/namespaces/{verb}": Example("/v1/namespaces/archive", {"namespace": "docs"}),
    "GET /v1/consents": Example("/v1/consents"),
    "POST /v1/consents": Example(
        "/v1/consents",
        {"source_namespace": "docs", "target_namespace": "partner", "purpose": "release notes"},
    ),
    "POST /v1/consents/revoke": Example(
        "/v1/consents/revoke", {"source_namespace": "docs", "target_namespace": "partner"}
    ),
    "GET /v1/service-accounts": Example("/v1/service-accounts"),
    "POST /v1/service-accounts": Example(
        "/v1/service-accounts", {"sa_id": "sa-ci", "scopes": ["records:read"]}
    ),
    "POST /v1/bootstrap/service-account": Example(
        "/v1/bootstrap/service-account", {"sa_id": "sa-first", "scopes": ["admin"]}
    ),
    "PUT /v1/service-accounts/{sa_id}": Example(
        "/v1/service-accounts/sa-ci", {"scopes": ["records:read", "records:write"]}
    ),
    "GET /v1/tokens": Example("/v1/tokens"),
    "POST /v1/tokens": Example("/v1/tokens", {"sa_id": "sa-ci"}),
    "POST /v1/tokens/{token_id}/revoke": Example("/v1/tokens/TOKEN/revoke", {"reason": "rotated"}),
    "GET /v1/config/rules/{kind}": Example("/v1/config/rules/permission"),
    "PUT /v1/config/rules/{kind}/{name}": Example("/v1/config/rules/permission/everybody", _RULE),
    "POST /v1/config/permissions/{verb}": Example("/v1/config/permissions/enable", {}),
    "POST /v1/config/rules/restore-defaults": Example("/v1/config/rules/restore-defaults", {}),
    "POST /v1/config/rules/{kind}/{name}/remove": Example("/v1/config/rules/routing/to-worker-a/remove", {}),
    "GET /v1/config/cors": Example("/v1/config/cors"),
    "PUT /v1/config/cors": Example("/v1/config/cors", {"origins": ["https://app.example.com"]}),
    "POST /v1/expr/check": Example(
        "/v1/expr/check", {"expression": 'record.act == "DO"', "context": "permission"}
    ),
    "POST /v1/expr/eval": Example(
        "/v1/expr/eval", {"expression": "children.size()", "context": "join", "thread": "DOCS-7"}
    ),
    "GET /v1/engine/expression_cache/stats": Example("/v1/engine/expression_cache/stats"),
    "GET /v1/engine/log": Example("/v1/engine/log?level=WARN&limit=10"),
    "GET /v1/fleet/instances/{name}/log": Example("/v1/fleet/instances/worker-b/log?level=WARN&limit=10"),
    "GET /v1/fleet/log": Example("/v1/fleet/log?limit=10"),
    "GET /v1/engine/log/watch": Example("/v1/engine/log/watch?level=INFO", stream=True),
}
"""Method and path of the route → the request."""
