"""GET /metrics through the real application: what is counted, under which names, and who may read it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from syncropel.engine.meters import Histogram
from syncropel.errors import StoreError

from .conftest import DID, NOOP, Api, MakeApi, assert_error, record, until
from .test_links import linked
from .two_instances import two_instances

DOCS = Path(__file__).parents[2] / "docs" / "howto" / "metrics"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
UNITS = ("_seconds", "_bytes", "_usd", "_records", "_items")
LABELS = {"act", "outcome", "loop", "verdict", "state", "level", "method", "route", "status", "socket", "le",
          "version", "role"}  # fmt: skip


async def families(api: Api) -> dict[str, Metric]:
    answer = await api.operator.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


async def value(api: Api, sample: str, **labels: str) -> float:
    """The value of the one sample with this name and exactly these labels."""
    found = [
        one.value
        for family in (await families(api)).values()
        for one in family.samples
        if one.name == sample and one.labels == labels
    ]
    assert len(found) == 1, (sample, labels, found)
    return found[0]


async def test_records_are_counted_by_act_and_by_what_became_of_them(durable: Api) -> None:
    async def known(outcome: str) -> float:
        return await value(durable, "syncropel_records_ingested_total", act="KNOW", outcome=outcome)

    before = [await known(one) for one in ("created", "duplicate", "refused")]
    whole = record(clock=7, body={"page": 1})
    assert (await durable.operator.post("/v1/records", json=whole)).status_code == 201
    assert (await durable.operator.post("/v1/records", json=whole)).status_code == 200
    other = record(clock=7, body={"page": 2}, actor=whole["actor"])
    refused = await durable.operator.post("/v1/records", json=other)
    assert refused.status_code >= 400
    after = [await known(one) for one in ("created", "duplicate", "refused")]
    assert [one - other for one, other in zip(after, before, strict=True)] == [1, 1, 1]
    assert await value(durable, "syncropel_store_records") == durable.engine.store.count
    assert await value(durable, "syncropel_store_size_bytes") > 0


async def test_what_the_disk_refused_is_counted_as_failed(
    durable: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> NoReturn:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(durable.engine.store, "append", full)
        assert_error(await durable.operator.post("/v1/records", json=record()), 500, "STORE_ERROR")
    assert await value(durable, "syncropel_records_ingested_total", act="KNOW", outcome="failed") == 1
    assert await value(durable, "syncropel_loop_errors_total", loop="ingest") == 1


async def test_a_join_its_attempts_and_their_cost_are_counted(make_api: MakeApi) -> None:
    api = await make_api(NOOP)
    await api.task(alias="T")
    assert (await api.fan_out("T", {}, {})).status_code == 201

    async def joined() -> bool:
        return await value(api, "syncropel_joins_total", verdict="accept") == 1

    await until(joined)
    assert await value(api, "syncropel_dispatches_ended_total", verdict="accept") == 2
    assert await value(api, "syncropel_fanouts_open") == 0
    assert await value(api, "syncropel_dispatches", state="running") == 0
    assert await value(api, "syncropel_loop_iterations_total", loop="dispatch") == 2
    assert await value(api, "syncropel_loop_iterations_total", loop="reconcile") > 0


async def test_cost_is_counted_once_where_it_is_spent_and_where_it_is_reported(tmp_path: Path) -> None:
    async with two_instances(tmp_path) as two:
        said = 'echo 0.25 >> "$SPL_COST_FILE"'
        await two.fan_out(said)

        async def reported() -> bool:
            return await value(two.coordinator, "syncropel_fanout_cost_usd_total") > 0

        await until(reported)
        assert await value(two.coordinator, "syncropel_fanout_cost_usd_total") == pytest.approx(0.25)
        assert await value(two.worker, "syncropel_dispatch_cost_usd_total") == pytest.approx(0.25)
        assert await value(two.coordinator, "syncropel_dispatch_cost_usd_total") == 0
        assert await value(two.worker, "syncropel_fanout_cost_usd_total") == 0


async def test_a_freeze_is_in_force_and_timed_until_the_other_instance_confirms(tmp_path: Path) -> None:
    async with two_instances(tmp_path) as two:
        await until(lambda: _has_two(two.coordinator))
        two.network.down.add("worker-b")
        order = {"level": "soft", "namespace": "docs", "reason": "wrong prices"}
        answer = await two.coordinator.operator.post("/v1/fleet/freeze", json=order)
        assert answer.status_code in (200, 201, 503), answer.text
        count = "syncropel_freeze_confirmation_seconds_count"
        assert await value(two.coordinator, "syncropel_freezes", level="soft") == 1
        assert await value(two.coordinator, "syncropel_freezes_unconfirmed") == 1
        assert await value(two.coordinator, count) == 0
        two.network.down.discard("worker-b")
        two.coordinator.engine.control.propagation.push_all()

        async def confirmed() -> bool:
            return await value(two.coordinator, "syncropel_freezes_unconfirmed") == 0

        await until(confirmed)
        assert await value(two.coordinator, count) == 1
        assert await value(two.coordinator, "syncropel_freeze_confirmation_seconds_sum") > 0
        assert await value(two.worker, "syncropel_freezes", level="soft") == 1
        assert await value(two.worker, "syncropel_coordinator_round_trip_seconds") > 0


async def _has_two(api: Api) -> bool:
    return await value(api, "syncropel_instances", state="live") == 2


async def test_a_link_is_counted_on_both_sides(tmp_path: Path) -> None:
    async with linked(tmp_path) as two:
        sides = (two.coordinator, two.worker)

        async def counted() -> bool:
            # Each side hears for itself that the link is up.
            return [await value(one, "syncropel_links", state="up") for one in sides] == [1, 1]

        await until(counted)
        assert [await value(one, "syncropel_links", state="refused") for one in sides] == [0, 0]


async def test_requests_are_counted_by_template_never_by_name(api: Api) -> None:
    await api.task(alias="T")
    for name in ("T", "missing", "other"):
        await api.operator.get(f"/v1/tasks/{name}")
    await api.operator.get("/v1/no/such/route")
    await api.operator.request("PROPFIND", "/v1/tasks")
    await api.tcp.get("/v1/tasks/T")
    await api.post()
    told = (await families(api))["syncropel_http_requests"]
    found = {tuple(one.labels[key] for key in ("method", "route", "status")): one.value
             for one in told.samples if one.name.endswith("_total")}  # fmt: skip
    assert found["GET", "/v1/tasks/{name}", "200"] == 1
    assert found["GET", "/v1/tasks/{name}", "404"] == 2
    assert found["GET", "none", "404"] == 1
    assert found["GET", "none", "401"] == 1  # refused before anybody looked for a route
    assert found["POST", "/v1/records", "201"] == 1
    assert {method for method, _, _ in found} <= {"GET", "POST", "other"}
    assert not any("missing" in route or "such" in route for _, route, _ in found)


async def test_the_names_keep_to_the_conventions(api: Api) -> None:
    for name, family in (await families(api)).items():
        assert re.fullmatch(r"(syncropel|process)_[a-z_]+", name)
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge", "histogram")
        assert all(set(one.labels) <= LABELS for one in family.samples)
        if family.type == "counter":
            assert all(one.name == f"{name}_total" for one in family.samples)
        assert not re.search(r"_(ms|secs|mb|kb|count|total)$", name)
        measured = [unit for unit in ("second", "byte", "usd") if unit in name]
        assert not measured or name.removesuffix("_total").endswith(UNITS), name


async def test_no_id_alias_or_name_is_ever_a_label(make_api: MakeApi) -> None:
    api = await make_api(NOOP)
    before = {sample for one in (await families(api)).values() for sample in _series(one)}
    for name in ("A", "B", "C"):
        await api.task(alias=name)
        await api.fan_out(name, {}, namespace=f"space-{name.lower()}")
    after = {sample for one in (await families(api)).values() for sample in _series(one)}
    assert {name for name, _ in after - before} <= {"syncropel_http_requests_total"}
    assert DID not in (await api.operator.get("/metrics")).text


def _series(family: Metric) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(one.name, tuple(sorted(one.labels.items()))) for one in family.samples}


async def test_openmetrics_is_answered_to_who_reads_it(api: Api) -> None:
    answer = await api.operator.get("/metrics", headers={"accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "syncropel_joins" in {one.name for one in openmetrics(answer.text)}  # type: ignore[no-untyped-call]


async def test_a_scrapers_token_reads_counters_and_nothing_else(api: Api) -> None:
    scraper = await api.bearer("metrics:read")
    assert (await api.tcp.get("/metrics", headers=scraper)).status_code == 200
    assert_error(await api.tcp.get("/v1/records", headers=scraper), 403, "FORBIDDEN", "records:read")
    assert_error(await api.tcp.get("/v1/engine/health", headers=scraper), 403, "FORBIDDEN")
    assert_error(await api.tcp.get("/metrics"), 401, "UNAUTHORIZED")
    reader = await api.bearer("records:read")
    assert (await api.tcp.get("/metrics", headers=reader)).status_code == 200


async def test_without_the_extra_it_says_what_to_install(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    answer = await api.operator.get("/metrics")
    assert_error(answer, 501, "NOT_INSTALLED", "prometheus-client")
    assert "pip install 'syncropel-console[metrics]'" in answer.json()["hint"]


# What the documentation offers to copy


def _expressions() -> dict[str, str]:
    board: dict[str, Any] = json.loads((DOCS / "dashboard.json").read_text())
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in board["panels"]
        for target in panel["targets"]
    }
    queries = {one["name"]: one["query"] for one in board["templating"]["list"]}
    rules: Mapping[str, Any] = yaml.safe_load((DOCS / "alerts.yaml").read_text())
    alerts = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    return {**found, "variable instance": queries["instance"], **alerts}


@pytest.fixture
async def known_samples(tmp_path: Path) -> dict[str, set[str]]:
    """Every sample's name on a coordinator and a worker, with the labels that it has."""
    known: dict[str, set[str]] = {"up": {"job", "instance"}}
    async with two_instances(tmp_path) as two:
        await until(lambda: _has_trip(two.worker))
        await until(lambda: _has_two(two.coordinator))
        for api in (two.coordinator, two.worker):
            for family in (await families(api)).values():
                for one in family.samples:
                    known.setdefault(one.name, {"job", "instance"}).update(one.labels)
    return known


