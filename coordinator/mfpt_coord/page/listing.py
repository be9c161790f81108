"""Long lists for a page: searched, put in order, and given out page by page, on the server."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

Size = Annotated[int, Meta(ge=1, le=200)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a list.

    Attributes:
        search: What the entries must contain, in any case; empty: anything.
        sort: By what they are put in order.
        only: The kind of entries that are wanted; empty: all.
        page: Number of the page, from 1.
        size: Number of entries on a page.
    """

    search: Annotated[str, Meta(max_length=200)] = ""
    sort: Annotated[str, Meta(max_length=40)] = ""
    only: Annotated[str, Meta(max_length=40)] = ""
    page: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    size: Size = 50


class Listed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list: its entries, the number of all that were found, and which page it is of how many."""

    rows: list[T]
    total: int
    page: int
    pages: int


def listed(entries: Sequence[T], asked: Asked) -> Listed[T]:
    """Return a page of entries that are in order already; the last one where there are not so many."""
    pages = max(1, -(-len(entries) // asked.size))
    page = min(asked.page, pages)
    start = (page - 1) * asked.size
    return Listed(rows=list(entries[start : start + asked.size]), total=len(entries), page=page, pages=pages)


def found(entries: Iterable[T], search: str, texts: Callable[[T], Iterable[str | None]]) -> list[T]:
    """Return the entries one of whose texts contains what is searched, in any case."""
    wanted = search.strip().casefold()
    if not wanted:
        return list(entries)
    return [entry for entry in entries if any(wanted in text.casefold() for text in texts(entry) if text)]
