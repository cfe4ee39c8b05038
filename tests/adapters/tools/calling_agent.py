"""A small agent that calls its daemon as `spl mcp` does, and keeps what it was given in `given.json`.

It looks like claude with `-p`, and like codex with `exec`. It waits for the file `go` before it calls.
"""

import http.client
import json
import os
import sys
import time
import urllib.parse
from pathlib import Path

WORDS = sys.argv[1:]
sys.stdin.read()
modes = {
    word.partition("=")[2]: os.stat(word.partition("=")[2]).st_mode for word in WORDS if ".mcp.json" in word
}
files = {path: Path(path).read_text() for path in modes}
given = {"environment": dict(os.environ), "words": WORDS, "files": files, "modes": list(modes.values())}
Path("given.new").write_text(json.dumps(given))
Path("given.new").rename("given.json")
while not Path("go").exists():
    time.sleep(0.01)
connection = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["SPL_MCP_URL"]).netloc, timeout=60)
headers = {"authorization": f"Bearer {os.environ['SPL_MCP_TICKET']}", "content-type": "application/json"}
connection.request("POST", "/v1/attempt/progress", json.dumps({"text": "half done"}), headers)
answer = connection.getresponse()
result = f"{answer.status} {answer.read().decode()}"
if "-p" in WORDS:
    lines: list[object] = [
        {"type": "system", "subtype": "init", "session_id": "s", "model": "m"},
        {"type": "result", "subtype": "success", "is_error": False, "result": result},
    ]
else:
    lines = [
        {"type": "thread.started", "thread_id": "0000-1"},
        {"type": "item.completed", "item": {"id": "i", "type": "agent_message", "text": result}},
        {"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 1}},
    ]
sys.stdout.write("".join(f"{json.dumps(line)}\n" for line in lines))
