"""What a person should know about a data set before a device trains on it: what was found, and how bad it is."""

from collections.abc import Sequence

from mfpt_edge.data.class_balance import class_balance
from mfpt_edge.data.findings import Finding, sampled
from mfpt_edge.data.labels import UNKNOWN
from mfpt_edge.data.language_guess import other_language
from mfpt_edge.data.repetition import repetition
from mfpt_edge.data.scripts import script_counts, usual_scripts
from mfpt_edge.data.sources import Dataset
from mfpt_edge.data.token_shares import Gauge, token_shares
from mfpt_shared.languages import UNDETERMINED, LanguageCode, named
from mfpt_shared.texts import printable

_LOOKED_AT = 2000
_MOSTLY = 0.5


def examine(
    dataset: Dataset, labels: Sequence[str], language: LanguageCode = UNDETERMINED, gauge: Gauge | None = None
) -> tuple[Finding, ...]:
    """Look for what makes training on a data set useless, or is likely a mistake.

    Args:
        dataset: What a device trains and tests on.
        labels: The plan's labels; none for generation.
        language: Language that its texts should be in; undetermined: that is not looked at.
        gauge: Tokenizer of the plan's backbone; None: what becomes of texts there is not looked at.
    """
    examples = (*dataset.train, *dataset.test)
    found = [*repetition(examples), *class_balance(dataset.train, labels), *_unknown_labels(dataset)]
    if gauge is not None:
        found += token_shares(examples, gauge)
    if language != UNDETERMINED:
        found += _writing([example.content for example in sampled(examples, _LOOKED_AT)], language)
    return tuple(found)


def useless(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what makes training useless."""
    return tuple(finding for finding in findings if finding.level == "useless")


def consent_key(finding: Finding, source: str) -> str:
    """Return what is remembered of an owner who trains on a source all the same."""
    return printable(f"useless {finding.kind} {source}")


def _unknown_labels(dataset: Dataset) -> list[Finding]:
    """Say that most rows have a label that is none of the plan's; which ones, the skipped rows say."""
    rows = sum(count for reason, count in dataset.skipped.items() if reason.startswith(UNKNOWN))
    if rows <= len(dataset.train) + len(dataset.test):
        return []
    text = f"{rows} rows are skipped for their label, more than are used: say with --label-map which label each means"
    return [Finding("labels not in the plan", "warning", rows, text)]


def _writing(texts: Sequence[str], language: LanguageCode) -> list[Finding]:
    scripts, usual = script_counts(texts), usual_scripts(language)
    others = scripts.total() - sum(scripts[script] for script in usual)
    if usual and others > _MOSTLY * scripts.total():
        name, count = scripts.most_common(1)[0]
        said = f"{100 * count / scripts.total():.3g} % of the letters are {name.capitalize()}, which {named(language)}"
        return [Finding("script", "warning", count, f"{said} is not usually written in: is --lang right?")]
    guess = other_language(texts, language)
    if guess is None:
        return []
    said = f"the texts look like {named(guess.language)}, {guess.samples} of {guess.of} samples of them"
    return [Finding("language", "warning", guess.samples, f"{said}: is --lang {language} right?")]
