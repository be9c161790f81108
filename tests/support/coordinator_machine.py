"""What is true of a coordinator's core after every event, and a book of its answers to compare its state with."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis.stateful import RuleBasedStateMachine, invariant

from mfpt_coord.core import optimiser
from mfpt_coord.core.combine import combine, parts
from mfpt_coord.core.consensus import usual_shares
from mfpt_coord.core.effects import (
    Effect,
    LookUpDistances,
    PublishPrompt,
    SaveDistances,
    SaveFold,
    SavePrompt,
    SaveRollback,
    SaveUpdate,
    Send,
)
from mfpt_coord.core.events import Event as CoordinatorEvent
from mfpt_coord.core.events import TimePassed
from mfpt_coord.core.machine import step as coordinator_step
from mfpt_coord.core.schedule import fold_size, next_deadline
from mfpt_coord.core.state import State as CoordinatorState
from mfpt_coord.core.taking_part import counted_shares
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Assign, Update
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import Array, dense, flatten
from support.device_walks import check_indices
from support.plain_fold import check_fold


@dataclass
class Book:
    """What was asked of the coordinator and what it answered, kept apart from its state."""

    ready: set[str] = field(default_factory=set)
    accepted: list[tuple[str, int]] = field(default_factory=list)
    folded: list[tuple[str, int]] = field(default_factory=list)
    deltas: dict[tuple[str, int], Array] = field(default_factory=dict)
    payloads: dict[tuple[str, int], bytes] = field(default_factory=dict)
    prompts: dict[LanguageCode, Array] = field(default_factory=dict)
    moments: dict[LanguageCode, Array] = field(default_factory=dict)
    looked_up: list[frozenset[LanguageCode]] = field(default_factory=list)

    def keep(self, effect: Effect, state: CoordinatorState) -> None:
        match effect:
            case SaveUpdate(contribution, payload):
                key = (contribution.client, contribution.header.sequence)
                assert key not in self.accepted
                self.accepted.append(key)
                self.payloads[key] = payload
                update = decode(CLIENT_UP, payload)
                assert isinstance(update, Update)
                self.deltas[key] = flatten(dense(update.delta), state.layout)
            case SavePrompt(language, _, vector):
                assert language not in self.prompts
                self.prompts[language] = vector
            case SaveFold():
                self.replay(effect, state)
            case SaveRollback(prompts=prompts, sources=sources):
                assert prompts.keys() == self.prompts.keys()
                self.prompts = dict(prompts)
                self.moments = {language: one for language, one in self.moments.items() if language not in sources}
            case SaveDistances(distances):
                assert distances.items() <= state.relations.distances.items()
            case LookUpDistances(languages):
                self.looked_up.append(languages)
            case PublishPrompt(language):
                assert language in state.prompts
            case Send(client, Assign(version=version)):
                assert client in self.ready
                assert version == state.version

    def replay(self, fold: SaveFold, state: CoordinatorState) -> None:
        """The weights and the deltas, which the store keeps, rebuild the prompts and the optimiser's memory."""
        assert fold.prompts.keys() == self.prompts.keys()
        plan = state.plan.aggregation
        deltas = np.stack([self.deltas[key] for key in fold.updates])
        before = np.stack([self.prompts[language] for language in fold.prompts])
        nothing = np.zeros((optimiser.moment_count(plan), before.shape[1]), np.float32)
        moments = np.stack([self.moments.get(language, nothing) for language in fold.prompts])
        rebuilt, remembered = optimiser.apply(
            before, combine(fold.weights, deltas, plan, parts(state.layout)), moments, plan
        )
        assert fold.moments.keys() == (fold.prompts.keys() if optimiser.moment_count(plan) else set())
        for row, (language, saved) in enumerate(fold.prompts.items()):
            size = 1 + np.abs(fold.weights[row]) @ np.abs(deltas) + np.abs(before[row])
            assert (np.abs(rebuilt[row] - saved) <= 1e-5 * size).all()
            self.prompts[language] = saved
            if language in fold.moments:
                assert np.allclose(remembered[row], fold.moments[language], rtol=1e-5)
                self.moments[language] = fold.moments[language]
        self.folded += [(client, sequence) for client, sequence in fold.updates]


