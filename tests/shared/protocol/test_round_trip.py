"""Whatever the message, it is itself again after its way over the wire."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.topics import Topic
from support.wire import ON_TOPIC, assert_same


@pytest.mark.parametrize(("topic", "strategy"), ON_TOPIC, ids=[topic.name for topic, _ in ON_TOPIC])
def test_a_message_survives_its_way(topic: Topic, strategy: st.SearchStrategy[Any]) -> None:
    @settings(max_examples=150)
    @given(strategy)
    def there_and_back(message: Any) -> None:
        assert_same(decode(topic, encode(message)), message)

    there_and_back()
