"""Check of the plan: against what the device gives, what its owner allows, and the backbone that is here."""

from collections.abc import Collection
from dataclasses import dataclass

from mfpt_edge.bundled.place import find_file
from mfpt_edge.doctor.examination import Answer, ok, skipped, warning
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.session import consent
from mfpt_edge.session.limits import Given, check_state, check_weights
from mfpt_shared.backbones.describe import BUNDLED_SHA256, describe, locate, parse_uri, weight_bytes
from mfpt_shared.background import in_background
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan


@dataclass(frozen=True, slots=True)
class Owner:
    """What the owner of a device gives and allows.

    Attributes:
        given: What the device gives at most.
        data: Data that the owner named; None: the plan's is used.
        backbones: Addresses of backbones that a plan may open.
        answers: Keys of the wishes that the owner has allowed before.
    """

    given: Given
    data: str | None
    backbones: Collection[str]
    answers: Collection[str]


@dataclass(frozen=True, slots=True)
class Fit:
    """Looks whether a device can follow the federation's plan.

    Attributes:
        heard: What the broker has told; None: nobody was asked.
        kept: The plan that came to this device last; None: none has come.
        owner: What its owner gives and allows.
    """

    heard: Heard | None
    kept: Plan | None
    owner: Owner

    async def __call__(self) -> Answer:
        """See Look."""
        if self.heard is not None and self.heard.plan_problem is not None:
            raise self.heard.plan_problem
        plan = self.newest()
        if plan is None:
            return skipped("none is known yet; it comes once this device has joined")
        return await plan_fits(plan, self.owner)

    def newest(self) -> Plan | None:
        """Return the plan that counts; None: none is known."""
        return self.heard.plan if self.heard is not None and self.heard.plan is not None else self.kept


async def plan_fits(plan: Plan, owner: Owner) -> Answer:
    """See whether a device can follow a plan: its limits, what its owner allows, and the backbone.

    Raises:
        NotAllowed: The plan asks for more than the device gives, or opens what nobody has allowed.
        Incompatible: The backbone here is another one.
        MfptError: There is no such backbone here.
    """
    check_state(plan, owner.given)
    left = consent.unanswered(consent.wishes(plan, owner.data), owner.backbones, owner.answers)
    if left:
        names = " and ".join(f"{wish.kind} {wish.source}" for wish in left)
        return warning(f"the plan asks for {names}, to be downloaded", "mfpt-edge join asks you; --yes allows it")
    await in_background(lambda: _check_backbone(plan, owner.given))
    return ok(
        f"plan {plan.digest[:19]}… for {len(plan.task.labels)} labels ({plan.task.kind}), with {plan.backbone.uri}"
    )


def _check_backbone(plan: Plan, given: Given) -> None:
    address = parse_uri(plan.backbone.uri)
    if address.scheme == "hf":
        return  # allowed, and fetched by `join`
    if address.scheme == "bundled":
        find_file()
        here = f"sha256:{BUNDLED_SHA256}"
    else:
        check_weights(weight_bytes(locate(address)), plan, given)
        here = describe(plan.backbone.uri).fingerprint
    if plan.backbone.fingerprint not in ("", here):
        raise Incompatible(
            f"the backbone {plan.backbone.uri!r} here has fingerprint {here[:19]}…, the plan wants "
            f"{plan.backbone.fingerprint[:19]}…; get the same model as the operator"
        )
