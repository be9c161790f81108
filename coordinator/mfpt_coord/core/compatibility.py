"""Whether a device and a federation fit together."""

from collections.abc import Collection

from mfpt_shared.languages import is_language
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Offer, Ready, UpdateHeader


def incompatibility(device: Ready | UpdateHeader | Offer, plan: Plan, former: Collection[str] = ()) -> str:
    """Return why a device cannot take part, in words for its user; empty if it can.

    Args:
        device: What it says about itself, when it is ready or with an update.
        plan: The federation's plan. One without a fingerprint takes any backbone.
        former: Digests of earlier plans that will do as well.
    """
    if not is_language(device.language):
        return f"{device.language!r} is not a language of ISO 639-3"
    if device.plan != plan.digest and device.plan not in former:
        return f"the device followed plan {device.plan}, but this federation's plan is {plan.digest}; start it again"
    if plan.backbone.fingerprint and device.backbone != plan.backbone.fingerprint:
        return f"the device's backbone is {device.backbone}, but the plan names {plan.backbone.fingerprint}"
    return ""
