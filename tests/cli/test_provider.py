"""`spl provider`, and where a pause is shown."""

from __future__ import annotations

from pathlib import Path

from .live import daemon_home, live
from .test_commands import Spl

__all__ = ["daemon_home", "live"]


def test_pause_list_status_resume(live: Path, spl: Spl) -> None:
    assert spl("provider", "list").out == "no provider is paused\n"
    made = spl("provider", "pause", "anthropic", "--for", "600", "--reason", "save\x1b[31m the rest")
    assert made.code == 0
    assert made.out.startswith("✓ provider anthropic is paused until ")
    assert "  Lift it: spl provider resume anthropic\n" in made.out
    listed = spl("provider", "list")
    assert listed.out.startswith("provider anthropic is paused until ")
    assert "\x1b" not in listed.out + made.out
    (one,) = spl("provider", "list", "-o", "json").json["data"]
    assert (one["provider"], 0 < one["secs"] <= 600) == ("anthropic", True)
    assert "  Paused: provider anthropic is paused until " in spl("fleet", "status").out
    lifted = spl("provider", "resume", "anthropic")
    assert (lifted.code, lifted.out) == (0, "✓ provider anthropic takes new goals again\n")
    assert "Paused" not in spl("fleet", "status").out


def test_what_is_wrong_is_named(live: Path, spl: Spl) -> None:
    nothing = spl("provider", "resume", "openai")
    assert (nothing.code, "provider 'openai' is not paused" in nothing.err) == (1, True)
    for secs in ("0", "-1", "inf", "nan", "soon"):
        assert spl("provider", "pause", "openai", "--for", secs).code == 2
    assert spl("provider", "pause", "openai").code == 2
    assert spl("provider", "pause", "Some One", "--for", "60").code != 0
    assert spl("provider", "list").out == "no provider is paused\n"
