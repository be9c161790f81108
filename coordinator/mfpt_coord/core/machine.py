"""The coordinator's core: `step(state, event) -> (state, effects)`.

`_record` says what an event changes in the state, `_advance` what becomes possible after it. Neither knows a clock, a
socket or a disk. A step that raises has changed nothing. `order` says how the shell carries the effects out.
"""

from dataclasses import replace
from functools import singledispatch

from mfpt_coord.core.best import with_measured
from mfpt_coord.core.client import Client
from mfpt_coord.core.compatibility import incompatibility
from mfpt_coord.core.effects import (
    Effect,
    PublishPrompt,
    SaveClient,
    SaveDistances,
    SavePrompt,
    Send,
    Step,
)
from mfpt_coord.core.enrolling import invite, meet, rename, revoke, take_request, withdraw
from mfpt_coord.core.events import (
    ClientSaid,
    DeviceLeft,
    DeviceMet,
    DeviceRenamed,
    DeviceRevoked,
    DevicesUnheard,
    DistancesFound,
    EnrolAsked,
    Event,
    InvitationWithdrawn,
    Invited,
    MemberSaid,
    OfferMade,
    PlanApplied,
    RolledBack,
    SessionOver,
    TimePassed,
    UpdateArrived,
)
from mfpt_coord.core.fold import fold
from mfpt_coord.core.forgetting import forget_leaving, let_leave
from mfpt_coord.core.gathering import gather, hear, proceed
from mfpt_coord.core.grants import granted
from mfpt_coord.core.offers import take_offer, without_offer
from mfpt_coord.core.plan_change import apply_plan
from mfpt_coord.core.rest import let_go
from mfpt_coord.core.rollback import roll_back
from mfpt_coord.core.schedule import assignments, fold_is_due, gathering_is_due
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import (
    counted_examples,
    language_problem,
    over,
    stop,
    takes_part,
    turned_away,
)
from mfpt_coord.core.unheard import forget_unheard
from mfpt_coord.core.updates import take_update
from mfpt_coord.core.welcoming import first_prompt, welcome, welcome_zero_shot
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Assign, ClientState, EvaluationReport, Ready


def step(state: State, event: Event) -> Step:
    """Return the state after an event, and the effects that it calls for, in order."""
    clients = state.clients.by(event.at).under(state.plan.aggregation)
    if clients is not state.clients:
        state = replace(state, clients=clients)
    recorded, effects = _record(event, state)
    advanced, more = _advance(recorded, event.at)
    rested, stops = let_go(advanced, event.at) if isinstance(event, TimePassed) else (advanced, [])
    left, ends = forget_leaving(rested, event.at)
    return left, effects + more + stops + ends


@singledispatch
def _record(event: Event, state: State) -> Step:
    raise TypeError(f"{type(event).__name__} is not an event")


@_record.register
def _(event: TimePassed, state: State) -> Step:
    return state, []


@_record.register
def _(event: DeviceMet, state: State) -> Step:
    return meet(state, event)


@_record.register
def _(event: EnrolAsked, state: State) -> Step:
    return take_request(state, event)


@_record.register
def _(event: Invited, state: State) -> Step:
    return invite(state, event)


@_record.register
def _(event: InvitationWithdrawn, state: State) -> Step:
    return withdraw(state, event)


@_record.register
def _(event: DeviceRevoked, state: State) -> Step:
    return revoke(state, event)


@_record.register
def _(event: DeviceRenamed, state: State) -> Step:
    return rename(state, event)


@_record.register
def _(event: PlanApplied, state: State) -> Step:
    return apply_plan(state, event)


@_record.register
def _(event: RolledBack, state: State) -> Step:
    return roll_back(state, event)


@_record.register
def _(event: DevicesUnheard, state: State) -> Step:
    return forget_unheard(state, event)


@_record.register
def _(event: UpdateArrived, state: State) -> Step:
    if not takes_part(state, event.client):
        return state, []
    taken, effects = take_update(state, event)
    if taken.counts.accepted == state.counts.accepted:
        return taken, effects
    welcomed, more = welcome(taken, LanguageCode(event.update.header.language))
    return welcomed, effects + more


@_record.register
def _(event: OfferMade, state: State) -> Step:
    if not takes_part(state, event.client):
        return state, []
    taken, effects = take_offer(state, event)
    if not any(one.client == event.client for one in taken.offers):
        return taken, effects
    welcomed, more = welcome(taken, LanguageCode(event.offer.language))
    return welcomed, effects + more


@_record.register
def _(event: MemberSaid, state: State) -> Step:
    return hear(state, event) if takes_part(state, event.client) else (state, [])


