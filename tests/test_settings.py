"""Settings: which instance an instance reports to."""

from __future__ import annotations

import pytest

from syncropel.settings.config import FleetSettings, ServerSettings, Settings, without_itself


@pytest.mark.parametrize(
    ("url", "port", "advertised", "role"),
    [
        ("", 9201, "", "coordinator"),
        ("http://127.0.0.1:9100", 9201, "", "worker"),
        ("http://127.0.0.1:9201", 9201, "", "coordinator"),
        ("http://127.0.0.1:9201/", 9201, "", "coordinator"),
        ("http://localhost:9201", 9201, "", "coordinator"),
        ("http://127.0.0.1:92010", 9201, "", "worker"),
        ("http://10.0.0.7:9201", 9201, "", "worker"),
        ("http://10.0.0.7:9201", 9201, "http://10.0.0.7:9201/", "coordinator"),
        ("http://10.0.0.8:9201", 9201, "http://10.0.0.7:9201", "worker"),
    ],
)
def test_who_is_to_report_to_itself_is_a_coordinator(url: str, port: int, advertised: str, role: str) -> None:
    """So the manual promotes a worker: its coordinator's address is removed, or its own is put there."""
    before = Settings(server=ServerSettings(port), fleet=FleetSettings("worker-a", url, advertised))
    after = without_itself(before)
    assert after.role == role
    assert after.fleet.coordinator_url == ("" if role == "coordinator" else url)
    assert after.server == before.server


@pytest.mark.parametrize(
    ("isolation_secs", "link", "secs"),
    [(0.0, False, 0.0), (0.0, True, 300.0), (60.0, True, 60.0), (9.0, False, 9.0)],
)
def test_a_linked_worker_is_never_cut_off_for_ever(isolation_secs: float, *, link: bool, secs: float) -> None:
    assert FleetSettings(isolation_secs=isolation_secs, link=link).isolated_after_secs == secs
