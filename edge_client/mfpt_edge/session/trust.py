"""Whose word counts as the coordinator's."""

from dataclasses import dataclass

from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import PublicKey, fingerprint


class Forged(DecodeError):
    """A message that somebody else than the coordinator signed."""


@dataclass(slots=True)
class Trust:
    """The coordinator's key, pinned.

    Attributes:
        key: Key that an invitation named; None in an open federation, where the first key that is seen counts until
            the process ends.
    """

    key: PublicKey | None = None

    def check(self, signer: PublicKey) -> None:
        """Accept a message that this key signed.

        Raises:
            Forged: The message is not the coordinator's.
        """
        if self.key is None:
            self.key = signer
        if signer != self.key:
            raise Forged(
                f"it is signed by {fingerprint(signer)}, not by the coordinator {fingerprint(self.key)}; if the "
                "coordinator was set up again, start this device again"
            )
