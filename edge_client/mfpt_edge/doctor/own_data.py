"""Check of the data: whether they can be read, what they give under the plan, and what is odd about them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfpt_edge.data.findings import Finding
from mfpt_edge.data.quality import useless
from mfpt_edge.data.sources import Dataset
from mfpt_edge.doctor.examination import Answer, ok, skipped, warning
from mfpt_shared.background import in_background
from mfpt_shared.errors import BadData, DatasetError, UsageError
from mfpt_shared.plan import Plan

Read = Callable[[str, Plan | None], tuple[Dataset, Sequence[Finding]]]
"""Reads a source as a plan wants it, or for its own labels where none is known, and says what was found out."""

_WHERE: Final = "mfpt-edge data show says where"


@dataclass(frozen=True, slots=True)
class OwnData:
    """Looks at what a device would train on.

    Attributes:
        plan: Returns the plan that counts; None: none is known.
        named: Data that the owner named; None: the plan's are used.
        is_language_known: Whether anybody has said which language the device speaks.
        read: Reads them.
        answers: Keys of what the owner has said yes to before, in this folder.
    """

    plan: Callable[[], Plan | None]
    named: str | None
    is_language_known: bool
    read: Read
    answers: Collection[str]

    async def __call__(self) -> Answer:
        """See Look.

        Raises:
            DatasetError: They cannot be read, nothing in them can be used, or training on them teaches nothing.
            UsageError: There is no such file.
            BadData: There are too few.
        """
        if self.named and not _is_there(self.named):
            raise UsageError(f"--data {self.named}: no such file or folder")
        plan = self.plan()
        source = self.named or (plan.task.data if plan else "")
        if source.startswith("hf:"):
            return skipped(f"{source} is downloaded by mfpt-edge join")
        if self.named is None and source != "cldr":  # a plan comes from the network: it names no file of this device
            return skipped("none are named: name yours with --data")
        if source == "cldr" and not self.is_language_known:
            return skipped("their language is not named: name yours with --lang")
        dataset, findings = await in_background(lambda: self.read(source, plan))
        return self._judged(source, plan, dataset, findings)

    def _judged(self, source: str, plan: Plan | None, dataset: Dataset, findings: Sequence[Finding]) -> Answer:
        found = _counted(source, dataset)
        if plan is None:
            found = f"{found}, by their own labels, as those of the plan are not known yet"
        elif sum(one.decisions for one in dataset.train) < plan.privacy.min_examples:
            raise BadData(f"{found}, and the plan asks for {plan.privacy.min_examples} to train on; add more rows")
        bad = [one for one in useless(findings) if f"useless {one.kind} {source}" not in self.answers]
        if bad:
            # A semicolon would begin the mend.
            said = ", ".join(one.text for one in bad).replace("; ", ", ")
            raise DatasetError(f"{found}, and training on them teaches nothing: {said}; join with --yes goes on")
        odd = [f"{count} x {reason}" for reason, count in dataset.skipped.items()]
        odd += [one.text for one in findings if one.level != "note"]
        return warning(f"{found}: {', '.join(odd)}", _WHERE) if odd else ok(found)


def _is_there(source: str) -> bool:
    return source == "cldr" or source.startswith("hf:") or Path(source).exists()


def _counted(source: str, dataset: Dataset) -> str:
    name = source if source == "cldr" else Path(source).name
    return f"{name} has {len(dataset.train)} examples to train on and {len(dataset.test)} to test on"
