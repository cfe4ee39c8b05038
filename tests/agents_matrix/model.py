"""A model server on loopback that speaks as much of three APIs as the agents need.

These are Anthropic's messages, OpenAI's responses, and Gemini's. What it answers is in `script`.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.agents_matrix.script import Reply, choose

READ, CACHED, WRITTEN = 1000, 200, 50
"""Tokens of each request: read anew, read from the cache, written to the cache."""
PIECE = 4000
WRITTEN_TEXT = "written by the script\n"
_GEMINI = "/v1beta/models/"


def spent(reply: Reply) -> int:
    """Output tokens of an answer."""
    return 10 + len(reply.text) // 4


class Model(ThreadingHTTPServer):
    """Serves until it is closed. `requests`: how many were answered with 200, by API path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[str] = []
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Model

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._body(200, {"data": [], "models": []})

    def do_HEAD(self) -> None:
        self._body(200, {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path = self.path.partition("?")[0]
        model, _, verb = (
            path.removeprefix(_GEMINI).partition(":") if path.startswith(_GEMINI) else ("", "", "")
        )
        api = Gemini(model) if verb == "streamGenerateContent" else _APIS.get(path)
        if api is None:
            self._body(404, {"error": {"message": "no such page"}})
            return
        reply = choose(api.texts(asked)) if asked.get("tools") else Reply("A title")
        if reply.status != 200:
            kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
            kind = kinds.get(reply.status, "api_error" if reply.status >= 500 else "invalid_request_error")
            error = {"type": kind, "message": f"the script says {reply.status}", "code": reply.status}
            more = {"Retry-After": str(reply.again)} if reply.again else {}
            self._body(reply.status, {"type": "error", "error": error}, more)
            return
        self.server.requests.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):  # the agent was ended
            self._stream(api, reply, asked)

    def _stream(self, api: "Api", reply: Reply, asked: dict[str, Any]) -> None:
        if reply.fault == "garbage":
            self.wfile.write(b"data: {this is no event\n\n<html>\n\n")
            return
        for number, event in enumerate(api.events(reply, asked, len(self.server.requests))):
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            if reply.fault and number == api.begun:
                if reply.fault == "stall":
                    self.server.closing.wait()
                return
            if reply.pause and ("type" not in event or event["type"].endswith("delta")):
                time.sleep(reply.pause)

    def _body(self, status: int, body: dict[str, Any], more: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)


def _pieces(reply: Reply) -> list[str]:
    size = 25 if reply.pause else PIECE
    return [reply.text[at : at + size] for at in range(0, len(reply.text), size)]


class Api:
    """One dialect. `begun`: the event after which an answer may go wrong."""

    begun = 3

    def texts(self, asked: dict[str, Any]) -> list[tuple[str, str]]:
        """The conversation that a request repeats."""
        raise NotImplementedError

    def events(self, reply: Reply, asked: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
        """The answer as a stream of events."""
        raise NotImplementedError


class Messages(Api):
    """Anthropic's."""

    def texts(self, asked: dict[str, Any]) -> list[tuple[str, str]]:
        said = []
        for message in asked.get("messages", []):
            content = message["content"]
            for one in content if isinstance(content, list) else [{"type": "text", "text": content}]:
                who = "result" if one["type"] == "tool_result" else message["role"]
                said.append((who, one.get("text", "")))
        return said

    def events(self, reply: Reply, asked: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
        usage = {
            "input_tokens": READ,
            "cache_read_input_tokens": CACHED,
            "cache_creation_input_tokens": WRITTEN,
            "output_tokens": 1,
        }
        message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": asked["model"]}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        yield {"type": "message_start", "message": message}
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for piece in _pieces(reply):
            delta = {"type": "text_delta", "text": piece}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
        if (call := self._call(reply, asked)) is not None:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": call[0], "input": {}}
            yield {"type": "content_block_start", "index": 1, "content_block": block}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
            yield {"type": "content_block_delta", "index": 1, "delta": delta}
            yield {"type": "content_block_stop", "index": 1}
        stop = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": {**usage, "output_tokens": spent(reply)}}
        yield {"type": "message_stop"}

    def _call(self, reply: Reply, asked: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """A tool call, under the names that this agent has for its tools."""
        names = {str(tool.get("name")) for tool in asked.get("tools") or []}
        if reply.run:
            given = {"command": reply.run, "description": "as the script says"}
            return ("Bash" if "Bash" in names else "bash", given)
        if not reply.write:
            return None
        tool, path = ("Write", "file_path") if "Write" in names else ("write", "filePath")
        return (tool, {path: reply.write, "content": WRITTEN_TEXT})


class Gemini(Api):
    """Gemini's. The model is in the address."""

    begun = 0

    def __init__(self, model: str) -> None:
        self._model = model

    def texts(self, asked: dict[str, Any]) -> list[tuple[str, str]]:
        said = []
        for message in asked.get("contents", []):
            for one in message.get("parts", []):
                who = "result" if "functionResponse" in one else str(message.get("role"))
                said.append((who, one.get("text") or ""))
        return said

    def events(self, reply: Reply, asked: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
        for piece in _pieces(reply):
            yield self._chunk(number, reply, {"text": piece})
        if reply.run:
            given = {"command": reply.run, "description": "as the script says"}
            yield self._chunk(number, reply, {"functionCall": {"name": "run_shell_command", "args": given}})
        elif reply.write:
            given = {"file_path": reply.write, "content": WRITTEN_TEXT}
            yield self._chunk(number, reply, {"functionCall": {"name": "write_file", "args": given}})
        yield self._chunk(number, reply, {"text": ""}, finishReason="STOP")

    def _chunk(self, number: int, reply: Reply, part: dict[str, Any], **more: str) -> dict[str, Any]:
        usage = {
            "promptTokenCount": READ + CACHED,
            "cachedContentTokenCount": CACHED,
            "candidatesTokenCount": spent(reply),
            "totalTokenCount": READ + CACHED + spent(reply),
        }
        candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, **more}
        return {
            "candidates": [candidate],
            "modelVersion": self._model,
            "responseId": f"r{number}",
            "usageMetadata": usage,
        }


class Responses(Api):
    """OpenAI's."""

    def texts(self, asked: dict[str, Any]) -> list[tuple[str, str]]:
        said = []
        for item in asked.get("input", []):
            if str(item.get("type", "")).endswith("_call_output"):
                said.append(("result", ""))
            elif item.get("role"):
                content = item.get("content")
                parts = content if isinstance(content, list) else [{"text": content}]
                said.append((item["role"], "\n".join(str(one.get("text") or "") for one in parts)))
        return said

    def events(self, reply: Reply, asked: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
        response: dict[str, Any] = {"id": f"resp_{number}", "object": "response", "model": asked["model"]}
        response |= {"status": "in_progress", "output": []}
        yield {"type": "response.created", "response": response}
        part = {"type": "output_text", "text": reply.text, "annotations": []}
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [part]}
        begun = {**item, "content": []}
        yield {"type": "response.output_item.added", "output_index": 0, "item": begun}
        for piece in _pieces(reply):
            where = {"item_id": item["id"], "output_index": 0, "content_index": 0}
            yield {"type": "response.output_text.delta", **where, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": 0, "item": item}
        output = [item]
        if (call := self._call(reply, asked)) is not None:
            output.append({"id": f"fc_{number}", "call_id": f"call_{number}", "status": "completed", **call})
            yield {"type": "response.output_item.done", "output_index": 1, "item": output[1]}
        usage = {
            "input_tokens": READ + CACHED,
            "input_tokens_details": {"cached_tokens": CACHED},
            "output_tokens": spent(reply),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": READ + CACHED + spent(reply),
        }
        done = {**response, "status": "completed", "output": output, "usage": usage}
        yield {"type": "response.completed", "response": done}

    def _call(self, reply: Reply, asked: dict[str, Any]) -> dict[str, Any] | None:
        names = {str(tool.get("name") or tool.get("type")) for tool in asked.get("tools") or []}
        if reply.write and "apply_patch" in names:
            patch = f"*** Begin Patch\n*** Add File: {reply.write}\n+{WRITTEN_TEXT}*** End Patch\n"
            return {"type": "custom_tool_call", "name": "apply_patch", "input": patch}
        command = reply.run or (f"echo written by the script > {reply.write}" if reply.write else "")
        if not command:
            return None
        given = {"cmd": command, "yield_time_ms": 30_000}
        return {"type": "function_call", "name": "exec_command", "arguments": json.dumps(given)}


_APIS: dict[str, Api] = {"/v1/messages": Messages(), "/v1/responses": Responses()}
