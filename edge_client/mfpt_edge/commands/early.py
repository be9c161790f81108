"""What `mfpt-edge join` and `predict` look at before they load or download anything: is this machine fit for it?"""

import logging
import shutil
from pathlib import Path

from mfpt_edge.host.extras import require_engine
from mfpt_edge.host.least import STATE_BYTES, require_to_predict, require_to_train, tight_memory
from mfpt_shared.system.memory import free_bytes, total_bytes

_log = logging.getLogger(__name__)


def check_trains(state_dir: Path) -> None:
    """Check that this machine can train, and warn where it hardly can.

    Args:
        state_dir: State folder of the device; it may be missing.

    Raises:
        NotInstalled: The libraries for training are missing.
        Unsuited: The machine is too small.
    """
    require_engine()
    require_to_train(total_bytes())
    if advice := tight_memory(free_bytes()):
        _log.warning("%s", advice)
    place = next(one for one in (state_dir, *state_dir.parents) if one.exists())
    free = shutil.disk_usage(place).free
    if free < STATE_BYTES:
        _log.warning("only %.0f MB are free in %s: make room, or name another place (--state-dir)", free / 1e6, place)


def check_predicts() -> None:
    """Check that this machine can predict.

    Raises:
        Unsuited: It is too small.
    """
    require_to_predict(total_bytes())
