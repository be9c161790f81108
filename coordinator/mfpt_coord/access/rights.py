"""Who may publish and read what: the one place that says so, for every kind of broker.

Nobody has any right outside of the federation's topics, above all none to a broker's own (`$JS/…`, `$SYS/…`).

A device that is bound to a language reads that language's prompt, and the one of all that have none. The prompts of
many languages are as many mixtures of the same updates: whoever reads them all can calculate back what each brought.
"""

from dataclasses import dataclass

from mfpt_coord.access.accounts import Role
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    ENROL_DOWN,
    ENROL_UP,
    LANGUAGE_RELATIONS,
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


def rights(role: Role, federation: str, key: str, language: LanguageCode | None = None) -> Rights:
    """Return what a role may do.

    Args:
        role: Role of the account.
        federation: Name of the federation.
        key: Id of the device, or of the invitation's token.
        language: Language that a device is bound to; None: any.
    """
    reads = (PLAN.path(federation), PROMPT.path(federation))
    said = (f"{ROOT}/{federation}/coord/#",)
    match role:
        case "device":
            own = (CLIENT_UP.path(federation, key), CLIENT_STATE.path(federation, key))
            readable = (*reads, *said) if language is None else _bound(federation, language)
            return Rights(own, (*readable, CLIENT_DOWN.path(federation, key)))
        case "reader":
            return Rights((), (*reads, COORDINATOR_STATE.path(federation)))
        case "monitor":
            return Rights((), (*reads, *said))
        case "invitation":
            return Rights((ENROL_UP.path(federation, key),), (ENROL_DOWN.path(federation, key),))


def _bound(federation: str, language: LanguageCode) -> tuple[str, ...]:
    """Return what a device reads that is bound to a language: the plan, two prompts, and what is said to all of it."""
    prompts = (PROMPT.path(federation, language), PROMPT.path(federation, UNDETERMINED))
    said = (f"{ROOT}/{federation}/coord/+", LANGUAGE_RELATIONS.path(federation, language))
    return PLAN.path(federation), *prompts, *said


def coordinator_rights(federation: str) -> Rights:
    """Return what the coordinator may do: everything in its federation."""
    everything = (f"{ROOT}/{federation}/#",)
    return Rights(everything, everything)
