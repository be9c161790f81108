"""What a fold goes by is the same whether it is found in crowds of devices or by a look at each."""

from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.core.client import Client, Measured
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.crowds import crowds_of, moved, place_of
from mfpt_coord.core.standing import Best
from mfpt_coord.core.state import Counted, State, initial
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation
from support.federation import tiny_plan
from support.plain_fold import check_fold

TAGS = tuple(LanguageCode(tag) for tag in ("swh", "zul", "eng"))
LANGUAGES = st.sampled_from(TAGS)
FEW = st.sampled_from([0, 1, 2, 3, 9, 10, 500, 10_000])
ACCURACIES = st.floats(0, 1)
DEVICES = st.lists(
    st.builds(
        Client,
        id=st.sampled_from([f"d{number}" for number in range(12)]),
        language=LANGUAGES,
        examples=FEW | st.integers(0, 20_000),
        folded=st.integers(0, 4),
        state=st.sampled_from(["online", "online", "offline"]),
        measured=st.none() | st.builds(Measured, st.integers(0, 3), ACCURACIES, st.integers(1, 50)),
    ),
    max_size=12,
)
UPDATES = st.lists(
    st.builds(
        Counted,
        client=st.sampled_from([f"d{number}" for number in range(15)]),
        sequence=st.just(1),
        language=LANGUAGES,
        examples=FEW,
    ),
    max_size=5,
)
RULES = st.builds(
    Aggregation,
    max_examples=st.sampled_from([1, 9, 1000]),
    device_share=st.sampled_from([0.0, 0.1, 0.25, 1.0]) | st.floats(0, 1),
    newcomer_share=st.floats(0.01, 1),
    newcomer_updates=st.integers(0, 4),
)


def federation(rules: Aggregation, devices: list[Client]) -> State:
    state = initial(msgspec.structs.replace(tiny_plan(), aggregation=rules))
    prompts = dict.fromkeys(TAGS[:2], next(iter(state.prompts.values())))
    best = {TAGS[0]: Best(1, 0.5, 20)}
    return replace(state, version=2, prompts={**state.prompts, **prompts}, best=best, clients=Clients.of(devices))


@given(RULES, DEVICES, UPDATES)
def test_a_fold_goes_by_what_a_look_at_every_device_finds(
    rules: Aggregation, devices: list[Client], updates: list[Counted]
) -> None:
    check_fold(federation(rules, devices), updates)


@given(RULES, DEVICES, DEVICES, UPDATES)
def test_devices_that_have_changed_count_as_they_are_now(
    rules: Aggregation, devices: list[Client], changed: list[Client], updates: list[Counted]
) -> None:
    state = federation(rules, devices)
    check_fold(replace(state, clients=state.clients.under(rules).plus(*changed)), updates)


@given(st.integers(0, 4), DEVICES, st.data())
def test_crowds_that_devices_have_come_to_and_left_are_those_of_who_is_there(
    newcomer_updates: int, devices: list[Client], data: st.DataObject
) -> None:
    places = [place_of(device, newcomer_updates) for device in devices]
    left = data.draw(st.integers(0, len(places)))
    crowds = crowds_of([])
    for place in places:
        crowds = moved(crowds, None, place)
    assert crowds == crowds_of(places)
    for place in places[:left]:
        crowds = moved(crowds, place, None)
    assert crowds == crowds_of(places[left:])
