"""What the coordinator's core calls for, once it is saved: messages, accounts, look-ups, lines in the log."""

import logging

import msgspec

from mfpt_coord.access.accounts import Credentials
from mfpt_coord.core.admission import Enrolment, Invitation
from mfpt_coord.core.effects import (
    Action,
    Allow,
    AnswerEnrolment,
    Log,
    LookUpDistances,
    PublishPlan,
    PublishPrompt,
    PublishRelations,
    PublishState,
    Send,
    Withdraw,
)
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.related import languages_with_relations, relations_of
from mfpt_coord.core.state import State
from mfpt_coord.server.channel import Channel
from mfpt_coord.server.logins import account_of
from mfpt_coord.server.look_ups import LookUps
from mfpt_shared.protocol.messages import Admitted, EnrolAnswer

_log = logging.getLogger(__name__)


class Errands:
    """Carries out actions."""

    def __init__(self, channel: Channel, look_ups: LookUps, credentials: Credentials | None) -> None:
        """Prepare.

        Args:
            channel: Where messages go.
            look_ups: What finds language distances.
            credentials: Accounts at the broker; None: it has none of their own, and all share one.
        """
        self._channel = channel
        self._look_ups = look_ups
        self._credentials = credentials

    def do(self, action: Action, state: State) -> None:
        """Carry out one action.

        Args:
            action: What is to be done.
            state: The coordinator's state, as it is saved.
        """
        match action:
            case Send(client, message):
                self._channel.send(client, message)
            case PublishPlan():
                self._channel.publish_plan(state.plan, state.version)
            case PublishPrompt(language):
                self._channel.publish_prompt(newest_prompt(state, language))
            case PublishRelations(language):
                self._channel.publish_relations(relations_of(state, language))
            case PublishState():
                self._channel.publish_state(state.version)
            case LookUpDistances(languages):
                self._look_ups.start(languages)
            case Allow(whom, password):
                self._allow(whom, password)
            case Withdraw(whom):
                self._withdraw(whom)
            case AnswerEnrolment(token, message):
                self._answer(token, message)
            case Log(text, is_detail, client):
                about = {"device": client} if client else {}
                _log.log(logging.DEBUG if is_detail else logging.INFO, "%s", text, extra=about)

    def publish_kept(self, state: State) -> None:
        """Publish everything that the broker keeps."""
        self._channel.publish_plan(state.plan, state.version)
        for language in state.prompts:
            self._channel.publish_prompt(newest_prompt(state, language))
        self._channel.publish_state(state.version)
        for language in languages_with_relations(state):
            self._channel.publish_relations(relations_of(state, language))

    def _allow(self, whom: Invitation | Enrolment, password: str) -> None:
        if self._credentials is None:
            return
        try:
            self._credentials.allow(account_of(whom), password)
        except OSError as error:
            _log.error("the broker has no account for %s: %s", account_of(whom).user, error)

    def _withdraw(self, whom: Enrolment) -> None:
        try:
            if self._credentials is not None:
                self._credentials.withdraw(whom.client)
        except OSError as error:
            _log.error("the broker still has an account for %s: %s", whom.client, error, extra={"device": whom.client})
        self._channel.forget(whom.client)

    def _answer(self, token: str, message: EnrolAnswer) -> None:
        if self._credentials is None and isinstance(message, Admitted):
            message = msgspec.structs.replace(message, account="common")
        self._channel.answer(token, message)
