"""Every error that a user or a client can meet.

SyncropelError
├── InvalidRecord          422  a record or a request that breaks the protocol's shape
│   ├── TooLarge           413  a body over its limit
│   ├── RepeatedKey        422  JSON in which an object has a key twice
│   └── InvalidBundle      422  a bundle of records that is not as it was written, with the line
├── IngestFailed           400  a well-formed record that the log cannot take (clock collision)
├── BadRequest             400  a query or a command whose words make no sense
│   ├── TooSlow            408  a request that does not arrive in time
│   ├── InvalidNamespace   422  a namespace that the grammar does not allow, named by its place
│   ├── InvalidFanOut      422  a fan-out specification with a mistake, named by subtask and key
│   ├── InvalidFork        422  a child thread that cannot be one of its parent, named by its place
│   └── InvalidQuery       422  a query over records with a mistake, named by its place in the document
├── NotFound               404
│   └── NoOutput           404  an attempt whose output is not there, with the reason
├── Unauthorized          401  no token, or one that is unknown
│   └── CredentialRevoked  401  an instance that its coordinator has revoked
├── Forbidden              403  a known caller without the scope
│   ├── GoalMayNot         403  a goal that asks for more than to read
│   ├── UnknownCaller      403  a caller on the Unix socket of whom nothing is known
│   ├── NamespaceFrozen    403  a write that a freeze refuses
│   ├── InstanceRevoked    403  a write on a worker that its coordinator has revoked
│   ├── WrongAuthor        403  a record that only its owner writes
│   ├── ActorNotAllowed    403  a record in a name that the writer may not use
│   ├── PermissionDenied   403  a permission rule says no, or none says yes
│   ├── ConsentRequired    403  records that may not be shared with a namespace
│   ├── OwnWork            403  a verdict on a task by who did its work
│   └── NamespaceRejected  403  a write to a namespace that an ancestor closes
├── Conflict               409  the request and the present state exclude each other
│   ├── Over               410  a word to an attempt that nobody waits for, in `policy.talking`
│   ├── LinkRefused        409  a link that a coordinator does not take, in `peer.link.refusals`
│   ├── DependentsBegan, Overtaken 409: a rejection, join, or spawn that came too late, in `policy.reviewing`
│   └── RecordAltered      409  a record that does not hash to its id any more, by its id and thread
├── Unavailable            503  stopping, or not started yet
│   ├── Crowded, ManyLinks 503: more connections, or more new links at once, than the daemon can have
│   ├── OutputUnreachable  503  output on an instance that does not answer, by its name
│   └── CoordinatorNotHeard  503  new work on a worker that has not heard from its coordinator
├── StoreError             500  the log on disk cannot be used
│   ├── StoreCorrupt, StoreTooNew
│   └── StoreBusy, Moved, StoreHeld, StoreUnreachable and others 503, StoreFull 507: in `store.refusals`
├── FreezeUnconfirmed       503  the client set a freeze that not every instance has proven to enforce
├── SetupError              –   home, config, port or PID file stand in the way of starting
└── DaemonUnreachable       –   the client got no answer
    ├── DaemonNotRunning    –   there is no daemon at this home
    └── StrangeAnswer       –   an error answer without a daemon's words, such as a proxy's
"""

from __future__ import annotations

from typing import Any, Final

WARNING: Final = "warning: "
"""The prefix of a message that warns without reporting a failure."""


def complaint(message: str, hint: str = "") -> list[str]:
    """A message and its hint as lines for a terminal: `error: …` (or `warning: …`), then `hint: …`, whose
    further lines are aligned with its first. Indented lines of the hint quote the input: they stay unchanged,
    so that a caret below a quotation stays in place.
    """
    lines = [message if message.startswith(WARNING) else f"error: {message}"]
    label = "hint: "
    for line in hint.removeprefix("see: ").splitlines():
        quoted = line.startswith(" ")
        lines.append(f"  {line}" if quoted else f"{label}{line}")
        label = label if quoted else " " * len(label)
    return lines


