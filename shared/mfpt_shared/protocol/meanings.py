"""What the fields of a device's messages mean, in the words of people who have one; docs/protocol.md is exact."""

from collections.abc import Mapping
from typing import Final

MEANINGS: Final[Mapping[str, str]] = {
    "protocol": "number of the protocol",
    "session": "number of this run of the device",
    "number": "number of the message in this run",
    "type": "kind of message",
    "language": "language of your examples",
    "examples": "how many training examples there are; not what is in them",
    "plan": "name of the plan that the device follows",
    "backbone": "name of the language model that everybody uses",
    "sequence": "number of the update",
    "base_version": "version of the prompt that was trained from",
    "seconds": "how long the training took",
    "cohort": "group of devices whose updates are added up",
    "version": "version of the prompt that the device holds",
    "punctuation": "what holds the fields together",
    "signature": "shows that this device made the message, and nobody has changed it",
    "state.state": "whether the device is there",
    "state.phase": "what the device is doing",
    "state.progress": "how much of that is done",
    "state.device": "what it computes on, without names",
    "state.epsilon": "what the updates have given away so far; null where the plan adds no noise",
    "evaluation.version": "version of the prompt that was measured",
    "evaluation.accuracy": "share of your held-out examples that this prompt got right",
    "evaluation.examples": "how many held-out examples there are",
    "metrics.loss": "mean training loss",
    "metrics.accuracy": "share of your held-out examples that the received prompt got right",
    "metrics.own_share": "how much of its own the device keeps beside the received prompt",
    "metrics.validated": "how many held-out examples there are",
    "frame": "what the message is wrapped in",
    "table": "names and shapes of what follows",
    "prompt": "how training changed the virtual tokens of the prompt",
    "prompt:scale": "what the numbers of the virtual tokens are multiplied by, row by row",
    "head.weight": "how training changed the head, which tells labels apart",
    "head.weight:scale": "what the numbers of the head are multiplied by, row by row",
    "head.bias": "how training changed how likely each label is",
    "head.bias:scale": "what those numbers are multiplied by",
    "encoder": "how training changed the network that makes the virtual tokens, or what that is multiplied by",
    "values": "the update under masks: random numbers to everybody who does not add up the whole group",
    "offer.sha256": "name of the update, which tells nothing about it",
    "offer.mask_key": "public key, drawn for this update alone, with which others make the masks",
    "offer.share_key": "public key, drawn for this update alone, with which others encrypt for this device",
    "offer.sent": "whether this update was sent under masks before",
    "key-shares.shares": "pieces of this device's secret for the masks, each encrypted for one other device",
    "reveal.shares": "pieces of secrets, so that masks can be taken off the sum of the group",
    "leaving.forget": "whether the coordinator is to forget this device, all but what is in a version",
    "enrol.nonce": "random text that the answer repeats",
    "enrol.user": "name that the device has drawn for itself",
    "enrol.password": "password of the device's own account; not shown here",
    "enrol.client": "name of its connections, which is as secret; not shown here",
    "enrol.proof": "shows that the device holds the invitation; not shown here",
    "enrol.name": "name of the device for people",
}
"""Field -> meaning; `kind.field` where a kind of message has a meaning of its own for it."""


def meaning(kind: str, field: str) -> str:
    """Return what a field means in a kind of message; empty where nothing is known of it."""
    return MEANINGS.get(f"{kind}.{field}") or MEANINGS.get(field) or MEANINGS.get(field.partition(".")[0], "")
