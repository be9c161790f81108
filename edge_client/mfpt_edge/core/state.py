"""What the edge client knows: one immutable value. Tensors and bytes stay with the shell; here are their versions."""

from dataclasses import dataclass

from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Phase


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a decision of the edge client depends on.

    Attributes:
        connected: to the broker.
        subscribed_at: when topics were last asked for, Unix seconds.
        heard: the coordinator's state, online or offline, has come since the connection stands.
        coordinator: start time of the coordinator that is online; None if none is.
        plan: that this device follows, once it is known.
        prepared: data and backbone are loaded.
        announced: the coordinator that is online has been told that this device is ready.
        announced_at: when it was last told, Unix seconds.
        version_from: start time of the coordinator that was online when the newest prompt came.
        version: of the newest prompt for the device's language; None if none came yet.
        assigned: version that the device is to train from, at least; None if it is not assigned.
        outbox: sequence numbers of unacknowledged updates, oldest first.
        sent_at: when the outbox was last sent, Unix seconds.
        sequence: of the last update that was made.
        first_sequence: of the first update that this run may make; older ones are left over from earlier runs.
        base: version that the running training started from.
        trained_from: version that the last finished training started from; -1 if none has been finished.
        failures: trainings in a row that came to nothing.
        rounds: updates of this run that were accepted.
        rounds_wanted: leave after so many; None: stay.
        leaving: the device is done; it waits only for a prompt that holds its last update, until `leave_by`.
    """

    language: LanguageCode
    rounds_wanted: int | None = None
    connected: bool = False
    subscribed_at: float = 0.0
    heard: bool = False
    coordinator: float | None = None
    plan: Plan | None = None
    prepared: bool = False
    announced: bool = False
    announced_at: float = 0.0
    phase: Phase = "preparing"
    version: int | None = None
    version_from: float | None = None
    assigned: int | None = None
    outbox: tuple[int, ...] = ()
    sent_at: float = 0.0
    sequence: int = 0
    first_sequence: int = 1
    failures: int = 0
    base: int = -1
    trained_from: int = -1
    rounds: int = 0
    leaving: bool = False
    leave_at_version: int = 0
    leave_by: float = float("inf")
    ended: bool = False
