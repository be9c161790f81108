"""What the edge client knows: one immutable value. Tensors and bytes stay with the session; here are their versions."""

from dataclasses import dataclass

from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Phase


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a decision of the edge client depends on. Times are Unix seconds, by a clock that never jumps.

    Attributes:
        language: Language of the device.
        rounds_wanted: Accepted updates after which the device makes no more; None: it goes on.
        leave_after: How long it then listens for what the others still make, at most, in seconds.
        connected: Whether the connection to the broker is up.
        waiting_since: When the device last subscribed, or began to wait for a last version.
        looks: How often it has subscribed again since then, because something that it waits for has not come.
        refused: Whether the broker has refused a subscription over this connection, and no order has come since.
        coordinator: Epoch of the coordinator that is online; None if no coordinator is.
        over_since: Since when the last word of the coordinator is that the federation has ended; None: it has not.
        plan: Plan that this device follows; None before it came.
        prepared: Whether data and backbone are loaded.
        against: Why no training may begin now, for people; empty: one may.
        announced: Whether the coordinator that is online knows that this device is ready.
        announced_at: When it was last told.
        phase: What the device is doing.
        version: Version of the newest prompt for the device's language; None before the first came.
        epoch: Epoch in which the newest prompt was published; in a later one, a lower version counts.
        published: Newest version that the coordinator is known to have published.
        asked: How often the device has asked for the prompt that it needs; 0 while it does not listen for any.
        ask_again_at: When it asks again, if that prompt has not come.
        assigned: Lowest version to train from; None without an assignment.
        outbox: Sequence numbers of unacknowledged updates, oldest first.
        sent_at: When the outbox was last sent.
        alone_since: Since when an update waits for others to be added up with under masks, the coordinator being
            there; None while none does.
        sequence: Highest number that an update of this device has had, as far as the device knows.
        last_number: Number of the last update that the plan's privacy budget allows; None: it has no limit.
        left_over: Numbers of updates in the outbox that earlier runs made.
        failures: Failed trainings since the last one that succeeded.
        base: Version that the running training started from.
        trained_from: Version that the last finished training started from; -1 before the first.
        rounds: Updates of this run that were accepted.
        contained_from: Lowest version that can hold the last accepted update of this run.
        done_at: When it made its last round; None before that.
        leaving: Whether the device only waits for the prompt that it leaves with.
        leave_at_version: Version that a leaving device waits for.
        leave_by: When a leaving device stops waiting.
        ended: Whether the device has left or was refused; nothing changes after that.
    """

    language: LanguageCode
    rounds_wanted: int | None = None
    leave_after: float = 0.0
    connected: bool = False
    waiting_since: float = 0.0
    looks: int = 0
    refused: bool = False
    coordinator: int | None = None
    over_since: float | None = None
    plan: Plan | None = None
    prepared: bool = False
    against: str = ""
    announced: bool = False
    announced_at: float = 0.0
    phase: Phase = "preparing"
    version: int | None = None
    epoch: int = 0
    published: int = 0
    asked: int = 0
    ask_again_at: float = float("inf")
    assigned: int | None = None
    outbox: tuple[int, ...] = ()
    sent_at: float = 0.0
    alone_since: float | None = None
    sequence: int = 0
    last_number: int | None = None
    left_over: frozenset[int] = frozenset()
    failures: int = 0
    base: int = -1
    trained_from: int = -1
    rounds: int = 0
    contained_from: int = 0
    done_at: float | None = None
    leaving: bool = False
    leave_at_version: int = 0
    leave_by: float = float("inf")
    ended: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the device trains no more."""
        return self.leaving or self.done_at is not None

    @property
    def has_spent_all(self) -> bool:
        """Whether another update would exceed the privacy budget."""
        return self.last_number is not None and self.sequence >= self.last_number

    @property
    def is_masked(self) -> bool:
        """Whether updates leave under masks."""
        return self.plan is not None and self.plan.privacy.is_masked

    def holds(self, version: int) -> bool:
        """Tell whether the device has a prompt of this version or a newer one."""
        return self.version is not None and self.version >= version
