"""Invitations and requests for tests of the coordinator's core."""

from dataclasses import replace
from typing import Any

from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.effects import AnswerEnrolment
from mfpt_coord.core.events import DeviceRevoked, EnrolAsked, Invited
from mfpt_shared.invitation import proof
from mfpt_shared.keys import digest
from mfpt_shared.protocol.messages import Admitted, Enrol, EnrolAnswer, Refused
from support.coordinator_core import SWAHILI, Federation
from support.sealing import key_of

TOKEN = "token-1"


def invitation(**changes: Any) -> Invitation:
    made = Invitation(TOKEN, digest("secret"), "device", SWAHILI, None, uses=1, expires=None, created=0.0)
    return replace(made, **changes)


def request(user: str = "d1", signer: str = "", **changes: Any) -> Enrol:
    about: dict[str, Any] = {
        "language": "swh",
        "nonce": "n",
        "password": f"password-{user}",
        "client": f"client-{user}",
        "proof": proof(digest("secret"), key_of(signer or user).public),
    }
    return Enrol(user=user, **about | changes)


class ClosedFederation(Federation):
    """A closed federation's core, with the coordinator's clock in the hands of the test."""

    def __init__(self, **aggregation: Any) -> None:
        super().__init__(**aggregation)
        self.state = replace(self.state, open=False)

    def invites(self, **changes: Any) -> None:
        self.feed(Invited(self.now, invitation(**changes), "secret"))

    def asks(self, user: str = "d1", signer: str = "", token: str = TOKEN, **changes: Any) -> EnrolAnswer:
        """Ask to be admitted; by default the signer has the key of the same name as the device."""
        self.feed(EnrolAsked(self.now, token, request(user, signer, **changes), key_of(signer or user).public))
        (answer,) = [effect.message for effect in self.only(AnswerEnrolment)]
        return answer

    def admits(self, user: str = "d1", **changes: Any) -> None:
        """Invite and admit a device."""
        self.invites(id=f"token-{user}", **changes)
        assert isinstance(self.asks(user, token=f"token-{user}"), Admitted)

    def revokes(self, user: str = "d1") -> None:
        self.feed(DeviceRevoked(self.now, user))


def refused_because(answer: EnrolAnswer) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


def enrolled(client: str, **changes: Any) -> Enrolment:
    return replace(Enrolment(client, key_of(client).public, language=SWAHILI, token=TOKEN), **changes)
