"""Properties of admission: whatever is asked, in whatever order, nobody gets in twice or under somebody else's name."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mfpt_coord.core.effects import AnswerEnrolment, SaveEnrolment, SaveInvitation
from mfpt_coord.core.events import DeviceMet, DeviceRenamed, DeviceRevoked
from mfpt_shared.keys import PublicKey
from mfpt_shared.protocol.messages import Admitted
from support.admitting import ClosedFederation
from support.coordinator_core import SWAHILI, ZULU
from support.sealing import key_of

TOKENS = st.sampled_from(["t1", "t2", "t3"])
USERS = st.sampled_from(["d1", "d2", "d3", "d4", "mfpt", "invite-t1"])
KEYS = st.sampled_from(["d1", "d2", "thief"])
LANGUAGES = st.sampled_from(["swh", "zul", None])


class AdmissionMachine(RuleBasedStateMachine):
    """An operator who invites and revokes, and people who ask with keys and names of their own or of others."""

    @initialize(plan_names=st.sampled_from([(), ("swh",)]))
    def start(self, plan_names: tuple[str, ...]) -> None:
        self.federation = ClosedFederation(languages=plan_names)
        self.uses: dict[str, int] = {}
        self.admitted: dict[str, set[str]] = {}
        self.keys: dict[str, PublicKey] = {}
        self.revoked: set[str] = set()

    @rule(seconds=st.sampled_from([1.0, 50.0, 200.0]))
    def time_passes(self, seconds: float) -> None:
        self.federation.passes(seconds)

    @rule(
        token=TOKENS,
        uses=st.integers(1, 3),
        lasts=st.none() | st.just(100.0),
        language=st.sampled_from([SWAHILI, ZULU, None]),
    )
    def invite(self, token: str, uses: int, lasts: float | None, language: str | None) -> None:
        if token in self.uses:
            return  # token ids are random: the operator never makes one twice
        self.uses[token] = uses
        expires = None if lasts is None else self.federation.now + lasts
        self.federation.invites(id=token, uses=uses, expires=expires, language=language)

    @rule(user=USERS, signer=KEYS, token=TOKENS, language=LANGUAGES)
    def ask(self, user: str, signer: str, token: str, language: str | None) -> None:
        before = self.federation.state
        answer = self.federation.asks(user, signer, token, language=language)
        if not isinstance(answer, Admitted):
            assert self.federation.state == before, "who is refused has changed nothing"
            return
        key = key_of(signer).public
        assert self.keys.setdefault(user, key) == key
        self.admitted.setdefault(token, set()).add(user)
        # Whoever asks again, because the answer was lost, is told what he was admitted with.
        assert answer.language == self.federation.state.enrolments[user].language
        assert user in before.enrolments or language is None or answer.language == language
        kinds = [type(effect) for effect in self.federation.effects]
        assert kinds.index(SaveEnrolment) < kinds.index(AnswerEnrolment)
        assert (SaveInvitation in kinds) == (user not in before.enrolments)

    @rule(user=USERS)
    def revoke(self, user: str) -> None:
        if user in self.federation.state.enrolments:
            self.revoked.add(user)
        self.federation.feed(DeviceRevoked(self.federation.now, user))

    @rule(user=USERS)
    def rename(self, user: str) -> None:
        self.federation.feed(DeviceRenamed(self.federation.now, user, "another name"))

    @rule(user=USERS, signer=KEYS)
    def turn_up_uninvited(self, user: str, signer: str) -> None:
        before = self.federation.state
        self.federation.feed(DeviceMet(self.federation.now, user, key_of(signer).public, SWAHILI))
        assert self.federation.state == before

    @rule(user=USERS)
    def take_part(self, user: str) -> None:
        before = self.federation.state.buffer
        self.federation.ready(user)
        self.federation.update(user, self.federation.number, assigned=False)
        known = self.federation.state.enrolments.get(user)
        if known is None or user in self.revoked:
            assert self.federation.state.buffer == before

    @invariant()
    def no_invitation_admits_more_than_it_may(self) -> None:
        for token, users in self.admitted.items():
            assert len(users) <= self.uses[token]
            # Whoever was revoked may still hold the line: it admits nobody any more.
            left = 0 if users & self.revoked else self.uses[token] - len(users)
            assert self.federation.state.invitations[token].uses == left

    @invariant()
    def an_id_keeps_its_key_and_who_was_revoked_stays_so(self) -> None:
        found = self.federation.state.enrolments
        assert {user: one.key for user, one in found.items()} == self.keys
        assert {user for user, one in found.items() if one.revoked is not None} == self.revoked

    @invariant()
    def nobody_has_a_name_that_is_reserved(self) -> None:
        assert not self.keys.keys() & {"mfpt", "invite-t1"}


TestAdmission = AdmissionMachine.TestCase
TestAdmission.settings = settings(max_examples=60, stateful_step_count=30)
