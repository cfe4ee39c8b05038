"""Which adapters an instance has, from entry points and its config; what is broken stops nothing."""

from __future__ import annotations

import json
import logging
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters.contract import AdapterType, Capabilities, Place
from syncropel.adapters.registry import (
    GROUP,
    Enabled,
    Types,
    as_told,
    enable,
    installed,
    load_types,
    log_problems,
    told,
)
from syncropel.adapters.synthetic import NoopAdapter
from syncropel.errors import SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterSettings, AdapterTable
from syncropel.wire import Heartbeat

MINE = AdapterType(lambda table, place: NoopAdapter(), Capabilities(text=True, cost="turn"))
NOT_ONE = "something else"


def _breaks(table: AdapterTable, place: Place) -> Any:
    raise ZeroDivisionError("no adapter today")


BREAKS = AdapterType(_breaks, Capabilities())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "secrets").mkdir()
    return Place(tmp_path / "work", tmp_path / "run", Runtime(), secrets=tmp_path / "secrets")


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_what_is_built_in_is_found_as_plug_ins_are() -> None:
    assert {"bash", "echo", "exec", "noop"} <= installed().known.keys()
    assert installed().broken == {}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("tests.adapters.no_such_module:X", "ModuleNotFoundError"),
        (f"{__name__}:NOTHING", "AttributeError"),
        (f"{__name__}:NOT_ONE", "it is not an AdapterType"),
        ("this is no reference", "is broken"),
    ],
)
def test_a_broken_plug_in_is_named_and_the_others_are_there(value: str, told: str) -> None:
    types = load_types([entry("bad", value), entry("mine", f"{__name__}:MINE")])
    assert types.known == {"mine": MINE}
    assert told in types.broken["bad"]
    assert value in types.broken["bad"]


def test_of_two_plug_ins_of_one_name_the_second_is_left_out() -> None:
    value = f"{__name__}:MINE"
    types = load_types([entry("mine", value), entry("mine", value)])
    assert (list(types.known), "two plug-ins" in types.broken["mine"]) == (["mine"], True)


def test_what_cannot_be_made_is_logged_with_the_reason(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    types = Types({"mine": MINE, "breaks": BREAKS}, {"bad": "its plug-in is broken: x"})
    tables = {name: AdapterTable(name) for name in ("mine", "breaks", "bad", "unknown")}
    with caplog.at_level(logging.ERROR):
        made = enable(tables, types, place)
        log_problems(types, made)
    assert {name for name, one in made.items() if one.adapter} == {"mine"}
    told = {name: one.problem for name, one in made.items()}
    assert told == {
        "mine": "",
        "breaks": "its type breaks broke: ZeroDivisionError: no adapter today",
        "bad": "its plug-in is broken: x",
        "unknown": "no type 'unknown' is installed; known: breaks, mine",
    }
    assert [record.getMessage() for record in caplog.records] == [
        "adapter type bad: its plug-in is broken: x",
        *(f"adapter {name}: {told[name]}" for name in ("breaks", "bad", "unknown")),
    ]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (AdapterTable("echo", args=("x",)), "unknown key 'args' in [adapters.echo]"),
        (AdapterTable("bash", command=("x",)), "unknown key 'command' in [adapters.bash]"),
        (AdapterTable("mine", type="exec"), "[adapters.mine] command is missing"),
        (AdapterTable("mine", "exec", ("x",), options={"urll": 1}), "unknown key 'urll' in [adapters.mine]"),
    ],
)
def test_a_bad_value_stops_the_start(place: Place, table: AdapterTable, told: str) -> None:
    with pytest.raises(SetupError) as raised:
        enable({table.name: table}, installed(), place)
    assert told in raised.value.message


def test_a_secret_that_is_missing_is_a_problem_until_it_is_there(place: Place) -> None:
    table = AdapterTable("mine", "exec", ("true",), secrets=("API_KEY",))
    made = enable({"mine": table}, installed(), place)["mine"]
    assert made.adapter is not None
    assert "no secret 'API_KEY'" in made.problem
    assert "no secret 'API_KEY'" in as_told(made)["problem"]
    (place.secrets / "API_KEY").write_text("value")
    (place.secrets / "API_KEY").chmod(0o600)
    assert (made.problem, as_told(made)["problem"]) == ("", "")


def test_what_is_missing_is_known_of_every_type(place: Place) -> None:
    posts = {"url": "http://localhost/", "secret_headers": {"Authorization": "TOKEN"}}
    tables = {
        "bash": AdapterTable("bash", secrets=("TOKEN",)),
        "posts": AdapterTable("posts", "http", options=posts),
        "gone": AdapterTable("gone", "exec", ("no-such-program",)),
    }
    told = {name: one.problem for name, one in enable(tables, installed(), place).items()}
    assert "no secret 'TOKEN'" in told["bash"]
    assert "no secret 'TOKEN'" in told["posts"]
    assert told["gone"].startswith("its program 'no-such-program' is not found")


def test_what_others_are_told_of_an_adapter(place: Place) -> None:
    table = AdapterTable("mine", model="a", models=("b", "a"), max_concurrent=2, set={"KEY": "hidden"})
    told = as_told(enable({"mine": table}, Types({"mine": MINE}), place)["mine"])
    assert told["capabilities"] == {
        "text": True,
        "tools": False,
        "tokens": False,
        "cost": "turn",
        "resume": False,
        "messages": False,
        "permissions": False,
        "denials": False,
    }
    assert (told["name"], told["type"], told["models"], told["usable"]) == ("mine", "mine", ["a", "b"], True)
    assert "hidden" not in str(told)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (AdapterSettings(), {"echo"}),
        (AdapterSettings(bash=True), {"echo", "bash"}),
        (AdapterSettings(noop=True, tables={"mine": AdapterTable("mine")}), {"echo", "noop", "mine"}),
    ],
)
def test_which_adapters_a_config_enables(settings: AdapterSettings, names: set[str]) -> None:
    assert settings.enabled().keys() == names


def test_the_older_key_is_the_folder_of_bash_unless_its_table_has_one() -> None:
    plain = AdapterSettings(bash=True, bash_cwd="/old").enabled()["bash"]
    table = AdapterSettings(bash_cwd="/old", tables={"bash": AdapterTable("bash", cwd="/new")}).enabled()
    assert (plain.cwd, table["bash"].cwd) == ("/old", "/new")


def test_no_config_makes_a_heartbeat_that_a_coordinator_refuses() -> None:
    models = tuple(f"model-{number}" for number in range(300))
    name = "a" * 64
    one = Enabled(AdapterTable(name, models=models), None, broken="\udcff" + "x" * 5000)
    many = told({f"{number}": one for number in range(300)})
    beat = Heartbeat.model_validate(
        {
            "did": "did:sync:instance:0",
            "alias": "worker-a",
            "role": "worker",
            "endpoint": "",
            "version": "1",
            "uptime_secs": 1,
            "adapters": many,
        }
    )
    assert beat.adapters is not None
    assert len(beat.adapters) == 256
    assert json.dumps(many, ensure_ascii=False).encode()
