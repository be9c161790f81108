"""`mfpt-coord broker-config`: what another broker than the embedded one needs."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mfpt_coord.commands.app import app
from mfpt_coord.server.cluster_config import parse_nodes
from mfpt_shared.errors import UsageError
from mfpt_shared.transport.address import BrokerAddress
from support.adversary import connect, until_heard
from support.brokers import find_mosquitto, free_port, until_it_listens
from support.systems import IS_ROOT


def broker_config(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["broker-config", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.network
@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
def test_the_coordinator_can_use_a_mosquitto_that_runs_on_the_files(tmp_path: Path) -> None:
    folder, address = tmp_path / "broker", BrokerAddress("127.0.0.1", free_port())
    broker_config("mosquitto", "--out", str(folder), "--listen", f"127.0.0.1:{address.port}", "--federation", "radio")
    password = (folder / "coordinator.password").read_text(encoding="ascii").strip()
    if IS_ROOT:  # it would become another user, who cannot read the files
        with (folder / "mosquitto.conf").open("a", encoding="utf-8") as conf:
            conf.write("user root\n")

    async def scenario() -> None:
        with (tmp_path / "log").open("wb") as log:
            server = await asyncio.create_subprocess_exec(
                find_mosquitto() or "", "-c", str(folder / "mosquitto.conf"), stdout=log, stderr=log
            )
            try:
                await until_it_listens(address)
                coordinator, inbox = await connect(address, "coord", password, "coordinator")
                coordinator.subscribe("mfpt/v1/radio/client/+/up")
                await until_heard(coordinator, "mfpt/v1/radio/client/ann/up", b"update", inbox)
                await coordinator.close()
            finally:
                server.kill()
                await server.wait()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_what_is_written_is_private_and_the_password_is_in_one_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    printed = broker_config("mosquitto", "--out", str(folder))
    password = (folder / "coordinator.password").read_text(encoding="ascii").strip()

    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == dict.fromkeys(
        ("mosquitto.conf", "acl", "passwords", "coordinator.password"), 0o600
    )
    assert [file.name for file in folder.iterdir() if password in file.read_text()] == ["coordinator.password"]
    assert password not in printed


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    broker_config("mosquitto", "--out", str(tmp_path))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    result = CliRunner().invoke(app, ["broker-config", "mosquitto", "--out", str(tmp_path)])

    assert "mosquitto.conf already" in str(result.exception)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_table_of_rights_is_printed_for_other_brokers() -> None:
    printed = broker_config("other", "--federation", "radio")

    assert "mfpt/v1/radio/client/<id>/up" in printed
    assert "reads     mfpt/v1/radio/enrol/<token>/down" in printed


def test_the_table_of_rights_can_be_read_by_a_program() -> None:
    users = {entry["role"]: entry for entry in json.loads(broker_config("other", "--json"))["users"]}

    assert set(users) == {"coordinator", "device", "reader", "monitor", "invitation"}
    assert users["monitor"]["publish"] == []
    assert users["invitation"]["user"] == "invite-<token>"


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        (("a", "b"), "3 or 5 nodes, not 2"),
        (("a", "b", "c", "d"), "3 or 5 nodes, not 4"),
        (("a", "b", "a"), "name the same one"),
        (("a", "b", "c:mqtt"), "give HOST"),
        (("a", "b", "c:1:2:3"), "give HOST"),
        (("a", "b", ":1883"), "give HOST"),
    ],
)
def test_nodes_of_which_no_cluster_can_be_made_are_refused(nodes: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_nodes(list(nodes))


def test_a_cluster_keeps_everything_on_each_node_and_devices_have_no_right_to_what_is_the_coordinator_s(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "nodes"
    named = [part for host in ("a.net", "b.net", "c.net") for part in ("--node", host)]
    printed = broker_config("nats-cluster", "--out", str(folder), *named, "--federation", "radio")
    texts = [(folder / f"node{number}.conf").read_text(encoding="utf-8") for number in (1, 2, 3)]
    users, _ = json.JSONDecoder().raw_decode(texts[0].partition("authorization { users: ")[2])
    passwords = [
        (folder / f"{name}.password").read_text(encoding="ascii").strip() for name in ("coordinator", "devices")
    ]

    assert all("stream_replicas: 3" in text for text in texts)
    assert "mqtt://coord@a.net:1883,mqtt://coord@b.net:1883,mqtt://coord@c.net:1883" in printed
    assert not any(password in printed for password in passwords)
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert [user["password"] for user in users] == passwords
    assert sorted(users[1]["permissions"]["publish"]["allow"]) == [
        "mfpt.v1.radio.client.*.state",
        "mfpt.v1.radio.client.*.up",
        "mfpt.v1.radio.enrol.*.up",
    ]
