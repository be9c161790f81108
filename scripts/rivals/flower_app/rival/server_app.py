"""The server: FedAvg over all devices, and nothing evaluated in between. It needs no torch."""

import json
import time
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, Context, MetricRecord, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from rivals.job import Job

app = ServerApp()


@app.main()  # type: ignore[untyped-decorator]  # flwr is not installed where types are checked
def main(grid: Grid, context: Context) -> None:
    """Run all rounds, and write what was made and how long it took."""
    settings = context.run_config
    job = Job.read(Path(settings["job"]))
    with np.load(settings["start"]) as found:
        start = ArrayRecord({name: Array(found[name]) for name in found})
    devices = len(job.devices)
    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_train_nodes=devices,
        min_available_nodes=devices,
        train_metrics_aggr_fn=_number_of_replies,
    )
    began = time.time()
    result = strategy.start(grid=grid, initial_arrays=start, num_rounds=job.rounds)
    ended = time.time()
    np.savez(settings["made"], **{name: array.numpy() for name, array in result.arrays.items()})
    report = {
        "began": began,
        "ended": ended,
        "replies": [int(metrics["replies"]) for metrics in result.train_metrics_clientapp.values()],
        "bytes_down": sum(len(array.data) for array in start.values()),
        "bytes_up": sum(len(array.data) for array in result.arrays.values()),
    }
    Path(settings["report"]).write_text(json.dumps(report), encoding="utf-8")


def _number_of_replies(replies: list[RecordDict], _weighted_by: str) -> MetricRecord:
    """Count the devices of a round, because FedAvg goes on without those that failed."""
    return MetricRecord({"replies": len(replies)})
