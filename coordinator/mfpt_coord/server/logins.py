"""Accounts at the broker, for those whom the core admits, and the names of those whom it has excluded."""

from collections.abc import Iterator

from mfpt_coord.access.accounts import Account
from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.state import State


def account_of(whom: Invitation | Enrolment) -> Account:
    """Return the account of an invitation, or of somebody who was admitted with one."""
    if isinstance(whom, Invitation):
        return Account(whom.user, "invitation", whom.secret)
    return Account(whom.client, whom.role, whom.password, whom.login, whom.language)


def known_accounts(state: State) -> Iterator[Account]:
    """Yield all accounts that exist. Invitations keep theirs when they are used up, so that whoever asks is told."""
    for invitation in state.invitations.values():
        yield account_of(invitation)
    for enrolment in state.enrolments.values():
        if enrolment.revoked is None and enrolment.password:
            yield account_of(enrolment)


def revoked_users(state: State) -> list[str]:
    """Return the user names of all who were admitted once and are no longer."""
    return [enrolment.client for enrolment in state.enrolments.values() if enrolment.revoked is not None]
