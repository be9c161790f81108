"""What happens to an offer: it is judged as an update would be, and kept until a cohort needs it.

A device offers an update again and again until it is answered, so whatever is said here is said until it arrives.
"""

from dataclasses import replace

from mfpt_coord.core.answers import (
    duplicate,
    is_stale,
    problem,
    rejected,
    renumbered,
    speaker,
    stale,
    unassigned,
    usual_seconds,
)
from mfpt_coord.core.effects import Log, Send, Step
from mfpt_coord.core.events import OfferMade
from mfpt_coord.core.grants import grant_for
from mfpt_coord.core.stages import Offered, without
from mfpt_coord.core.state import Client, State
from mfpt_coord.core.taking_part import counted_examples, stop
from mfpt_shared.protocol.messages import Offer

_FORGOTTEN = "the coordinator knows nothing of that cohort any more"


def take_offer(state: State, event: OfferMade) -> Step:
    """Return the state with an offer, or the answer to one that is not taken."""
    offer = event.offer
    known, client = speaker(state, event)
    if _is_known(state, event):
        return duplicate(state, known, event)
    state, is_at_work = _seen_again(state, event.client, offer)
    if is_at_work:
        return _with_client(state, known), []
    if offer.sent:
        # What was sent once must not enter another sum: two sums with one vector would differ by few others.
        told = Offered(event.client, offer, 0, event.at).disbanded("", _FORGOTTEN)
        return _with_client(without_offer(state, event.client), known), [Send(*told)]
    if offer.sequence <= client.sequence:
        return renumbered(state, known, event)
    if why := problem(state, client, offer):
        return rejected(state, known, event, "incompatible", why)
    if is_stale(state, offer.base_version):
        return stale(state, client, event)
    if grant_for(client, offer.base_version) is None:
        return unassigned(state, client, event)
    return _kept(state, client, event)


def without_offer(state: State, client: str) -> State:
    """Return a state in which a device offers nothing."""
    return replace(state, offers=tuple(one for one in state.offers if one.client != client))


def _is_known(state: State, event: OfferMade) -> bool:
    """Tell whether an update counts already; what waits in the buffer may not be in the store yet."""
    if event.is_stored:
        return True
    one = (event.client, event.offer.sequence, event.digest)
    survivors = (survivor for contribution in state.buffer for survivor in contribution.survivors)
    return any((survivor.client, survivor.sequence, survivor.digest) == one for survivor in survivors)


def _seen_again(state: State, client: str, offer: Offer) -> tuple[State, bool]:
    """Return the state after an offer of a member of a cohort, and whether the member is at work on it all the same.

    A member that offers with other keys than the cohort's was started anew, and can only be told how the cohort ended:
    if its masked update came before, it may still be in the sum.
    """
    cohorts = list(state.cohorts)
    for index, cohort in enumerate(cohorts):
        place = cohort.place_of(client)
        if place is None:
            continue
        if place in cohort.masked or cohort.members[place].offer.mask_key == offer.mask_key:
            return state, True
        cohorts[index] = without(cohort, place)
    return replace(state, cohorts=tuple(cohorts)), False


def _kept(state: State, client: Client, event: OfferMade) -> Step:
    """Return the state with an offer among those that wait; one that waits already keeps its turn."""
    offer = event.offer
    examples = counted_examples(state, client.id, offer.examples)
    at_rest = replace(client, assignment=None, phase="uploading", state="online", seconds=usual_seconds(client, event.at))
    after = _with_client(state, at_rest)
    if state.finished:
        return after, [stop(state, client.id, client, "finished")]
    before = next((one for one in state.offers if one.client == client.id), None)
    if before is not None and (before.offer.sequence, before.offer.sha256) == (offer.sequence, offer.sha256):
        renewed = replace(before, offer=offer, examples=examples)
        return replace(after, offers=tuple(renewed if one is before else one for one in state.offers)), []
    newest = Offered(client.id, offer, examples, event.at)
    after = replace(after, offers=(*without_offer(state, client.id).offers, newest))
    return after, [Log(f"update {client.id}/{offer.sequence} is offered", is_detail=True)]


def _with_client(state: State, client: Client) -> State:
    return replace(state, clients={**state.clients, client.id: client})
