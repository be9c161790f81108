"""A simulated device: what it is, and what it says to the coordinator."""

from dataclasses import dataclass

from mfpt_coord.core.events import ClientSaid, Event, MemberSaid, OfferMade
from mfpt_coord.simulate.pace import Pace
from mfpt_coord.simulate.sender import Said, Sender
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import ClientState, Down, Offer, Phase, Ready


@dataclass(slots=True)
class Device:
    """A simulated device.

    Attributes:
        id: Identifier as in the protocol, hexadecimal.
        rounds: The rounds that it runs, with its trainer.
        pace: How fast it is, and when it joins.
        sender: How it sends under masks; None: updates travel in the open.
        sequence: Number of its last update.
        fails_at: Order of its cohort that makes it drop out instead of answering; None: none does.
        is_away: Whether it has dropped out of a cohort and has not come back.
    """

    id: str
    language: LanguageCode
    trainer: Trainer
    rounds: Rounds
    pace: Pace
    sender: Sender | None = None
    sequence: int = 0
    fails_at: type[Down] | None = None
    is_away: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether it cannot train: it is away, or holds an update for a sum."""
        return self.is_away or (self.sender is not None and self.sender.waits)

    def joins(self, plan: Plan, at: float) -> list[Event]:
        """Return what it says when it joins or comes back: an update that it holds is offered first."""
        ready = Ready(
            language=self.language,
            examples=self.trainer.examples,
            plan=plan.digest,
            backbone=plan.backbone.fingerprint,
        )
        return [self.is_online(at), *self.offers_again(at), ClientSaid(at, self.id, ready)]

    def is_online(self, at: float, phase: Phase = "idle") -> Event:
        """Return that it is there."""
        return ClientSaid(at, self.id, ClientState(state="online", language=self.language, phase=phase))

    def is_offline(self, at: float) -> Event:
        """Return that it is gone."""
        return ClientSaid(at, self.id, ClientState(state="offline", language=self.language))

    def offers_again(self, at: float) -> list[Event]:
        """Return the offer of the update that it holds, if it holds one."""
        return [] if self.sender is None else self.says(self.sender.offer(), at)

    def says(self, said: Said | None, at: float) -> list[Event]:
        """Return what it says on the way into a sum."""
        if said is None:
            return []
        return [OfferMade(at, self.id, said) if isinstance(said, Offer) else MemberSaid(at, self.id, said)]
