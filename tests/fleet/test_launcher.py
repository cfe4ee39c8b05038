"""The parts of the launcher that need no process: names, ports, settings, convergence, whose PID it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.errors import NotFound, SetupError
from syncropel.launcher import convergence, process
from syncropel.launcher.convergence import Expected
from syncropel.launcher.local import find_local, local_workers
from syncropel.launcher.plan import FleetPlan, plan_workers, prepare_worker, worker_settings
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.identity import load_or_create_identity
from syncropel.settings.permissions import PermissionSettings
from tests.network import replace_network

from .launching import URL, home, launcher, status


def test_workers_are_siblings_with_ports_that_count_up(tmp_path: Path) -> None:
    workers = plan_workers(home(tmp_path), FleetPlan(28))
    assert [worker.alias for worker in workers[:2]] == ["worker-a", "worker-b"]
    assert [worker.alias for worker in workers[25:]] == ["worker-z", "worker-aa", "worker-ab"]
    assert workers[0].home.path == tmp_path / ".syncro-worker-a"
    assert [worker.port for worker in workers[:2]] == [9201, 9202]


def test_a_worker_keeps_the_port_it_has_unless_told_otherwise(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    first = plan_workers(coordinator, FleetPlan(1, worker_port=7001))[0]
    prepare_worker(first, FleetPlan(1, worker_port=7001), URL)
    assert [worker.port for worker in plan_workers(coordinator, FleetPlan(2))] == [7001, 9202]
    assert [worker.port for worker in plan_workers(coordinator, FleetPlan(2, worker_port=0))] == [0, 0]


def test_too_many_workers(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="too many"):
        plan_workers(home(tmp_path), FleetPlan(1000))
    with pytest.raises(SetupError, match="no port 65536"):
        plan_workers(home(tmp_path), FleetPlan(2, worker_port=65535))


def test_an_adapter_is_written_and_taken_back(tmp_path: Path) -> None:
    worker = plan_workers(home(tmp_path), FleetPlan(1))[0]
    bash = worker_settings(Settings(), worker, FleetPlan(1, adapter="bash", bash_cwd="/src"), URL)
    assert (bash.dispatch.adapter, bash.adapters.bash, bash.adapters.bash_cwd) == ("bash", True, "/src")
    assert worker_settings(bash, worker, FleetPlan(1), URL) == bash
    echo = worker_settings(bash, worker, FleetPlan(1, adapter="echo"), URL)
    assert (echo.dispatch.adapter, echo.adapters.bash, echo.adapters.bash_cwd) == ("echo", False, "")


MINE = """
[adapters.mine]
type = "exec"
command = ["agent", "--json"]
set = { REGION = "eu" }
"""


def test_workers_take_an_adapter_from_the_coordinators_config(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    coordinator.path.mkdir(parents=True, exist_ok=True)
    coordinator.config.write_text(MINE)
    plan = FleetPlan(1, adapter="mine")
    (worker,) = plan_workers(coordinator, plan)
    settings, _ = prepare_worker(worker, plan, URL)
    assert settings.dispatch.adapter == "mine"
    assert settings.adapters.tables == load_settings(coordinator, {}).adapters.tables
    assert load_settings(worker.home, {}) == settings
    assert prepare_worker(worker, plan, URL) == (settings, False)
    coordinator.config.write_text(MINE.replace("agent", "another"))
    (worker,) = plan_workers(coordinator, plan)
    kept, stale = prepare_worker(worker, plan, URL)
    assert (kept, stale) == (settings, False), "a worker's own table is its operator's"


OFFERED = (
    MINE
    + """
[adapters.bash]
max_concurrent = 1

[workspace]
commit = false

[workspace.repos]
app = "/srv/app"
site = { path = "/srv/site", base = "main", copy = [".env"] }

[permissions]
answer_secs = 60

[[permissions.rules]]
name = "look"
when = 'command == ["git", "status"]'
decide = "allow"

