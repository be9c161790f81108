"""Everybody's examples in one place, and as many epochs on each as in a federation: for full fine-tuning."""

from rivals.encoding import encode, tokenizer_of
from rivals.job import Adapter, Job, Rates
from rivals.model import Rival
from rivals.training import train


def train_centrally(job: Job, adapter: Adapter, rates: Rates) -> Rival:
    """Train one model on the examples of all devices."""
    model = Rival(job, adapter)
    everything = [item for device in job.devices for item in device.train]
    train(job, model, encode(job, tokenizer_of(job), everything), rates, job.rounds * job.epochs, seed=job.seed)
    return model
