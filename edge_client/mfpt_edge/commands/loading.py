"""Data and backbone for a plan that the owner has agreed to: read, looked at, asked about, and made a trainer of.

It runs where training runs: in the engine of a device that joins.
"""

import logging
import os
from typing import Final

import msgspec

from mfpt_edge.commands.load_order import LoadOrder
from mfpt_edge.commands.own_data import own_dataset
from mfpt_edge.engine.owner import Owner
from mfpt_edge.session.limits import Given, asked, check_weights
from mfpt_shared.backbones import hub
from mfpt_shared.backbones.describe import locate, parse_uri, weight_bytes
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import published_plan

# Torch's matrix libraries cache kernels for every shape of a batch, 150 MB of them on processors with bfloat16.
# Where memory is short they cache fewer, and build them again.
_TIGHT_BYTES: Final = 800_000_000
_SMALL_KERNEL_CACHES: Final = {"LRU_CACHE_CAPACITY": "64", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}

_log = logging.getLogger(__name__)


def load(order: LoadOrder, owner: Owner) -> Trainer:
    """Return a trainer.

    Args:
        order: What to load.
        owner: Whoever may be asked about the data.

    Raises:
        NotAllowed: Backbone or data take more than the device gives.
        MfptError: Data or backbone cannot be loaded.
    """
    plan, limits, given = published_plan(order.plan), order.limits, order.given
    dataset = own_dataset(
        order.data,
        order.language,
        plan,
        folder=order.folder,
        max_download=limits.download,
        yes=order.yes,
        owner=owner,
    )
    _log.info("%s", asked(plan, len(dataset.train)))
    loadable = _fetched(plan, given)
    if limits.memory is not None and limits.memory < _TIGHT_BYTES:
        os.environ.update(_SMALL_KERNEL_CACHES | os.environ)
    from mfpt_edge.tuning.backbone_trainer import load_trainer

    return load_trainer(
        loadable,
        dataset,
        device=limits.device,
        threads=limits.threads,
        activation_cache=limits.activation_cache,
        memory=limits.memory,
        beside=order.beside,
        spare=given.memory,
    )


def _fetched(plan: Plan, given: Given) -> Plan:
    """Return the plan with its backbone at hand, checked for its size and, from the hub, bound to what was checked."""
    address = parse_uri(plan.backbone.uri)
    if address.scheme == "bundled":
        return plan
    if address.scheme == "hf":
        folder = hub.fetch_model(address.name, address.revision, given.download)
        uri = f"hf:{address.name}@{folder.name}"
        plan = msgspec.structs.replace(plan, backbone=msgspec.structs.replace(plan.backbone, uri=uri))
    else:
        folder = locate(address)
    check_weights(weight_bytes(folder), plan, given)
    return plan
