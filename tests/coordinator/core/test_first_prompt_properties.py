"""Properties of a language's first prompt: a mixture of those that exist."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mfpt_coord.core.relations import Distances, Relations, pair
from mfpt_coord.core.weights import mixture
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.tensors import Array
from support.relations import DISTANCES, PROXIMITIES, TAGS, VALUES, plans

PLANS = st.sampled_from(PROXIMITIES).flatmap(plans)
PROMPTS = st.dictionaries(
    st.sampled_from([UNDETERMINED, *TAGS[1:]]),
    st.lists(st.floats(-100, 100, width=32), min_size=VALUES, max_size=VALUES).map(
        lambda values: np.array(values, np.float32)
    ),
    min_size=1,
)


@settings(max_examples=200)
@given(PROMPTS, DISTANCES, PLANS, st.data())
def test_a_late_joiners_prompt_lies_between_those_that_have_contributed(
    prompts: dict[LanguageCode, Array], distances: Distances, plan: Aggregation, data: st.DataObject
) -> None:
    contributed = {
        language: data.draw(st.floats(1, 100))
        for language in prompts
        if language != UNDETERMINED and data.draw(st.booleans())
    }
    sources = [prompts[language] for language in contributed]
    assume(sources)
    mixed = mixture(TAGS[0], prompts, contributed, Relations(distances), plan)
    assert mixed.dtype == np.float32
    assert (mixed >= np.min(sources, axis=0) - 1e-4).all()
    assert (mixed <= np.max(sources, axis=0) + 1e-4).all()


def test_a_late_joiner_listens_more_to_near_languages() -> None:
    distances = {pair(TAGS[0], TAGS[1]): {"genetic": 0.1}, pair(TAGS[0], TAGS[2]): {"genetic": 0.9}}
    prompts = {TAGS[1]: np.zeros(VALUES, np.float32), TAGS[2]: np.ones(VALUES, np.float32)}
    plan = Aggregation(proximity="fixed", temperature=0.4)
    mixed = mixture(TAGS[0], prompts, {TAGS[1]: 5, TAGS[2]: 5}, Relations(distances), plan)
    near, far = np.exp(-0.1 / 0.4), np.exp(-0.9 / 0.4)
    assert mixed == pytest.approx(np.full(VALUES, far / (near + far)))


def test_before_anybody_has_contributed_all_start_alike() -> None:
    first = np.arange(VALUES, dtype=np.float32)
    assert np.array_equal(mixture(TAGS[0], {UNDETERMINED: first}, {}, Relations(), Aggregation()), first)
