"""Offers become cohorts, and cohorts become sums in the buffer: what `stages` says of one cohort, in the whole state.

A sum and the numbers of the updates in it are saved in one transaction, and only then are the members told that their
updates count. Whatever happens before that, nothing of it counts, and the updates are still where they were.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from mfpt_coord.core.active import active_examples
from mfpt_coord.core.answers import is_stale
from mfpt_coord.core.best import with_measured
from mfpt_coord.core.client import Client
from mfpt_coord.core.cohorts import Nearness, grouped
from mfpt_coord.core.effects import Effect, Log, SaveClient, SaveSum, Send, Step
from mfpt_coord.core.events import MemberSaid
from mfpt_coord.core.grants import grant_for, without_grant
from mfpt_coord.core.proximity import proximities
from mfpt_coord.core.stages import STAGE_SECONDS, Cohort, Offered, Turn, begun, failed, heard, turn
from mfpt_coord.core.staleness import freshness
from mfpt_coord.core.state import Contribution, Counted, State, Survivor
from mfpt_coord.core.sums import contribution_of
from mfpt_coord.core.taking_part import takes_part
from mfpt_coord.core.weights import example_counts
from mfpt_shared.errors import DecodeError
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.masking.grid import grid
from mfpt_shared.protocol.messages import Ack, Masked


def gather(state: State, at: float) -> Step:
    """Return the state with cohorts of the offers that wait, and what their members are told."""
    offers = _standing(state)
    languages = [one.language for one in offers]
    groups = grouped(languages, _nearness(state, offers), state.plan.privacy.min_group) if offers else []
    placed = {place for group in groups for place in group}
    cohorts, effects = list(state.cohorts), list[Effect]()
    for group in groups:
        members = [_weighed(state, offers[place]) for place in group]
        cohort, told = begun(members, state.plan.privacy.min_group, at)
        cohorts.append(cohort)
        effects += [Log(f"{_named(cohort)} adds up its updates"), *(Send(*one) for one in told)]
    left = tuple(one for place, one in enumerate(offers) if place not in placed)
    return replace(state, offers=left, cohorts=tuple(cohorts)), effects


def hear(state: State, event: MemberSaid) -> Step:
    """Return the state with what a member of a cohort has answered; what nobody has asked for changes nothing."""
    message = event.message
    name = message.header.cohort if isinstance(message, Masked) else message.cohort
    cohort = next((one for one in state.cohorts if one.id == name), None)
    place = None if cohort is None else cohort.place_of(event.client)
    if cohort is None or place is None:
        return state, []
    after = heard(cohort, place, message, grid(state.plan).length)
    return replace(state, cohorts=tuple(after if one is cohort else one for one in state.cohorts)), []


def proceed(state: State, at: float) -> Step:
    """Take every cohort to its next stage, or to its end, as far as that is possible now."""
    effects: list[Effect] = []
    members = {member.client for cohort in state.cohorts for member in cohort.members}
    there = {client for client in members if state.clients[client].state == "online"}
    for cohort in state.cohorts:
        taken = turn(cohort, at, there)
        if taken is not None:
            state, more = _turned(state, cohort, taken, at)
            effects += more
    return state, effects


def _turned(state: State, cohort: Cohort, taken: Turn, at: float) -> Step:
    cohorts = [one if one is not cohort else taken.cohort for one in state.cohorts]
    after = replace(state, cohorts=tuple(one for one in cohorts if one is not None))
    if taken.total is not None:
        try:
            return _summed(after, cohort, taken.total, at)
        except DecodeError as error:
            taken = failed(cohort, str(error))
    effects: list[Effect] = [Send(*one) for one in taken.told]
    if taken.failure:
        effects.append(Log(f"{_named(cohort)} failed: {taken.failure}. Nothing was learned, and nothing is lost"))
    return _left(after, cohort, taken, at), effects


def _left(state: State, cohort: Cohort, taken: Turn, at: float) -> State:
    """Return the state in which those who dropped out and still have their updates are not assigned at once.

    They offer them again, as soon as they know.
    """
    staying = frozenset() if taken.cohort is None else taken.cohort.left
    clients = state.clients
    for place in cohort.left - staying - cohort.masked.keys():
        client = clients[cohort.members[place].client]
        clients = clients.plus(replace(client, retry_at=max(client.retry_at, at + STAGE_SECONDS)))
    return replace(state, clients=clients)


def _summed(state: State, cohort: Cohort, total: Codes, at: float) -> Step:
    """Return the state with the sum of a cohort in its buffer, and the answers to those whose updates are in it.

    Raises:
        DecodeError: It is no sum of updates.
    """
    survivors = [_survivor(cohort.members[place]) for place in sorted(cohort.masked)]
    contribution = contribution_of(state.plan, cohort.id, survivors, total, at)
    clients, staleness = state.clients, dict(state.staleness)
    effects: list[Effect] = [SaveSum(contribution, total)]
    for survivor in survivors:
        client = _counted(clients[survivor.client], survivor, contribution)
        clients = clients.plus(client)
        staleness[survivor.staleness] = staleness.get(survivor.staleness, 0) + 1
        sha256 = survivor.digest.hex()
        ack = Ack(sequence=survivor.sequence, staleness=survivor.staleness, sha256=sha256)
        effects += [SaveClient(client), Send(client.id, ack)]
    counts = msgspec.structs.replace(state.counts, accepted=state.counts.accepted + len(survivors))
    after = replace(state, buffer=(*state.buffer, contribution), clients=clients, counts=counts, staleness=staleness)
    return after, [*effects, Log(f"{_named(cohort)} has added up {len(survivors)} updates")]


def _counted(client: Client, survivor: Survivor, contribution: Contribution) -> Client:
    """Return a device whose update is in a sum. Of its accuracy nobody knows more than the mean over its language."""
    accuracy = None if contribution.language == UNDETERMINED else contribution.header.metrics.accuracy
    return replace(
        with_measured(without_grant(client, survivor.base_version), survivor.base_version, accuracy, 1),
        sequence=survivor.sequence,
        contributed=max(client.contributed, survivor.base_version),
        examples=survivor.examples,
        accuracy=client.accuracy if accuracy is None else accuracy,
        phase="idle",
    )


def _survivor(member: Offered) -> Survivor:
    offer = member.offer
    return Survivor(
        member.client,
        offer.sequence,
        member.language,
        member.examples,
        offer.base_version,
        member.staleness,
        bytes.fromhex(offer.sha256),
    )


def _standing(state: State) -> list[Offered]:
    """Return the offers that still can be taken. Others are dropped: their devices offer again, and get an answer."""
    keys: set[str] = set()
    standing: list[Offered] = []
    for one in state.offers:
        own = {one.offer.mask_key, one.offer.share_key}
        # Nobody joins a cohort in which a key comes twice.
        if _stands(state, one) and keys.isdisjoint(own):
            keys |= own
            standing.append(one)
    return standing


def _stands(state: State, one: Offered) -> bool:
    client, offer = state.clients[one.client], one.offer
    has_grant = grant_for(client, offer.base_version) is not None
    is_new = offer.sequence > client.sequence and not is_stale(state, offer.base_version)
    return takes_part(state, one.client) and is_new and has_grant


def _weighed(state: State, one: Offered) -> Offered:
    """Return an offer with what the update counts for its staleness."""
    staleness = state.version - one.offer.base_version
    return replace(one, staleness=staleness, factor=freshness(staleness, state.plan.aggregation))


def _nearness(state: State, offers: Sequence[Offered]) -> Nearness:
    """Return how near the languages of offers are, by what the fold goes by; the same in both directions."""
    updates = [Counted(one.client, one.offer.sequence, one.language, one.examples) for one in offers]
    active, _ = active_examples(state, updates)
    plan, languages = state.plan.aggregation, sorted({one.language for one in offers})
    near = proximities(languages, languages, state.relations, example_counts(active, plan), plan)
    mutual, place = near + near.T, {language: index for index, language in enumerate(languages)}
    return lambda first, second: float(mutual[place[first], place[second]])


def _named(cohort: Cohort) -> str:
    *most, last = cohort.languages
    languages = f"{', '.join(most)} and {last}" if most else last
    return f"a cohort of {len(cohort.members)} devices in {languages}"
