"""A soak as a figure: memory, descriptors and sizes over time."""

from collections.abc import Sequence
from pathlib import Path

from mfpt_coord import plots
from soaking.series import QUANTITIES, Sample


def draw(samples: Sequence[Sample], file: Path) -> None:
    """Draw every quantity that is looked at into a file.

    Raises:
        NotInstalled: matplotlib is missing.
        UsageError: The file cannot be written.
    """
    series = {
        name: [
            (sample.seconds / 60, float(value)) for sample in samples if (value := getattr(sample, field)) is not None
        ]
        for name, field in QUANTITIES.items()
    }
    drawn = plots.lines(
        series, "minutes", "MB, or open descriptors", f"{samples[-1].seconds / 60:.0f} minutes under faults"
    )
    plots.save(drawn, file)
