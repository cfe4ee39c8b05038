"""`spl service`: the text of a service, where it goes, and every reason not to write it."""

from __future__ import annotations

import json
import os
import plistlib
import shlex
import shutil
import subprocess
from collections.abc import Callable
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncropel.cli.main import main
from syncropel.launcher.service import manager as managers
from syncropel.launcher.service.definition import Service, default_name, launchd_plist, systemd_unit

Run = Callable[..., tuple[int, str, str]]

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$CALLS"
test -e "$CALLS.fails" && { echo "Failed to do that: no such thing" >&2; exit 1; }
case " $* " in
*" show "*) echo LoadState=loaded; echo ActiveState=active; echo SubState=running; echo UnitFileState=enabled
  echo MainPID=4711; echo StatusText=serving; echo NRestarts=2;;
esac
exit 0
"""


@dataclass
class FakeSystemd:
    """A systemctl that notes what it is asked, on a machine that seems to run systemd."""

    folder: Path

    def asked(self) -> list[str]:
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def fail(self) -> None:
        (self.folder / "calls.fails").touch()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    folder = tmp_path / "systemd"
    (folder / "runtime" / "systemd").mkdir(parents=True)
    (folder / "runtime" / "systemd" / "private").touch()
    tool = folder / "systemctl"
    tool.write_text(SYSTEMCTL)
    tool.chmod(0o755)
    monkeypatch.setenv("CALLS", str(folder / "calls"))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(managers, "BOOTED", folder)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    return FakeSystemd(folder)


@pytest.fixture
def spl(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["service", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def unit_path(home: Path) -> Path:
    return home / ".config/systemd/user/spl.service"


def parsed(text: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def test_a_dry_run_prints_the_unit_and_touches_nothing(spl: Run, home: Path, systemd: FakeSystemd) -> None:
    code, out, err = spl("install", "--dry-run")
    assert (code, err) == (0, "")
    told = parsed(out)
    assert told["Service"]["Type"] == "notify"
    assert told["Service"]["KillMode"] == "process"
    assert told["Service"]["OOMPolicy"] == "continue"
    assert "syncropel.daemon" in told["Service"]["ExecStart"]
    assert str(home / ".syncro") in told["Service"]["ExecStart"]
    assert not unit_path(home).exists()
    assert systemd.asked() == []


def test_install_writes_what_the_dry_run_printed_and_enables_it(
    spl: Run, home: Path, systemd: FakeSystemd
) -> None:
    _, text, _ = spl("install", "--dry-run")
    code, out, err = spl("install")
    assert (code, err) == (0, "")
    assert unit_path(home).read_text() == text
    assert systemd.asked() == ["--user --no-pager daemon-reload", "--user --no-pager enable spl"]
    assert f"✓ installed: {unit_path(home)}" in out
    assert "systemctl --user start spl" in out
    assert "✓ already installed" in spl("install")[1]


def test_install_now_starts_it(spl: Run, home: Path, systemd: FakeSystemd) -> None:
    code, out, _ = spl("install", "--now")
    assert (code, systemd.asked()[-1]) == (0, "--user --no-pager start spl")
    assert "✓ started" in out


def test_a_unit_that_differs_is_kept_unless_it_is_to_be_replaced(
    spl: Run, home: Path, systemd: FakeSystemd
) -> None:
    unit_path(home).parent.mkdir(parents=True)
    unit_path(home).write_text("[Service]\nExecStart=/bin/mine\n")
    code, out, err = spl("install")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {unit_path(home)} is there already, and differs\n")
    assert "--force" in err
    assert "/bin/mine" in unit_path(home).read_text()
    assert systemd.asked() == []
    assert spl("install", "--force")[0] == 0
    assert "/bin/mine" not in unit_path(home).read_text()


def test_status_says_what_systemd_says_and_whether_the_unit_is_ours(
    spl: Run, home: Path, systemd: FakeSystemd
) -> None:
    spl("install")
    code, out, _ = spl("status")
    assert code == 0
    assert "state: active (running): serving" in out
    assert "PID: 4711" in out
    assert "restarted: 2 times" in out
    assert "differs" not in out
    unit_path(home).write_text(unit_path(home).read_text() + "# mine\n")
    assert "it differs from what this spl would write" in spl("status")[1]
    told = json.loads(spl("status", "-o", "json")[1])
    assert (told["active"], told["matches"], told["pid"], told["exists"]) == (True, False, 4711, True)


def test_uninstall_stops_it_and_removes_the_file_once(spl: Run, home: Path, systemd: FakeSystemd) -> None:
    spl("install")
    assert spl("uninstall")[0] == 0
    assert not unit_path(home).exists()
    assert systemd.asked()[-2:] == ["--user --no-pager disable --now spl", "--user --no-pager daemon-reload"]
    code, out, _ = spl("uninstall")
    assert (code, out) == (1, f"no service spl is installed at {unit_path(home)}\n")


def test_what_systemd_refuses_is_told_in_its_words(spl: Run, home: Path, systemd: FakeSystemd) -> None:
    systemd.fail()
    code, _, err = spl("install")
    assert code == 1
    assert "systemctl --user --no-pager daemon-reload: Failed to do that: no such thing" in err
    assert "state: unknown: systemctl" in spl("status")[1]


def test_where_systemd_does_not_run_nothing_is_written(
    spl: Run, home: Path, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managers, "BOOTED", systemd.folder / "none")
    code, out, err = spl("install")
    assert (code, out) == (1, "")
    assert err.startswith("error: systemd does not run here\n")
    assert not unit_path(home).exists()
    assert "state: unknown: systemd does not run here" in spl("status")[1]
    assert spl("install", "--dry-run")[0] == 0


def test_a_user_without_a_manager_is_told_how_to_get_one(
    spl: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(systemd.folder / "none"))
    code, _, err = spl("install")
    assert code == 1
    assert "systemd runs no services for this user here" in err
    assert "loginctl enable-linger" in err


def test_only_root_installs_for_the_whole_system(
    spl: Run, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    code, _, err = spl("install", "--system", "--run-as", "daemon")
    assert (code, err.splitlines()[0]) == (1, "error: only root can change services of the whole system")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("install", "--system"), 1, "a service of the whole system needs a user to run as"),
        (("install", "--system", "--run-as", "no-such-user"), 1, "there is no user 'no-such-user' here"),
        (("install", "--run-as", "daemon"), 2, "--run-as is only for --system"),
        (("install", "--manager", "launchd"), 2, "--manager is only for --dry-run"),
        (("install", "--name", "a b"), 2, "invalid name 'a b'"),
        (("install", "--name", "../x"), 2, "invalid name '../x'"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    spl: Run, systemd: FakeSystemd, words: tuple[str, ...], code: int, told: str
) -> None:
    ended, out, err = spl(*words)
    assert (ended, out) == (code, "")
    assert err.startswith(f"error: {told}\n")


def test_an_unknown_system_has_no_manager(spl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Plan9")
    code, _, err = spl("install", "--dry-run")
    assert (code, err.splitlines()[0]) == (1, "error: no service manager that spl knows runs on Plan9")


def test_a_service_of_the_system_names_its_user_and_waits_for_the_network(
    spl: Run, systemd: FakeSystemd
) -> None:
    told = parsed(spl("install", "--system", "--run-as", "daemon", "--dry-run")[1])
    assert told["Service"]["User"] == "daemon"
    assert told["Unit"]["After"] == "network-online.target"
    assert told["Install"]["WantedBy"] == "multi-user.target"


ODD = Service("spl", "/opt/my python/bin/python", Path('/srv/100% "odd"/$HOME/.syncro'), "/bin:/a b")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("account", ["", "daemon"])
@pytest.mark.parametrize("odd", [False, True])
def test_systemd_itself_finds_no_fault(tmp_path: Path, account: str, odd: bool) -> None:
    one = ODD if odd else Service("spl", "/usr/bin/env", Path("/srv/spl"), "/bin")
    unit = tmp_path / "spl.service"
    python = tmp_path / "my python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    unit.write_text(systemd_unit(Service("spl", str(python), one.home, one.path, account)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in ran.stderr.splitlines() if "spl.service" in line] == []
    assert ran.returncode == 0, ran.stderr


def test_odd_paths_are_quoted_for_systemd() -> None:
    told = parsed(systemd_unit(ODD))["Service"]
    home = '/srv/100%% \\"odd\\"/$$HOME/.syncro'
    assert told["ExecStart"].startswith(
        f'"/opt/my python/bin/python" -P -m syncropel.daemon --home "{home}" --shown-as "spl serve"'
    )
    assert shlex.split(told["ExecStart"])[5].replace("%%", "%").replace("$$", "$") == str(ODD.home)


def test_a_property_list_keeps_goals_running_and_starts_a_failed_daemon_again(spl: Run, home: Path) -> None:
    told = plistlib.loads(spl("install", "--dry-run", "--manager", "launchd")[1].encode())
    assert told["Label"] == "com.syncropel.spl"
    assert told["AbandonProcessGroup"] is True
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["ProgramArguments"][-1] == "--foreground"
    assert told["EnvironmentVariables"]["SYNCROPEL_HOME"] == str(home / ".syncro")
    assert plistlib.loads(launchd_plist(ODD).encode())["ProgramArguments"][5] == str(ODD.home)


@pytest.mark.parametrize(
    ("home", "name"),
    [
        (".syncro", "spl"),
        (".syncro-worker-a", "spl-worker-a"),
        ("syncropel", "spl"),
        ("home of spl", "spl-home-of-spl"),
    ],
)
def test_each_home_has_a_name_of_its_own(home: str, name: str) -> None:
    assert default_name(Path("/x") / home) == name
