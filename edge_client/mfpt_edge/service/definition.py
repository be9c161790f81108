"""What a manager of services is told to run: one device's `mfpt-edge join`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mfpt_shared.errors import UsageError
from mfpt_shared.transport.address import PASSWORD_VARIABLE

KEPT_VARIABLES: Final = (
    *("XDG_STATE_HOME", "XDG_CACHE_HOME", "MFPT_CACHE", "HF_HOME", "HF_HUB_OFFLINE"),
    *("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
"""Variables of the environment that a service gets, where they are set as it is installed; none of them is a secret."""
RESTART_SECONDS: Final = 60
"""Time after which a device that ended with an error is started again."""
FINAL_CODES: Final = (2, 5, 6, 7)
"""Exit codes after which the same command would end in the same way: usage, login, versions that do not fit, data."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One service.

    Attributes:
        federation: Name of the device's federation.
        language: Its language.
        command: Program and arguments.
        folder: Folder in which it runs, absolute.
        log: File for its log lines, where the manager keeps none itself.
        environment: Variables that it gets besides the manager's own.
    """

    federation: str
    language: str
    command: tuple[str, ...]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the service, the same for the same device."""
        return f"mfpt-edge-{self.federation}-{self.language}"

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"mfpt-edge: {self.language} in federation {self.federation}"


_PASSWORD: Final = re.compile(r"://[^/?#\s]*:[^/?#\s]*@")
"""A password in an address."""


def check_arguments(arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
    """Refuse secrets: a service's description can be read by more than its owner, and stays.

    Args:
        arguments: Arguments for `join` that it would have.
        environment: Variables of this process, some of which it would get.

    Raises:
        UsageError: There is one.
    """
    if any(argument.startswith("mfpt://") for argument in arguments):
        raise UsageError(
            "a service needs no invitation, which is a secret: join once with it; then install the service without it"
        )
    if any(map(_PASSWORD.search, arguments)):
        raise UsageError(
            "a service keeps no password, and an address among these options has one: for the broker's, join with an "
            "invitation, which gives this device an account of its own"
        )
    for name in KEPT_VARIABLES:
        if _PASSWORD.search(environment.get(name, "")):
            raise UsageError(
                f"a service keeps no password, and {name} has one: unset it here, and set it where your session's "
                "services find it; then join works there as here"
            )
    if environment.get(PASSWORD_VARIABLE):
        raise UsageError(
            f"a service does not keep {PASSWORD_VARIABLE}: join with an invitation, which gives this device an account "
            "of its own"
        )
