"""The registry of topics: what a record with a topic says, who may write it, and which folds read it.

A topic is `body.topic`, or `body.kind` of an observation. Only the engine's topics are listed; a body may
name any other topic, which the engine ignores and anybody may write.
"""

from __future__ import annotations

from typing import Final

from syncropel.record.authors import (
    ANYONE_ELSE,
    ENGINE_ALONE,
    FROM_ABOVE,
    PEOPLE,
    REPORTERS,
    TRUSTED,
    Author,
)
from syncropel.record.leader_topics import OF_LEADERS
from syncropel.record.merge_topics import OF_MERGES
from syncropel.record.talk_topics import TALK
from syncropel.record.threads import (
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
)
from syncropel.record.topic import CHILD, DISPATCH, PARENT, TASK, Topic

SEE_JOIN: Final = "the engine writes it; see what it wrote: spl task join-status NAME"
AMEND_JOIN: Final = "change when it joins: spl task amend NAME --join EXPRESSION"
_TOKENS: Final = "make and revoke tokens: spl token mint, spl token revoke"
_INVITES: Final = "invite an instance, and take that back: spl fleet invite, spl fleet uninvite"
_NAMESPACES: Final = "change namespaces: spl namespace create, archive, delete, strict"
_RULES: Final = "change rules: spl config add-permission-rule, remove-rule"
_CONSENTS: Final = "grant and revoke: spl consent grant, spl consent revoke"

_FANOUT: Final = ("fanout",)
_CONTROL: Final = ("control",)
_OBSERVED: Final = "child_thread, child_intend, index, attempt, at"


def _of_fan_out(
    name: str, act: str, authors: frozenset[Author], meaning: str, body: str, way: str, *more: str
) -> Topic:
    return Topic(name, act, TASK, authors, meaning, body, (*_FANOUT, *more), way)


def _observation(name: str, act: str, meaning: str, more: str = "") -> Topic:
    body = ", ".join(filter(None, (_OBSERVED, more)))
    way = "the instance that runs the goal writes it itself"
    return Topic(f"syncropel.dispatch.{name}.v1", act, DISPATCH, ENGINE_ALONE, meaning, body, _FANOUT, way)


def _control(name: str, meaning: str, body: str, way: str, readers: tuple[str, ...] = _CONTROL) -> Topic:
    return Topic(name, "LEARN", FLEET_CONTROL, FROM_ABOVE, meaning, f"{body}, at", readers, way)


def _namespace(name: str, meaning: str, body: str = "namespace") -> Topic:
    return Topic(name, "LEARN", NAMESPACE_REGISTRY, FROM_ABOVE, meaning, f"{body}, at", _CONTROL, _NAMESPACES)


def _account(name: str, meaning: str, body: str) -> Topic:
    return Topic(name, "LEARN", ENGINE_CONFIG, ENGINE_ALONE, meaning, f"{body}, at", _CONTROL, _TOKENS)


def _join(name: str, meaning: str, body: str) -> Topic:
    return Topic(name, "LEARN", ENGINE_CONFIG, ENGINE_ALONE, meaning, f"{body}, at", ("fleet",), _INVITES)


def _free(name: str, act: str, thread: str, meaning: str, body: str, reader: str) -> Topic:
    """A topic under its thread's `(any other)` rule: everyone who may write on the thread may write it."""
    writers = TRUSTED if thread == ENGINE_CONFIG else ANYONE_ELSE
    return Topic(name, act, thread, writers, meaning, body, (reader,), "")


def _rule(name: str, meaning: str, more: str = "") -> Topic:
    body = ", ".join(filter(None, ("name, expression, priority", more, "removed?, at")))
    return _free(name, "LEARN", ENGINE_CONFIG, meaning, body, "control")


_SLOT: Final = "index, attempt"
_MONEY: Final = "spent_usd, budget_usd, at"

