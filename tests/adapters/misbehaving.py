"""A program that writes JSON lines and misbehaves as its first argument says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time


def say(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main(how: str) -> int:
    say(session=f"s-{how}")
    say(usage=0.25)
    if how == "long":
        say(text="x" * 8_000_000)
    elif how == "longer":
        say(text="x" * 20_000_000)
    elif how == "garbage":
        sys.stdout.buffer.write(b"\xff\x00\x1b[2J garbage\n{\n")
    elif how == "two":
        say(final="failed", answer="first")
    elif how == "tidy":
        sys.stdout.write('{"final": "ok", "answer": "no newline"}')
        return 0
    elif how == "closes":
        os.close(1)
        return 0
    elif how == "deaf":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
    elif how == "silent":
        time.sleep(600)
    elif how == "forks":
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        )
        say(text=str(child.pid))
    elif how == "reads":
        say(text=sys.stdin.read())
        sys.stderr.write("a word on stderr\n")
    elif how == "told":
        say(text=json.dumps({"argv": sys.argv[2:], "environ": dict(os.environ), "cwd": os.getcwd()}))
    say(final="ok", answer=how)
    return 3 if how == "fails" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