[[permissions.rules]]
name = "no-push"
when = 'command != null && "push" in command'
decide = "deny"
"""
)


def test_a_new_worker_takes_adapters_repositories_and_rules_of_the_coordinator(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    coordinator.path.mkdir(parents=True)
    coordinator.config.write_text(OFFERED)
    secret = coordinator.secrets / "MINE"
    secret.parent.mkdir()
    secret.write_text("hush")
    (worker,) = plan_workers(coordinator, FleetPlan(1))
    settings, stale = prepare_worker(worker, FleetPlan(1), URL)
    assert load_settings(worker.home, {}) == settings
    assert settings.workspace == load_settings(coordinator, {}).workspace
    assert settings.permissions == load_settings(coordinator, {}).permissions
    assert [rule.name for rule in settings.permissions.rules] == ["look", "no-push"]
    assert (set(settings.adapters.tables), settings.adapters.bash) == ({"mine"}, False), "no scripts unasked"
    assert (settings.dispatch.adapter, stale) == ("echo", False)
    assert not list(worker.home.path.rglob("MINE")), "a secret stays where it is"
    assert prepare_worker(worker, FleetPlan(1), URL) == (settings, False)


def test_a_worker_that_is_there_takes_repositories_with_the_adapter_that_is_asked_for(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    (worker,) = plan_workers(coordinator, FleetPlan(1))
    prepare_worker(worker, FleetPlan(1), URL)
    worker.home.config.write_text(worker.home.config.read_text() + '\n[workspace.repos]\napp = "/mine"\n')
    coordinator.path.mkdir(parents=True)
    coordinator.config.write_text(OFFERED + '\n[adapters.other]\ntype = "exec"\ncommand = ["other"]\n')
    (worker,) = plan_workers(coordinator, FleetPlan(1))
    for plan in (FleetPlan(1), FleetPlan(1, adapter="bash")):
        settings, _ = prepare_worker(worker, plan, URL)
        assert (list(settings.workspace.repos), settings.adapters.tables) == (["app"], {})
        assert settings.permissions == PermissionSettings(), "its own"
    settings, stale = prepare_worker(worker, FleetPlan(1, adapter="mine"), URL)
    assert (set(settings.workspace.repos), set(settings.adapters.tables)) == ({"app", "site"}, {"mine"})
    assert settings.workspace.repos["app"].path == Path("/mine"), "its own entry stays"
    assert stale, "one that runs has to start again"


def test_an_adapter_that_nobody_configured_is_refused(tmp_path: Path) -> None:
    plan = FleetPlan(1, adapter="claude")
    (worker,) = plan_workers(home(tmp_path), plan)
    with pytest.raises(SetupError, match=r"no \[adapters.claude\] in"):
        prepare_worker(worker, plan, URL)


def test_a_table_of_bash_is_not_written_over(tmp_path: Path) -> None:
    (worker,) = plan_workers(home(tmp_path), FleetPlan(1))
    worker.home.path.mkdir(parents=True)
    worker.home.config.write_text("[adapters.bash]\nmax_concurrent = 1\n")
    for name in ("bash", "echo"):
        settings, _ = prepare_worker(worker, FleetPlan(1, adapter=name), URL)
        assert settings.adapters.tables["bash"].max_concurrent == 1
        assert (settings.dispatch.adapter, settings.adapters.bash) == (name, True)
        assert load_settings(worker.home, {}) == settings


def test_a_workers_other_settings_survive(tmp_path: Path) -> None:
    worker = plan_workers(home(tmp_path), FleetPlan(1))[0]
    plan = FleetPlan(1, adapter="bash")
    assert prepare_worker(worker, plan, URL)[1] is False
    text = worker.home.config.read_text()
    worker.home.config.write_text("# mine\n" + text.replace("max_concurrent = 4", "max_concurrent = 9"))
    unchanged, stale = prepare_worker(worker, FleetPlan(1), URL)
    assert (unchanged.dispatch.max_concurrent, stale) == (9, False)
    assert worker.home.config.read_text().startswith("# mine")
    changed, stale = prepare_worker(worker, FleetPlan(1, adapter="echo"), URL)
    assert (changed.dispatch.max_concurrent, stale) == (9, True)
    assert load_settings(worker.home, {}) == changed


def test_starting_a_fleet_keeps_what_an_operator_wrote(tmp_path: Path) -> None:
    plan = FleetPlan(workers=1)
    (worker,) = plan_workers(home(tmp_path), plan)
    prepare_worker(worker, plan, URL)
    written = worker.home.config.read_text()
    noted = written.replace("max_concurrent = 4", "max_concurrent = 2 # the small machine")
    noted = f"# ours\n{noted}"
    worker.home.config.write_text(noted)
    prepare_worker(worker, FleetPlan(workers=1, adapter="bash", bash_cwd="/a\nb"), URL)
    wanted = noted.replace("bash = false", "bash = true").replace('adapter = "echo"', 'adapter = "bash"')
    assert worker.home.config.read_text() == wanted.replace('bash_cwd = ""', 'bash_cwd = "/a\\nb"')
    assert load_settings(worker.home, {}).adapters.bash_cwd == "/a\nb"


def test_settings_that_cannot_be_written_are_told_and_the_file_stays(tmp_path: Path) -> None:
    plan = FleetPlan(workers=1)
    (worker,) = plan_workers(home(tmp_path), plan)
    prepare_worker(worker, plan, URL)
    before = worker.home.config.read_text()
    with pytest.raises(SetupError, match="cannot change"):
        prepare_worker(worker, FleetPlan(workers=1, adapter="bash", bash_cwd="/not-\udcff-text"), URL)
    assert worker.home.config.read_text() == before


def test_a_workers_broken_settings_are_named(tmp_path: Path) -> None:
    worker = plan_workers(home(tmp_path), FleetPlan(1))[0]
    prepare_worker(worker, FleetPlan(1), URL)
    worker.home.config.write_text("[fleet]\nalas = 1\n")
    with pytest.raises(SetupError, match="unknown key 'alas'"):
        plan_workers(home(tmp_path), FleetPlan(1))


def test_only_the_process_just_started_counts_as_converged(tmp_path: Path) -> None:
    expected = [Expected("coordinator", 1, home(tmp_path)), Expected("worker-a", 2, home(tmp_path))]
    early = status(("coordinator", 1, "live"), ("worker-a", 99, "live"))
    assert convergence.missing(early, expected) == [expected[1]]
    assert convergence.progress_line(early, expected) == "  1/2 live, waiting for worker-a"
    remembered = status(("coordinator", 1, "live"), ("worker-a", None, "live"))
    assert convergence.missing(remembered, expected) == [expected[1]]
    stale = status(("coordinator", 1, "live"), ("worker-a", 2, "stale"))
    assert convergence.missing(stale, expected) == [expected[1]]
    there = status(("coordinator", 1, "live"), ("worker-a", 2, "live"))
    assert convergence.missing(there, expected) == []
    assert convergence.summary_lines(there, expected) == [
        "  coordinator  did:sync:instance:00000000... on :9200",
        "  worker-a     did:sync:instance:00000000... on :9201",
    ]


def test_a_fleet_that_does_not_converge_names_who_is_missing_and_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = status(("coordinator", 1, "live")).model_dump_json()
    answer = httpx.MockTransport(lambda _: httpx.Response(200, content=snapshot))
    replace_network(monkeypatch, answer)
    monkeypatch.setattr("syncropel.launcher.converging.LIMIT_SECS", 0.2)
    said: list[str] = []
    one = home(tmp_path)
    expected = [Expected("coordinator", 1, one), Expected("worker-a", 2, one.sibling("worker-a"))]
    with pytest.raises(SetupError) as caught:
        launcher(one, said)._converge(expected)
    assert "within 0.2s: worker-a did not become live" in caught.value.message
    assert caught.value.hint == f"worker-a logs to {tmp_path}/.syncro-worker-a/logs/spl.log"
    assert said[0] == "  1/2 live, waiting for worker-a"


@pytest.mark.parametrize("taken", [False, True])
def test_the_fleets_account_is_minted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        if taken and len(asked) == 1:
            refusal = {"type": "conflict", "code": "CONFLICT", "message": "there is one"}
            return httpx.Response(409, json=refusal)
        return httpx.Response(201, json={**asked[-1], "token": "spl_prod_sa-fleet_x"})

    replace_network(monkeypatch, httpx.MockTransport(answer))
    one = home(tmp_path)
    load_or_create_identity(one)
    starting = launcher(one, [])
    assert starting._fleet_token() == starting._fleet_token() == "spl_prod_sa-fleet_x"
    assert asked[0]["sa_id"] == "sa-fleet"
    assert asked[0]["scopes"] == [
        "records:read",
        "records:write",
        "threads:write",
        "fleet:write",
        "config:read",
    ]
    assert [body["sa_id"].startswith("sa-fleet-") for body in asked[1:]] == [True] * taken
    assert one.fleet_token.stat().st_mode & 0o777 == 0o600


def test_local_instances_are_found_by_alias_or_did(tmp_path: Path) -> None:
    coordinator = home(tmp_path)
    for name in ("worker-b", "worker-aa", "worker-a"):
        load_or_create_identity(coordinator.sibling(name))
    (tmp_path / ".syncro-worker-file").write_text("")
    assert [one.alias for one in local_workers(coordinator)] == ["worker-a", "worker-b", "worker-aa"]
    did = load_or_create_identity(coordinator.sibling("worker-b")).did
    assert find_local(coordinator, did).alias == "worker-b"
    assert find_local(coordinator, "coordinator").home == coordinator
    with pytest.raises(NotFound) as caught:
        find_local(coordinator, "worker-z")
    assert "worker-aa" in caught.value.hint


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "4194305000"])
def test_a_pid_file_that_names_nobody_is_no_daemon(tmp_path: Path, text: str) -> None:
    one = home(tmp_path)
    load_or_create_identity(one)
    one.pid_file.write_text(text)
    assert process.find_daemon(one) is None


def test_a_pid_that_was_given_to_another_program_is_left_alone(tmp_path: Path) -> None:
    one = home(tmp_path)
    load_or_create_identity(one)
    one.pid_file.write_text(f"{os.getpid()}\n")
    assert process.find_daemon(one) is None
    assert process.clear_stale_pid(one) == os.getpid()
    assert not one.pid_file.exists()


@pytest.mark.parametrize(
    ("words", "is_daemon"),
    [
        (["python", "-P", "-m", "syncropel.daemon", "--home", "{home}", "--port", "0"], True),
        (["python", "-m", "syncropel.daemon", "--home", "/somewhere/else"], False),
        (["/venv/bin/python", "/venv/bin/spl", "serve", "--foreground"], True),
        (["python", "-m", "syncropel.cli.main", "serve", "--foreground"], True),
        (["vim", "spl", "serve.md"], False),
        (["python", "-m", "http.server"], False),
        ([], False),
    ],
)
def test_which_command_lines_are_a_daemons(tmp_path: Path, words: list[str], is_daemon: bool) -> None:
    one = home(tmp_path)
    assert process.serves([word.format(home=one.path) for word in words], one) is is_daemon


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", ("", "")),
        ("noise\nerror: port 1 is taken\nhint: choose another\n", ("port 1 is taken", "choose another")),
        ("Traceback …\nValueError: no\n\n", ("ValueError: no", "")),
    ],
)
def test_last_words(tmp_path: Path, written: str, told: tuple[str, str]) -> None:
    one = home(tmp_path)
    load_or_create_identity(one)
    one.log.with_name("stderr.log").write_text(written)
    assert process.last_words(one) == told


def test_ports_and_short_dids() -> None:
    assert convergence.port_of("http://127.0.0.1:9100/") == "9100"
    assert convergence.short_did("did:sync:instance:f93a4ad9aabbccdd") == "did:sync:instance:f93a4ad9..."
