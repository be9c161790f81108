"""The board and the alerts in deploy/, through a real Prometheus."""

import asyncio
import contextlib
import json
import math
import re
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from mfpt_shared.plan import Plan, Privacy, checked
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.transport.mqtt import MqttTransport
from support.federation import LANGUAGES, Device, as_device, running, tiny_plan
from support.programs import Serving, serve
from support.prometheus import find, scraping
from support.stub import StubTrainer

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
PRIVACY = Privacy(clip_norm=0.5, noise="local", noise_multiplier=4.0, epsilon=200.0)
PLAIN = tiny_plan(buffer=2)
NOISY = checked(msgspec.structs.replace(PLAIN, privacy=PRIVACY))
"""Devices under noise say what they have spent, and keep their accuracies to themselves."""


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana" / "mfpt.json").read_text(encoding="utf-8"))
    return found


def board_queries() -> list[str]:
    """Return every query of the board, with its variables as Grafana fills them in."""
    targets = [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    return [query.replace("$instance", ".*").replace("$__rate_interval", "30s") for query in targets]


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metrics_of(serving: Serving) -> str:
    """Return host and port at which a coordinator serves its metrics."""
    found = re.search(r"metrics: http://([^/]+)/metrics", "".join(serving.log))
    assert found is not None, serving.log
    return found[1]


async def say_nonsense(serving: Serving) -> None:
    transport = MqttTransport(as_device(serving.address, "someone"), "someone")
    await transport.connect()
    transport.publish(CLIENT_UP.path(PLAIN.federation, "someone"), b"nonsense")
    await transport.flush(5)
    await transport.close()


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def has_numbers(found: list[Any]) -> bool:
    return any(not math.isnan(float(series["value"][1])) for series in found)


@contextlib.asynccontextmanager
async def federation(folder: Path, plan: Plan) -> AsyncIterator[Serving]:
    """Run a coordinator and three devices that do not end, and send it a message that nobody can read."""
    folder.mkdir()
    file = folder / "plan.toml"
    file.write_text(plan_to_toml(plan), encoding="utf-8")
    async with serve(folder, folder / "data", "--plan", str(file), "--metrics", "0") as serving:
        await say_nonsense(serving)
        devices = [Device(folder / tag, tag, serving.address, StubTrainer(step=0.1)) for tag in LANGUAGES]
        async with running(*devices):
            yield serving


@pytest.mark.slow
@pytest.mark.network
def test_every_query_of_the_board_and_of_the_alerts_is_answered_while_federations_run(tmp_path: Path) -> None:
    find("prometheus")

    async def scenario() -> tuple[list[str], list[str], str]:
        async with federation(tmp_path / "plain", PLAIN) as plain, federation(tmp_path / "noisy", NOISY) as noisy:
            targets = [metrics_of(plain), metrics_of(noisy)]
            async with scraping(tmp_path, targets, ALERTS) as prometheus:
                for query in board_queries():
                    await prometheus.until(has_numbers, query)
                for alert in alerts():
                    prometheus.query(alert["expr"])  # it raises where an expression means nothing
                rules = prometheus.get("/api/v1/rules")["groups"][0]["rules"]
                firing = [one["labels"]["alertname"] for one in prometheus.get("/api/v1/alerts")["alerts"]]
                page = await asyncio.to_thread(read, f"http://{targets[0]}/metrics")
                return [rule["name"] for rule in rules if rule["health"] == "ok"], firing, page

    healthy, firing, page = asyncio.run(asyncio.wait_for(scenario(), 120))

    assert healthy == [alert["alert"] for alert in alerts()]
    assert firing == []
    promtool(tmp_path, "check", "metrics", text=page)  # names, units and help are as Prometheus wants them


def promtool(folder: Path, *command: str, text: str = "") -> None:
    """Run a check of Prometheus' own, of files or of a text, which must succeed."""
    checked = subprocess.run(
        [find("promtool"), *command], cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_configuration_of_prometheus_is_valid() -> None:
    promtool(DEPLOY / "prometheus", "check", "config", "prometheus.yml")


@pytest.mark.slow  # it goes through days of series
def test_each_fault_raises_its_alert_and_a_healthy_coordinator_none(tmp_path: Path) -> None:
    for file in (ALERTS, Path(__file__).with_name("alerts_test.yml")):
        shutil.copy(file, tmp_path)
    promtool(tmp_path, "test", "rules", "alerts_test.yml")


def test_every_alert_has_series_that_raise_it() -> None:
    tested = Path(__file__).with_name("alerts_test.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'alertname="(\w+)"', tested)) == {alert["alert"] for alert in alerts()}


def test_every_alert_says_what_to_do_and_how_urgent_it_is() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in {"critical", "warning"}, alert
        assert {"summary", "description"} <= alert["annotations"].keys(), alert


def test_panels_of_the_board_have_titles_of_their_own_and_do_not_overlap() -> None:
    panels = board()["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
