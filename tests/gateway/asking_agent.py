"""A small agent that asks its model for real: as claude with `-p`, as codex with `exec`.

Its prompt says `ask:N`: so many requests. Before each it waits until a file `go-N` is in its folder, if the
prompt says `gated`. It keeps what it was given in `given.json`.
"""

import http.client
import json
import os
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

PROMPT = sys.stdin.read()
WORDS = sys.argv[1:]
ASKS = int(PROMPT.partition("ask:")[2].split()[0])
MODEL = "claude-opus-4-8"


def say(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def ask(url: str, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, str]:
    """One request. Where nobody answers it is tried again, as real agents do."""
    where = urllib.parse.urlsplit(url)
    for _ in range(200):
        connection = http.client.HTTPConnection(where.netloc, timeout=60)
        try:
            connection.request(
                "POST", path, json.dumps(body), {"content-type": "application/json", **headers}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            time.sleep(0.1)
        except http.client.HTTPException:
            time.sleep(0.1)
        finally:
            connection.close()
    return 0, "nobody answers"


def wait(number: int) -> None:
    while "gated" in PROMPT and not Path(f"go-{number}").exists():
        time.sleep(0.02)


def as_claude() -> int:
    session = WORDS[WORDS.index("--session-id") + 1]
    say(type="system", subtype="init", session_id=session, model=MODEL)
    done = 0
    for number in range(ASKS):
        wait(number)
        headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"]}
        body = {"model": MODEL, "max_tokens": 100, "stream": True, "messages": []}
        status, said = ask(os.environ["ANTHROPIC_BASE_URL"], "/v1/messages?beta=true", headers, body)
        Path(f"answer-{number}").write_text(f"{status}\n{said}")
        if status != 200 or "event: error" in said:
            say(type="result", subtype="success", is_error=True, api_error_status=status, result=said[-300:])
            return 1
        done += 1
    used = {"inputTokens": 1000, "cacheReadInputTokens": 200, "cacheCreationInputTokens": 50}
    used["outputTokens"] = 20
    share = 0.5 if "liar" in PROMPT else 1
    sums = {key: int(value * done * share) for key, value in used.items()}
    models = {MODEL: {**sums, "costUSD": done * 0.0059125 * share}}
    say(
        type="result",
        subtype="success",
        is_error=False,
        result="I am done.",
        permission_denials=[],
        modelUsage=models,
    )
    return 0


def as_codex() -> int:
    say(type="thread.started", thread_id="0000-1")
    say(type="turn.started")
    table = next(word for word in WORDS if word.startswith("model_providers."))
    url = table.partition('base_url="')[2].partition('"')[0]
    name = table.partition('env_key="')[2].partition('"')[0]
    for number in range(ASKS):
        wait(number)
        headers = {"authorization": f"Bearer {os.environ[name]}"}
        body = {"model": "gpt-5.5", "stream": True, "input": [], "tools": [{"type": "web_search"}]}
        status, said = ask(url, f"{urllib.parse.urlsplit(url).path}/responses", headers, body)
        if status != 200 or "response.failed" in said:
            say(type="turn.failed", error={"message": said})
            return 1
    say(type="item.completed", item={"id": "i", "type": "agent_message", "text": "I am done."})
    used = {"input_tokens": 1200 * ASKS, "cached_input_tokens": 200 * ASKS, "output_tokens": 20 * ASKS}
    say(type="turn.completed", usage=used)
    return 0


Path("given.json").write_text(json.dumps({"environment": dict(os.environ), "words": WORDS}))
sys.exit(as_claude() if "-p" in WORDS else as_codex())
