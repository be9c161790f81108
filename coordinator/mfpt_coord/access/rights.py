"""Who may publish and read what: the one place that says so, for every kind of broker.

Nobody has any right outside of the federation's topics, above all none to a broker's own (`$JS/…`, `$SYS/…`).
"""

from dataclasses import dataclass

from mfpt_coord.access.accounts import Role
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    ENROL_DOWN,
    ENROL_UP,
    PLAN,
    PROMPT,
    ROOT,
)


@dataclass(frozen=True, slots=True)
class Rights:
    """MQTT topic filters.

    Attributes:
        publish: What may be published.
        subscribe: What may be subscribed to.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def rights(role: Role, federation: str, key: str) -> Rights:
    """Return what a role may do.

    Args:
        role: Role of the account.
        federation: Name of the federation.
        key: Id of the device, or of the invitation's token.
    """
    reads = (PLAN.path(federation), PROMPT.path(federation))
    everything = (*reads, f"{ROOT}/{federation}/coord/#")
    match role:
        case "device":
            own = (CLIENT_UP.path(federation, key), CLIENT_STATE.path(federation, key))
            return Rights(own, (*everything, CLIENT_DOWN.path(federation, key)))
        case "reader":
            return Rights((), (*reads, COORDINATOR_STATE.path(federation)))
        case "monitor":
            return Rights((), everything)
        case "invitation":
            return Rights((ENROL_UP.path(federation, key),), (ENROL_DOWN.path(federation, key),))


def coordinator_rights(federation: str) -> Rights:
    """Return what the coordinator may do: everything in its federation."""
    everything = (f"{ROOT}/{federation}/#",)
    return Rights(everything, everything)
