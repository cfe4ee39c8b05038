"""`[adapters.NAME]` in a config: what may be said there, and what the error says when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable, read_secret
from syncropel.settings.config import Settings, dump_settings, edit_settings, load_settings
from syncropel.settings.home import Home

WHOLE = """
[adapters.fast]
type = "exec"
command = ["agent", "--json"]
args = ["-q"]
model = "m1"
models = ["m2"]
env = ["PROXY"]
set = { REGION = "eu" }
secrets = ["API_KEY"]
max_concurrent = 2
idle_secs = 30
default_budget_usd = 2
cwd = "/src"
extra = 1
"""


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "config.toml").write_text(text)
    return load_settings(Home(folder), {})


def test_every_key(tmp_path: Path) -> None:
    table = settings_of(tmp_path, WHOLE).adapters.tables["fast"]
    assert table == AdapterTable(
        "fast",
        "exec",
        ("agent", "--json"),
        ("-q",),
        "m1",
        ("m2",),
        ("PROXY",),
        {"REGION": "eu"},
        ("API_KEY",),
        2,
        30.0,
        2.0,
        "/src",
        {"extra": 1},
    )
    assert (table.kind, table.allowed_models, table.folder) == ("exec", ("m1", "m2"), Path("/src"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('command = "agent"', "[adapters.x] command must be a list of texts, not a str"),
        ("command = [1]", "[adapters.x] command must be a list of texts"),
        ('args = [""]', "[adapters.x] args must be a list of texts"),
        ("max_concurrent = -1", "[adapters.x] max_concurrent must be 0 or more, not -1"),
        ("max_concurrent = 1.5", "[adapters.x] max_concurrent must be a whole number, not 1.5"),
        ("max_concurrent = true", "[adapters.x] max_concurrent must be a whole number, not True"),
        ("idle_secs = nan", "[adapters.x] idle_secs must be 0 or more"),
        ('idle_secs = "1"', "[adapters.x] idle_secs must be a number, not a str"),
        ('type = "Exec it"', "[adapters.x] type must be a name such as exec, not a str"),
        ("model = 1", "[adapters.x] model must be a text, not 1"),
        ('model = "a\\u0000"', "[adapters.x] model must be a text"),
        ('set = "A=b"', "[adapters.x] set must be a table of texts"),
        ("set = { A = 1 }", "[adapters.x] set: A must be a text"),
        ('set = { "A B" = "1" }', "[adapters.x] set: 'A B' is not a variable name"),
        ('env = ["A=b"]', "[adapters.x] env: 'A=b' is not a variable name"),
        ('secrets = ["../fleet.token"]', "[adapters.x] secrets: '../fleet.token' is not a variable name"),
        ('secrets = ["SPL_TOKEN"]', "[adapters.x] secrets: 'SPL_TOKEN' is reserved"),
    ],
)
def test_a_bad_value_is_named_by_file_section_and_key(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(SetupError) as raised:
        settings_of(tmp_path, f"[adapters.x]\n{line}\n")
    assert f"{tmp_path / 'config.toml'}: {told}" in raised.value.message


@pytest.mark.parametrize("name", ["bash", "noop"])
def test_a_switch_beside_its_table_is_told_apart_from_other_mistakes(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError) as caught:
        settings_of(tmp_path, f"[adapters]\n{name} = false\n\n[adapters.{name}]\nidle_secs = 5.0\n")
    assert caught.value.hint.startswith(f"remove the line `{name} = …` from [adapters]")


@pytest.mark.parametrize("name", ["Claude", "a b", "bash_cwd", "run_as", "tables", "1x"])
def test_a_name_that_no_adapter_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match="invalid adapter name"):
        settings_of(tmp_path, f'[adapters."{name}"]\n')


def test_a_table_turns_its_adapter_on_and_the_older_keys_still_do(tmp_path: Path) -> None:
    table = settings_of(tmp_path, "[adapters.bash]\nmax_concurrent = 1\n").adapters
    assert (table.bash, table.enabled()["bash"].max_concurrent) == (True, 1)
    plain = settings_of(tmp_path, '[adapters]\nbash = true\nbash_cwd = "/src"\n').adapters
    assert (plain.bash, plain.enabled()["bash"].cwd, plain.tables) == (True, "/src", {})


def test_tables_stay_as_they_are_written_when_other_settings_change(tmp_path: Path) -> None:
    before = settings_of(tmp_path, WHOLE + "[adapters.bash]\n")
    after = settings_of(tmp_path, WHOLE + '[adapters.bash]\n[dispatch]\nadapter = "fast"\n')
    text = edit_settings(WHOLE + "[adapters.bash]\n", before, after)
    assert settings_of(tmp_path, text) == after
    assert 'set = { REGION = "eu" }' in text
    assert "tables" not in dump_settings(Settings())


@pytest.mark.parametrize(
    ("mode", "content", "told"),
    [
        (0o644, b"value", "may be read by others (mode 0644)"),
        (0o640, b"value", "may be read by others (mode 0640)"),
        (0o600, b"", "is empty"),
        (0o600, b"\xff\xfe", "is empty, too long, or not text"),
        (0o600, b"a\0b", "is empty, too long, or not text"),
        (0o600, b"x" * 70_000, "is empty, too long, or not text"),
    ],
)
def test_a_secret_that_is_not_kept_well_is_not_used(
    tmp_path: Path, mode: int, content: bytes, told: str
) -> None:
    path = tmp_path / "KEY"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SetupError) as raised:
        read_secret(tmp_path, "KEY")
    assert told in raised.value.message
    assert "value" not in raised.value.message + raised.value.hint


def test_a_secret_is_the_text_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "KEY"
    path.write_text("a b \n")
    path.chmod(0o600)
    assert read_secret(tmp_path, "KEY") == "a b "
    (tmp_path / "LINK").symlink_to(path)
    for name in ("LINK", "MISSING"):
        with pytest.raises(SetupError):
            read_secret(tmp_path, name)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('isolation = "jail"', r"\[adapters\] isolation: 'jail' is not known"),
        ('[adapters.bash]\nisolation = "jail"', r"\[adapters\.bash\] isolation: 'jail' is not known"),
        ('isolation = "user"', "needs the name of that user"),
        ('isolation = "none"\nrun_as = "nobody"', "run_as = 'nobody' has no effect"),
        ("[adapters.bash]\nnetwork = 1", r"\[adapters\.bash\] network must be true or false, not 1"),
    ],
)
def test_an_isolation_that_contains_nobody_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "config.toml").write_text(f"[adapters]\n{text}\n")
    with pytest.raises(SetupError, match=told):
        load_settings(Home(tmp_path), {})


def test_an_adapter_may_have_an_isolation_of_its_own(tmp_path: Path) -> None:
    text = 'run_as = "nobody"\n[adapters.bash]\n[adapters.noop]\nisolation = "sandbox"\n'
    (tmp_path / "config.toml").write_text(f"[adapters]\n{text}")
    adapters = load_settings(Home(tmp_path), {}).adapters
    found = {name: adapters.isolation_of(table) for name, table in adapters.enabled().items()}
    assert found == {"echo": "user", "bash": "user", "noop": "sandbox"}
