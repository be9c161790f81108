"""One federation under a virtual clock: the coordinator's own `step`, and devices that run real rounds.

A device's training is computed when it is assigned, and its update arrives after the time that its pace implies. Where
the plan has masks, an offer of it arrives, and the device takes part in the cohort that it is called to. Messages are
encoded as for MQTT, prompts in half precision and updates in 8 bits or under masks, and their bytes are counted.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from mfpt_coord.core.client import SILENT_SECONDS
from mfpt_coord.core.effects import Effect, LookUpDistances, PublishPrompt, SaveFold, SaveSum, Send
from mfpt_coord.core.events import (
    ClientSaid,
    DistancesFound,
    Event,
    MemberSaid,
    OfferMade,
    TimePassed,
    UpdateArrived,
)
from mfpt_coord.core.machine import step
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.relations import Distances
from mfpt_coord.core.schedule import fold_size, next_deadline
from mfpt_coord.core.state import State
from mfpt_coord.simulate.device import Device
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Assign, ClientState, Deliver, Down, Gather, Masked, Prompt, Unmask

# A device that dropped out comes back after this many of its usual rounds.
_OUTAGE_ROUNDS = 3.0
# A round also measures, before and after it trains, which takes as long as half an epoch.
_MEASURING_EPOCHS = 0.5
# A device that is training says so before the coordinator takes it for silent and assigns it again.
_STATE_SECONDS = SILENT_SECONDS / 2
# A device whose offer was dropped offers again after this time.
_OFFER_SECONDS = 15.0
# What a device that drops out of a cohort leaves without an answer: one of these, each as often as the others.
_ORDERS: Final = (Gather, Deliver, Unmask)


@dataclass(slots=True)
class Federation:
    """A coordinator's state, its devices, and the virtual time.

    Attributes:
        state: State of the coordinator.
        devices: Id -> device.
        distances: What every look-up finds.
        fleet: How long things take.
        rng: Source of randomness for drop-outs.
        budget: Number of updates that may be folded.
        on_version: Called after every fold, with this federation.
        on_update: Called after every update that was computed.
        at: Virtual time, seconds.
        updates: Number of updates that have arrived.
        bytes_up: Bytes of these updates, and of all that members of cohorts say, as payloads.
        bytes_down: Bytes of the prompts that went to every device of their language, and of all that members of cohorts
            are told, as payloads.
    """

    state: State
    devices: dict[str, Device]
    distances: Distances
    fleet: Fleet
    rng: np.random.Generator
    budget: int
    on_version: Callable[["Federation"], None] = lambda _: None
    on_update: Callable[[], None] = lambda: None
    at: float = 0.0
    updates: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    _summed: set[tuple[str, int]] = field(default_factory=set)
    _agenda: list[tuple[float, int, Event]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def run(self, until: float = math.inf) -> None:
        """Run until another full buffer would exceed the budget, nothing can happen, or the time (seconds) is over."""
        self._handle(TimePassed(self.at))
        for device in self.devices.values():
            self._plan(device.joins(self.state.plan, device.pace.joins_at))
        while not self._is_over:
            deadline = next_deadline(self.state, self.at)
            due = self._agenda[0][0] if self._agenda else math.inf
            following = min(due, deadline)
            if following > until or math.isinf(following):
                self.at = self.at if math.isinf(until) else until
                return
            self.at = following
            self._handle(heapq.heappop(self._agenda)[2] if due <= deadline else TimePassed(self.at))

    @property
    def _is_over(self) -> bool:
        return self.folded + fold_size(self.state) > self.budget

    @property
    def folded(self) -> int:
        """Number of updates that went into a version."""
        return self.state.counts.accepted - sum(len(one.updates) for one in self.state.buffer)

    def prompt(self, language: LanguageCode) -> Prompt:
        """Return a language's newest prompt as a device receives it; `und` for a language without a prompt."""
        return newest_prompt(self.state, language if language in self.state.prompts else UNDETERMINED)

    def _handle(self, event: Event) -> None:
        before = self.state
        self.state, effects = step(before, self._arrived(event))
        for effect in effects:
            self._do(effect)
        if self.state.offers is not before.offers:
            self._offer_again(before)

    def _arrived(self, event: Event) -> Event:
        """Count what arrives, and return it as the store and the network would have it."""
        match event:
            case UpdateArrived(payload=payload):
                self.updates += 1
                self.bytes_up += len(payload)
            case MemberSaid(message=message):
                self.updates += isinstance(message, Masked)
                self.bytes_up += len(encode(message))
            case OfferMade(client=client, offer=offer):
                self.bytes_up += len(encode(offer))
                return replace(event, is_stored=(client, offer.sequence) in self._summed)
            case ClientSaid(client=client, message=ClientState(state="online")):
                self.devices[client].is_away = False
        return event

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(client, Assign()):
                if not (self._is_over or self.devices[client].is_busy):
                    self._train(self.devices[client])
            case Send(client, message):
                self._tell(self.devices[client], message)
            case SaveSum(contribution):
                self._summed.update((one.client, one.sequence) for one in contribution.updates)
            case LookUpDistances(languages):
                self._plan([DistancesFound(self.at, languages, self.distances)])
            case PublishPrompt(language):
                receivers = sum(device.language == language for device in self.devices.values())
                if receivers:
                    self.bytes_down += receivers * len(encode(self.prompt(language)))
            case SaveFold():
                self.on_version(self)

    def _train(self, device: Device) -> None:
        drops_out = self.rng.random() < self.fleet.dropouts
        if drops_out and device.sender is None:
            usual = self._usual_seconds(device)
            self._work(device, self.at + usual / 2)
            self._leave(device, self.at + usual / 2, self.at + _OUTAGE_ROUNDS * usual)
            return
        device.sequence += 1
        update, done = device.rounds.run(device.sequence, self.prompt(device.language), lambda *_: None)
        self.on_update()
        arrives = self.at + 2 * self.fleet.latency + self._seconds(device, done.epochs)
        self._work(device, arrives)
        if device.sender is None:
            self._plan([UpdateArrived(arrives, device.id, update, encode(update))])
            return
        device.fails_at = _ORDERS[self.rng.integers(len(_ORDERS))] if drops_out else None
        self._plan(device.says(device.sender.hold(update), arrives))

    def _tell(self, device: Device, message: Down) -> None:
        """Let a device that sends under masks hear the coordinator, and answer, or drop out instead."""
        if device.sender is None or device.is_away:
            return
        self.bytes_down += len(encode(message))
        if type(message) is not device.fails_at:
            self._plan(device.says(device.sender.hear(message), self.at + 2 * self.fleet.latency))
            return
        device.fails_at, device.is_away = None, True
        device.sender.restart()
        self._leave(device, self.at, self.at + _OUTAGE_ROUNDS * self._usual_seconds(device))

    def _offer_again(self, before: State) -> None:
        """Let devices offer again whose offers were dropped without an answer."""
        held = [*self.state.offers, *(member for cohort in self.state.cohorts for member in cohort.members)]
        for client in sorted({one.client for one in before.offers} - {one.client for one in held}):
            if not self.devices[client].is_away:
                self._plan(self.devices[client].offers_again(self.at + _OFFER_SECONDS))

    def _leave(self, device: Device, at: float, until: float) -> None:
        self._plan([device.is_offline(at), *device.joins(self.state.plan, until)])

    def _work(self, device: Device, until: float) -> None:
        times = math.ceil((until - self.at) / _STATE_SECONDS)
        self._plan(device.is_online(self.at + time * _STATE_SECONDS, "training") for time in range(1, times))

    def _usual_seconds(self, device: Device) -> float:
        return self._seconds(device, self.state.plan.training.epochs_for(device.trainer.examples))

    def _seconds(self, device: Device, epochs: int) -> float:
        work = device.trainer.examples * (epochs + _MEASURING_EPOCHS)
        return work * self.fleet.example_seconds * device.pace.slowness

    def _plan(self, events: Iterable[Event]) -> None:
        for event in events:
            heapq.heappush(self._agenda, (event.at, next(self._order), event))
