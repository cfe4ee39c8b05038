"""What is said to an agent, and when: a function of what was said so far.

A daemon that takes a run over gives it the same messages again, from the journal and from the agent's output,
and goes on where the previous one was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from syncropel.adapters.acp.kinds import Kind
from syncropel.adapters.acp.messages import (
    Call,
    Message,
    Reply,
    notification,
    refusal,
    request,
    result,
)
from syncropel.adapters.asking import ALLOW_ONCE, CANCELLED, REJECT_ONCE
from syncropel.adapters.models.words import name, part, parts, text

VERSION: Final = 1
PERMISSION: Final = "session/request_permission"
PROMPT: Final = "prompt"
SAID: Final = "said-"
"""Prefix of the id of a prompt with an operator's message; that message's own id follows."""
REPLAY_SECS: Final = 1.0
"""How long an agent whose replay goes on after the answer is quiet when it is over."""
AGAIN_SECS: Final = 1.0
"""How long after a failed handshake it is tried again: codex fails while another makes its home."""
_HANDSHAKE: Final = ("initialize", "initialize-again")
_KEPT: Final = ("content", "rawInput", "locations", "kind")
_SESSION: Final = ("resume", "load", "new")
"""Ids of the requests for a session, in the order in which they are tried."""
_MOST_OPEN: Final = 1000
"""Tool calls that are remembered at once."""
_CLIENT: Final = {"name": "syncropel", "title": "Syncropel", "version": "1"}


@dataclass(frozen=True)
class Plan:
    """What a run is to do. `mode` and `model` are empty where the agent's own are kept.

    `resume`: the session to go on with, which is given the prompt `go_on`; not loaded before `load_at` (unix
    seconds).
    """

    cwd: str
    prompt: str
    mode: str = ""
    model: str = ""
    resume: str = ""
    go_on: str = ""
    load_at: float = 0.0
    budget_usd: float | None = None
    max_turns: int = 0
    servers: tuple[Mapping[str, Any], ...] = ()
    """MCP servers for the session."""


@dataclass(frozen=True)
class Now:
    """The moment. `time`: unix seconds; `quiet_secs`: how long the agent has written nothing.

    `message`, `words`: id and text of an operator's message that waits.
    """

    time: float
    quiet_secs: float
    message: str = ""
    words: str = ""


@dataclass
class Conversation:
    """One run's conversation. `over`: nothing more is to be said."""

    kind: Kind
    plan: Plan
    sent: dict[str, str] = field(default_factory=dict)
    """Our requests: method by id."""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: dict[int | str, Call] = field(default_factory=dict)
    """The agent's open requests."""
    denied: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The tool calls of permissions that we denied, by the permission's `count`."""
    session: str = ""
    failed: str = ""
    """Why no prompt could be sent."""
    cancelled: bool = False
    over: bool = False
    _told: dict[int | str, Call] = field(default_factory=dict)
    """The last permission that the agent asked for under each id."""
    _permissions: int = 0
    _tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is known of each tool call, for requests that say less."""

    # What came

    def hear(self, message: Message) -> None:
        """Take a message of the agent."""
        if isinstance(message, Reply):
            if message.id in self.sent and message.id not in self.replies:
                self.replies[message.id] = message
                self._heard(message)
        elif isinstance(message, Call):
            self._asks(message)
        elif message.method == "$/cancel_request":
            if isinstance(withdrawn := message.params.get("requestId"), int | str):
                self.asked.pop(withdrawn, None)
        elif message.method == "session/update":
            self._follow(part(message.params.get("update")))

    def _asks(self, call: Call) -> None:
        if call.method == PERMISSION:
            self._permissions += 1
            call = replace(call, count=self._permissions)
            self._told[call.id] = call
        self.asked[call.id] = call

    def _heard(self, reply: Reply) -> None:
        if reply.id in _SESSION and reply.error is None:
            own = self.plan.resume if reply.id != "new" else ""
            self.session = name(reply.result.get("sessionId")) or own
            if not self.session:
                self.failed = "it began a session without a name"
        version = reply.result.get("protocolVersion")
        if reply.id in _HANDSHAKE and reply.error is None and version != VERSION:
            self.failed = f"it speaks version {version!r} of the protocol, not {VERSION}"
        if reply.error is not None and reply.id in ("initialize-again", "new", "mode", "model"):
            what = {"new": "begin a session", "mode": f"use the mode {self.plan.mode!r}"}
            what |= {"model": f"use the model {self.plan.model!r}"}
            self.failed = f"it cannot {what.get(reply.id, 'begin')}: {reply.problem}"

    def _follow(self, update: dict[str, Any]) -> None:
        if update.get("sessionUpdate") in ("tool_call", "tool_call_update"):
            number = text(update.get("toolCallId"))
            known = self._tools.setdefault(number, {})
            known |= {key: update[key] for key in _KEPT if update.get(key)}
            if update.get("status") in ("completed", "failed"):
                del self._tools[number]
            elif len(self._tools) > _MOST_OPEN:
                del self._tools[next(iter(self._tools))]

    def tool(self, call: Call) -> dict[str, Any]:
        """What is known of the tool call that a permission is about."""
        asked = part(call.params.get("toolCall"))
        known = self._tools.get(text(asked.get("toolCallId")), {})
        return {**known, **{key: value for key, value in asked.items() if value not in ([], {}, None)}}

    # What was said

    def say(self, message: Mapping[str, Any]) -> None:
        """Take a message of ours, when it is in the journal."""
        method, number = message.get("method"), message.get("id")
        if isinstance(method, str):
            if number is not None:
                self.sent[str(number)] = method
            self.cancelled = self.cancelled or method == "session/cancel"
            return
        if isinstance(number, int | str):
            told, open_call = self._told.pop(number, None), self.asked.pop(number, None)
            call = open_call or told
            if call is not None and call.method == PERMISSION and not _allows(call, message):
                self.denied[call.count] = self.tool(call)

    def due(self, now: Now) -> Iterator[dict[str, Any]]:
        """What is to be sent now, one after the other: give each to `say` before the next."""
        for call in [one for one in self.asked.values() if one.method != PERMISSION]:
            yield refusal(call)
        while not self.over and not self.cancelled:
            step = self._step(now)
            if step is None:
                return
            yield step

    def _step(self, now: Now) -> dict[str, Any] | None:
        tries = [one for one in _HANDSHAKE if one not in self.sent]
        if "initialize" in tries or (tries and self._refused and now.quiet_secs >= AGAIN_SECS):
            offers = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
            params: dict[str, Any] = {"protocolVersion": VERSION, "clientInfo": _CLIENT}
            params["clientCapabilities"] = {**self.kind.capabilities, **offers}
            return request(tries[0], "initialize", params)
        if self.failed:
            self.over = True
            return None
        if (begun := self._begun) is None:
            return None
        return self._begin(begun, now) if not self.session else self._go_on(now)

    def _begin(self, begun: Reply, now: Now) -> dict[str, Any] | None:
        """Ask for a session: to resume it, else to load it, else for a new one."""
        if any(one in self.sent and one not in self.replies for one in _SESSION):
            return None
        able = part(begun.result.get("agentCapabilities"))
        ways = {
            "resume": self.plan.resume and "resume" in part(able.get("sessionCapabilities")),
            "load": self.plan.resume and able.get("loadSession") is True and "resume" not in self.sent,
            "new": True,
        }
        way = next(one for one in _SESSION if ways[one] and one not in self.sent)
        if way == "load" and now.time < self.plan.load_at:
            return None
        params = {
            "cwd": self.plan.cwd,
            "mcpServers": list(self.plan.servers),
            **self.kind.session_meta(
                self.plan.budget_usd, self.plan.max_turns, tools=bool(self.plan.servers)
            ),
        }
        own = {"sessionId": self.plan.resume} if way != "new" else {}
        return request(way, f"session/{way}", {**params, **own})

    def _go_on(self, now: Now) -> dict[str, Any] | None:
        if self.plan.mode and "mode" not in self.sent:
            return request("mode", "session/set_mode", {"sessionId": self.session, "modeId": self.plan.mode})
        if self.plan.model and "model" not in self.sent:
            return request("model", *self.kind.model_request(self.session, self.plan.model))
        if any(one in self.sent and one not in self.replies for one in ("mode", "model")):
            return None
        if PROMPT not in self.sent:
            if self.kind.replays_late and "load" in self.sent and now.quiet_secs < REPLAY_SECS:
                return None
            return self._prompt(PROMPT, self.plan.go_on if self.resumed else self.plan.prompt)
        said = f"{SAID}{now.message}"
        open_for = now.message and said not in self.sent and "close" not in self.sent
        if open_for and (self.kind.joins_turn or not self.busy):
            return self._prompt(said, now.words)
        return None if self.busy else self._close()

    def _close(self) -> dict[str, Any] | None:
        begun = self._begun
        assert begun is not None, "there is a session"
        offers = part(part(begun.result.get("agentCapabilities")).get("sessionCapabilities"))
        if "close" in offers and "close" not in self.sent:
            return request("close", "session/close", {"sessionId": self.session})
        self.over = "close" not in self.sent or "close" in self.replies
        return None

    def _prompt(self, number: str, words: str) -> dict[str, Any]:
        prompt = [{"type": "text", "text": text(words)}]
        return request(number, "session/prompt", {"sessionId": self.session, "prompt": prompt})

    @property
    def _begun(self) -> Reply | None:
        """The reply to a handshake that succeeded."""
        replies = [self.replies[one] for one in _HANDSHAKE if one in self.replies]
        return next((one for one in replies if one.error is None), None)

    @property
    def _refused(self) -> bool:
        """Whether the first handshake has failed."""
        return (first := self.replies.get("initialize")) is not None and first.error is not None

    @property
    def resumed(self) -> bool:
        """Whether an earlier session goes on."""
        return any(one in self.replies and self.replies[one].error is None for one in ("resume", "load"))

    @property
    def prompts(self) -> list[str]:
        """The ids of all prompts that were sent."""
        return [one for one, method in self.sent.items() if method == "session/prompt"]

    @property
    def busy(self) -> bool:
        """Whether a prompt has no reply yet."""
        return any(one not in self.replies for one in self.prompts)

    @property
    def permissions(self) -> list[Call]:
        """The permissions that the agent waits for."""
        return [one for one in self.asked.values() if one.method == PERMISSION]

    def hang_up(self) -> Iterator[dict[str, Any]]:
        """What ends the turn early."""
        if self.session and self.busy and not self.cancelled:
            yield notification("session/cancel", {"sessionId": self.session})
        for call in self.permissions:
            yield answer(call, CANCELLED)


def answer(call: Call, chosen: str) -> dict[str, Any]:
    """The reply to a permission. Options are chosen by their kind, and none is chosen that lasts: a request
    that offers no such option is denied.
    """
    options = _options(call)
    if chosen != CANCELLED and (chosen != ALLOW_ONCE or ALLOW_ONCE not in options):
        chosen = REJECT_ONCE
    if chosen not in options:
        return result(call, {"outcome": {"outcome": "cancelled"}})
    return result(call, {"outcome": {"outcome": "selected", "optionId": options[chosen]}})


def _allows(call: Call, reply: Mapping[str, Any]) -> bool:
    chosen = part(part(reply.get("result")).get("outcome")).get("optionId")
    return any(number == chosen and kind.startswith("allow") for kind, number in _options(call).items())


def _options(call: Call) -> dict[str, str]:
    """The ids of the options that it offers, by their kind."""
    offered = parts(call.params.get("options"))
    ids = [one["optionId"] for one in offered if isinstance(one.get("optionId"), str)]
    return {
        text(one.get("kind")): one["optionId"]
        for one in reversed(offered)
        if ids.count(one.get("optionId")) == 1  # one that means two things may not be chosen
    }
