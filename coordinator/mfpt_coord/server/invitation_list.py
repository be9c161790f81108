"""The invitations of a state, as an operator is told of them: without their secrets, which nobody keeps."""

from collections import Counter

from mfpt_coord.core.state import State
from mfpt_coord.server.orders import InvitationEntry


def invitations(state: State, ahead: float) -> list[InvitationEntry]:
    """Return all invitations, in the order in which they were made.

    Args:
        state: The state.
        ahead: How far the clock on the wall, by which people are told times, is ahead of the state's, seconds.
    """
    admitted = Counter(enrolment.token for enrolment in state.enrolments.values())
    return [
        InvitationEntry(
            id=one.id,
            role=one.role,
            language=one.language,
            max_examples=one.max_examples,
            uses=one.uses,
            admitted=admitted[one.id],
            created=one.created + ahead,
            expires=None if one.expires is None else one.expires + ahead,
        )
        for one in sorted(state.invitations.values(), key=lambda one: one.created)
    ]
