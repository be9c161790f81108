"""Where experiments run, and the laboratory that they share there."""

from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from mfpt_coord.core.relations import Distances
from mfpt_shared.device.trainer import ColumnNames, Laboratory, OpenLaboratory
from mfpt_shared.errors import NotInstalled
from mfpt_shared.plan import Plan

PROCESSES: Final = "processes"
_GROUP: Final = "mfpt.trainers"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where experiments run.

    Attributes:
        data: `cldr`, or a folder with a folder or file for each language.
        distances: Distances between languages.
        cache: Folder for what takes long to compute.
        device: Processor: auto, cpu or cuda.
        jobs: Number of experiments at a time.
        threads: Number of threads of each experiment; None: all cores.
        columns: Columns of the files to read; None: the usual ones.
        engine: `processes` of this machine, or the address of a Dask scheduler.
    """

    data: str
    distances: Distances
    cache: Path
    device: str = "auto"
    jobs: int = 1
    threads: int | None = None
    columns: ColumnNames | None = None
    engine: str = PROCESSES


def open_laboratory(plan: Plan, bench: Bench) -> Laboratory:
    """Open the first laboratory that is installed.

    Raises:
        NotInstalled: There is none.
    """
    for entry in entry_points(group=_GROUP):
        opener: OpenLaboratory = entry.load()
        return opener(
            plan,
            bench.data,
            columns=bench.columns,
            cache=bench.cache,
            device=bench.device,
            threads=bench.threads,
        )
    raise NotInstalled("a simulation needs a trainer, and none is installed: pip install 'mfpt[edge]'")