TOPICS: Final = (
    _of_fan_out(
        "fanout_spawned",
        "DO",
        ENGINE_ALONE,
        "A subtask is given to an instance. It is written before anything is sent.",
        f"{_SLOT}, child_thread, child_intend, instance, briefing?, messages?, namespace, at",
        SEE_JOIN,
    ),
    _of_fan_out(
        "fanout_child_done",
        "DO",
        REPORTERS,
        "An attempt has ended: the report of the instance that ran it.",
        f"{_SLOT}, child_thread, worker, verdict, summary, reason?, cost_usd, wall_time_secs, at",
        "the instance that ran the attempt reports it itself",
        "threads",
    ),
    _of_fan_out(
        "fanout_reassign_subtask",
        "LEARN",
        ENGINE_ALONE,
        "A subtask goes to another instance, as the next attempt.",
        f"{_SLOT}, from, reason, at",
        "move work: spl drain start, or spl task retry NAME",
    ),
    _of_fan_out(
        "fanout_budget_warning",
        "LEARN",
        ENGINE_ALONE,
        "A fan-out has spent 80% of its budget.",
        _MONEY,
        SEE_JOIN,
    ),
    _of_fan_out(
        "fanout_budget_exceeded",
        "LEARN",
        ENGINE_ALONE,
        "A fan-out has spent its budget: nothing more is spawned, and running subtasks are ended.",
        _MONEY,
        "end it: spl task cancel NAME",
    ),
    _of_fan_out(
        "aitl_asked",
        "LEARN",
        ENGINE_ALONE,
        "A subtask waits for an operator's decision, because of a rule.",
        f"{_SLOT}, rule, problem?, at",
        "ask by a rule: spl config add-aitl",
    ),
    _of_fan_out(
        "fanout_review",
        "LEARN",
        ENGINE_ALONE,
        "Somebody approves an accepted attempt, or rejects it with notes; then the next one begins.",
        f"{_SLOT}, commit, verdict, text, notes, anyway?, hint?, namespace, at",
        "review attempts: spl task approve NAME N, spl task reject NAME N",
        "tasks",
    ),
    Topic(
        "fork_closed",
        "KNOW",
        PARENT,
        ENGINE_ALONE,
        "A child thread has closed with this result.",
        "child_thread, result, status, summary, cost_usd, namespace, at",
        ("forks",),
        "the engine tells a parent what its children came to",
    ),
    Topic(
        "fork_joined",
        "KNOW",
        PARENT,
        ENGINE_ALONE,
        "The join of a parent over its child threads is satisfied; this closes the parent.",
        "fulfills, verdict, join, explanation, cost_usd, namespace, at",
        ("forks",),
        AMEND_JOIN,
    ),
    _of_fan_out(
        "fanout_end_subtask",
        "LEARN",
        PEOPLE,
        "An attempt is to end.",
        f"{_SLOT}, reason, namespace, at",
        "the operator ends an attempt: spl task stop NAME --subtask N",
    ),
    _of_fan_out(
        "fanout_retry_subtask",
        "LEARN",
        PEOPLE,
        "A subtask is to run again.",
        "index, hint?, target?, budget_usd?, model?, at",
        "the operator retries: spl task retry NAME --subtask N",
    ),
    _of_fan_out(
        "fanout_amend_join",
        "LEARN",
        PEOPLE,
        "The join has another predicate from now on.",
        "join, reason, at",
        "the operator amends: spl task amend NAME --join EXPRESSION",
        "forks",
    ),
    _of_fan_out(
        "fanout_amend_budget",
        "LEARN",
        PEOPLE,
        "The fan-out has another budget from now on.",
        "budget_usd, reason, at",
        "the operator amends: spl task amend NAME --budget USD",
    ),
    _of_fan_out(
        "aitl_answered",
        "LEARN",
        PEOPLE,
        "An operator's decision: the subtask may begin (`accept`), or never does (`reject`).",
        f"{_SLOT}, verdict, reason?, at",
        "the operator answers: spl task approve NAME --subtask N",
    ),
    *OF_MERGES,
    Topic(
        "fanout_end_child",
        "LEARN",
        CHILD,
        FROM_ABOVE,
        "The coordinator tells an instance that an attempt is to end.",
        "child_intend, attempt, reason, namespace",
        _FANOUT,
        "end an attempt: spl task stop NAME --subtask N",
    ),
    _observation("run", "INTEND", "A run begins: the goal, and the attempt that it is for.", "goal, adapter"),
    _observation("call", "CALL", "The adapter is called.", "adapter"),
    _observation("session", "KNOW", "The process of the goal has started.", "pid?, adapter"),
    _observation("not_started", "KNOW", "The run was held at its gate and never began."),
    _observation("reattached", "KNOW", "A daemon took over a run of its predecessor."),
    _observation("interrupted", "KNOW", "A stop of the daemon ended the run; it begins again."),
    _observation("lost", "KNOW", "After a crash, this run is abandoned."),
    _observation("stream_event", "KNOW", "Something the goal reported while it ran.", "event?, cost_usd?"),
    _observation("agent_session", "KNOW", "The session of an agent, by which it can be resumed."),
    _observation(
        "gate", "KNOW", "The goal has ended, and the gate command of its repository runs.", "command"
    ),
    _observation("subprocess_exit", "KNOW", "The process has ended.", "exit_code?, signal?, tree"),
    _observation("complete", "KNOW", "The run has ended; fulfills its INTEND.", "fulfills, verdict, summary"),
    *TALK,
    _control(
        "freeze",
        "A namespace, or the fleet, is frozen.",
        "level, namespace, reason, grace_secs, terminate",
        "freeze by: spl kill --namespace NAMESPACE",
    ),
    _control(
        "unfreeze",
        "A freeze is lifted.",
        "level, namespace, reason?",
        "lift by: spl unkill --namespace NAMESPACE",
    ),
    _control(
        "drain",
        "An instance, or the fleet (`*`), drains or takes work again.",
        "instance, state, deadline?, then?, reason?",
        "drain by: spl drain start --instance NAME",
    ),
    _control(
        "provider_pause",
        "No instance starts a goal on this provider until then, or it is resumed. It is no freeze.",
        "provider, state, until?, reason?, observed_by?, seen?",
        "pause by: spl provider pause NAME",
    ),
    _control(
        "permission_rule",
        "A permission rule of the fleet. On `th_engine_config` it is a rule of that instance.",
        "name, expression, priority, effect, ops, author, rule, removed?",
        _RULES,
    ),
    _control(
        "instance_credential",
        "An instance has this credential from now on; the one `before` is good until this one is used. With "
        "`succession` it may take the coordinator's place.",
        "did, sha256, succession?, before?, renew?",
        "give instances credentials: spl fleet start",
        ("fleet",),
    ),
    _control(
        "instance_credential_revoked",
        "An instance's credential is revoked.",
        "did, sha256, reason?",
        "revoke an instance: spl fleet revoke NAME",
        ("fleet",),
    ),
    Topic(
        "kill_drill",
        "LEARN",
        FLEET_CONTROL,
        PEOPLE,
        "The result of a drill.",
        "ok, instances, confirmed_ms, refused, leaked, drain_secs, recovery_secs, problems, at",
        (),
        "run a drill: spl drill kill",
    ),
    _namespace("namespace_created", "A namespace is registered, or opened again.", "namespace, description?"),
    _namespace("namespace_archived", "A namespace is closed."),
    _namespace("namespace_deleted", "A namespace is closed for good."),
    _namespace("namespace_strict", "Whether only registered namespaces may be used.", "strict"),
    _namespace("namespace_withdrawn", "A worker forgets a namespace that its coordinator does not know."),
    _account(
        "service_account", "An account is made or changed.", "sa_id, scopes, allowed_actors?, pulls_for?"
    ),
    _account(
        "api_token",
        "An account has a token. The secret itself is not in the log.",
        "sa_id, scopes, token_sha256",
    ),
    _account("api_token_revoked", "A token is revoked.", "sa_id, token_sha256, reason?"),
    _join(
        "join_invite",
        "One instance may join under this alias. The secret itself is not in the log.",
        "invite, alias, sha256, expires_at",
    ),
    _join("join_used", "An instance joined with an invite, which is used up.", "invite, did, alias, sha256"),
    _join("join_withdrawn", "An invite is taken back.", "invite"),
    Topic(
        "permission_denied",
        "LEARN",
        ENGINE_CONFIG,
        ENGINE_ALONE,
        "Permission rules denied something.",
        "op?, denied?, thread?, act?, rule?, problem?, count, at",
        (),
        "the engine keeps what rules denied",
    ),
    Topic(
        "instance_state",
        "KNOW",
        INSTANCE_REGISTRY,
        ENGINE_ALONE,
        "The status of an instance has changed.",
        "did, alias, role, endpoint, version, state, at",
        ("fleet",),
        "an instance joins by its heartbeat",
    ),
    Topic(
        "instance_refused",
        "KNOW",
        INSTANCE_REGISTRY,
        ENGINE_ALONE,
        "The coordinator refused a heartbeat of an instance; without `why` it took one again.",
        "did, why?, at",
        ("fleet",),
        "the coordinator notes it itself",
    ),
    *OF_LEADERS,
    Topic(
        "consent_granted",
        "LEARN",
        CONSENT,
        TRUSTED,
        "One namespace may share its records with another.",
        "source_namespace, target_namespace, purpose?, expires_at?, at",
        ("consents",),
        _CONSENTS,
    ),
    Topic(
        "consent_revoked",
        "LEARN",
        CONSENT,
        TRUSTED,
        "A grant is taken back.",
        "source_namespace, target_namespace, reason?, at",
        ("consents",),
        _CONSENTS,
    ),
    _free("task_started", "DO", TASK, "Work on a task has begun.", "reason?, at", "tasks"),
    _free("task_blocked", "DO", TASK, "A task cannot go on.", "reason, at", "tasks"),
    _free("task_deferred", "DO", TASK, "A task is deferred.", "reason?, at", "tasks"),
    _free(
        "task_cancelled",
        "DO",
        TASK,
        "A task is cancelled; its fan-out spawns nothing more.",
        "reason?, at",
        "tasks",
    ),
    _free("task_failed", "DO", TASK, "A task has failed.", "reason?, at", "tasks"),
    _free("task_reopened", "DO", TASK, "A closed task is open again.", "reason?, at", "tasks"),
    _free("task_comment", "DO", TASK, "Somebody comments on a task.", "text, at", "tasks"),
    _rule("routing_rule", "Chooses the instance of a subtask."),
    _rule("health_rule", "Is true while all is well.", "severity"),
    _rule("precondition_rule", "Holds a subtask back until it is true."),
    _rule("aitl_rule", "Asks an operator before a subtask starts."),
    _rule("trigger_rule", "Opens a task for a record.", "goal, target?"),
    _rule("fold_rule", "Folds the records of a task to a value of your own."),
    _free(
        "permissions_enabled",
        "LEARN",
        ENGINE_CONFIG,
        "Whether permission rules are enforced.",
        "enabled, at",
        "control",
    ),
    _free(
        "auth_cors_origins",
        "LEARN",
        ENGINE_CONFIG,
        "The origins whose web pages may call.",
        "origins, at",
        "control",
    ),
)
"""Every topic that the engine acts on."""
