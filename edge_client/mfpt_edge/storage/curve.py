"""How a device has done at each version of the federation's prompt, kept in its state folder through restarts."""

from typing import Annotated

import msgspec
from msgspec import Meta

_Share = Annotated[float, Meta(ge=0, le=1)]


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one version. Accuracies are on held-out examples, 0 to 1; None where nothing was measured.

    A device measures while it still leaves its held-out examples out of its training: in its first rounds.

    Attributes:
        at: When the device heard of the version, Unix seconds.
        version: The version.
        federated: Accuracy of the federation's prompt on this device's examples.
        alone: Accuracy of a head that has next to nothing of the federation's, fitted to this device's examples alone.
        used: Accuracy of what the device uses: a head with the own share that it has chosen.
        share: The own share, 0 to 1.
        language: Mean accuracy of the federation's prompt on all devices of the language, as the coordinator says.
    """

    at: float
    version: int
    federated: _Share | None = None
    alone: _Share | None = None
    used: _Share | None = None
    share: _Share | None = None
    language: _Share | None = None


Curve = tuple[CurvePoint, ...]
"""Oldest first."""
