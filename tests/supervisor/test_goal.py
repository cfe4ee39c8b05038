"""The goal's first process: nothing is running before its gate opens, and it says why it could not."""

from __future__ import annotations

import os
import pwd
import select
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.supervisor import tree
from syncropel.supervisor.decide import Limits
from syncropel.supervisor.goal import Goal, _tell
from syncropel.supervisor.words import Spec

LIMITS = Limits(run=60, interrupt=1, term=1, leftover=1, kill=5, orphan=30, start=15)
LIMIT_MS = 60_000

Made = Callable[..., Goal]


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Make a goal that runs a command in `tmp_path`; it is gone at the end."""
    goals: list[Goal] = []

    def make(*command: str, **more: Any) -> Goal:
        if os.getpid() != owner:
            os._exit(99)  # a goal that came out of its fork is no test run
        goals.append(Goal(Spec([*command], str(more.pop("cwd", tmp_path)), LIMITS, **more)))
        return goals[-1]

    owner = os.getpid()
    yield make
    if os.getpid() != owner:
        os._exit(99)
    for goal in goals:
        goal.leave_shut()
        os.close(goal.started)
        if goal.stdin >= 0:
            os.close(goal.stdin)
        try:
            os.kill(goal.pid, signal.SIGKILL)
            os.waitpid(goal.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def ended(goal: Goal) -> int:
    """Its exit code, once it has ended."""
    handle = os.pidfd_open(goal.pid)
    try:
        assert select.select([handle], [], [], LIMIT_MS / 1000)[0], "it runs for ever"
    finally:
        os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(goal.pid, 0)[1])


def has_begun(goal: Goal) -> bool:
    """Whether its pipe has ended, or says something."""
    return bool(select.select([goal.started], [], [], 0)[0])


def await_begin(goal: Goal) -> str:
    """What it says once its program has begun, or could not."""
    assert select.select([goal.started], [], [], LIMIT_MS / 1000)[0]
    return goal.why_not_started()


def test_a_goal_waits_for_its_gate_in_a_session_of_its_own(made: Made, tmp_path: Path) -> None:
    before = descriptors()
    goal = made("sh", "-c", "echo $PPID > ran; exit 7")
    one = tree.look_at(goal.pid)
    assert one is not None
    assert (one.session, one.group, one.parent) == (goal.pid, goal.pid, os.getpid())
    assert len(descriptors() - before) == 2, "a gate and what it says"
    assert not has_begun(goal)
    assert goal.why_not_started() == ""
    assert not (tmp_path / "ran").exists()
    goal.open_gate()
    assert ended(goal) == 7
    assert await_begin(goal) == ""
    assert (tmp_path / "ran").read_text() == f"{os.getpid()}\n"


def test_a_goal_whose_gate_stays_shut_has_not_run(made: Made, tmp_path: Path) -> None:
    goal = made("sh", "-c", "echo > ran")
    goal.leave_shut()
    assert ended(goal) == 125
    assert await_begin(goal) == ""
    goal.open_gate()
    goal.leave_shut()
    assert not (tmp_path / "ran").exists()


def test_a_gate_is_opened_for_a_goal_that_is_gone_already(made: Made) -> None:
    goal = made("true")
    os.kill(goal.pid, signal.SIGKILL)
    assert ended(goal) == -signal.SIGKILL
    goal.open_gate()


@pytest.mark.parametrize(
    ("command", "more", "why"),
    [
        (("no-such-program-here",), {}, "No such file or directory"),
        (("/",), {}, "Permission denied"),
        (("true",), {"cwd": "/not/there"}, "No such file or directory"),
        (("true", "\0"), {}, "embedded null byte"),
    ],
)
def test_it_says_why_its_program_could_not_begin(
    made: Made, command: tuple[str, ...], more: dict[str, Any], why: str
) -> None:
    goal = made(*command, **more)
    goal.open_gate()
    assert ended(goal) == 126
    assert why in await_begin(goal)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(2, "no such file"), "no such file"),
        (OSError("odd"), "OSError"),
        (ValueError("x" * 501), "x" * 500),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_every_error_is_told_in_words(error: BaseException, said: str) -> None:
    reads, writes = os.pipe()
    _tell(writes, error)
    assert os.read(reads, 1000).decode() == said
    os.close(reads)
    os.close(writes)


def test_a_program_may_say_itself_when_it_has_begun(made: Made, tmp_path: Path) -> None:
    """It closes descriptor 3, which no other program is given."""
    for tells_start in (True, False):
        first, then = (str(tmp_path / f"{name}-{tells_start}") for name in ("first", "then"))
        os.mkfifo(first)
        os.mkfifo(then)
        goal = made("sh", "-c", f"read _ < {first}; exec 3>&-; read _ < {then}", tells_start=tells_start)
        goal.open_gate()
        with open(first, "w") as word:  # it is running
            assert has_begun(goal) is not tells_start
            word.write("\n")
        assert await_begin(goal) == ""
        Path(then).write_text("\n")
        assert ended(goal) == 0


def test_what_a_program_starts_with(made: Made, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing to read, one place for all that it says, its folder, and no descriptor of the supervisor."""
    code = (
        "import os, sys; print(*os.listdir('/proc/self/fd'));"
        "print(repr(sys.stdin.read()), os.getcwd(), file=sys.stderr)"
    )
    goal = made(sys.executable, "-I", "-S", "-c", code)
    goal.open_gate()
    assert ended(goal) == 0
    said = capfd.readouterr()
    assert said.err == ""
    listed, rest = sorted(said.out.splitlines(), reverse=True)
    assert rest == f"'' {tmp_path}"
    listing = 1  # what lists them is among them
    assert len([one for one in listed.split() if not _is_handed_on(int(one))]) <= listing


