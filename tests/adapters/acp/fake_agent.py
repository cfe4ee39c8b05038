"""A small agent of our own that speaks the protocol, and misbehaves when its prompt says so (`do:NAME`).

It is started with the name of the kind that it plays. `HOME/said.jsonl` has every line that it read.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KIND = sys.argv[1]
HOME = Path(os.environ["HOME"])
SESSIONS = HOME / "sessions"
COST = 0.25


def say(**said: object) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **said}) + "\n")
    sys.stdout.flush()


def update(session: str, what: str, **more: object) -> None:
    say(method="session/update", params={"sessionId": session, "update": {"sessionUpdate": what, **more}})


def text(session: str, words: str) -> None:
    update(session, "agent_message_chunk", content={"type": "text", "text": words}, messageId=words[:3])


def heard() -> dict[str, Any] | None:
    """The next message of the client; None at the end of stdin."""
    line = sys.stdin.readline()
    if not line:
        return None
    with (HOME / "said.jsonl").open("a", encoding="utf-8") as file:
        file.write(line)
    return dict(json.loads(line))


class Agent:
    """Everything about one process."""

    def __init__(self) -> None:
        self.session = ""
        self.cost = 0.0
        self.open: dict[int, dict[str, Any]] = {}
        """Permissions that wait, with the prompt that they belong to."""
        self.again: dict[str, Any] | None = None
        """The prompt that asks for something else under the id of the permission before."""
        self.number = 0
        self.prompts: list[dict[str, Any]] = []
        self.lingers = False

    def run(self) -> None:
        while not (self.session and (HOME / "deaf").exists()) and (said := heard()) is not None:
            if "method" not in said:
                self.answered(said)
            elif said["method"] == "session/cancel":
                self.cancel()
            elif not self.lingers:
                self.serve(said)
        if self.lingers or (HOME / "deaf").exists():
            time.sleep(300)
        (HOME / "end").touch()
        while (HOME / "stay").exists():
            time.sleep(0.02)

    def serve(self, said: dict[str, Any]) -> None:
        method, params, number = said["method"], said.get("params", {}), said.get("id")
        if method == "initialize" and (refusals := sorted(HOME.glob("refusal-*"))):
            refusals[0].unlink()
            say(id=number, error={"code": 1001, "message": "the home is being made"})
        elif method == "initialize":
            able: dict[str, Any] = {"loadSession": True}
            if KIND != "gemini":
                able["sessionCapabilities"] = {"resume": {}, "close": {}}
            version = 7 if (HOME / "newer").exists() else 1
            sign_in = [{"id": "gemini-api-key", "name": "key"}] if KIND == "gemini" else []
            say(
                id=number,
                result={"protocolVersion": version, "agentCapabilities": able, "authMethods": sign_in},
            )
        elif method == "session/new" and (HOME / "nameless").exists():
            say(id=number, result={})
        elif method == "session/new":
            if (HOME / "no-session").exists():
                say(id=number, error={"code": -32000, "message": "Authentication required"})
                return
            self.session = f"s-{os.getpid()}"
            self.begin(number)
        elif method in ("session/load", "session/resume"):
            session = params["sessionId"]
            if not (SESSIONS / session).exists():
                say(id=number, error={"code": -32602, "message": f"Session {session} not found"})
                return
            self.session = session
            self.cost = float((SESSIONS / session).read_text())
            if method == "session/load":
                text(session, "what was said before")
                update(session, "tool_call", toolCallId="old", title="old", kind="edit", status="failed")
            self.begin(number)
            if KIND == "gemini":
                text(session, "and after the answer")
        elif method == "session/prompt":
            self.prompts.append(said)
            self.work(said, params["prompt"][0]["text"])
        else:
            say(id=number, result={})

    def begin(self, number: object) -> None:
        SESSIONS.mkdir(exist_ok=True)
        (SESSIONS / self.session).write_text(str(self.cost))
        say(id=number, result={"sessionId": self.session, "models": {"currentModelId": "gpt-5.5"}})

    def work(self, said: dict[str, Any], words: str) -> None:
        does = words.rsplit("do:", 1)[1].split()[0] if "do:" in words else "ok"
        text(self.session, "I begin.")
        if does in ("edit", "edit-always"):
            self.ask(said, "edit", rawInput={"path": "note.txt"}, once=does == "edit")
        elif does == "command":
            self.ask(said, "execute", rawInput={"command": "make test"})
        elif does == "same-id":
            self.ask(said, "execute", rawInput={"command": "ls"})
            self.again = said
        elif does == "file-system":
            say(id="fs-1", method="fs/write_text_file", params={"path": "/etc/passwd", "content": ""})
            self.end(said)
        elif does == "failing-edit":
            location = [{"path": "a.py"}]
            for status in ("in_progress", "failed"):
                update(
                    self.session, "tool_call", toolCallId="t", kind="edit", locations=location, status=status
                )
            self.end(said)
        elif does == "stall":
            subprocess.Popen(["sleep", "300"], start_new_session=True)
        elif does == "garbage":
            sys.stdout.write('42\n[]\nnull\n{"x": \n\xff\n' + "x" * 200_000 + "\n")
            update(self.session, "from_the_future", value=1)
            update(self.session, "tool_call_update", toolCallId="?", status="dreaming")
            self.end(said)
        elif does == "stderr":
            sys.stderr.write("e" * 300_000)
            sys.stderr.flush()
            self.end(said)
        elif does == "crash":
            os._exit(3)
        elif does == "stop":
            self.end(said, stop=words.rsplit("stop ", 1)[1].split()[0])
        elif does == "error":
            say(id=said["id"], error={"code": 429, "message": "too many requests"})
            self.prompts.remove(said)
        elif does == "unpaid":
            self.end(said, paid=False)
        elif does == "lingers":
            self.lingers = True
            self.end(said)
        else:
            self.end(said)

    def ask(self, said: dict[str, Any], kind: str, *, once: bool = True, **tool: object) -> None:
        self.number += 1
        options = [
            {"optionId": f"o{one}", "name": one, "kind": one} for one in ("allow_always", "reject_once")
        ]
        options += [{"optionId": "yes", "name": "yes", "kind": "allow_once"}] if once else []
        self.open[self.number] = said
        call = {"toolCallId": f"t{self.number}", "title": f"A {kind}", "kind": kind, **tool}
        if kind == "edit":
            call["content"] = [{"type": "diff", "path": "note.txt", "oldText": None, "newText": "new\n"}]
        say(
            id=self.number,
            method="session/request_permission",
            params={"sessionId": self.session, "toolCall": call, "options": options},
        )

    def answered(self, said: dict[str, Any]) -> None:
        prompt = self.open.pop(said["id"], None) if isinstance(said["id"], int) else None
        if prompt is None:
            return
        if self.again is not None:
            self.number, self.again = self.number - 1, None
            self.ask(prompt, "execute", rawInput={"command": "rm -rf /"})
            return
        allowed = said.get("result", {}).get("outcome", {}).get("optionId") == "yes"
        status = "completed" if allowed else "failed"
        if allowed:
            Path("note.txt").write_text("new\n")
        update(self.session, "tool_call_update", toolCallId=f"t{said['id']}", status=status)
        self.end(prompt)

    def cancel(self) -> None:
        for said in list(self.prompts):
            self.end(said, stop="cancelled")

    def end(self, said: dict[str, Any], stop: str = "end_turn", *, paid: bool = True) -> None:
        text(self.session, "I am done.")
        self.cost += COST if paid else 0.0
        (SESSIONS / self.session).write_text(str(self.cost))
        if KIND in ("claude", "opencode"):
            update(
                self.session, "usage_update", used=1, size=2, cost={"amount": self.cost, "currency": "USD"}
            )
        used = {"inputTokens": 100, "outputTokens": 10} if paid else {}
        usage = [{"model": "gpt-5.5", "token_count": used}] if paid else []
        self.prompts.remove(said)
        say(id=said["id"], result={"stopReason": stop, "_meta": {"quota": {"model_usage": usage}}})


Agent().run()
