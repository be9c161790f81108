"""What starts programs for a user who is not looking: the system's own manager of services."""

import sys
from typing import Literal

Manager = Literal["systemd", "launchd", "task scheduler"]


def service_manager() -> Manager | None:
    """Return the manager that systems like this one have; None for systems that mfpt has no services for.

    A Linux without systemd has none either: whoever calls it finds that out.
    """
    if sys.platform == "win32":
        return "task scheduler"
    if sys.platform == "darwin":
        return "launchd"
    return "systemd" if sys.platform == "linux" else None
