"""Where the operator's page is, and how browsers may name that."""

from pathlib import Path

import pytest

from mfpt_coord.server.broker_config import Certificate, Listen
from mfpt_coord.server.web import WebSetting

CERTIFICATE = Certificate(Path("page.crt"), Path("page.key"))


@pytest.mark.parametrize(
    ("port", "certificate", "is_named"), [(80, None, False), (443, CERTIFICATE, False), (8470, None, True)]
)
def test_a_browser_names_the_port_of_a_page_unless_it_is_the_usual_one(
    port: int, certificate: Certificate | None, *, is_named: bool
) -> None:
    setting = WebSetting(Listen("127.0.0.1", port), ("127.0.0.1", "::1"), Path("db"), certificate)

    hosts = setting.hosts(port)

    assert {f"127.0.0.1:{port}", f"[::1]:{port}"} <= hosts
    assert ("127.0.0.1" not in hosts, "[::1]" not in hosts) == (is_named, is_named)
