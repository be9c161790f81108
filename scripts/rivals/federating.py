"""Federated averaging in one process, as Flower's FedAvg does it in many: to choose learning rates with."""

from collections.abc import Sequence

import numpy as np

from rivals.encoding import Encoded, encode, tokenizer_of
from rivals.job import Adapter, Job, Rates
from rivals.model import Arrays, Rival
from rivals.training import answers, share_right, train


def federate(job: Job, adapter: Adapter, rates: Rates) -> tuple[Rival, Arrays]:
    """Train all devices of a job for all of its rounds; return the model, and what was averaged last."""
    model = Rival(job, adapter)
    tokenizer = tokenizer_of(job)
    shares = [encode(job, tokenizer, device.train) for device in job.devices]
    arrays = model.arrays()
    for number in range(1, job.rounds + 1):
        arrays = averaged([one_round(job, model, arrays, share, rates, number) for share in shares], shares)
    return model, arrays


def one_round(job: Job, model: Rival, arrays: Arrays, examples: Sequence[Encoded], rates: Rates, number: int) -> Arrays:
    """Train one device from what the others have made; return what it makes of it."""
    model.take(arrays)
    train(job, model, examples, rates, job.epochs, seed=1000 * job.seed + number)
    return model.arrays()


def averaged(made: Sequence[Arrays], shares: Sequence[Sequence[Encoded]]) -> Arrays:
    """Return the mean, weighted by the number of examples. Source: McMahan et al. 2017, algorithm 1."""
    counts = [len(share) for share in shares]
    return {
        name: np.average([one[name] for one in made], axis=0, weights=counts).astype(np.float32) for name in made[0]
    }


def tested(job: Job, model: Rival, arrays: Arrays) -> dict[str, float]:
    """Return the accuracy of each language on its device's test examples."""
    model.take(arrays)
    tokenizer = tokenizer_of(job)
    return {
        device.language: share_right(device.test, answers(model, encode(job, tokenizer, device.test)))
        for device in job.devices
    }
