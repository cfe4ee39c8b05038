"""`spl adapter list` and what `spl doctor` says of adapters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.adapter import warn_of_adapters
from syncropel.settings.home import Home
from syncropel.wire import AdapterOut

from .conftest import Ran
from .doctor_findings import finding, fresh
from .live import daemon_home, live
from .wire import WORKER_A, instance

__all__ = ["daemon_home", "fresh", "live"]
Spl = Callable[..., Ran]


def test_the_adapters_of_every_instance_are_listed(spl: Spl, live: Path) -> None:
    ran = spl("adapter", "list")
    assert ran.out.splitlines() == [
        "INSTANCE     ADAPTER  TYPE  MAX  ISOLATION  COST KNOWN  CAN  MODELS",
        "coordinator  echo     echo  -    -          request     -    -",
    ]
    (one,) = spl("adapter", "list", "coordinator", "-o", "json").json["data"]
    assert (one["instance"], one["name"], one["usable"], one["problem"]) == ("coordinator", "echo", True, "")
    assert one["capabilities"]["cost"] == "request"


@pytest.mark.parametrize(
    ("config", "about", "state", "told"),
    [
        ("", "adapters", "ok", "echo"),
        ('[adapters.mine]\ntype = "exec"\ncommand = ["cat"]\n', "adapters", "ok", "echo, mine"),
        ('[adapters.mine]\ntype = "exec"\n', "adapters", "fail", "[adapters.mine] command is missing"),
        ("[adapters.mine]\n", "adapter mine", "warn", "no type 'mine' is installed"),
        (
            '[adapters.mine]\ntype = "exec"\ncommand = ["no-such-program"]\n',
            "adapter mine",
            "warn",
            "its program 'no-such-program' is not found",
        ),
        (
            '[adapters.mine]\ntype = "exec"\ncommand = ["cat"]\nsecrets = ["KEY"]\n',
            "adapter mine",
            "warn",
            "there is no secret 'KEY'",
        ),
        ('[dispatch]\nadapter = "mine"\n', "adapters", "warn", "the default adapter 'mine' is not enabled"),
    ],
)
def test_doctor_says_what_could_not_run(
    spl: Spl, fresh: Home, config: str, about: str, state: str, told: str
) -> None:
    fresh.config.write_text(config)
    found = finding(spl, about)
    assert (found["state"], told in found["told"]) == (state, True), found


def test_what_cannot_be_used_is_said_at_the_start_and_stops_nothing(spl: Spl, fresh: Home) -> None:
    fresh.config.write_text("[server]\nport = 0\n[adapters.ghost]\n")
    ran = spl("serve")
    try:
        assert ran.code == 0
        assert "warning: adapter ghost of coordinator: no type 'ghost' is installed" in ran.err
        listed = spl("adapter", "list")
        assert "ghost on coordinator cannot be used: no type 'ghost' is installed" in listed.out
    finally:
        assert spl("stop").code == 0


def test_what_an_instance_says_does_nothing_to_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = AdapterOut(name="mine", type="mine", problem="\x1b[2J gone")
    warn_of_adapters([instance(WORKER_A, "worker-a", 9201, adapters=[told])])
    assert "\x1b" not in (shown := capsys.readouterr().err)
    assert "adapter mine of worker-a" in shown