@_record.register
def _(event: SessionOver, state: State) -> Step:
    return state, over(state, event)


@_record.register
def _(event: DeviceLeft, state: State) -> Step:
    return let_leave(state, event)


@_record.register
def _(event: DistancesFound, state: State) -> Step:
    relations = replace(state.relations, distances={**state.relations.distances, **event.distances})
    prompts, effects = dict(state.prompts), list[Effect]([SaveDistances(event.distances)])
    for language in sorted(state.joining.intersection(event.languages)):
        prompts[language] = first_prompt(language, replace(state, relations=relations))
        effects += [SavePrompt(language, state.version, prompts[language]), PublishPrompt(language)]
    joining = state.joining.difference(event.languages)
    return replace(state, relations=relations, prompts=prompts, joining=joining), effects


@_record.register
def _(event: ClientSaid, state: State) -> Step:
    known = state.clients.get(event.client)
    message = event.message
    language = LanguageCode(message.language)
    if not takes_part(state, event.client) or language_problem(state, event.client, language):
        return state, turned_away(state, event.client, message)
    if known is None and isinstance(message, ClientState) and message.state == "offline":
        return state, []
    client = replace(known or Client(event.client, language), language=language, last_seen=event.at)
    if isinstance(message, ClientState):
        # A device that has gone cannot add to a sum; when it is back, it offers again.
        present = state if message.state == "online" else without_offer(state, event.client)
        return _with_client(present, _with_state(client, message)), []
    if isinstance(message, EvaluationReport):
        examples = counted_examples(state, client.id, message.examples)
        told = replace(client, accuracy=message.accuracy)
        client = with_measured(told, message.version, message.accuracy, examples)
        return _with_client(state, client), [SaveClient(client)]
    return _record_ready(state, client, message)


def _with_state(client: Client, message: ClientState) -> Client:
    online = message.state == "online"
    takes_part = online and message.phase != "done"
    return replace(
        client,
        state=message.state,
        phase=message.phase,
        progress=message.progress,
        device=message.device or client.device,
        epsilon=client.epsilon if message.epsilon is None else message.epsilon,
        ready=client.ready and takes_part,
        assignment=client.assignment if takes_part else None,
        let_go=client.let_go and online and not takes_part,
    )


def _record_ready(state: State, client: Client, message: Ready) -> Step:
    client = replace(client, session=message.session, announced=message.number, turn=0)
    if message.plan in state.former:
        # The new plan is on its way to it: it announces itself again.
        return _with_client(state, replace(client, ready=False, assignment=None)), []
    if refusal := incompatibility(message, state.plan):
        refused = replace(client, ready=False, assignment=None)
        return _with_client(state, refused), [stop(state, client.id, message, "incompatible", refusal)]
    welcomed, effects = welcome(state, client.language)
    if state.finished:
        # Too late to contribute, but not to take a prompt home.
        return _with_client(welcomed, client), [*effects, stop(state, client.id, message, "finished")]
    examples = counted_examples(state, client.id, message.examples)
    ready = replace(client, state="online", ready=True, assignment=None, examples=examples, phase="idle")
    return _with_client(welcomed, ready), [*effects, SaveClient(ready)]


def _assign(state: State, client: Client, seconds: float) -> Send:
    """Return the order to train, in answer to the device's last announcement."""
    return Send(
        client.id,
        Assign(
            version=state.version,
            deadline=seconds,
            session=client.session,
            ready=client.announced,
            turn=client.turn,
        ),
    )


def _with_client(state: State, client: Client) -> State:
    return replace(state, clients=state.clients.plus(client))


def _advance(state: State, at: float) -> Step:
    """Do what has become possible: go on with cohorts, fold a buffer that is due, form cohorts, then assign devices."""
    state, effects = welcome_zero_shot(state)
    state, more = proceed(state, at)
    effects += more
    if not state.finished and fold_is_due(state, at):
        state, more = fold(state, at)
        effects += more
        if state.finished:
            online = [client for client in state.clients.values() if client.state == "online"]
            effects += [stop(state, client.id, client, "finished") for client in online]
    if state.finished:
        return state, effects
    if gathering_is_due(state, at):
        state, more = gather(state, at)
        effects += more
    chosen = assignments(state, at)
    if not chosen:
        return state, effects
    clients = state.clients
    for client, assignment in chosen:
        assigned = replace(
            granted(client, state.version),
            assignment=assignment,
            phase="training",
            progress=0.0,
            turn=client.turn + 1,
        )
        clients = clients.plus(assigned)
        effects += [SaveClient(assigned), _assign(state, assigned, assignment.deadline - at)]
    return replace(state, clients=clients), effects
