"""Figures of a coordinator at one moment, as families of Prometheus' metrics. Names and units follow its conventions.

Source: https://prometheus.io/docs/practices/naming/
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, get_args

import msgspec
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from mfpt_coord.core.schedule import fold_size, waiting_updates
from mfpt_coord.core.state import State
from mfpt_coord.server.metrics.device_tally import DeviceTally, tally
from mfpt_coord.server.metrics.vital_signs import VitalSigns
from mfpt_shared import __version__
from mfpt_shared.protocol.messages import Phase

_STALENESS_BUCKETS: Final = (0, 1, 2, 3, 5, 8, 13, 21)
_PHASES: Final = (*get_args(Phase), "offline")


def families(signs: VitalSigns, database: Path) -> Iterable[Metric]:
    """Return all figures of a coordinator.

    Args:
        signs: How it is.
        database: Path of its database, whose size is told; there is none where a server keeps it.
    """
    yield from _federation(signs)
    yield from _updates(signs.state)
    yield from _devices(signs.state, tally(signs.state, signs.at))
    yield from _queues(signs)
    yield from _store(signs, database)
    yield from _broker(signs)


def _federation(signs: VitalSigns) -> Iterable[Metric]:
    state = signs.state
    about = {"version": __version__, "federation": state.plan.federation, "plan": state.plan.digest}
    yield InfoMetricFamily("mfpt_coordinator", "The program, the federation and its plan.", about)
    yield _gauge("mfpt_start_time_seconds", "When the coordinator started, Unix seconds.", signs.started)
    yield _gauge("mfpt_version", "Newest version of the prompts.", state.version)
    yield _gauge("mfpt_ready", "Whether devices can be served: 1, or 0.", not signs.problems)
    yield _gauge("mfpt_leader", "Whether the broker keeps this coordinator's own messages: 1, or 0.", signs.in_place)
    yield _gauge("mfpt_prompts", "Number of languages that have a prompt.", len(state.prompts))


def _updates(state: State) -> Iterable[Metric]:
    outcomes = msgspec.structs.asdict(state.counts)
    yield _labelled(
        CounterMetricFamily("mfpt_updates", "Updates, by the answer to them.", labels=["outcome"]), outcomes
    )
    staleness = HistogramMetricFamily("mfpt_update_staleness", "Versions that accepted updates were behind.")
    total = sum(state.staleness.values())
    below = [
        (str(float(most)), float(sum(number for behind, number in state.staleness.items() if behind <= most)))
        for most in _STALENESS_BUCKETS
    ]
    behind_in_all = sum(behind * number for behind, number in state.staleness.items())
    staleness.add_metric([], [*below, ("+Inf", float(total))], behind_in_all)
    yield staleness


def _devices(state: State, devices: DeviceTally) -> Iterable[Metric]:
    phases = {phase: devices.phases[phase] for phase in _PHASES}
    yield _labelled(GaugeMetricFamily("mfpt_devices", "Devices, by what they do.", labels=["phase"]), phases)
    known = GaugeMetricFamily("mfpt_language_devices", "Devices of a language.", labels=["language", "state"])
    examples = CounterMetricFamily(
        "mfpt_language_examples", "Training examples behind a language's accepted updates.", labels=["language"]
    )
    accuracy = GaugeMetricFamily(
        "mfpt_language_accuracy", "Accuracy on the devices' held-out examples, 0 to 1.", labels=["language"]
    )
    for language, one in devices.languages.items():
        known.add_metric([language, "online"], one.online)
        known.add_metric([language, "offline"], one.devices - one.online)
        examples.add_metric([language], one.examples)
        if one.accuracy is not None:
            accuracy.add_metric([language], one.accuracy)
    yield from (known, examples, accuracy)
    if state.plan.privacy.epsilon:
        yield _gauge("mfpt_privacy_epsilon_limit", "Privacy budget of a device, epsilon.", state.plan.privacy.epsilon)
    if devices.epsilon is not None:
        yield _gauge("mfpt_privacy_epsilon_max", "The most that a device has spent, epsilon.", devices.epsilon)


def _queues(signs: VitalSigns) -> Iterable[Metric]:
    state = signs.state
    waiting = {
        "updates": waiting_updates(state),
        "cohorts": len(state.cohorts),
        "look-ups": len(state.joining),
        "orders": signs.orders,
        "unsaved": signs.unsaved,
    }
    yield _labelled(GaugeMetricFamily("mfpt_waiting", "What waits in the coordinator.", labels=["queue"]), waiting)
    yield _gauge("mfpt_buffer_size", "Updates that make a version.", fold_size(state))


def _store(signs: VitalSigns, database: Path) -> Iterable[Metric]:
    yield _gauge("mfpt_store_up", "Whether the last commit succeeded: 1, or 0.", signs.saves)
    sizes: dict[str, int] = {}
    for name, file in (("database", database), ("log", Path(f"{database}-wal"))):
        with suppress(OSError):  # the log comes and goes
            sizes[name] = file.stat().st_size
    yield _labelled(GaugeMetricFamily("mfpt_store_bytes", "Size of the database's files.", labels=["file"]), sizes)


def _broker(signs: VitalSigns) -> Iterable[Metric]:
    yield _gauge("mfpt_broker_up", "Whether the broker is connected and delivers: 1, or 0.", signs.delivers)
    if signs.round_trip is not None:
        yield _gauge(
            "mfpt_broker_round_trip_seconds", "Time in which the newest beat came back, seconds.", signs.round_trip
        )
    refused = CounterMetricFamily("mfpt_refused_messages", "Messages that changed nothing.", labels=["reason"])
    yield _labelled(refused, signs.refused)
    yield CounterMetricFamily("mfpt_failed_logins", "Logins at the broker that failed.", signs.failed_logins)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, float(value))


def _labelled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float]
) -> CounterMetricFamily | GaugeMetricFamily:
    """Return a family of one label with these values."""
    for label, value in values.items():
        family.add_metric([label], value)
    return family
