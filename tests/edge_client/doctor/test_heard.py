"""What a broker has told somebody who listens: complete, refused, forged, older."""

import json

from mfpt_edge.doctor.heard import Heard
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.trust import Trust
from mfpt_shared.errors import AuthenticationFailed, Incompatible
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Beat, CoordinatorState
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, PLAN
from mfpt_shared.transport.base import Event, Inbound, SubscriptionRefused
from support.sealing import key_of
from support.session import COORDINATOR, FEDERATION, THE_PLAN, notice, online, plan_of_the_future, said

BEAT = said(COORDINATOR_BEAT, Beat(number=1, version=7, at=100.0))
STATE = said(COORDINATOR_STATE, online(7))
OFFLINE = said(COORDINATOR_STATE, CoordinatorState(state="offline", coordinator="c", started=1.0))
THE_NOTICE = said(PLAN, notice())


def heard(*events: Event, probe: str = "", trust: Trust | None = None) -> Heard:
    found = Heard(Listener(FEDERATION, trust or Trust(), Freshness()), probe)
    for event in events:
        found.take(event, 103.0)
    return found


def test_state_plan_and_a_beat_are_everything() -> None:
    found = heard(STATE, THE_NOTICE, BEAT)
    assert found.everything
    assert found.is_online
    assert (found.plan, found.beat_at) == (THE_PLAN, 103.0)


def test_a_beat_is_waited_for_only_if_the_coordinator_says_that_it_is_online() -> None:
    assert not heard(STATE, THE_NOTICE).everything
    assert heard(OFFLINE, THE_NOTICE).everything


def test_a_state_that_says_online_is_believed_only_by_whoever_may_not_hear_beats() -> None:
    refused = SubscriptionRefused((COORDINATOR_BEAT.path(FEDERATION),))
    assert not heard(STATE, THE_NOTICE).is_online
    assert heard(STATE, THE_NOTICE, refused).is_online


def test_what_is_refused_is_not_waited_for() -> None:
    topics = (COORDINATOR_BEAT, COORDINATOR_STATE, PLAN)
    found = heard(SubscriptionRefused(tuple(topic.path(FEDERATION) for topic in topics)))
    assert found.everything
    assert found.all_refused


def test_a_message_of_ones_own_is_waited_for_unless_it_is_refused() -> None:
    assert not heard(STATE, THE_NOTICE, BEAT, probe="own").everything
    assert heard(STATE, THE_NOTICE, BEAT, Inbound("own", b"x"), probe="own").everything
    assert heard(STATE, THE_NOTICE, BEAT, SubscriptionRefused(("own",)), probe="own").everything


def test_a_coordinator_that_has_not_invited_this_device_is_a_problem() -> None:
    found = heard(STATE, trust=Trust(key_of("somebody else").public))
    assert isinstance(found.problem, AuthenticationFailed)
    assert found.state is None


def test_a_plan_of_the_future_cannot_be_followed() -> None:
    assert isinstance(heard(plan_of_the_future()).plan_problem, Incompatible)


def test_a_coordinator_of_an_older_protocol_is_known_by_its_number() -> None:
    older = json.loads(encode(online(7))) | {"protocol": 1}
    found = heard(Inbound(COORDINATOR_STATE.path(FEDERATION), json.dumps(older).encode()))
    assert "protocol 1, this mfpt speaks 2" in str(found.older)


def test_a_message_that_says_nothing_is_no_older_coordinator() -> None:
    for payload in (b"", b"{", b"[1]", b'{"protocol": "1"}', b"\xff", b'{"protocol": 2}'):
        assert heard(Inbound(COORDINATOR_STATE.path(FEDERATION), payload)).older is None


def test_the_coordinator_of_the_tests_signs_what_it_says() -> None:
    assert heard(STATE).listener.trust.key == key_of(COORDINATOR).public
