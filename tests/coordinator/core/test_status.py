"""What the coordinator says about a federation."""

import pytest

from mfpt_coord.core.events import ClientSaid
from mfpt_coord.core.status import federation_status
from mfpt_shared.protocol.messages import EvaluationReport, Metrics
from support.coordinator_core import SWAHILI, Federation


def test_the_status_shows_languages_devices_and_what_became_of_updates() -> None:
    federation = Federation(buffer=3)
    federation.ready("a", SWAHILI, examples=30)
    federation.ready("b", SWAHILI, examples=10)
    federation.update("a", examples=30, metrics=Metrics(accuracy=0.9))
    federation.update("a", examples=30)
    federation.feed(
        ClientSaid(federation.now, "b", EvaluationReport(language="swh", version=0, accuracy=0.5, examples=5))
    )
    status = federation_status(federation.state, started=1.0, at=2000.0)
    assert (status.updates.accepted, status.updates.duplicate) == (1, 1)
    assert (status.version, status.buffer, status.buffer_size, status.started, status.at) == (0, 1, 3, 1.0, 2000.0)
    swahili = status.languages["swh"]
    assert (swahili.clients, swahili.examples) == (2, 40)
    assert swahili.accuracy == pytest.approx((30 * 0.9 + 10 * 0.5) / 40)
    assert [client.id for client in status.clients] == ["a", "b"]
