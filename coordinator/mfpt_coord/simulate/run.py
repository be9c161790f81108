"""Runs an experiment: shares the data out, and lets the devices train alone, together, or as one."""

from mfpt_coord.core.relations import Distances
from mfpt_coord.simulate.alone import central, local
from mfpt_coord.simulate.experiment import Experiment, OnProgress, Outcome
from mfpt_coord.simulate.partition import share_out
from mfpt_coord.simulate.together import federated
from mfpt_shared.device.trainer import Laboratory


def run(
    experiment: Experiment, laboratory: Laboratory, distances: Distances, on_progress: OnProgress = lambda _: None
) -> Outcome:
    """Run an experiment.

    Args:
        experiment: What to simulate.
        laboratory: Texts and backbone.
        distances: Distances between the languages; a pair that is missing is unknown.
        on_progress: Called now and then.

    Raises:
        UsageError: The data cannot be shared out as asked.
        MfptError: A training diverged.
    """
    shares = share_out(experiment, laboratory)
    if experiment.method == "local":
        return local(experiment, laboratory, shares, on_progress)
    if experiment.method == "central":
        return central(experiment, laboratory, shares, on_progress)
    return federated(experiment, laboratory, shares, distances, on_progress)
