"""How attempts ended, told from their reports; and the tree of a fan-out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.cli.text.diagnosis import diagnosis_lines
from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings
from syncropel.wire import JoinStatus
from syncropel.wire.diagnosis import Diagnosis, TaskTree
from tests.git_repository import git

from .conftest import DID, NOOP, Api, MakeApi, assert_error, until


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git worktree with one commit, on the branch of a task."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "task/T-1")
    (folder / "a").write_text("a")
    git(folder, "add", "a")
    git(folder, "commit", "-qm", "first")
    return folder


def bash_in(folder: Path | None) -> Any:
    return replace(
        NOOP,
        adapters=AdapterSettings(bash=True, bash_cwd=str(folder or "")),
        dispatch=DispatchSettings(adapter="bash", shutdown_grace_secs=0.05),
    )


async def dispatched(api: Api, goal: str, **fields: Any) -> None:
    answer = await api.operator.post("/v1/dispatch", json={"goal": goal, "alias": "T-1", **fields})
    assert answer.status_code == 201, answer.text
    await ended(api)


async def ended(api: Api) -> JoinStatus:
    async def look() -> JoinStatus | None:
        status = JoinStatus.model_validate(await api.get("/v1/tasks/T-1/join"))
        return status if all(child.verdict for child in status.subtasks) else None

    return await until(look)


async def diagnosis(api: Api, **query: Any) -> Diagnosis:
    return Diagnosis.model_validate(await api.get("/v1/tasks/T-1/diagnose", **query))


async def test_a_killed_script_tells_signal_and_what_it_left(make_api: MakeApi, repository: Path) -> None:
    api = await make_api(bash_in(repository), sqlite=True)
    commit = "git -c user.name=t -c user.email=t@example.org commit -qm wip --allow-empty"
    await dispatched(api, f"echo x > left; {commit}; kill -9 $$")
    told = await diagnosis(api)
    (one,) = told.attempts
    assert (told.status, one.state, one.instance_alias, one.success) == (
        "failed",
        "failed",
        "coordinator",
        False,
    )
    assert one.subprocess is not None
    assert (one.subprocess.exit_code, one.subprocess.signal) == (None, 9)
    assert one.subprocess.pid > 1
    assert (one.codepath, one.failure_reason) == ("stream_eof_fallback", "result_missing")
    assert one.worktree is not None
    assert one.worktree.model_dump() == {
        "path": str(repository),
        "branch": "task/T-1",
        "commit": git(repository, "rev-parse", "HEAD"),
        "subject": "wip",
        "commits_ahead": 1,
        "uncommitted": 1,
        "base": "",
        "files": 0,
        "insertions": 0,
        "deletions": 0,
    }
    assert "OOM" in one.advice


@pytest.mark.parametrize("after", ["", "; exit $?"], ids=["last", "passed on"])
async def test_an_agent_that_was_killed_below_its_script_has_the_signature_of_a_kill(
    make_api: MakeApi, after: str
) -> None:
    """The kernel picks the process with the most memory, which is the agent and not the shell around it."""
    api = await make_api(bash_in(None))
    await dispatched(api, f"bash -c 'kill -9 $$'{after}")
    told = await diagnosis(api)
    (one,) = told.attempts
    assert one.subprocess is not None
    assert (one.subprocess.exit_code, one.subprocess.signal, one.subprocess.of_command) == (137, 9, True)
    assert (one.codepath, one.failure_reason, one.success) == ("stream_eof_fallback", "result_missing", False)
    assert one.advice.startswith("a command of the script was ended (exit status 137) by SIGKILL")
    assert "dmesg | grep -i 'killed process'" in one.advice
    printed = "\n".join(diagnosis_lines(told))
    assert (
        f"Subprocess\n  pid: {one.subprocess.pid}\n  runtime: {one.subprocess.runtime_ms}ms\n"
        "  exit_code: Some(137)\n  signal: Some(9)\n\n"
        "Completion\n  codepath: stream_eof_fallback\n  failure_reason: result_missing\n  success: false\n"
    ) in printed


@pytest.mark.parametrize(
    ("goal", "fields", "codepath", "failure", "exit_code", "signal"),
    [
        ("exit 128", {}, "exit_status", "exit_status", 128, None),
        ("exit 160", {}, "exit_status", "exit_status", 160, None),
        ("exit 255", {}, "exit_status", "exit_status", 255, None),
        ("bash -c 'kill $$'", {}, "stream_eof_fallback", "result_missing", 143, 15),
        ("true", {}, "exit_status", None, 0, None),
        ("exit 3", {}, "exit_status", "exit_status", 3, None),
        ("kill -15 $$", {}, "stream_eof_fallback", "result_missing", None, 15),
        ("exec sleep 60", {"timeout_secs": 0.2}, "time_limit", "timeout", None, 15),
    ],
)
async def test_each_way_to_end_has_its_word(
    make_api: MakeApi,
    goal: str,
    fields: dict[str, Any],
    codepath: str,
    failure: str | None,
    exit_code: int | None,
    signal: int | None,
) -> None:
    api = await make_api(bash_in(None))
    await dispatched(api, goal, **fields)
    (one,) = (await diagnosis(api)).attempts
    assert (one.codepath, one.failure_reason, one.worktree) == (codepath, failure, None)
    assert one.subprocess is not None
    assert (one.subprocess.exit_code, one.subprocess.signal) == (exit_code, signal)
    assert one.success is (failure is None)


async def test_an_adapter_without_a_process_has_none_to_tell_of(api: Api) -> None:
    await dispatched(api, "anything")
    (one,) = (await diagnosis(api)).attempts
    assert (one.subprocess, one.codepath, one.success) == (None, "adapter_result", True)


async def test_every_attempt_is_told_and_one_subtask_can_be_chosen(make_api: MakeApi) -> None:
    api = await make_api(bash_in(None))
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"goal": "exit 1"}, {"goal": "exit 2"})
    await ended(api)
    answer = await api.operator.post("/v1/tasks/T-1/retry", json={"index": 1})
    assert answer.status_code == 201, answer.text
    await ended(api)
    slots = [(one.index, one.attempt) for one in (await diagnosis(api)).attempts]
    assert slots == [(0, 1), (1, 1), (1, 2)]
    assert [one.attempt for one in (await diagnosis(api, subtask=1)).attempts] == [1, 2]
    refused = await api.operator.get("/v1/tasks/T-1/diagnose", params={"subtask": 7})
    assert_error(refused, 400, "BAD_REQUEST", "no subtask 7", "0 to 1")


async def test_a_report_of_another_version_is_told_as_far_as_it_goes(api: Api) -> None:
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"target": "worker-z"})
    thread = (await api.get("/v1/tasks/T-1"))["thread"]
    common = {"index": 0, "attempt": 1, "worker": "w", "child_thread": "th_c"}
    await api.wrote(thread=thread, act="DO", body={"topic": "fanout_spawned", "instance": "w", **common})
    assert [(one.state, one.success) for one in (await diagnosis(api)).attempts] == [("in_progress", None)]
    odd = {"topic": "fanout_child_done", "verdict": "failed", "exit": {"pid": "x"}, "codepath": 7}
    await api.wrote(thread=thread, act="DO", body={**common, **odd})
    (one,) = (await diagnosis(api)).attempts
    assert (one.state, one.subprocess, one.codepath, one.success) == ("failed", None, None, False)


async def test_what_was_never_dispatched_has_no_attempts(api: Api) -> None:
    await api.task(alias="T-1")
    assert (await diagnosis(api)).attempts == []
    tree = TaskTree.model_validate(await api.get("/v1/tasks/T-1/tree"))
    assert (tree.status, tree.nodes) == ("open", [])
    for path in ("diagnose", "tree"):
        assert_error(await api.operator.get(f"/v1/tasks/nobody/{path}"), 404, "NOT_FOUND", "nobody")


async def test_the_tree_hangs_each_subtask_below_the_last_it_waits_for(api: Api) -> None:
    await api.task(alias="T-1")
    depends: tuple[list[int], ...] = ([], [0], [0], [1, 2], [])
    await api.fan_out("T-1", *({"target": "worker-z", "depends_on": one} for one in depends))
    tree = TaskTree.model_validate(await api.get("/v1/tasks/T-1/tree"))
    shape = [(node.index, node.parent, node.depth) for node in tree.nodes]
    assert shape == [(0, None, 0), (1, 0, 1), (2, 0, 1), (3, 2, 2), (4, None, 0)]
    assert tree.nodes[3].waits_for == [1, 2]


async def test_a_chain_of_thousands_is_a_tree_too(api: Api) -> None:
    await api.task(alias="T-1")
    chain = [
        {"goal": "g", "target": f"specific:{DID[:-1]}e", "depends_on": [i - 1] if i else []}
        for i in range(3000)
    ]
    assert (await api.fan_out("T-1", *chain)).status_code == 201
    tree = TaskTree.model_validate(await api.get("/v1/tasks/T-1/tree"))
    assert tree.nodes[-1].depth == 2999
