"""Downloads from a hub, played by a server on loopback: what is too large is not fetched, what was measured is."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.network

COMMIT: Final = "a" * 40
FILES: Final = {"config.json": b'{"hidden_size": 8, "num_hidden_layers": 2}', "model.safetensors": b"w" * 5000}


class Hub(ThreadingHTTPServer):
    """Holds one repository, and remembers which of its files were fetched."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.fetched: list[str] = []


class Request(BaseHTTPRequestHandler):
    """Answers as much of the hub's interface as `snapshot_download` uses."""

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        del format, args

    def _answer(self, *, with_content: bool) -> None:
        path = self.path.partition("?")[0]
        if path == "/api/models/org/name/revision/main":
            self._send(json.dumps({"id": "org/name", "sha": COMMIT, "siblings": []}).encode(), with_content)
        elif path == f"/api/models/org/name/tree/{COMMIT}":
            tree = [{"type": "file", "oid": "b" * 40, "size": len(of), "path": name} for name, of in FILES.items()]
            self._send(json.dumps(tree).encode(), with_content)
        elif path.startswith(f"/org/name/resolve/{COMMIT}/"):
            name = path.rpartition("/")[2]
            if with_content:
                assert isinstance(self.server, Hub)
                self.server.fetched.append(name)
            self._send(FILES[name], with_content)
        else:
            self.send_error(404)

    def _send(self, content: bytes, with_content: bool) -> None:
        self.send_response(200)
        for name, value in (("X-Repo-Commit", COMMIT), ("ETag", f'"{len(content)}"')):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if with_content:
            self.wfile.write(content)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(hub: Hub, home: Path, limit: int) -> "subprocess.CompletedProcess[str]":
    """Fetch in a process of its own, because the hub's client reads its environment when it is imported."""
    code = f"from mfpt_shared.backbones.hub import fetch_model; print(fetch_model('org/name', '', {limit}))"
    environment = os.environ | {
        "HF_HOME": str(home),
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NO_PROXY": "127.0.0.1",
    }
    environment.pop("HF_HUB_CACHE", None)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, timeout=60
    )


def test_a_download_beyond_the_limit_is_refused_before_a_byte_of_it_is_fetched(hub: Hub, tmp_path: Path) -> None:
    end = fetch(hub, tmp_path, 4000)
    assert "NotAllowed: hf:org/name is a download of" in end.stderr
    assert hub.fetched == []


def test_a_download_within_the_limit_is_made_at_the_commit_that_was_measured(hub: Hub, tmp_path: Path) -> None:
    end = fetch(hub, tmp_path, 6000)
    folder = Path(end.stdout.strip())
    assert folder.name == COMMIT, end.stderr
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == FILES
    assert sorted(hub.fetched) == sorted(FILES)


def test_what_is_here_already_counts_for_nothing(hub: Hub, tmp_path: Path) -> None:
    fetch(hub, tmp_path, 6000)
    again = fetch(hub, tmp_path, 0)
    assert again.returncode == 0, again.stderr
    assert sorted(hub.fetched) == sorted(FILES)