def _is_handed_on(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


def test_signals_that_its_supervisor_ignores_reach_it(made: Made, tmp_path: Path) -> None:
    numbers = (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        goal = made("grep", "SigIgn", "/proc/self/status")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    status = tree.status_of(goal.pid)
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert [number.name for number in numbers if ignored >> (number - 1) & 1] == []


def test_a_goal_reads_what_it_is_fed(made: Made, tmp_path: Path) -> None:
    goal = made("sh", "-c", "cat > heard", stdin="pipe")
    goal.open_gate()
    os.write(goal.stdin, b"hello")
    os.close(goal.stdin)
    goal.stdin = -1
    assert ended(goal) == 0
    assert (tmp_path / "heard").read_text() == "hello"
    assert made("true").stdin == -1


NOBODY = pwd.getpwnam("nobody")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of others")


@pytest.mark.parametrize(
    ("opened", "user"),
    [
        (False, None),
        (True, None),
        pytest.param(True, [NOBODY.pw_uid, NOBODY.pw_gid], marks=ROOT),
    ],
    ids=["behind its gate", "when it has begun", "when it is another user's"],
)
def test_a_goal_dies_with_its_supervisor(opened: bool, user: list[int] | None) -> None:
    reads, writes = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        goal = Goal(Spec(["sleep", "600"], "/", LIMITS, user=user))
        if opened:
            goal.open_gate()
            select.select([goal.started], [], [])
        os.write(writes, goal.pid.to_bytes(8, "big"))
        os.kill(os.getpid(), signal.SIGKILL)
    handle = os.pidfd_open(int.from_bytes(os.read(reads, 8), "big"))
    os.waitpid(supervisor, 0)
    ended = bool(select.select([handle], [], [], LIMIT_MS / 1000)[0])
    if not ended:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    for descriptor in (reads, writes, handle):
        os.close(descriptor)
    assert ended


@ROOT
def test_a_goal_of_another_user_gains_nothing(made: Made, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for above in tmp_path.parents:
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o111)
    command = "id -u; id -g; id -G; grep NoNewPrivs /proc/self/status"
    goal = made("sh", "-c", f"({command}) > said", user=[NOBODY.pw_uid, NOBODY.pw_gid, 4242])
    goal.open_gate()
    assert ended(goal) == 0, await_begin(goal)
    uid, gid, groups, privileges = (tmp_path / "said").read_text().splitlines()
    assert (int(uid), int(gid)) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert {*groups.split()} == {str(NOBODY.pw_gid), "4242"}
    assert privileges == "NoNewPrivs:\t1"
