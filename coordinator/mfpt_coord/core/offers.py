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
from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import Log, Send, Step
from mfpt_coord.core.events import OfferMade
from mfpt_coord.core.grants import grant_for
from mfpt_coord.core.stages import Offered, without
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import counted_examples, stop
from mfpt_shared.base64url import decoded
from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.streams import check_keys
from mfpt_shared.protocol.messages import Offer

_FORGOTTEN = "the coordinator knows nothing of that cohort any more"


def take_offer(state: State, event: OfferMade) -> Step:
    """Return the state with an offer, or the answer to one that is not taken."""
    known, client = speaker(state, event)
    if _is_known(state, event):
        return duplicate(state, known, event)
    state, is_at_work = _seen_again(state, event.client, event.offer)
    if is_at_work:
        return _with_client(state, known), []
    # Whatever becomes of this offer, the device has no other one.
    state, before = without_offer(state, event.client), _offer_of(state, event.client)
    if event.offer.sent:
        # What was sent once must not enter another sum: two sums with one vector would differ by few others.
        told = Offered(event.client, event.offer, 0, event.at).disbanded("", _FORGOTTEN)
        return _with_client(state, known), [Send(*told)]
    return _refused(state, known, client, event) or _kept(state, client, event, before)


def _refused(state: State, known: Client, client: Client, event: OfferMade) -> Step | None:
    """Return the answer to an offer that cannot be taken; None: it can."""
    offer = event.offer
    if offer.sequence <= client.sequence:
        return renumbered(state, known, event)
    if why := problem(state, client, offer) or _key_problem(offer):
        return rejected(state, known, event, "incompatible", why)
    if is_stale(state, offer.base_version):
        return stale(state, client, event)
    return unassigned(state, client, event) if grant_for(client, offer.base_version) is None else None


def _key_problem(offer: Offer) -> str:
    """Return why nobody could be in a cohort with a device, in words; empty if everybody can."""
    try:
        check_keys(PublicKeys(decoded(offer.mask_key), decoded(offer.share_key)))
    except DecodeError as error:
        return f"its keys for masks are of no use: {error}"
    return ""


def without_offer(state: State, client: str) -> State:
    """Return a state in which a device offers nothing."""
    return replace(state, offers=tuple(one for one in state.offers if one.client != client))


def _offer_of(state: State, client: str) -> Offered | None:
    return next((one for one in state.offers if one.client == client), None)


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
    for cohort in state.cohorts:
        place = cohort.place_of(client)
        if place is None:
            continue
        if place in cohort.masked or cohort.members[place].offer.mask_key == offer.mask_key:
            return state, True
        left = without(cohort, place)
        return replace(state, cohorts=tuple(left if one is cohort else one for one in state.cohorts)), False
    return state, False


def _kept(state: State, client: Client, event: OfferMade, before: Offered | None) -> Step:
    """Return the state with an offer among those that wait; one that waits already keeps its age."""
    offer = event.offer
    seconds = usual_seconds(client, event.at)
    after = _with_client(state, replace(client, assignment=None, phase="uploading", state="online", seconds=seconds))
    if state.finished:
        return after, [stop(state, client.id, client, "finished")]
    newest = Offered(client.id, offer, counted_examples(state, client.id, offer.examples), event.at)
    if before is None or (before.offer.sequence, before.offer.sha256) != (offer.sequence, offer.sha256):
        noted = Log(f"update {client.id}/{offer.sequence} is offered", is_detail=True, client=client.id)
        return replace(after, offers=(*after.offers, newest)), [noted]
    offers = sorted((*after.offers, replace(newest, at=before.at)), key=lambda one: one.at)
    return replace(after, offers=tuple(offers)), []


def _with_client(state: State, client: Client) -> State:
    return replace(state, clients=state.clients.plus(client))