class CoordinatorInvariants(RuleBasedStateMachine):
    """A core with a clock; a subclass adds what happens to it."""

    state: CoordinatorState
    now: float
    book: Book

    def feed(self, event: CoordinatorEvent) -> list[Effect]:
        before = self.state
        self.state, effects = coordinator_step(before, event)
        assert self.state.version >= before.version
        for effect in effects:
            self.book.keep(effect, self.state)
        return effects

    @invariant()
    def prompts_are_finite_and_as_saved(self) -> None:
        assert UNDETERMINED in self.state.prompts
        assert self.state.prompts.keys() == self.book.prompts.keys()
        for language, prompt in self.state.prompts.items():
            assert prompt.dtype == np.float32
            assert np.isfinite(prompt).all()
            assert np.array_equal(prompt, self.book.prompts[language])

    @invariant()
    def the_buffer_is_never_full(self) -> None:
        """Except for the first versions, which wait for every device at work."""
        plan = self.state.plan
        first = max(plan.aggregation.start_together, 1 if plan.training.head_start == "ridge" else 0)
        waits = self.state.version < first and (self.state.joining or self.book.ready)
        assert len(self.state.buffer) < fold_size(self.state) or self.state.finished or waits

    @invariant()
    def what_updates_have_shown_is_finite_and_bounded(self) -> None:
        relations, spoken = self.state.relations, {update.language for update in self.state.buffer}
        heard = set(self.state.contributed) | spoken
        for two, (cosine, times, weight) in relations.comparisons.items():
            assert weight > 0
            assert two[0] < two[1]
            assert heard.issuperset(two)
            assert abs(cosine) <= 1 + 1e-5
            assert times > 0
        assert all(0 <= share <= 1 and abs(shown) <= 8 for share, shown in relations.shares.values())
        assert heard.issuperset(language for language, _ in relations.shares)
        assert all(0 <= share <= 1 for share in self.state.usual.values())
        assert heard.issuperset(self.state.directions)
        assert all(np.isfinite(direction).all() for direction in self.state.directions.values())
        assert self.state.moments.keys() == self.book.moments.keys()
        assert all(np.isfinite(moments).all() for moments in self.state.moments.values())

    @invariant()
    def each_update_counts_once(self) -> None:
        waiting = [(update.client, update.header.sequence) for update in self.state.buffer]
        everywhere = self.book.folded + waiting
        assert len(everywhere) == len(set(everywhere))
        assert set(everywhere) == set(self.book.accepted)
        assert self.state.counts.accepted == len(self.book.accepted) == sum(self.state.staleness.values())

    @invariant()
    def no_more_devices_train_than_there_are_places(self) -> None:
        live = [client for client in self.state.clients.values() if client.is_at_work(self.now)]
        assert len(live) <= self.state.plan.aggregation.concurrency
        assert {client.id for client in live} <= self.book.ready

    @invariant()
    def the_indices_say_what_a_walk_through_all_devices_finds(self) -> None:
        for at in (self.now, self.now + 60.0):
            check_indices(self.state.clients, at)

    @invariant()
    def a_fold_goes_by_what_a_look_at_every_device_finds(self) -> None:
        check_fold(self.state, [update for contribution in self.state.buffer for update in contribution.updates])
        shares = self.state.relations.shares
        assert counted_shares(self.state, shares) == shares
        assert usual_shares(shares) == usual_shares(dict(shares))

    @invariant()
    def it_ends_at_the_last_version(self) -> None:
        assert self.state.last_version is None or self.state.version <= self.state.last_version

    @invariant()
    def once_it_has_looked_it_need_not_look_again_at_once(self) -> None:
        """A deadline that stays in the past would keep the processor busy for nothing."""
        looked, _ = coordinator_step(self.state, TimePassed(self.now))
        assert next_deadline(looked, self.now) > self.now

    @invariant()
    def nobody_waits_for_a_prompt_in_vain(self) -> None:
        """A language without a prompt is being looked up."""
        wanted = frozenset().union(*self.book.looked_up)
        known = {client.language for client in self.state.clients.values() if client.id in self.book.ready}
        assert known <= self.state.prompts.keys() | wanted
