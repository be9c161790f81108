"""The broker's pulse: when beats are due, and when a broker that does not send them back counts as deaf."""

import math

from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.server.pulse import (
    BEAT_SECONDS,
    CUTS,
    DEAF_BEATS,
    OUT_SECONDS,
    OVERTAKEN,
    Deaf,
    Pulse,
    SendBeat,
    TooLong,
    Verdict,
)

SIZE = 50_000


class Heart:
    """A pulse, and a clock that jumps from one deadline to the next."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pulse = Pulse(SIZE)
        self._number = 0

    @property
    def number(self) -> int:
        """Number of the beats so far."""
        return self._number

    def connects(self) -> None:
        self.pulse.connected(self.now)

    def loses(self) -> None:
        self.pulse.lost(self.now)

    def beats(self, *, heard: bool = True) -> Verdict | None:
        """Wait for the next deadline, and return what is to be done then."""
        self.now = max(self.now, self.pulse.next_deadline)
        verdict = self.pulse.due(self.now)
        if isinstance(verdict, SendBeat):
            self._number = verdict.number
            if heard:
                self.pulse.heard(verdict.number)
        return verdict


def test_nothing_is_sent_before_there_is_a_connection() -> None:
    pulse = Pulse(SIZE)
    assert pulse.next_deadline == math.inf
    assert pulse.due(1e9) is None


def test_a_broker_that_never_lets_anybody_in_is_deaf_after_a_while() -> None:
    heart = Heart()
    heart.pulse.begin(heart.now)
    assert heart.pulse.due(heart.now) is None
    assert heart.beats() == Deaf(1, connected=False)


def test_the_first_beat_of_every_connection_is_as_long_as_the_longest_message() -> None:
    heart = Heart()
    heart.connects()
    assert [heart.beats() for _ in range(3)] == [SendBeat(1, SIZE), SendBeat(2, 0), SendBeat(3, 0)]
    heart.loses()
    heart.connects()
    assert [heart.beats() for _ in range(2)] == [SendBeat(4, SIZE), SendBeat(5, 0)]


def test_a_beat_is_due_every_second_and_not_sooner() -> None:
    heart = Heart()
    heart.connects()
    heart.beats()
    assert heart.pulse.due(heart.now + 0.9 * BEAT_SECONDS) is None
    assert heart.pulse.next_deadline == heart.now + BEAT_SECONDS


def test_a_broker_that_sends_nothing_back_is_deaf_and_found_so_again_and_again() -> None:
    heart = Heart()
    heart.connects()
    found = [heart.beats(heard=False) for _ in range(1 + (1 + 2 + 4) * DEAF_BEATS + 3)]
    assert [verdict for verdict in found if isinstance(verdict, Deaf)] == [Deaf(n, connected=True) for n in (1, 2, 3)]
    heart.beats()
    again = [heart.beats(heard=False) for _ in range(DEAF_BEATS + 1)]
    assert Deaf(1, connected=True) in again, "it has delivered in between"


def test_a_broker_that_restarts_is_given_time_and_counts_as_deaf_until_it_delivers() -> None:
    heart = Heart()
    heart.connects()
    assert Deaf(1, connected=True) in [heart.beats(heard=False) for _ in range(DEAF_BEATS + 2)]
    heart.loses()
    heart.connects()
    assert Deaf(2, connected=True) not in [heart.beats(heard=False) for _ in range(DEAF_BEATS + 2)], "it may be busy"
    assert Deaf(2, connected=True) in [heart.beats(heard=False) for _ in range(DEAF_BEATS + 2)]


def test_a_broker_that_cuts_every_connection_and_stores_nothing_is_deaf() -> None:
    """It passes what is sent with QoS 0, which it need not store (nats-server, after its disk was full)."""
    heart = Heart()
    found = list[Verdict | None]()
    for _ in range(6):
        heart.connects()
        found.append(heart.beats())
        found += [heart.beats(heard=False) for _ in range(3)]
        heart.loses()
    assert Deaf(1, connected=True) in found
    assert TooLong(SIZE) not in found


def test_a_coordinator_that_was_busy_for_long_blames_nobody() -> None:
    heart = Heart()
    heart.connects()
    heart.beats()
    heart.now += 3600.0
    assert isinstance(heart.beats(), SendBeat)


def test_a_broker_that_cannot_be_reached_counts_as_deaf_after_a_while_however_often_attempts_fail() -> None:
    heart = Heart()
    heart.connects()
    heart.beats()
    heart.loses()
    heart.now += OUT_SECONDS / 2
    heart.loses()
    assert heart.pulse.due(heart.now) is None
    assert heart.beats() == Deaf(1, connected=False)
    assert heart.beats() == Deaf(2, connected=False)


def test_a_broker_that_drops_long_messages_is_told_of_once() -> None:
    heart = Heart()
    heart.connects()
    assert isinstance(heart.beats(heard=False), SendBeat)
    found = [heart.beats() for _ in range(20)]
    assert found.count(TooLong(SIZE)) == 1
    assert not any(isinstance(verdict, Deaf) for verdict in found)


def test_earlier_beats_that_a_broker_has_kept_say_nothing_of_long_messages() -> None:
    heart = Heart()
    heart.connects()
    heart.beats()
    for _ in range(OVERTAKEN):
        heart.beats(heard=False)
    kept = heart.number
    heart.loses()
    heart.connects()
    assert heart.beats(heard=False) == SendBeat(kept + 1, SIZE)
    for number in range(kept - OVERTAKEN, kept):
        heart.pulse.heard(number + 1)
    assert heart.beats() == SendBeat(kept + 2, 0)


def test_a_broker_that_cuts_the_connection_at_long_messages_is_told_of_once() -> None:
    heart = Heart()
    found = list[Verdict | None]()
    for _ in range(CUTS):
        heart.connects()
        assert heart.beats(heard=False) == SendBeat(heart.number, SIZE)
        heart.loses()
    for _ in range(2):
        heart.connects()
        found += [heart.beats() for _ in range(5)]
        heart.loses()
    assert found.count(TooLong(SIZE)) == 1
    assert SendBeat(CUTS + 1, 0) in found, "it lets short ones pass"


def test_a_broker_that_cuts_every_connection_whatever_is_sent_is_said_to_do_so() -> None:
    heart = Heart()
    found = list[Verdict | None]()
    for _ in range(DEAF_BEATS + CUTS + 2):
        heart.connects()
        found.append(heart.beats(heard=False))
        heart.loses()
    assert Deaf(1, connected=True, cuts=True) in found


def test_a_connection_that_breaks_before_the_first_beat_was_sent_blames_nobody() -> None:
    heart = Heart()
    for _ in range(2 * CUTS):
        heart.connects()
        heart.loses()
        assert heart.pulse.due(heart.now) is None


@given(st.lists(st.sampled_from(["connects", "loses", "beats"]), max_size=200))
def test_a_broker_that_sends_everything_back_is_never_deaf(events: list[str]) -> None:
    heart = Heart()
    connected, numbers = False, list[int]()
    for event in events:
        if event == "beats" and connected:
            verdict = heart.beats()
            assert isinstance(verdict, SendBeat)
            numbers.append(verdict.number)
        elif event != "beats":
            getattr(heart, event)()
            connected = event == "connects"
    assert numbers == sorted(set(numbers))
