"""What the coordinator's answers mean to updates in the outbox: which are done, which go on under another number."""

from dataclasses import replace

from mfpt_edge.core.effects import Carry, Effect, Forget, Refuse, Renumber, SendUpdates, Tell
from mfpt_edge.core.leaving import in_phase
from mfpt_edge.core.state import State
from mfpt_shared.protocol.messages import Ack, Reject, Resync

Step = tuple[State, list[Effect]]


def acknowledged(state: State, answer: Ack) -> Step:
    """Drop an update that counts, and count it, if this run made it."""
    if answer.sequence not in state.outbox:
        return state, []
    after, effects = _forgotten(state, answer.sequence, accepted=True)
    if answer.sequence in state.left_over:
        return after, effects  # made by an earlier run
    # Not the version after the newest one here: prompts and answers may overtake each other.
    contained_from = state.base + answer.staleness + 1
    return replace(after, rounds=after.rounds + 1, contained_from=contained_from), effects


def rejected(state: State, answer: Reject) -> Step:
    """Drop an update that would be refused again; the device leaves if all its updates would be."""
    sequence, detail = answer.sequence, answer.detail
    if sequence not in state.outbox:
        return state, []
    after, effects = _forgotten(state, sequence)
    if answer.reason == "incompatible" and sequence not in state.left_over:
        return after, [*effects, Refuse(f"the coordinator rejects this device's updates: {detail}")]
    return after, [*effects, Tell(f"update {sequence} was rejected: {detail}")]


def resynced(state: State, answer: Resync, at: float) -> Step:
    """Drop an update that is of no use any more; one whose number another has had is sent again under a higher one."""
    sequence = answer.sequence
    if sequence not in state.outbox:
        return state, []
    if not answer.highest:
        told = (
            f"update {sequence} is from a version that is gone: it was dropped; going on from version {answer.version}"
        )
        after, effects = _forgotten(state, sequence)
        return after, [*effects, Tell(told)]
    if sequence in state.left_over and state.is_masked:
        # In a folder that was restored, it may be one that left under masks, or that a later one has carried.
        told = f"update {sequence} may be in a sum already (was this state folder restored, or copied?): it was dropped"
        after, effects = _forgotten(state, sequence)
        return after, [*effects, Tell(told)]
    new = max(state.sequence, answer.highest) + 1
    after, effects = with_number(replace(state, sent_at=at), sequence, new)
    if new not in after.outbox:
        return after, effects
    told = f"another update of this device had number {sequence} before (was its state folder restored, or copied?)"
    return after, [*effects, SendUpdates((new,)), Tell(f"{told}; it is sent again as update {new}")]


def disbanded(state: State, sequence: int, detail: str) -> Step:
    """Drop an update that left under masks and is in no sum: the next one carries it, as no other sum may hold it."""
    if sequence not in state.outbox:
        return state, []
    end: Forget | Carry = Carry(sequence)
    fate = "the next one carries it"
    if state.has_spent_all:
        end, fate = Forget(sequence), "the privacy budget allows no next one that could carry it"
    after, effects = _ended(state, sequence, end)
    return after, [*effects, Tell(f"update {sequence} was added up with nobody's{detail and f' ({detail})'}; {fate}")]


def with_number(state: State, sequence: int, new: int) -> Step:
    """Give an update in the outbox another number, higher than all others; drop it if that exceeds the budget.

    It is dropped under its new number, so that the next run knows that this one is used.
    """
    outbox = (*(waiting for waiting in state.outbox if waiting != sequence), new)
    left_over = state.left_over | {new} if sequence in state.left_over else state.left_over
    after = replace(state, outbox=outbox, sequence=new, left_over=left_over)
    if state.last_number is None or new <= state.last_number:
        return after, [Renumber(sequence, new)]
    told = (
        f"update {sequence} would be number {new}, and the privacy budget ends with {state.last_number}: it was dropped"
    )
    dropped, effects = _forgotten(after, new)
    return dropped, [Renumber(sequence, new), *effects, Tell(told)]


def _forgotten(state: State, sequence: int, *, accepted: bool = False) -> Step:
    """Drop an update from the outbox; after one that was not accepted, the same version may be trained from again."""
    if sequence not in state.outbox:
        return state, []
    return _ended(state, sequence, Forget(sequence), accepted=accepted)


def _ended(state: State, sequence: int, end: Forget | Carry, *, accepted: bool = False) -> Step:
    """Take an update out of the outbox, whatever becomes of it."""
    outbox = tuple(waiting for waiting in state.outbox if waiting != sequence)
    after = replace(state, outbox=outbox, trained_from=state.trained_from if accepted else -1, alone_since=None)
    if outbox or state.phase != "uploading":
        return after, [end]
    idle, effects = in_phase(after, "idle")
    return idle, [end, *effects]
