"""Long lists are searched and given out page by page."""

from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.page.listing import Asked, found, listed


@given(st.lists(st.integers()), st.integers(1, 200))
def test_all_pages_together_are_the_list(entries: list[int], size: int) -> None:
    first = listed(entries, Asked(size=size))
    pages = [listed(entries, Asked(size=size, page=page)).rows for page in range(1, first.pages + 1)]
    assert [entry for page in pages for entry in page] == entries
    assert first.total == len(entries)


def test_after_the_last_page_there_is_the_last_page() -> None:
    page = listed(["a", "b", "c"], Asked(page=9, size=2))
    assert (page.rows, page.page, page.pages) == (["c"], 2, 2)


def test_a_search_looks_at_all_texts_in_any_case() -> None:
    entries = [("swh", "Swahili"), ("swc", "Congo Swahili"), ("zul", None)]
    assert found(entries, " SWAHILI ", lambda entry: entry) == entries[:2]
    assert found(entries, "zu", lambda entry: entry) == entries[2:]
    assert found(entries, "", lambda entry: entry) == entries
