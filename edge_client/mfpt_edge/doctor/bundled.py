"""Check of the bundled backbone's data file, which some systems have to fetch."""

from mfpt_edge.bundled.place import DOWNLOAD_MB, FETCH, find_file, is_here, is_right
from mfpt_edge.doctor.examination import Answer, ok, warning
from mfpt_shared.background import in_background
from mfpt_shared.errors import Damaged


async def bundled_backbone() -> Answer:
    """Look for the data file, and at its content.

    Raises:
        Damaged: It is not as it should be.
        OSError: It cannot be read.
    """
    if not is_here():
        return warning(
            "the bundled language model is not on this machine, and most plans need it",
            f"{FETCH} gets it, once ({DOWNLOAD_MB} MB); mfpt-edge join offers it too",
        )
    path = find_file()
    if not await in_background(lambda: is_right(path)):
        raise Damaged(f"{path} is damaged: run {FETCH}, which gets another")
    return ok(str(path))
