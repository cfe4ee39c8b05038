"""What reads an answer is imported when there is one, and not before the request is sent."""

from __future__ import annotations

import subprocess
import sys

from syncropel.client import calls
from syncropel.client.late import Late, loaded
from syncropel.wire import FreezeOut, Page, RecordOut

FREEZE = """
import sys
import httpx
from syncropel.client import Client, Target, calls

seen = []

def answer(request):
    seen.append((request.method, request.url.path, "pydantic" in sys.modules))
    return httpx.Response(201, json={"record": "r", "namespace": "docs"})

target = Target(url="http://a", home="~")
with Client(target, transport=httpx.MockTransport(answer)) as client:
    assert client.send(calls.freeze({"namespace": "docs"})).record == "r"
assert seen == [("POST", "/v1/fleet/freeze", False)], seen
assert "pydantic" in sys.modules
"""


def test_a_freeze_is_sent_before_pydantic_is_imported() -> None:
    ran = subprocess.run([sys.executable, "-c", FREEZE], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_late_model_is_the_model() -> None:
    assert Late("FreezeOut").load() is FreezeOut
    assert Late("Page")[Late("RecordOut")].load() is Page[RecordOut]
    assert loaded(FreezeOut) is FreezeOut
    assert calls.threads().answer.__name__ == "Page[ThreadSummary]"
    assert calls.records().answer is Page[RecordOut]
