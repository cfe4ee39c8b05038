"""The tutorials of the documentation, typed as they stand on their pages, print what the pages show."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.child_process import has_ended
from tests.documentation import ROOT, Step, steps

from .conftest import Machine, until

NOT_TYPED = ("pipx install", "spl version", "spl console")
"""What a test cannot do: install into the user's own environment, and see a screen."""
VARYING = (
    (r"th_[0-9a-f]{64}", "th_[0-9a-f]{64}"),
    (r"\b[0-9a-f]{64}\b", "[0-9a-f]{64}"),
    (r"recorded as [0-9a-f]{16}", "recorded as [0-9a-f]{16}"),
    (r"did:sync:instance:[0-9a-f]{16}", "did:sync:instance:[0-9a-f]{16}"),
    (r"~/greetings", r"\\S*/greetings"),
    (r"\d+(\.\d+)*", r"\\d+(\\.\\d+)*"),
)
"""What differs from run to run, and what it may be."""
REFUSED = "More work"


def prints(out: str, page: str) -> None:
    """Whether each line of the page is printed, in its order; other lines may stand between."""
    lines = iter(" ".join(line.split()) for line in out.splitlines())
    for wanted in filter(None, (" ".join(line.split()) for line in page.splitlines())):
        pattern = "".join(
            _pattern(part) for part in re.split(f"({'|'.join(p for p, _ in _GROUPLESS)})", wanted)
        )
        assert any(re.fullmatch(pattern, line) for line in lines), f"{wanted!r} in its place:\n{out}"


_GROUPLESS = [(pattern.replace("(", "(?:"), meaning.replace("\\\\", "\\")) for pattern, meaning in VARYING]


def _pattern(part: str) -> str:
    for pattern, meaning in _GROUPLESS:
        if re.fullmatch(pattern, part):
            return meaning
    return re.escape(part)


class Reader:
    """Somebody who types one page from its top, on a machine of their own."""

    def __init__(self, machine: Machine, after: dict[str, Callable[[], object]]) -> None:
        self.machine, self.after = machine, after
        self.place = machine.path
        (machine.path / ".gitconfig").write_text(
            "[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n"
        )

    def types(self, page: Path) -> None:
        for step in steps(page):
            if not step.text.startswith(NOT_TYPED):
                self._types(step)
                for words, wait in self.after.items():
                    if words in step.text:
                        wait()

    def _types(self, step: Step) -> None:
        words = step.spl
        if words is None:
            self._runs(step.text)
            return
        if words[:2] == ["fleet", "start"]:
            words += ["--port", str(self.machine.port), "--worker-port", "0"]
        code, out, err = self.machine.run(*words, cwd=self.place)
        assert code == (1 if REFUSED in step.text else 0), f"{step.text}: {out}{err}"
        prints(out + err, step.output)

    def _runs(self, text: str) -> None:
        """What is not spl's, in a shell; a later step goes on where it leaves off."""
        script = f"set -e\n{text}\npwd"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.place,
            env=self.machine.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{text}: {done.stderr}"
        self.place = Path(done.stdout.splitlines()[-1])


def page(name: str) -> Path:
    return ROOT / "docs" / "tutorial" / name


def test_your_first_fan_out(machine: Machine) -> None:
    Reader(machine, {"task fan-out": lambda: machine.joined("FIRST-001")}).types(page("first-fan-out.md"))
    assert all(has_ended(pid) for pid in machine.pids().values())


def both_run(machine: Machine) -> bool:
    """Whether the coordinator knows that two subtasks have begun: one that is in progress may still wait."""
    subtasks = machine.json("task", "join-status", "SLOW-1")["subtasks"]
    return sum(one["began_at"] is not None for one in subtasks) == 2


def test_the_kill_switch_drill(machine: Machine) -> None:
    after = {"task fan-out": lambda: until(lambda: both_run(machine))}
    Reader(machine, after).types(page("kill-switch-drill.md"))


def test_a_real_repository(machine: Machine) -> None:
    Reader(machine, {"task fan-out": lambda: machine.joined("GREET-1")}).types(page("real-repository.md"))
