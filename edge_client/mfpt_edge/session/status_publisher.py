"""What a device tells about itself: a snapshot to the person before it, its state to everybody through the broker."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mfpt_edge.core.events import BrokerConnected, BrokerLost, CoordinatorSeen, Event, RelationsSeen, Told
from mfpt_edge.core.state import State
from mfpt_edge.session.channel import Channel
from mfpt_edge.session.course import CourseKeeper
from mfpt_edge.session.snapshot import Link, Snapshot
from mfpt_edge.session.standing import Standing
from mfpt_shared.device.rounds import Personal, Round
from mfpt_shared.protocol.messages import Ack, ClientState

STATE_SECONDS: Final = 2.0
"""Shortest time between two states that are not urgent: people cannot read faster."""

Observer = Callable[[Snapshot], None]


class StatusPublisher:
    """Keeps a snapshot of the device, shows it, and publishes the device's state.

    Attributes:
        snapshot: What the device is doing now.
    """

    def __init__(
        self,
        channel: Channel,
        state: State,
        clock: Callable[[], float],
        observe: Observer,
        standing: Standing,
        course: CourseKeeper,
    ) -> None:
        """Prepare to publish; nothing is shown or published yet.

        Args:
            channel: Channel to publish on, and to take the traffic from.
            state: State that the core starts from.
            clock: Unix seconds.
            observe: Called with a snapshot whenever something changed.
            standing: What the device waits for.
            course: How the device has done.
        """
        self._channel = channel
        self._state = state
        self._clock = clock
        self._observe = observe
        self._standing = standing
        self._course = course
        self._changed = False
        self._due = 0.0
        self._prepared_at: float | None = None
        self._device = ""
        self.snapshot = self._with_course(Snapshot(language=state.language, rounds_wanted=state.rounds_wanted))

    def follow(self, event: Event, state: State) -> None:
        """Show what happened, and the state after it."""
        self._state = state
        self._standing.follow(event, state, self._channel.longest)
        self._ask_how_far_others_are()
        if isinstance(event, RelationsSeen) and event.message.language == state.language:
            self._course.told(event.message)
        last = self._with_course(self._with_wait(self.snapshot))
        staleness = last.staleness
        if isinstance(event, Told) and isinstance(event.message, Ack):
            staleness = event.message.staleness
        self._show(
            replace(
                last,
                link=_link(event) or last.link,
                phase=state.phase,
                listens=state.phase == "done" and not state.ended,
                version=state.version,
                rounds=state.rounds,
                staleness=staleness,
                seconds_left=self._seconds_left(),
            )
        )

    def prepared(self, device: str, examples: int) -> None:
        """Note what the device trains on, now that it is known, and with how many examples."""
        self._device = device
        self._prepared_at = self._clock()
        self._show(replace(self.snapshot, examples=examples))

    def progressed(self, share: float, loss: float) -> None:
        """Show and publish how far the running training is."""
        self._show(replace(self.snapshot, progress=share, loss=loss))
        self.publish()

    def trained(self, done: Round) -> None:
        """Show a round that has ended."""
        last = self.snapshot
        held_rounds = last.held_rounds + (not done.on_all)
        self._show(replace(last, losses=(*last.losses, done.loss), held_rounds=held_rounds, progress=0.0))
        self.uses(done.personal)
        if done.accuracy is not None:
            self.measured(done.accuracy)

    def uses(self, personal: Personal) -> None:
        """Show what the device uses of a version."""
        self._course.uses(personal)
        share = personal.share if personal.chosen else None
        self._show(self._with_course(replace(self.snapshot, own_share=share)))

    def measured(self, accuracy: float) -> None:
        """Show the accuracy of a prompt that was received, on the held-out examples."""
        self._show(replace(self.snapshot, accuracies=(*self.snapshot.accuracies, accuracy)))

    def added_up(self, how: str) -> None:
        """Show where an update stands on its way under masks."""
        self._show(replace(self.snapshot, added_up=how))

    def spent(self, epsilon: float, limit: float) -> None:
        """Show what the updates have given away, and what they may; 0: there is no limit."""
        self._show(replace(self.snapshot, epsilon=epsilon, epsilon_limit=limit))

    def held_up(self, why: str) -> None:
        """Show what holds the device up on its own machine, in words; empty words: nothing does."""
        self._standing.hold(why, self._clock())
        self._show(self._with_wait(self.snapshot))

    def publish(self, *, at_once: bool = False) -> None:
        """Publish the state: at once, or when it is next due."""
        self._changed = True
        self.publish_if_due(at_once=at_once)

    def tell_if_due(self) -> None:
        """Say in the log what the device waits for, and ask how far the others are, if it is time to."""
        self._standing.tell_if_due()
        self._ask_how_far_others_are()
        self.publish_if_due()

    def publish_if_due(self, *, at_once: bool = False) -> None:
        """Publish the state if it changed since it was last published, and that is long enough ago."""
        now = self._clock()
        if self._state.connected and self._changed and (at_once or now >= self._due):
            self._changed, self._due = False, now + STATE_SECONDS
            self._publish_now(online=True)

    def next_deadline(self) -> float:
        """Return when `tell_if_due` must be called, Unix seconds; infinity for never."""
        publish_at = self._due if self._changed and self._state.connected else math.inf
        return min(publish_at, self._standing.next_deadline)

    def say_goodbye(self) -> None:
        """Publish that the device has left, if the broker is there to hear it."""
        if self._state.connected:
            self._state = replace(self._state, phase="done")
            self._publish_now(online=False)
        self._show(self.snapshot)

    def _with_wait(self, snapshot: Snapshot) -> Snapshot:
        wait = self._standing.wait
        if wait is None:
            return replace(snapshot, waits_for="", waits_since=None, advice="")
        return replace(snapshot, waits_for=wait.text, waits_since=self._standing.since, advice=wait.advice)

    def _with_course(self, snapshot: Snapshot) -> Snapshot:
        course = self._course.course
        return replace(snapshot, curve=course.curve, helped_by=course.helped_by)

    def _ask_how_far_others_are(self) -> None:
        """Listen to the others' progress for as long as the device waits for them."""
        if self._state.connected and self._standing.wants_progress:
            self._channel.follow_progress()
        else:
            self._channel.leave_progress(connected=self._state.connected)

    def _publish_now(self, *, online: bool) -> None:
        state = self._state
        message = ClientState(
            state="online" if online else "offline",
            language=state.language,
            phase=state.phase,
            progress=self.snapshot.progress if state.phase == "training" else 0.0,
            version=state.version or 0,
            device=self._device,
            epsilon=self.snapshot.epsilon,
        )
        self._channel.publish_state(message)

    def _show(self, snapshot: Snapshot) -> None:
        self.snapshot = replace(snapshot, bytes_up=self._channel.bytes_up, bytes_down=self._channel.bytes_down)
        self._observe(self.snapshot)

    def _seconds_left(self) -> float | None:
        """Return how long the remaining rounds will take, if they take as long as the finished ones."""
        rounds, wanted = self._state.rounds, self._state.rounds_wanted
        if wanted is None or not rounds or self._prepared_at is None:
            return None
        return (wanted - rounds) * (self._clock() - self._prepared_at) / rounds


def _link(event: Event) -> Link | None:
    """Return what an event says about broker and coordinator; None: nothing."""
    match event:
        case BrokerConnected():
            return "connected"
        case BrokerLost():
            return "reconnecting"
        case CoordinatorSeen(message=message):
            return "connected" if message.state == "online" else "no coordinator"
        case _:
            return None
