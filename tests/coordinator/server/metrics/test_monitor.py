"""What a coordinator answers to whoever monitors it, over HTTP on a real socket."""

import asyncio
import contextlib
import http.client
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mfpt_coord.core.state import initial
from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.metrics.http_server import MAX_READERS, monitored
from mfpt_coord.server.metrics.meters import Meters
from mfpt_coord.server.metrics.monitor import Answer, Monitor
from mfpt_coord.server.metrics.vital_signs import VitalSigns
from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.protocol.messages import UpdateCounts
from support.federation import tiny_plan

SOUND = VitalSigns(
    replace(initial(tiny_plan()), counts=UpdateCounts(accepted=7, stale=2), staleness={0: 4, 2: 3}),
    started=1.0,
    at=2.0,
    delivers=True,
    round_trip=0.01,
    in_place=True,
    saves=True,
    orders=0,
    unsaved=0,
    refused={"forged": 3},
    failed_logins=5,
)


def asked(folder: Path, signs: VitalSigns | None, path: str) -> tuple[int, str]:
    """Return what a coordinator that is like this answers."""

    async def scenario() -> Answer:
        monitor = Monitor(Meters(), folder / "database")
        if signs is not None:
            monitor.follow(asyncio.get_running_loop(), lambda: signs)
        return await asyncio.to_thread(monitor.answer, path)

    answer = asyncio.run(scenario())
    return answer.status, answer.body.decode()


def get(port: int, path: str) -> tuple[int, str, str]:
    """Ask over HTTP for status, kind and content."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Accept": "application/openmetrics-text"})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def test_prometheus_reads_updates_staleness_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "database").write_bytes(b"12345")
    status, text = asked(tmp_path, SOUND, "/metrics")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200
    assert found["mfpt_updates_total", "accepted"] == 7
    assert found["mfpt_updates_total", "stale"] == 2
    assert found["mfpt_update_staleness_bucket", "1.0"] == 4
    assert found["mfpt_update_staleness_bucket", "+Inf"] == 7
    assert found["mfpt_update_staleness_sum",] == 6
    assert found["mfpt_refused_messages_total", "forged"] == 3
    assert found["mfpt_failed_logins_total",] == 5
    assert found["mfpt_store_bytes", "database"] == 5
    assert found["mfpt_ready",] == 1


@pytest.mark.parametrize(
    ("signs", "check"),
    [
        (None, "leadership"),
        (replace(SOUND, delivers=False), "broker"),
        (replace(SOUND, in_place=False), "leadership"),
        (replace(SOUND, saves=False), "store"),
    ],
)
def test_a_coordinator_that_cannot_serve_is_not_ready_and_says_why(
    signs: VitalSigns | None, check: str, tmp_path: Path
) -> None:
    status, text = asked(tmp_path, signs, "/readyz")
    report = json.loads(text)
    assert (status, report["ready"]) == (503, False)
    assert [name for name, said in report["checks"].items() if said != "ok"] == [check]


def test_a_coordinator_that_serves_is_ready(tmp_path: Path) -> None:
    status, text = asked(tmp_path, SOUND, "/readyz")
    assert (status, json.loads(text)["ready"]) == (200, True)


def test_a_coordinator_that_waits_for_its_broker_or_stands_by_is_alive(tmp_path: Path) -> None:
    assert asked(tmp_path, None, "/healthz") == (200, "ok\n")
    assert asked(tmp_path, None, "/metrics")[0] == 200


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_loop_that_does_not_turn_is_not_alive(is_closed: bool, tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    if is_closed:
        loop.close()
    monitor = Monitor(Meters(), tmp_path / "database", patience=0.05)
    monitor.follow(loop, lambda: SOUND)
    answer = monitor.answer("/healthz")
    loop.close()
    assert answer.status == 503
    assert b"hangs" in answer.body


def test_what_else_is_asked_for_is_not_there(tmp_path: Path) -> None:
    assert asked(tmp_path, SOUND, "/etc/passwd")[0] == 404


@pytest.mark.network
def test_answers_come_over_http_and_more_readers_than_there_are_places_are_turned_away(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, str, str]:
        monitor = Monitor(Meters(), tmp_path / "database")
        monitor.follow(asyncio.get_running_loop(), lambda: SOUND)
        with monitored(Listen("127.0.0.1", 0), monitor) as port:
            answer = await asyncio.to_thread(get, port, "/metrics?debug=1")
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_READERS + 1)]
            assert await asyncio.to_thread(silent[-1].recv, 1) == b""
            for one in silent:
                one.close()
            return answer

    status, kind, text = asyncio.run(scenario())
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.network
def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monitor = Monitor(Meters(), Path("none"))
        with (
            pytest.raises(ConnectionFailed, match=rf"--metrics 127\.0\.0\.1:{port}: cannot listen"),
            monitored(Listen("127.0.0.1", port), monitor),
        ):
            raise AssertionError("it listens where another program does")
