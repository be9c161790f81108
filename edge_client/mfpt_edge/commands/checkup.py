"""The checks of `mfpt-edge doctor`, in their order, and what each of them needs."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from mfpt_edge.commands.data_show import kind_of, task_of
from mfpt_edge.commands.examining import examined
from mfpt_edge.commands.join_config import DataSource, Limits
from mfpt_edge.commands.label_questions import renamed_labels
from mfpt_edge.commands.patient import Patient
from mfpt_edge.data.findings import Finding
from mfpt_edge.data.sources import Dataset, dataset_of, read_source
from mfpt_edge.doctor import machine
from mfpt_edge.doctor.bundled import bundled_backbone
from mfpt_edge.doctor.clocks import Clocks
from mfpt_edge.doctor.examination import Answer, Check, Examined, examine, skipped
from mfpt_edge.doctor.fit import Fit, Owner
from mfpt_edge.doctor.invited import Invited
from mfpt_edge.doctor.own_data import OwnData
from mfpt_edge.doctor.visit import Visit
from mfpt_edge.doctor.way import Way
from mfpt_edge.host.extras import how_to_install
from mfpt_edge.host.least import STATE_BYTES
from mfpt_edge.host.memory import spare_bytes
from mfpt_edge.session.limits import Given
from mfpt_edge.storage.answers import Answers
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.plan import Plan

_OTHER_ADDRESS: Final = "copy the address again: is that the port of the broker?"

Visiting = Visit | Invited | None


def owner_of(found: Patient, limits: Limits, data: DataSource, backbones: Sequence[str]) -> Owner:
    """Return what the owner of a device gives and allows.

    Args:
        found: The device.
        limits: What training may use of the machine.
        data: What he says about his data.
        backbones: What `--allow-backbone` says.
    """
    spare = spare_bytes() if limits.memory is None else limits.memory
    given = Given(spare, limits.round_seconds, limits.activation_cache, limits.download)
    return Owner(given, data.source, backbones, Answers(found.folder.path).given())


def checked_up(found: Patient, owner: Owner, data: DataSource) -> Examined:
    """Make all checks of a device, over one connection."""
    with found.to_visit() as visiting:
        return asyncio.run(_made(found, visiting, owner, data))


async def _made(found: Patient, visiting: Visiting, owner: Owner, data: DataSource) -> Examined:
    way = Way(found.connection)
    of_the_device = *_of_the_machine(found), *_of_the_way(way)
    checks = *of_the_device, *_at_the_broker(visiting, way), *_of_the_work(found, visiting, owner, data)
    try:
        return await examine(checks)
    finally:
        if visiting is not None:
            await visiting.close()


def _of_the_machine(found: Patient) -> tuple[Check, ...]:
    cache = cache_home()
    return (
        Check("Python", machine.python),
        Check("libraries", machine.libraries, mend=how_to_install("edge")),
        Check("backbone", bundled_backbone),
        Check("memory", machine.memory),
        Check("state folder", machine.Room(found.folder.path, STATE_BYTES, "--state-dir", is_needed=True)),
        Check("cache folder", machine.Room(cache, machine.CACHE_BYTES, "MFPT_CACHE", is_needed=False)),
        Check("cache", machine.Cached(cache)),
    )


def _of_the_way(way: Way) -> tuple[Check, ...]:
    return (
        Check("proxy", way.proxy),
        Check("DNS", way.names, ("proxy",)),
        Check("IPv4", way.ipv4, ("DNS",)),
        Check("IPv6", way.ipv6, ("DNS",)),
        Check("port", way.port, ("DNS",)),
        Check("TLS", way.tls, ("port",), mend="copy the address again: is it right about mqtt:// or mqtts://?"),
    )


def _at_the_broker(visiting: Visiting, way: Way) -> tuple[Check, ...]:
    clocks = Clocks(visiting.heard if isinstance(visiting, Visit) else None, way)
    if visiting is None:
        return Check("login", _not_disturbed, ("TLS",)), Check("clock", clocks)
    entering = (
        Check("login", visiting.log_in, ("TLS",), mend=_OTHER_ADDRESS),
        Check("broker", visiting.broker, ("login",)),
    )
    if isinstance(visiting, Invited):
        return (*entering, Check("clock", clocks))
    return (
        *entering,
        Check("coordinator", visiting.coordinator, ("broker",)),
        Check("versions", visiting.versions, ("broker",)),
        Check("clock", clocks),
    )


def _of_the_work(found: Patient, visiting: Visiting, owner: Owner, data: DataSource) -> tuple[Check, ...]:
    fit = Fit(visiting.heard if isinstance(visiting, Visit) else None, found.kept_plan(), owner)
    own = OwnData(fit.newest, data.source, found.language is not None, partial(_read, found, data), owner.answers)
    return Check("plan", fit), Check("data", own, mend="mfpt-edge data show says more")


def _read(found: Patient, data: DataSource, name: str, plan: Plan | None) -> tuple[Dataset, Sequence[Finding]]:
    """Return what `join` would train and test on, and would say about it; without a plan, for the data's own labels."""
    language = found.language or UNDETERMINED
    kind, labels = (plan.task.kind, plan.task.labels) if plan else (kind_of(name, None), ())
    source = read_source(name, language, kind=kind, columns=data.columns, labels=labels)
    plan = plan or Plan(task=task_of(source))
    renamed = renamed_labels(data.label_map, found.folder.path, plan.task.labels)
    dataset = dataset_of(source, language, plan.task.labels, renamed=renamed, max_examples=data.max_examples)
    return dataset, examined(dataset, plan, language)


async def _not_disturbed() -> Answer:
    return skipped("this device takes part now, and a second login would cut it off: see mfpt-edge status", blocks=True)
