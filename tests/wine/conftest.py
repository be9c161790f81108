"""A Windows under Wine, and a federation of two devices in it that has made a round."""

from collections.abc import Iterator

import pytest

from support.windows import Windows
from support.windows_federation import Federation, federation
from support.windows_python import windows_python


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """A Windows Python that runs this checkout; its home has a space and an accent, as people's names do."""
    home = tmp_path_factory.mktemp("windows") / "Zoë Ọlá"
    home.mkdir()
    made = Windows(windows_python(), home)
    with made.running():
        yield made


@pytest.fixture(scope="session")
def taken_part(windows: Windows) -> Federation:
    """A coordinator that runs, and two devices that have made a round."""
    return federation(windows)
