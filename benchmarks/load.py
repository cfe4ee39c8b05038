"""A load generator in a process of its own, so that it is not what is measured.

`python -m benchmarks.load PORT TOKEN CONNECTIONS SECONDS ROUND` prints appends per second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


async def _connection(port: int, token: str, name: str, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    head = (
        f"POST /v1/records HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    while time.monotonic() < until:
        body = json.dumps(
            {
                "thread": f"bench-{name}",
                "actor": "did:sync:agent:bench",
                "act": "DO",
                "clock": count,
                "parents": [],
                "data_type": "SCALAR",
                "body": {"topic": "bench", "n": count, "goal": "measure an append", "at": 1795239292.25},
            }
        )
        writer.write(f"{head}{len(body)}\r\n\r\n{body}".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 201 " not in answer[:20]:
            raise SystemExit(f"refused: {answer[:200]!r}")
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count


async def _all(port: int, token: str, connections: int, secs: float, round_: str) -> float:
    started = time.monotonic()
    until = started + secs
    counts = await asyncio.gather(
        *(_connection(port, token, f"{round_}-{number}", until) for number in range(connections))
    )
    return sum(counts) / (time.monotonic() - started)


def main(words: list[str]) -> None:
    import uvloop

    port, token, connections, secs, round_ = words
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(_all(int(port), token, int(connections), float(secs), round_)))


if __name__ == "__main__":
    main(sys.argv[1:])
