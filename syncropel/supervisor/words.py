"""A supervisor's command line, and JSON for its replies.

Python's own `json` would take a third of a supervisor's start-up time.
"""

from __future__ import annotations

from syncropel.supervisor.decide import Limits


class Spec:
    """What to run. `stdin`: `null`, `pipe`, or the path of a file. `stderr`: the path of a file; empty: the
    same as stdout. `tells_start`: the program closes descriptor 3 when it has started. `user`: uid, gid, and
    supplementary groups to run as; None: our own. `sandboxed`: the first process only waits for a sandbox,
    and everything in that is killed when it ends.
    """

    __slots__ = ("command", "cwd", "limits", "sandboxed", "stderr", "stdin", "tells_start", "user")

    def __init__(
        self,
        command: list[str],
        cwd: str,
        limits: Limits,
        *,
        tells_start: bool = False,
        stdin: str = "null",
        stderr: str = "",
        user: list[int] | None = None,
        sandboxed: bool = False,
    ) -> None:
        self.command = command
        self.cwd = cwd
        self.limits = limits
        self.tells_start = tells_start
        self.stdin = stdin
        self.stderr = stderr
        self.user = user
        self.sandboxed = sandboxed

    def as_words(self) -> list[str]:
        """Command-line arguments that `read_spec` reads back."""
        limits = [f"{name}={secs!r}" for name, secs in self.limits.as_dict().items()]
        user = [] if self.user is None else [f"user={','.join(map(str, self.user))}"]
        told = ["tells_start="] if self.tells_start else []
        told += ["sandboxed="] if self.sandboxed else []
        apart = [f"stderr={self.stderr}"] if self.stderr else []
        ends = [f"stdin={self.stdin}", *apart, f"cwd={self.cwd}"]
        return [*limits, *user, *told, *ends, "--", *self.command]


def read_spec(words: list[str]) -> Spec:
    """Parse a command line. Raises ValueError, KeyError when it is invalid."""
    end = words.index("--")
    said = dict(word.split("=", 1) for word in words[:end])
    user = [int(number) for number in said["user"].split(",")] if "user" in said else None
    return Spec(
        words[end + 1 :],
        said["cwd"],
        Limits(**{name: float(said[name]) for name in Limits.__slots__}),
        tells_start="tells_start" in said,
        stdin=said["stdin"],
        stderr=said.get("stderr", ""),
        user=user,
        sandboxed="sandboxed" in said,
    )


def as_json(value: object) -> str:
    """JSON for a supervisor's replies: objects, lists, texts, numbers, true, false, and null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_json(str(key))}: {as_json(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_json, value)) + "]"
    return '"' + "".join(map(_escaped, str(value))) + '"'


def _escaped(char: str) -> str:
    if " " <= char <= "~" and char not in '"\\':
        return char
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
