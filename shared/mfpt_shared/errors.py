"""Every error that a person may see, with the exit code that a script may rely on.

    MfptError                     1
     ├── Interrupted            130   Ctrl-C
     │    └── Terminated          0   SIGTERM: the process was asked to end, and ended in order
     ├── UsageError               2   an argument or a language tag that cannot be used
     ├── ConnectionFailed         3   the broker cannot be reached
     ├── TimedOut                 4   an answer did not come in time
     ├── AuthenticationFailed     5   the broker refused the credentials
     │    └── WrongCertificate        what answers is not the broker that was meant
     ├── Incompatible             6   plan, backbone, protocol or state belong to something else
     ├── NotInstalled             6   a library or a bundled file is missing
     ├── Unsuited                 6   the machine is too old or too small for what was asked
     ├── InUse                    6   another process owns the folder, or another coordinator serves the federation
     └── BadData                  7
          ├── PlanError               a plan file
          ├── DatasetError            a data set
          ├── DecodeError             bytes from the network
          │    └── Exposing           what a coordinator asks for, and would lay bare what masks hide
          ├── NotAllowed              what a plan asks for, and the owner of the device has not allowed
          └── Damaged                 a file that mfpt itself wrote or installed

A message says what happened, where, and what to do, in one or two lines.
"""

from typing import ClassVar


class MfptError(Exception):
    """Base of all errors that are meant for people."""

    exit_code: ClassVar[int] = 1


class Interrupted(MfptError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130


class Terminated(Interrupted):
    """The system asked the process to end (SIGTERM); it ended in order, which is not a failure."""

    exit_code = 0


class UsageError(MfptError):
    """An argument that cannot be used."""

    exit_code = 2


class ConnectionFailed(MfptError):
    """The broker cannot be reached."""

    exit_code = 3


class TimedOut(MfptError):
    """An answer did not come in time."""

    exit_code = 4


class AuthenticationFailed(MfptError):
    """The broker refused the credentials."""

    exit_code = 5


class WrongCertificate(AuthenticationFailed):
    """The broker's certificate is not the right one: whatever answers may be somebody else."""


class Incompatible(MfptError):
    """Two sides that do not fit together: plan, backbone, protocol version or saved state."""

    exit_code = 6


class NotInstalled(MfptError):
    """A library or a bundled file that this command needs is missing."""

    exit_code = 6


class Unsuited(MfptError):
    """A machine that is too old or too small for what was asked of it."""

    exit_code = 6


class InUse(MfptError):
    """Another process owns the folder, or another coordinator serves the federation."""

    exit_code = 6


class BadData(MfptError):
    """Input that breaks its own format."""

    exit_code = 7


class PlanError(BadData):
    """A federation plan that cannot be read or contradicts itself."""


class DatasetError(BadData):
    """A data set that cannot be read or does not fit the plan."""


class DecodeError(BadData):
    """Bytes from the network that are not a message of the protocol."""


class Exposing(DecodeError):
    """Something that a coordinator asks of a member of a cohort, and that would lay bare what masks hide."""


class NotAllowed(BadData):
    """Something that a plan asks for, and the owner of the device has not allowed."""


class Damaged(BadData):
    """A file that mfpt itself wrote or installed and can no longer read."""
