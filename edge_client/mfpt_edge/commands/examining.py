"""What commands say about a data set before it is used."""

from mfpt_edge.data.findings import Finding
from mfpt_edge.data.quality import examine
from mfpt_edge.data.sources import Dataset
from mfpt_edge.data.token_shares import Gauge
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan


def examined(dataset: Dataset, plan: Plan, language: LanguageCode = UNDETERMINED) -> tuple[Finding, ...]:
    """Return what is to be said about a data set under a plan; see `examine`."""
    return examine(dataset, plan.task.labels, language, _gauge(plan))


def _gauge(plan: Plan) -> Gauge | None:
    try:
        from mfpt_edge.commands.gauge import gauge_for
    except ImportError:  # without the extras that predict, there is no tokenizer
        return None
    return gauge_for(plan)
