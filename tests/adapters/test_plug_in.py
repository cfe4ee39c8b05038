"""The plug-in that the reference shows runs as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from syncropel.adapters import Job
from syncropel.adapters.contract import AdapterType, Place
from syncropel.adapters.registry import Types, enable
from syncropel.folds.fanout.child import AGENT_SESSION, SESSION, STREAM_EVENT
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "adapters.md"
PROGRAM = """
import json, sys
for line in ({"session": "s1"}, {"cost": 0.25}, {"say": sys.stdin.read().upper()}, {"done": True}):
    print(json.dumps(line))
print("garbage")
sys.exit(0 if sys.argv[1:] == ["--model", "loud"] else 1)
"""


async def test_the_plug_in_of_the_page(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(# shout\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "shout"}
    exec(compile(code, "shout.py", "exec"), names)
    assert isinstance(names["SHOUT"], AdapterType)
    table = AdapterTable("shout", command=(sys.executable, "-c", PROGRAM), model="loud")
    place = Place(tmp_path / "work", tmp_path / "run", Runtime())
    made = enable({"shout": table}, Types({"shout": names["SHOUT"]}), place)["shout"]
    assert made.adapter is not None
    assert made.problem == ""
    seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(kind: str, body: dict[str, Any]) -> None:
        seen.append((kind, body))

    outcome = await made.adapter.run(Job("th_1", "hello", 1, 60.0, model="loud"), observe)
    assert (outcome.verdict, outcome.summary, outcome.unread) == ("accept", "HELLO", 1)
    assert [kind for kind, _ in seen] == [SESSION, AGENT_SESSION, STREAM_EVENT]
    assert (seen[1][1]["session"], seen[2][1]["cost_usd"]) == ("s1", 0.25)
