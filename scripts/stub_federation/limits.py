"""How many files a process and its children may open."""

import resource  # noqa: TID251 - the shared package raises limits of children alone

from mfpt_shared.errors import MfptError


def allow_files(number: int) -> None:
    """Raise the limit of open files as far as is needed.

    Raises:
        MfptError: The system does not allow so many.
    """
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files >= number:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, max(number, most)))
    except (ValueError, OSError) as error:
        raise MfptError(f"{number} open files are needed, and {most} are allowed: raise `ulimit -Hn`") from error
