"""Checks of what the device would work on: the plan against what the device gives, and the data against the plan."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.doctor.examination import Answer, ok, skipped, warning
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.formats.e5_file import find_file
from mfpt_edge.session import consent
from mfpt_edge.session.limits import Given, check_state, check_weights
from mfpt_shared.backbones.describe import BUNDLED_SHA256, describe, locate, parse_uri, weight_bytes
from mfpt_shared.background import in_background
from mfpt_shared.errors import BadData, Incompatible, UsageError
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan


@dataclass(frozen=True, slots=True)
class Owner:
    """What the owner of a device gives and allows.

    Attributes:
        given: What the device gives at most.
        data: Data that the owner named; None: the plan's is used.
        columns: Columns of these to read.
        backbones: Addresses of backbones that a plan may open.
        answers: Keys of the wishes that the owner has allowed before.
    """

    given: Given
    data: str | None
    columns: Columns
    backbones: Collection[str]
    answers: Collection[str]


@dataclass(frozen=True, slots=True)
class Work:
    """Looks at what a device would work on.

    Attributes:
        heard: What the broker has told; None: nobody was asked.
        kept: The plan that came to this device last; None: none has come.
        language: Language of the device; None: nobody has said it.
        owner: What its owner gives and allows.
    """

    heard: Heard | None
    kept: Plan | None
    language: LanguageCode | None
    owner: Owner

    async def plan(self) -> Answer:
        """See whether the device can follow the federation's plan."""
        if self.heard is not None and self.heard.plan_problem is not None:
            raise self.heard.plan_problem
        plan = self._newest()
        if plan is None:
            return skipped("none is known yet; it comes once this device has joined")
        return await plan_fits(plan, self.owner)

    async def data(self) -> Answer:
        """See whether the data fit the plan."""
        plan = self._newest()
        if plan is None:
            return skipped("which labels count is in the plan, and none is known yet")
        return await data_fits(plan, self.language, self.owner)

    def _newest(self) -> Plan | None:
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


async def data_fits(plan: Plan, language: LanguageCode | None, owner: Owner) -> Answer:
    """See whether data can be read, and are enough for a plan.

    Raises:
        DatasetError: They cannot be read, or nothing in them can be used.
        UsageError: There is no such file.
        BadData: There are too few.
    """
    source = owner.data or plan.task.data
    if not source:
        return skipped("no data named: look at yours with --data FILE")
    if source.startswith("hf:"):
        return skipped(f"{source} is downloaded by mfpt-edge join")
    if source == "cldr" and language is None:
        return skipped("name your language with --lang")
    if source != "cldr" and not Path(source).exists():
        raise UsageError(f"--data {source}: no such file or folder")
    task = plan.task
    dataset = await in_background(
        lambda: load_dataset(source, language or UNDETERMINED, task.labels, kind=task.kind, columns=owner.columns)
    )
    found, units = _counted(source, dataset), sum(one.decisions for one in dataset.train)
    if units < plan.privacy.min_examples:
        raise BadData(f"{found}, and the plan asks for {plan.privacy.min_examples} to train on; add more rows")
    odd = [f"{count} x {reason}" for reason, count in dataset.skipped.items()]
    lacking = _lacking(dataset, plan)
    if lacking:
        odd.append(f"no example to train on of {', '.join(lacking)}")
    if odd:
        return warning(f"{found}: {'; '.join(odd)}", "mfpt-edge data show says where")
    return ok(found)


def _counted(source: str, dataset: Dataset) -> str:
    name = Path(source).name if source != "cldr" else source
    return f"{name} has {len(dataset.train)} examples to train on and {len(dataset.test)} to test on"


def _lacking(dataset: Dataset, plan: Plan) -> list[str]:
    """Return the labels of a plan of which there is nothing to train on."""
    there = {label for one in dataset.train for label in (one.tags or (one.label,))}
    return [name for index, name in enumerate(plan.task.labels) if index not in there]
