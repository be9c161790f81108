"""`mfpt-edge join`: put folder, transport, trainer and client together, and tell at the end what came of it."""

import asyncio
import logging
import os
import signal
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from mfpt_edge.commands.join_config import JoinConfig
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.host.cores import usable_cores
from mfpt_edge.host.extras import require_engine
from mfpt_edge.host.memory import peak_rss_bytes
from mfpt_edge.host.pauses import CourteousTrainer, Courtesy, Machine
from mfpt_edge.host.power import on_battery
from mfpt_edge.session.channel import client_will
from mfpt_edge.session.client import EdgeClient
from mfpt_edge.session.connect import connect_with_retries
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.device.rounds import Candidate, Origin, tune_alone
from mfpt_shared.device.trainer import Measured, OnProgress, Trainer
from mfpt_shared.errors import Interrupted, MfptError, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState, dense
from mfpt_shared.transport.mqtt import MqttTransport

# Torch's matrix libraries remember products for every shape of a batch, 150 MB of them on processors with bfloat16.
# Where memory is short they remember fewer, and make them again.
_TIGHT_BYTES: Final = 800_000_000
_REMEMBER_LESS: Final = {"LRU_CACHE_CAPACITY": "64", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}

_log = logging.getLogger(__name__)


class JoinResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `mfpt-edge join` ends with. Accuracies are those on the test examples, in 0..1; None if there are none.

    Of a task that generates, the accuracy is the share of completions that would be written just as expected.

    Attributes:
        accuracy_before: with the first prompt that came.
        accuracy_after: with the newest prompt of the federation.
        kept: which prompt did best on the device's validation examples and is used from now on: the federation's
            newest, or one that the device tuned itself.
        accuracy_kept: with that one.
        accuracy_alone: after as many epochs from the first prompt on this device's examples only.
        losses: mean training loss of each round.
        bytes_up: payloads and topics that were sent.
        seconds: from the start to the end of the federation's part; `accuracy_alone` is computed after that.
    """

    language: str
    rounds: int
    version: int
    accuracy_alone: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    kept: Origin
    accuracy_kept: float | None
    examples: int
    test_examples: int
    losses: tuple[float, ...]
    bytes_up: int
    bytes_down: int
    peak_rss_bytes: int
    seconds: float


class View(Protocol):
    """Shows snapshots while it is entered."""

    def shown(self) -> AbstractContextManager[None]:
        """Show something for as long as the context lasts."""

    def update(self, snapshot: Snapshot) -> None:
        """Show this from now on."""


def join(config: JoinConfig, view: View) -> JoinResult:
    """Take part in a federation.

    Raises:
        Interrupted: by Ctrl-C; unacknowledged updates stay in the outbox.
        MfptError: see `errors`.
    """
    require_engine()
    _check_data_early(config)
    with owned(config.state_dir, "--state-dir"), view.shown():
        return asyncio.run(_join(config, view))


def _check_data_early(config: JoinConfig) -> None:
    """Find a missing file before anything is connected; its content can only be judged with the plan."""
    if config.data is None or config.data == "cldr" or config.data.startswith("hf:"):
        return
    if not Path(config.data).exists():
        raise UsageError(f"--data {config.data}: no such file or folder")


async def _join(config: JoinConfig, view: View) -> JoinResult:
    began = time.time()
    folder = DeviceFolder(config.state_dir)
    identity = folder.enrol(config.language)
    transport = MqttTransport(
        config.broker, f"mfpt-edge-{identity.client}", will=client_will(config.federation, identity)
    )
    client = EdgeClient(
        folder,
        identity,
        config.federation,
        transport,
        prepare=lambda plan: _load(config, plan),
        clock=time.time,
        rounds=config.rounds,
        retries=config.reconnects,
        observe=view.update,
    )
    task = asyncio.current_task()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        await connect_with_retries(transport, config.retries, asyncio.sleep)
        _log.info("connected to %s as device %s for %s", config.broker, identity.client, identity.language)
        await client.run()
        return await _result(config, client, time.time() - began)
    except asyncio.CancelledError:
        if not interrupted:
            raise
        raise Interrupted("interrupted; the same command goes on from here") from None
    finally:
        client.worker.close()


def _load(config: JoinConfig, plan: Plan) -> Trainer:
    dataset = _dataset(config, plan)
    if config.memory is not None and config.memory < _TIGHT_BYTES:
        os.environ.update(_REMEMBER_LESS | os.environ)
    from mfpt_edge.tuning.backbone_trainer import load_trainer

    courtesy = Courtesy(
        Machine(load=lambda: os.getloadavg()[0], on_battery=on_battery, clock=time.monotonic, wait=time.sleep),
        threads=config.threads or usable_cores(),
        max_load=config.max_load,
        pause_on_battery=config.pause_on_battery,
    )
    with courtesy.at_work():
        trainer = load_trainer(
            plan,
            dataset,
            device=config.device,
            threads=config.threads,
            activation_cache=config.activation_cache,
            memory=config.memory,
        )
    return CourteousTrainer(trainer, courtesy)


def _dataset(config: JoinConfig, plan: Plan) -> Dataset:
    source = config.data or plan.task.data
    # A plan comes from the network: it may name public data, never a file on this device.
    if config.data is None and source != "cldr" and not source.startswith("hf:"):
        raise UsageError("the plan names no data source that every device has: give your own with --data FILE")
    dataset = load_dataset(
        source,
        config.language,
        plan.task.labels,
        kind=plan.task.kind,
        columns=config.columns,
        max_examples=config.max_examples,
    )
    skipped = ", ".join(f"{count} x {reason}" for reason, count in dataset.skipped.items()) or "none"
    _log.info(
        "data %s: %d to train, %d to validate, %d to test; skipped: %s",
        source, len(dataset.train), len(dataset.validation), len(dataset.test), skipped,
    )  # fmt: skip
    return dataset


async def _result(config: JoinConfig, client: EdgeClient, seconds: float) -> JoinResult:
    """Measure first, newest and lone prompt on the test examples."""
    trainer, plan = client.trainer, client.plan
    if trainer is None or plan is None or client.first is None or client.newest is None:
        raise MfptError("the federation ended before this device could take part")
    snapshot = client.snapshot
    first, newest = dense(client.first.state), dense(client.newest.state)
    kept = client.kept or Candidate("federated", client.newest.header.version, newest, Measured(0.0, 0.0, 0))
    before = await client.worker.run(lambda: trainer.test(first))
    after = await client.worker.run(lambda: trainer.test(newest))
    ours = after if kept.origin == "federated" else await client.worker.run(lambda: trainer.test(kept.state))
    alone = None
    # As many rounds of as many epochs as the device trained in the federation, accepted or not.
    rounds, epochs = len(snapshot.losses), plan.training.epochs_for(trainer.examples)
    if config.alone and rounds and before.examples:
        _log.info("tuning alone for %d rounds, for comparison (--no-alone skips this)", rounds)
        alone = await client.worker.run(
            lambda: _last_alone(trainer, first, rounds, epochs, client.worker.check_cancelled)
        )
    known = before.examples > 0
    return JoinResult(
        language=config.language,
        rounds=snapshot.rounds,
        version=client.newest.header.version,
        accuracy_alone=alone,
        accuracy_before=before.accuracy if known else None,
        accuracy_after=after.accuracy if known else None,
        kept=kept.origin,
        accuracy_kept=ours.accuracy if known else None,
        examples=trainer.examples,
        test_examples=before.examples,
        losses=snapshot.losses,
        bytes_up=snapshot.bytes_up,
        bytes_down=snapshot.bytes_down,
        peak_rss_bytes=peak_rss_bytes(),
        seconds=round(seconds, 3),
    )


def _last_alone(trainer: Trainer, start: PromptState, rounds: int, epochs: int, on_progress: OnProgress) -> float:
    """Return the test accuracy after so many rounds alone, the first in closed form as in the federation."""
    *_, last = tune_alone(trainer, start, rounds=rounds, epochs=epochs, seed=0, on_progress=on_progress)
    return trainer.test(last).accuracy
