"""A small agent of our own that speaks as claude or as codex does, and misbehaves when its prompt says so.

It is started with the same arguments, and knows by them what it is: `-p` is claude, `exec` is codex. What it
does, `do:NAME` in its prompt says. It keeps its sessions where the real ones do, to be resumed.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROMPT = sys.stdin.read()
DOES = (re.findall(r"do:([a-z-]+)", PROMPT) or ["ok"])[-1]
WORDS = sys.argv[1:]
HOME = Path(os.environ["HOME"])
REQUEST = (1000, 200, 50, 20)
"""Tokens of one request: input, read from the cache, written to the cache, output."""


def say(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def tool() -> subprocess.Popen[bytes]:
    """A shell in a session of its own, as the real ones start it."""
    return subprocess.Popen(["sleep", "300"], start_new_session=True)


def value_of(flag: str) -> str:
    return WORDS[WORDS.index(flag) + 1] if flag in WORDS else ""


def request_over() -> None:
    """What both do whatever they are: go wrong in the middle."""
    if DOES == "garbage":
        sys.stdout.buffer.write(b"\xff\xfe{{{\n[1, 2]\n\n" + b"x" * 100_000 + b"\n")
        sys.stdout.flush()
    if DOES == "stall":
        time.sleep(300)
    if DOES == "lost":
        sys.stdout.write('{"type":"result","subty')
        sys.stdout.flush()
        os._exit(0)
    if DOES == "stdin":
        Path("prompt.txt").write_text(PROMPT, encoding="utf-8")
    if DOES == "environment":
        Path("environment.json").write_text(json.dumps(dict(os.environ)), encoding="utf-8")
        Path("words.json").write_text(json.dumps(WORDS), encoding="utf-8")


def as_claude() -> int:
    session = value_of("--resume") or value_of("--session-id")
    place = HOME / ".claude" / "projects" / "here" / f"{session}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    denied: list[dict[str, Any]] = []
    done = 0
    child: subprocess.Popen[bytes] | None = None
    model = "claude-opus-4-8"

    def used() -> dict[str, object]:
        counts = zip(
            ("inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens"),
            (done * one for one in REQUEST),
            strict=True,
        )
        return {model: {**dict(counts), "costUSD": done * 0.0059125}}

    def result(subtype: str, *, error: bool, text: str = "") -> None:
        about = {"session_id": session, "num_turns": done, "total_cost_usd": done * 0.0059125}
        said = {"result": text} if subtype == "success" else {"errors": [text]}
        say(
            type="result",
            subtype=subtype,
            is_error=error,
            modelUsage=used(),
            permission_denials=denied,
            **about,
            **said,
        )

    def interrupted(*_: object) -> None:
        if child is not None:
            child.kill()
        result("error_during_execution", error=True, text="interrupted")
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN if DOES == "deaf" else interrupted)
    if DOES == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(type="system", subtype="init", session_id=session, model=model)

    def request(text: str) -> None:
        nonlocal done
        usage = dict(
            zip(
                ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
                REQUEST,
                strict=False,
            )
        )
        started = {"id": f"m{done}", "model": model, "usage": {**usage, "output_tokens": 1}}
        say(type="stream_event", event={"type": "message_start", "message": started})
        block = {"type": "text", "text": text}
        say(type="assistant", message={"id": f"m{done}", "model": model, "content": [block]})
        say(
            type="stream_event",
            event={"type": "message_delta", "usage": {**usage, "output_tokens": REQUEST[3]}},
        )
        done += 1

    if DOES == "limited":
        say(type="system", subtype="api_retry", attempt=1, max_retries=1, error_status=429, retry_delay_ms=5)
        say(type="result", subtype="success", is_error=True, api_error_status=429, result="API Error: 429")
        return 1
    request("I begin.")
    request_over()
    if DOES in ("long", "deaf"):
        child = tool()
        child.wait()
    if DOES == "endless":
        while True:
            request("And on.")
            time.sleep(0.3)
    if DOES == "denied":
        denied.append({"tool_name": "Write", "tool_use_id": "t1", "tool_input": {"file_path": "x.txt"}})
    if DOES == "turns":
        result("error_max_turns", error=True, text="Reached maximum number of turns (1)")
        return 1
    if DOES == "error":
        result("success", error=True, text="API Error: 500")
        return 1
    if DOES == "huge":
        request("y" * 2_000_000)
    result("success", error=False, text="I am done.")
    if DOES == "twice":
        result("success", error=False, text="I am done.")
    if DOES == "crash":
        return 3
    return 0


def as_codex() -> int:
    session = value_of("resume") or f"0000-{os.getpid()}"
    place = HOME / ".codex" / "sessions" / "2026" / "01" / "01" / f"rollout-2026-{session}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    counted = HOME / ".codex" / f"requests-{session}"
    before = int(counted.read_text(encoding="utf-8")) if counted.exists() else 0
    counted.write_text(str(before + 1), encoding="utf-8")

    def usage_of(requests: int) -> dict[str, int]:
        sums = [one * requests for one in REQUEST]
        return {
            "input_tokens": sum(sums[:3]),
            "cached_input_tokens": sums[1],
            "cache_write_input_tokens": sums[2],
            "output_tokens": sums[3],
            "reasoning_output_tokens": 0,
        }

    def file(kind: str, **payload: object) -> None:
        if "unfiled" not in DOES:
            with place.open("a", encoding="utf-8") as kept:
                kept.write(json.dumps({"type": kind, "payload": payload}) + "\n")

    file("turn_context", model=value_of("-m"))
    file("response_item", type="message", role="user")
    say(type="thread.started", thread_id=session)
    say(type="turn.started")
    file("token_usage_record", usage=usage_of(1), thread_token_usage=usage_of(before + 1))
    say(type="item.completed", item={"id": "i0", "type": "agent_message", "text": "I begin."})
    request_over()
    if DOES == "long":
        command = {"id": "i1", "type": "command_execution", "command": "sleep 300", "status": "in_progress"}
        say(type="item.started", item=command)
        child = tool()
        signal.signal(signal.SIGINT, lambda *_: (child.kill(), os._exit(1)))
        child.wait()
    number = 0
    while DOES == "endless":
        number += 1
        total = before + 1 + number
        file("token_usage_record", usage=usage_of(1), thread_token_usage=usage_of(total))
        ran: dict[str, Any] = {
            "id": f"c{number}",
            "type": "command_execution",
            "command": "true",
            "exit_code": 0,
        }
        say(type="item.completed", item={**ran, "status": "completed"})
        time.sleep(0.05)
    if DOES == "denied":
        sys.stderr.write("0 ERROR codex_core::tools::router: error=rejected by user approval settings\n")
    if DOES in ("limited", "error"):
        status = "429 Too Many Requests" if DOES == "limited" else "500 Internal Server Error"
        say(type="error", message=f"Reconnecting... 1/1 (exceeded retry limit, last status: {status})")
        say(type="turn.failed", error={"message": f"exceeded retry limit, last status: {status}"})
        return 1
    text = "y" * 2_000_000 if DOES == "huge" else "I am done."
    say(type="item.completed", item={"id": "i2", "type": "agent_message", "text": text})
    for _ in range(2 if DOES == "twice" else 1):
        say(type="turn.completed", usage=usage_of(before + 1))
    return 3 if DOES == "crash" else 0


sys.exit(as_claude() if "-p" in WORDS else as_codex())
