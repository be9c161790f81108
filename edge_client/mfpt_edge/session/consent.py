"""What a plan asks a device to open or to download, and whether its owner has allowed that. Decides, and asks nobody.

A plan comes from the network. The bundled backbone, the embedded data and what the owner names on the command line need
no word of his. A name of the hub needs his word once. A path is opened only if he named that very path.
"""

import os
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from mfpt_shared.backbones.describe import BackboneUri, parse_uri
from mfpt_shared.errors import NotAllowed
from mfpt_shared.plan import Plan


class Wish(NamedTuple):
    """Something that a plan wants opened.

    Attributes:
        kind: What it is.
        source: Address of a backbone, or source of data, as the plan writes it.
    """

    kind: Literal["backbone", "data"]
    source: str

    @property
    def key(self) -> str:
        """What an answer is remembered under: another source is another question."""
        return f"{self.kind} {self.source}"


def wishes(plan: Plan, own_data: str | None) -> tuple[Wish, ...]:
    """Return what a plan wants opened that not every device has.

    Args:
        plan: Plan of the coordinator.
        own_data: Data that the owner named; None: the plan's is used.

    Raises:
        UsageError: The backbone's address is malformed.
    """
    found = []
    if parse_uri(plan.backbone.uri).scheme != "bundled":
        found.append(Wish("backbone", plan.backbone.uri))
    if own_data is None and plan.task.data.startswith("hf:"):
        found.append(Wish("data", plan.task.data))
    return tuple(found)


def unanswered(wanted: Sequence[Wish], backbones: Collection[str], answers: Collection[str]) -> tuple[Wish, ...]:
    """Return the wishes that the owner still has to be asked about.

    Args:
        wanted: What the plan wants opened.
        backbones: Addresses that the owner named with `--allow-backbone`.
        answers: Keys of the wishes that he has allowed before.

    Raises:
        NotAllowed: One is a path on this device that he has not named.
    """
    named = {_normal(uri) for uri in backbones}
    left = tuple(wish for wish in wanted if wish.key not in answers and not _is_named(wish, named))
    for wish in left:
        if wish.kind == "backbone" and parse_uri(wish.source).scheme != "hf":
            raise NotAllowed(
                f"the plan names {wish.source!r}, a file of this device: only its owner can allow that, with "
                "--allow-backbone and this address"
            )
    return left


def question(left: Sequence[Wish], limits: str, max_download: int) -> str:
    """Return the question about wishes, as people read it.

    Args:
        left: What the plan wants opened; there is no path among it.
        limits: What the device gives at most, a sentence.
        max_download: Bytes that each may be.
    """
    lines = [
        f"  {wish.kind} {wish.source}, downloaded from huggingface.co; the size is not known yet, "
        f"{max_download / 1e9:.1f} GB at most (--max-download)"
        for wish in left
    ]
    return "\n".join(["The plan of this federation asks for more than every device has:", *lines, limits, "Allow it?"])


def refusal(left: Sequence[Wish]) -> NotAllowed:
    """Return the error where nobody allowed them."""
    names = " and ".join(f"{wish.kind} {wish.source}" for wish in left)
    return NotAllowed(f"the plan asks for {names}, and nobody has allowed that: run join with --yes to allow it")


def check_backbone(plan: Plan, named: Collection[str], answers: Collection[str]) -> None:
    """Check that the owner has allowed the backbone of a plan that came before, or from a broker just now.

    Args:
        plan: Plan whose backbone is about to be opened.
        named: See `unanswered`.
        answers: See `unanswered`.

    Raises:
        NotAllowed: He has not.
    """
    if unanswered(wishes(plan, own_data=""), named, answers):
        uri = plan.backbone.uri
        raise NotAllowed(f"the plan names {uri}, and nobody has allowed that: give --allow-backbone {uri}")


def _is_named(wish: Wish, named: Collection[BackboneUri]) -> bool:
    return wish.kind == "backbone" and _normal(wish.source) in named


def _normal(uri: str) -> BackboneUri:
    """Return an address with its path written out; nothing on the disk is looked at."""
    address = parse_uri(uri)
    if address.scheme not in ("path", "gguf"):
        return address
    return address._replace(name=os.path.abspath(os.path.expanduser(address.name)))  # noqa: PTH100, PTH111 - Path.resolve looks at the disk
