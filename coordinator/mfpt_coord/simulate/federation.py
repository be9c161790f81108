"""One federation under a virtual clock: the coordinator's own `step`, and devices that run real rounds.

A device's training is computed when it is assigned, and its update arrives after the time that its pace implies.
Messages are encoded as for MQTT, prompts in half precision and updates in 8 bits, and their bytes are counted.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from mfpt_coord.core.effects import Effect, LookUpDistances, PublishPrompt, SaveFold, Send
from mfpt_coord.core.events import ClientSaid, DistancesFound, Event, TimePassed, UpdateArrived
from mfpt_coord.core.machine import step
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.relations import Distances
from mfpt_coord.core.schedule import SILENT_SECONDS, fold_size, next_deadline
from mfpt_coord.core.state import State
from mfpt_coord.simulate.fleet import Fleet
from mfpt_coord.simulate.pace import Pace
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Assign, ClientState, Prompt, Ready

# A device that dropped out comes back after this many of its usual rounds.
_OUTAGE_ROUNDS = 3.0
# A round also measures, before and after it trains, which takes as long as half an epoch.
_MEASURING_EPOCHS = 0.5
# A device that is training says so before the coordinator takes it for silent and assigns it again.
_STATE_SECONDS = SILENT_SECONDS / 2


@dataclass(slots=True)
class Device:
    """A simulated device.

    Attributes:
        id: Identifier as in the protocol, hexadecimal.
        rounds: The rounds that it runs, with its trainer.
        pace: How fast it is, and when it joins.
        sequence: Number of its last update.
    """

    id: str
    language: LanguageCode
    trainer: Trainer
    rounds: Rounds
    pace: Pace
    sequence: int = 0


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
        bytes_up: Bytes of these updates, as payloads.
        bytes_down: Bytes of the prompts that went to every device of their language, as payloads.
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
    _agenda: list[tuple[float, int, Event]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def run(self, until: float = math.inf) -> None:
        """Run until another full buffer would exceed the budget, nothing can happen, or the time (seconds) is over."""
        self._handle(TimePassed(self.at))
        for device in self.devices.values():
            self._join(device, device.pace.joins_at)
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
        return self.state.counts.accepted - len(self.state.buffer)

    def prompt(self, language: LanguageCode) -> Prompt:
        """Return a language's newest prompt as a device receives it; `und` for a language without a prompt."""
        return newest_prompt(self.state, language if language in self.state.prompts else UNDETERMINED)

    def _handle(self, event: Event) -> None:
        if isinstance(event, UpdateArrived):
            self.updates += 1
            self.bytes_up += len(event.payload)
        self.state, effects = step(self.state, event)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(client, Assign()) if not self._is_over:
                self._train(self.devices[client])
            case LookUpDistances(languages):
                self._plan([DistancesFound(self.at, languages, self.distances)])
            case PublishPrompt(language):
                receivers = sum(device.language == language for device in self.devices.values())
                if receivers:
                    self.bytes_down += receivers * len(encode(self.prompt(language)))
            case SaveFold():
                self.on_version(self)

    def _train(self, device: Device) -> None:
        usual = self._seconds(device, self.state.plan.training.epochs_for(device.trainer.examples))
        if self.rng.random() < self.fleet.dropouts:
            offline = ClientState(state="offline", language=device.language)
            self._work(device, self.at + usual / 2)
            self._plan([ClientSaid(self.at + usual / 2, device.id, offline)])
            self._join(device, self.at + _OUTAGE_ROUNDS * usual)
            return
        device.sequence += 1
        update, done = device.rounds.run(device.sequence, self.prompt(device.language), lambda *_: None)
        payload = encode(update)
        self.on_update()
        arrives = self.at + 2 * self.fleet.latency + self._seconds(device, done.epochs)
        self._work(device, arrives)
        self._plan([UpdateArrived(arrives, device.id, update, payload)])

    def _work(self, device: Device, until: float) -> None:
        training = ClientState(state="online", language=device.language, phase="training")
        times = math.ceil((until - self.at) / _STATE_SECONDS)
        self._plan(ClientSaid(self.at + time * _STATE_SECONDS, device.id, training) for time in range(1, times))

    def _join(self, device: Device, at: float) -> None:
        plan, trainer, language = self.state.plan, device.trainer, device.language
        ready = Ready(
            language=language, examples=trainer.examples, plan=plan.digest, backbone=plan.backbone.fingerprint
        )
        online = ClientState(state="online", language=language)
        self._plan([ClientSaid(at, device.id, online), ClientSaid(at, device.id, ready)])

    def _seconds(self, device: Device, epochs: int) -> float:
        work = device.trainer.examples * (epochs + _MEASURING_EPOCHS)
        return work * self.fleet.example_seconds * device.pace.slowness

    def _plan(self, events: Iterable[Event]) -> None:
        for event in events:
            heapq.heappush(self._agenda, (event.at, next(self._order), event))
