"""The edge client's core with a clock that the test moves."""

from typing import Final, Literal, TypeVar

from mfpt_edge.core.effects import Effect, Train
from mfpt_edge.core.events import (
    BrokerConnected,
    BrokerLost,
    CoordinatorSeen,
    Event,
    PlanReceived,
    Prepared,
    PromptReceived,
    TimePassed,
    Told,
    Trained,
)
from mfpt_edge.core.machine import step
from mfpt_edge.core.state import State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, Task
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    CoordinatorState,
    Disband,
    Prompt,
    PromptHeader,
    Reject,
    Resync,
    Stop,
)

FINGERPRINT: Final = "sha256:" + "0" * 64
PLAN: Final = Plan(task=Task(labels=("a", "b")), backbone=BackboneSpec(fingerprint=FINGERPRINT))
OTHER_PLAN: Final = Plan(task=Task(labels=("c", "d")), backbone=PLAN.backbone)
EffectT = TypeVar("EffectT", bound=Effect)


def prompt_of(version: int, plan: str = PLAN.digest, backbone: str = FINGERPRINT, epoch: int = 5) -> Prompt:
    """Return a prompt without tensors, which the core does not look at."""
    return Prompt(PromptHeader(language="swh", version=version, plan=plan, backbone=backbone, epoch=epoch), {})


class Device:
    """A device's core: what happens to it, and the effects of that."""

    def __init__(self, left_over: tuple[int, ...] = (), rounds: int | None = None, leave_after: float = 0.0) -> None:
        sequence = max((0, *left_over))
        self.state = State(
            LanguageCode("swh"),
            rounds_wanted=rounds,
            leave_after=leave_after,
            outbox=left_over,
            sequence=sequence,
            left_over=frozenset(left_over),
        )
        self.now = 1000.0
        self.effects: list[Effect] = []

    def feed(self, *events: Event) -> None:
        self.effects = []
        for event in events:
            self.state, effects = step(self.state, event)
            self.effects += effects

    def connects(self) -> None:
        self.feed(BrokerConnected(self.now))

    def loses_the_broker(self) -> None:
        self.feed(BrokerLost(self.now))

    def sees(self, state: Literal["online", "offline"] = "online", epoch: int = 5, version: int = 0) -> None:
        message = CoordinatorState(state=state, coordinator="c", version=version, started=1.0, epoch=epoch)
        self.feed(CoordinatorSeen(self.now, message))

    def receives(self, prompt: int | Prompt) -> None:
        """Receive a prompt, or one of this version that fits."""
        self.feed(PromptReceived(self.now, prompt_of(prompt) if isinstance(prompt, int) else prompt))

    def told(self, message: Assign | Ack | Reject | Resync | Disband | Stop) -> None:
        self.feed(Told(self.now, message))

    def assigned(self, version: int) -> None:
        self.told(Assign(version=version, deadline=60.0))

    def acknowledged(self, sequence: int) -> None:
        self.told(Ack(sequence=sequence))

    def trained(self, sequence: int) -> None:
        self.feed(Trained(self.now, sequence))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    def only(self, kind: type[EffectT]) -> list[EffectT]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def is_ready(self) -> "Device":
        self.connects()
        self.feed(PlanReceived(self.now, PLAN))
        self.receives(0)
        self.sees()
        self.feed(Prepared(self.now))
        return self

    def in_training(self) -> "Device":
        self.is_ready()
        self.assigned(0)
        assert len(self.only(Train)) == 1
        return self