class SyncropelError(Exception):
    """Base of all. `message` says what happened, `hint` what to do now; `code` is stable for programs."""

    code = "ERROR"
    status = 500
    type = "internal_error"

    def __init__(self, message: str, hint: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def envelope(self) -> dict[str, Any]:
        """The error in its wire form (PROTOCOL: HTTP, Errors)."""
        return {
            "object": "error",
            "type": self.type,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


class InvalidRecord(SyncropelError):
    """Raised when a record or a request does not have the protocol's shape."""

    code = "INVALID_RECORD"
    status = 422
    type = "invalid_request"


class TooLarge(InvalidRecord):
    """Raised when a body, or a list in it, exceeds its limit; the message states the limit."""

    code = "TOO_LARGE"
    status = 413


class RepeatedKey(InvalidRecord):
    """Raised when an object in JSON has a duplicate key, which readers could interpret in two ways."""


class InvalidBundle(InvalidRecord):
    """Raised when a bundle is invalid, truncated, or altered; the message begins with the line."""

    code = "INVALID_BUNDLE"


class IngestFailed(SyncropelError):
    """Raised when the log cannot accept a well-formed record, such as a second one at the same clock."""

    code = "INGEST_FAILED"
    status = 400
    type = "invalid_request"


class BadRequest(SyncropelError):
    """Raised when a parameter or a flag is invalid."""

    code = "BAD_REQUEST"
    status = 400
    type = "invalid_request"


class TooSlow(BadRequest):
    """Raised when a request does not arrive in time; the message says which part, and the limit."""

    code = "TOO_SLOW"
    status = 408


class InvalidFanOut(BadRequest):
    """Raised when a fan-out specification has a mistake; the message names the subtask and the key."""

    code = "INVALID_FANOUT"
    status = 422


class InvalidFork(BadRequest):
    """Raised for a thread that cannot be a child of the one named; the message begins with its place."""

    code = "INVALID_FORK"
    status = 422


class InvalidNamespace(BadRequest):
    """Raised for an invalid namespace; the message begins with its place where that is not plain."""

    code = "INVALID_NAMESPACE"
    status = 422


class InvalidQuery(BadRequest):
    """Raised when a query over records has a mistake; the message begins with its place in the document."""

    code = "INVALID_QUERY"
    status = 422


class NotFound(SyncropelError):
    """Raised when nothing has the given id, alias, or path."""

    code = "NOT_FOUND"
    status = 404
    type = "not_found"


class NoOutput(NotFound):
    """Raised when the output of an attempt is missing, or is not a plain file; the message says which."""

    code = "NO_OUTPUT"


class Unauthorized(SyncropelError):
    """Raised when a TCP caller has no token or an unknown one."""

    code = "UNAUTHORIZED"
    status = 401
    type = "auth_error"


class CredentialRevoked(Unauthorized):
    """Raised when a revoked instance calls its coordinator; names both by their DIDs, so that the instance
    knows that this is about itself and comes from its own coordinator.
    """

    code = "CREDENTIAL_REVOKED"

    def __init__(self, instance: str, coordinator: str, hint: str) -> None:
        super().__init__(f"{instance} was revoked", hint)
        self.instance = instance
        self.coordinator = coordinator

    def envelope(self) -> dict[str, Any]:
        """The error in its wire form."""
        return {**super().envelope(), "instance": self.instance, "coordinator": self.coordinator}


class Forbidden(SyncropelError):
    """Raised when a known caller lacks the scope for its request."""

    code = "FORBIDDEN"
    status = 403
    type = "auth_error"


class GoalMayNot(Forbidden):
    """Raised when a goal requests more than reading; the message names its attempt and its process."""

    code = "GOAL_MAY_NOT"


class UnknownCaller(Forbidden):
    """Raised when a caller on the Unix socket cannot be identified; the message says why."""

    code = "UNKNOWN_CALLER"


class NamespaceFrozen(Forbidden):
    """Raised when a freeze refuses a write; the message names it and its reason, the hint lifts it."""

    code = "NAMESPACE_FROZEN"
    type = "frozen"


class InstanceRevoked(Forbidden):
    """Raised when a worker refuses a write because its coordinator has revoked it."""

    code = "INSTANCE_REVOKED"
    type = "frozen"


class WrongAuthor(Forbidden):
    """Raised when the writer may not write such a record; the hint is the command that does."""

    code = "WRONG_AUTHOR"


class ActorNotAllowed(Forbidden):
    """Raised when a writer uses a name that is not its own; the hint says which it may use."""

    code = "ACTOR_NOT_ALLOWED"


class PermissionDenied(Forbidden):
    """Raised when a permission rule denies, or none allows; the message names operation, actor, and rule."""

    code = "PERMISSION_DENIED"


class ConsentRequired(Forbidden):
    """Raised when records would be shared with a namespace without the consent of their own."""

    code = "CONSENT_REQUIRED"


class OwnWork(Forbidden):
    """Raised when an actor approves or rejects a task that it worked on."""

    code = "OWN_WORK"


class NamespaceRejected(Forbidden):
    """Raised when a namespace, or an ancestor of it, is closed; the hint is the command that opens it."""

    code = "NAMESPACE_REJECTED"
    type = "frozen"


class Conflict(SyncropelError):
    """Raised when the current state excludes the request."""

    code = "CONFLICT"
    status = 409
    type = "conflict"


class RecordAltered(Conflict):
    """Raised for a record that somebody altered in the log, and for what would rest on it."""

    code = "RECORD_ALTERED"


class Unavailable(SyncropelError):
    """Raised when the daemon is stopping and accepts no new work."""

    code = "UNAVAILABLE"
    status = 503
    type = "unavailable"


class CoordinatorNotHeard(Unavailable):
    """Raised when a worker refuses new work because it has not heard from its coordinator."""

    code = "COORDINATOR_NOT_HEARD"


class Crowded(Unavailable):
    """Raised when all connections are in use."""

    code = "TOO_MANY_CONNECTIONS"


class OutputUnreachable(Unavailable):
    """Raised when the instance that has an output does not answer; the message says since when.

    `over`: the attempt has ended, so nobody waits for more of it.
    """

    code = "OUTPUT_UNREACHABLE"
    over = False


class StoreError(SyncropelError):
    """Raised when the log on disk cannot be read or written."""

    code = "STORE_ERROR"


class StoreCorrupt(StoreError):
    """Raised when the file is not a store, or is damaged."""

    code = "STORE_CORRUPT"


class StoreTooNew(StoreError):
    """Raised when the store was written by a newer schema version."""

    code = "STORE_TOO_NEW"


class FreezeUnconfirmed(SyncropelError):
    """Raised by the client when a freeze is recorded, but an instance may still accept what it forbids."""

    code = "FREEZE_UNCONFIRMED"
    status = 503
    type = "unavailable"


class SetupError(SyncropelError):
    """Raised when home, config, port, or PID file prevent starting."""

    code = "SETUP"
    status = 500
    type = "setup_error"


class DaemonUnreachable(SyncropelError):
    """Raised by the client when the daemon gave no usable answer."""

    code = "UNREACHABLE"
    status = 503
    type = "unreachable"


class DaemonNotRunning(DaemonUnreachable):
    """Raised by the client when there is no daemon at the given home."""

    code = "NOT_RUNNING"


class StrangeAnswer(DaemonUnreachable):
    """Raised by the client for an error answer that is no daemon's; `answered` is its HTTP status."""

    def __init__(self, answered: int, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.answered = answered


class RemoteError(SyncropelError):
    """Raised by the client when the daemon answered with an error envelope; has its fields.

    `place` is line and column of a mistake in an expression, from 1; None for any other error.
    """

    def __init__(
        self,
        status: int,
        type_: str,
        code: str,
        message: str,
        hint: str,
        place: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message, hint, code=code)
        self.status = status
        self.type = type_
        self.place = place