async def _has_trip(api: Api) -> bool:
    return bool((await families(api))["syncropel_coordinator_round_trip_seconds"].samples)


async def test_dashboard_and_alerts_use_only_what_is_there(known_samples: dict[str, set[str]]) -> None:
    used: set[str] = set()
    for where, text in _expressions().items():
        assert text.count("(") == text.count(")"), where
        names = re.findall(r"\b(?:up|(?:syncropel|process)_[a-z_]+)\b", text)
        assert names, where
        assert set(names) <= known_samples.keys(), where
        for name, matchers in re.findall(r"\b((?:syncropel|process|up)[a-z_]*)\{([^}]*)\}", text):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            assert labels <= known_samples[name], where
        used.update(names)
    shown = {re.sub(r"_(bucket|sum|count)$", "", one) for one in used}
    assert {"syncropel_records_ingested_total", "syncropel_freeze_confirmation_seconds"} <= shown


def test_every_panel_says_in_which_unit_and_no_two_overlap() -> None:
    board = json.loads((DOCS / "dashboard.json").read_text())
    assert len({one["id"] for one in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"])
                 for down in range(place["h"])}  # fmt: skip
        assert not cells & taken
        assert max(right for right, _ in cells) < 24
        taken |= cells


def test_a_histograms_bucket_includes_its_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for one in (0.5, 1.0, 1.5, 2.5):
        histogram.observe(one)
    assert histogram.cumulative() == [(1.0, 2), (2.0, 3), (float("inf"), 4)]
    assert histogram.sum == 5.5


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_finds_no_fault(api: Api, tmp_path: Path) -> None:
    """Where Prometheus is installed, it also parses every expression."""
    rules = [{"record": f"panel:{at}", "expr": text} for at, text in enumerate(_expressions().values())
             if not text.startswith("label_values")]  # fmt: skip
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    samples = (await api.operator.get("/metrics")).content
    for words, given in (
        (["check", "rules", str(DOCS / "alerts.yaml"), str(tmp_path / "all.yaml")], b""),
        (["check", "metrics"], samples),
    ):
        ran = await asyncio.to_thread(_promtool, words, given)
        assert (ran.returncode, ran.stderr) == (0, b""), ran.stdout


def _promtool(words: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["promtool", *words], input=given, capture_output=True, timeout=60, check=False)
