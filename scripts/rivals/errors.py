"""Why a rival was not measured."""


class NotRun(Exception):
    """A rival that could not run here; the text is the reason, for the table."""
