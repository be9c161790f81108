"""What a device waits for, in words: what, since when, and what to do about it."""

from dataclasses import dataclass

from mfpt_edge.core.asking import needed_version
from mfpt_edge.core.state import State
from mfpt_edge.core.waits import Facts, is_unheard
from mfpt_shared.protocol.messages import Progress
from mfpt_shared.protocol.topics import CLIENT_UP, PLAN, PROMPT


@dataclass(frozen=True, slots=True)
class Wait:
    """What a device waits for, for people.

    Attributes:
        name: What it is, the same as long as it is the same thing.
        text: What, and since when; a clause without a full stop.
        advice: What to do, or what is kept meanwhile; empty where nothing is to be done.
        is_trouble: Whether something seems to be wrong, so that waiting alone may not help.
    """

    name: str
    text: str
    advice: str = ""
    is_trouble: bool = False

    def __str__(self) -> str:
        """Return all of it."""
        return f"{self.text}; {self.advice}" if self.advice else self.text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device takes part.

    Attributes:
        federation: Name of the federation.
        client: Id of the device.
        is_named_by_hand: Whether a person has typed the federation's name, and not an invitation.
    """

    federation: str
    client: str
    is_named_by_hand: bool = True


def in_words(state: State, facts: Facts, place: Place, *, at: float, since: str, longest: int) -> Wait | None:  # noqa: PLR0911, PLR0912 - one case for each kind
    """Return what a device waits for, in words; None: nothing.

    Args:
        state: The device's state.
        facts: What is known beside it.
        place: Where the device takes part.
        at: Now, Unix seconds.
        since: Since when it waits, as people read it, such as `14:02`.
        longest: Length of the longest message that the device has sent, bytes.
    """
    match facts.kind:
        case None:
            return None
        case "long messages":
            return _cut_off(since, longest)
        case "broker":
            return Wait("broker", f"no connection to the broker since {since}", _kept(state))
        case "rights":
            return _not_readable(state, facts, place, since)
        case "plan":
            return _no_plan(state, place, since)
        case "preparing":
            return Wait("preparing", f"loading data and backbone since {since}")
        case "over":
            return Wait("over", f"the federation has ended with version {state.published}; leaving")
        case "coordinator":
            missing = f"no coordinator of federation {place.federation} since {since}"
            return Wait("coordinator", missing, f"{_kept(state)}; it goes on when `mfpt-coord serve` runs there again")
        case "conditions":
            return Wait("conditions", f"training pauses since {since}: {state.against}")
        case "turn":
            return _turn(state, facts, place, at, since)
        case "others":
            there = "" if facts.progress is None else _there(facts.progress)
            return Wait("others", f"waiting since {since} for others whose updates are added up with this one's", there)
        case "answer":
            return _unanswered(state, place, since, longest)
        case "prompt":
            return _no_prompt(state, place, since)
        case "listening":
            return Wait("listening", f"listening since {since} for what the others still make")
        case "measuring":
            return Wait("measuring", f"measuring since {since} what the federation was good for")
        case "last prompt":
            return Wait("last prompt", f"waiting since {since} for the last prompt, 30 s at most")


def _cut_off(since: str, longest: int) -> Wait:
    return Wait(
        "long messages",
        f"every connection to the broker has ended after a moment since {since}",
        f"does the broker pass messages of {longest:,} bytes, the longest that this device has sent (nats-server: "
        "max_payload, Mosquitto: max_packet_size)? Is its disk full? Or does a copy of this device run elsewhere? "
        "Nothing is lost",
        is_trouble=True,
    )


def _kept(state: State) -> str:
    count = len(state.outbox)
    if not count:
        return "training goes on, and its update is kept" if state.phase == "training" else "updates are kept"
    return f"{_updates(count)} {'is' if count == 1 else 'are'} kept, and sent when it is there"


def _updates(count: int) -> str:
    return "1 update" if count == 1 else f"{count} updates"


def _more(count: int) -> str:
    return "1 more update" if count == 1 else f"{count} more updates"


def _not_readable(state: State, facts: Facts, place: Place, since: str) -> Wait:
    named = ", ".join(facts.refused) or "what the coordinator publishes"
    is_name_in_doubt = state.plan is None and place.is_named_by_hand
    name = f"is {place.federation} the federation's name (--federation)? If so, " if is_name_in_doubt else ""
    return Wait(
        "rights",
        f"the broker has refused since {since} to let this device read {named}",
        f"{name}ask the broker's operator for the right to read it, or for room for another subscription",
        is_trouble=True,
    )


def _no_plan(state: State, place: Place, since: str) -> Wait:
    readable = f"may this device read {PLAN.path(place.federation)}?"
    if state.coordinator is not None:
        advice = f"the coordinator is there: {readable} And does the broker pass a message as long as the plan?"
        return Wait("plan", f"no plan of federation {place.federation} since {since}", advice, is_trouble=True)
    name = "is that the name (--federation), and the broker (--broker)? " if place.is_named_by_hand else ""
    return Wait(
        "plan",
        f"nothing is heard of federation {place.federation} since {since}",
        f"{name}Does `mfpt-coord serve` run there? If so, {readable}",
        is_trouble=True,
    )


def _turn(state: State, facts: Facts, place: Place, at: float, since: str) -> Wait:
    if is_unheard(facts, at):
        up = CLIENT_UP.path(place.federation, place.client)
        return Wait(
            "unheard",
            f"the coordinator has not answered this device since {since}, although it has work",
            f"it does not hear what the broker drops: may this device publish on {up}? Or was it not admitted?",
            is_trouble=True,
        )
    said, next_version = facts.progress, state.published + 1
    if said is None:
        return Wait("turn", f"waiting since {since} for the coordinator to give this device work")
    if state.language in said.joining:
        return Wait("first prompt", f"waiting since {since} for the first prompt of {state.language}")
    if said.training >= said.places > 0 and _may_train(state):
        return Wait("place", f"waiting since {since} for a place: {_devices(said.training)}")
    return _next_version(said, max(next_version, said.version + 1), since)


def _may_train(state: State) -> bool:
    """Tell whether nothing but a place is missing."""
    return state.trained_from < state.published


def _devices(count: int) -> str:
    return "1 device trains" if count == 1 else f"{count} devices train"


def _next_version(said: Progress, version: int, since: str) -> Wait:
    missing = max(0, said.needed - said.updates)
    there = _there(said)
    if said.at_work:
        return Wait("version", f"waiting since {since} for {_at_work(said)} before version {version}", there)
    if missing:
        advice = f"{there}, and nobody else trains: it goes on when more devices come"
        return Wait("more devices", f"waiting since {since} for {_more(missing)} before version {version}", advice)
    return Wait("version", f"waiting since {since} for version {version}")


def _there(said: Progress) -> str:
    return f"{said.updates} of {_updates(said.needed)} {'is' if said.updates == 1 else 'are'} there"


def _at_work(said: Progress) -> str:
    shown = [f"{language} ({share:.0%})".replace("%", " %") for language, share in list(said.at_work.items())[:3]]
    more = len(said.at_work) - len(shown)
    if more:
        shown.append(f"{more} more {'language' if more == 1 else 'languages'}")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _unanswered(state: State, place: Place, since: str, longest: int) -> Wait:
    count = len(state.outbox)
    return Wait(
        "answer",
        f"{_updates(count)} {'waits' if count == 1 else 'wait'} since {since} for the coordinator's answer",
        f"sent again until it comes: may this device publish on {CLIENT_UP.path(place.federation, place.client)}, and "
        f"does the broker pass messages of {longest:,} bytes?",
        is_trouble=True,
    )


def _no_prompt(state: State, place: Place, since: str) -> Wait:
    topic = PROMPT.path(place.federation, state.language)
    return Wait(
        "prompt",
        f"version {needed_version(state)} of the prompt has not come since {since}",
        f"may this device read {topic}, and does the broker pass messages that are as long as a prompt?",
        is_trouble=True,
    )
