"""The Compose file and the Dockerfiles: the programs take the command lines, and every file that is named is there."""

import http.server
import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.brokers import free_port
from support.certificates import Authority
from support.programs import run
from support.prometheus import find

pytestmark = pytest.mark.slow

DEPLOY: Final = Path(__file__).parent.parent.parent / "deploy"
COMPOSE: Final = DEPLOY / "compose" / "compose.yml"
DOCKERFILES: Final = sorted((DEPLOY / "docker").glob("*.Dockerfile"))
PROGRAMS: Final = {"mfpt-coord": "mfpt_coord", "mfpt-edge": "mfpt_edge"}


def services() -> dict[str, Any]:
    """Return the services, with every variable filled in."""
    text = re.sub(r"\$\{\w+:\?\}", "filled-in", COMPOSE.read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def instruction(file: Path, name: str) -> list[str]:
    """Return the words of an instruction of a Dockerfile that is written as a JSON array."""
    (line,) = re.findall(rf"^{name}\b[^\[\n]*(\[.*\])$", file.read_text(encoding="utf-8"), re.MULTILINE)
    words: list[str] = json.loads(line)
    return words


def written_cluster(folder: Path) -> Path:
    """Run the command that the Compose file begins with, and return the folder that it writes."""
    (line,) = re.findall(r"^#   mfpt-coord (broker-config .*)$", COMPOSE.read_text(encoding="utf-8"), re.MULTILINE)
    words = [str(folder / "nodes") if word == "nodes" else word for word in shlex.split(line)]
    written = run(folder, "mfpt_coord", *words)
    assert written.returncode == 0, written.stderr
    return folder / "nodes"


def shown_help(folder: Path, *command: str) -> None:
    """Run a program with a command line and --help: an unknown option is found before."""
    program, *words = command
    shown = run(folder, PROGRAMS[program], *words, "--help")
    assert shown.returncode == 0, shown.stderr


def test_coordinators_know_the_options_with_which_compose_starts_them(tmp_path: Path) -> None:
    first, second = (services()[name]["command"] for name in ("coordinator1", "coordinator2"))
    assert first == second
    (program,) = instruction(DEPLOY / "docker" / "server.Dockerfile", "ENTRYPOINT")
    shown_help(tmp_path, program, *first)


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_a_program_knows_the_options_with_which_its_image_starts_it(file: Path, tmp_path: Path) -> None:
    shown_help(tmp_path, *instruction(file, "ENTRYPOINT"), *instruction(file, "CMD"))


def test_a_device_knows_the_options_of_its_health_check(tmp_path: Path) -> None:
    shown_help(tmp_path, *instruction(DEPLOY / "docker" / "device.Dockerfile", "HEALTHCHECK"))


def test_the_nodes_take_the_configurations_that_are_written_for_them(tmp_path: Path) -> None:
    server = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    assert server is not None
    nodes, files = written_cluster(tmp_path), Authority(tmp_path).issue("node")
    for name in ("node1", "node2", "node3"):
        program, option, place = services()[name]["entrypoint"]
        assert (program, option) == ("nats-server", "-c")
        configuration = nodes / Path(place).name
        text = configuration.read_text(encoding="utf-8")
        text = text.replace("/etc/mfpt/tls/cert.pem", str(files.cert)).replace("/etc/mfpt/tls/key.pem", str(files.key))
        configuration.write_text(text, encoding="utf-8")
        checked = subprocess.run(
            [server, "-t", option, str(configuration)], capture_output=True, text=True, check=False, timeout=30
        )
        assert checked.returncode == 0, checked.stderr


def test_every_file_of_the_repository_that_a_service_mounts_is_there() -> None:
    made = ("./nodes/", "./tls", "./data/")
    mounted = [volume.split(":")[0] for service in services().values() for volume in service["volumes"]]
    missing = [one for one in mounted if not one.startswith(made) and not (COMPOSE.parent / one).is_file()]
    assert missing == []


def test_no_service_runs_as_root_or_writes_outside_of_its_volumes() -> None:
    for service in services().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] != "0"
    for file in DOCKERFILES:
        assert "\nUSER mfpt\n" in file.read_text(encoding="utf-8")


def test_prometheus_takes_the_configuration_that_compose_gives_it(tmp_path: Path) -> None:
    shutil.copy(COMPOSE.parent / "prometheus.yml", tmp_path)
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", tmp_path)
    checked = subprocess.run(
        [find("promtool"), "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.network
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_the_health_check_of_the_server_asks_for_its_health(status: int | None, healthy: bool) -> None:
    port = free_port()
    program, *words = instruction(DEPLOY / "docker" / "server.Dockerfile", "HEALTHCHECK")
    assert program == "python"
    words = [word.replace("9464", str(port)) for word in words]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" and status is not None else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", port if status is not None else 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        checked = subprocess.run([sys.executable, *words], capture_output=True, check=False, timeout=30)
        server.shutdown()
    assert (checked.returncode == 0) is healthy
