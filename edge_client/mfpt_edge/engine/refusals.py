"""Errors that cross from one process into another, with their class and what they say."""

from mfpt_edge.engine.messages import Failed
from mfpt_shared.errors import MfptError


def failure_of(error: MfptError) -> Failed:
    """Return an error as a message."""
    return Failed(type(error).__name__, str(error))


def error_of(failed: Failed) -> MfptError:
    """Return the error that a message tells of; one whose class is unknown is an `MfptError`."""
    return _classes(MfptError).get(failed.kind, MfptError)(failed.text)


def _classes(base: type[MfptError]) -> dict[str, type[MfptError]]:
    """Return a class of errors and all below it, by name."""
    below = [_classes(one) for one in base.__subclasses__()]
    return {base.__name__: base} | {name: one for classes in below for name, one in classes.items()}
