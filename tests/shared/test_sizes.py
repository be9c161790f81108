"""Numbers of bytes, as people read them."""

import pytest

from mfpt_shared.sizes import readable


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (1000, "1.0 kB"), (1_500_000, "1.5 MB")])
def test_sizes_are_shown_in_units_that_people_read(count: int, text: str) -> None:
    assert readable(count) == text
