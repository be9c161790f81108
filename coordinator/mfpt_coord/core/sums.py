"""The sum of a cohort as a contribution: read the same way when it is made and when it is loaded again."""

from collections.abc import Sequence

from mfpt_coord.core.state import Contribution, Survivor
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.masking.grid import grid
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Metrics, UpdateHeader


def contribution_of(plan: Plan, cohort: str, survivors: Sequence[Survivor], total: Codes, at: float) -> Contribution:
    """Return what a cohort adds to a fold.

    Args:
        plan: The federation's plan.
        cohort: Id of the cohort.
        survivors: Members whose updates are in the sum.
        total: Sum of their codes modulo 2^16, [values + 4].
        at: When the sum was made, Unix seconds.

    Raises:
        DecodeError: It is no sum of so many updates.
    """
    said = grid(plan).decode(total, len(survivors))
    languages = {survivor.language for survivor in survivors}
    language = languages.pop() if len(languages) == 1 else UNDETERMINED
    # Devices tell an accuracy in the rounds in which they measure what they keep, and in no others.
    validated = 0 if said.accuracy is None else len(survivors)
    header = UpdateHeader(
        sequence=1,
        language=language,
        base_version=min(survivor.base_version for survivor in survivors),
        examples=sum(survivor.examples for survivor in survivors),
        plan=plan.digest,
        backbone=plan.backbone.fingerprint,
        metrics=Metrics(own_share=said.own_share, accuracy=said.accuracy, validated=validated),
    )
    return Contribution(cohort, header, language, 0, said.delta, at, survivors=tuple(survivors))
