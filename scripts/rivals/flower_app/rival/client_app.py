"""A device: trains adapter and head from what the server sends, and sends back what they have become."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from rivals.encoding import Encoded, encode, tokenizer_of
from rivals.federating import one_round
from rivals.job import Adapter, Job, Rates
from rivals.model import Rival

app = ClientApp()


@app.train()  # type: ignore[untyped-decorator]  # flwr is not installed where types are checked
def train(message: Message, context: Context) -> Message:
    """Train for one round."""
    settings = context.run_config
    torch.set_num_threads(1)
    job, model = _loaded(str(settings["job"]), settings["adapter"])
    examples = _examples(str(settings["job"]), int(context.node_config["partition-id"]))
    made = one_round(
        job,
        model,
        {name: array.numpy() for name, array in message.content["arrays"].items()},
        examples,
        Rates(float(settings["adapter-rate"]), float(settings["head-rate"])),
        int(message.content["config"]["server-round"]),
    )
    arrays = ArrayRecord({name: Array(np.ascontiguousarray(values)) for name, values in made.items()})
    metrics = MetricRecord({"num-examples": len(examples)})
    return Message(content=RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)


@cache
def _loaded(path: str, adapter: Adapter) -> tuple[Job, Rival]:
    """Load the model, once for every process: a simulation keeps its processes, a SuperNode starts one a message."""
    job = Job.read(Path(path))
    return job, Rival(job, adapter)


@cache
def _examples(path: str, place: int) -> list[Encoded]:
    job = Job.read(Path(path))
    return encode(job, tokenizer_of(job), job.devices[place].train)
