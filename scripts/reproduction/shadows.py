"""Shadow heads: an attacker trains heads on sentences of his own, and learns from them how to attack.

He knows what is in his own heads. So he can try how strongly to smooth the covariance of his filter, and whether to
compare updates with each other, and take what tells his own sentences best.

Source: Shokri et al. 2017, "Membership inference attacks against machine learning models", section V-B.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from mfpt_shared.plan import Training
from reproduction.membership import Answers, Head, Indices, Values, matched_filter, scores, softmax
from reproduction.roc import Stratum, auc

PENALTIES: Final = (0.1, 0.3, 1.0, 3.0)
_USUAL_PENALTY: Final = 1.0
_SHADOWS: Final = 4
# Constants of AdamW, as torch has them.
_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8


class Reference(NamedTuple):
    """Sentences of a language that anybody may have, with the features that the prompt of some round gives them.

    Attributes:
        answers: The sentences.
        centred: Features of such sentences of all languages, less the mean of their language.
    """

    answers: Answers
    centred: Values


class Tuning(NamedTuple):
    """How an attacker goes about it.

    Attributes:
        penalty: Penalty of his filter.
        compares: Whether he takes out of an observation what others have in common with it.
    """

    penalty: float
    compares: bool


def tuned(
    references: Sequence[Reference], start: Head, training: Training, *, examples: int, group: int, seed: int
) -> Tuning:
    """Return what tells best what shadow heads were trained on.

    Args:
        references: Sentences of each language.
        start: Head that devices start from.
        training: How devices train.
        examples: Sentences of a device; half of the reference has to do where it has fewer than twice as many.
        group: Number of devices whose mean is attacked, as far as the reference has sentences for them.
        seed: Of the choice of sentences.
    """
    rng = np.random.default_rng(seed)
    found: dict[Tuning, list[float]] = {}
    for number in range(_SHADOWS):
        reference = references[number % len(references)]
        count = reference.answers.number
        each = min(examples, count // 2)
        if each < 1:
            return Tuning(_USUAL_PENALTY, compares=False)
        order = rng.permutation(count)
        parts = np.split(order[: count // each * each], count // each)[: max(1, min(group, count // (2 * each)))]
        members, rest = np.concatenate(parts), order[each * len(parts) :]
        changes = [trained(start, reference.answers.take(part), training, rng) for part in parts]
        change = Head(*(np.mean(part, axis=0) for part in zip(*changes, strict=True)))
        trials = [(change, rest, False)]
        if len(rest) > each:
            other = trained(start, reference.answers.take(rest[:each]), training, rng)
            apart = Head(change.weight - other.weight, change.bias - other.bias)
            trials = [(change, rest[each:], False), (apart, rest[each:], True)]
        for penalty in PENALTIES:
            known = matched_filter(reference.answers.features, reference.centred, penalty)
            for seen, others, compares in trials:
                given = scores(seen, start, reference.answers, known)
                outcome = auc(Stratum(given[members], given[others]))
                found.setdefault(Tuning(penalty, compares), []).append(outcome)
    return max(found, key=lambda tuning: np.mean(found[tuning]))


def trained(start: Head, answers: Answers, training: Training, rng: np.random.Generator) -> Head:
    """Return what a round changes in a head, where features stay as they are.

    Args:
        start: Head to start from.
        answers: Sentences to train on.
        training: Batches, epochs and the head's learning rate (AdamW).
        rng: Order of the sentences.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
    """
    head = np.concatenate([start.weight, start.bias[:, None]], axis=1)
    first, second, step = np.zeros_like(head), np.zeros_like(head), 0
    features = np.concatenate([answers.features, np.ones((len(answers.features), 1))], axis=1)
    for _ in range(training.epochs_for(answers.number)):
        order = rng.permutation(answers.number)
        for begin in range(0, len(order), training.batch_size):
            rows = np.isin(answers.sentences, order[begin : begin + training.batch_size])
            gradient = _gradient(head, features[rows], answers.labels[rows])
            step += 1
            first = _BETAS[0] * first + (1 - _BETAS[0]) * gradient
            second = _BETAS[1] * second + (1 - _BETAS[1]) * np.square(gradient)
            scale = np.sqrt(second / (1 - _BETAS[1] ** step)) + _EPSILON
            head *= 1 - training.head_learning_rate * training.weight_decay
            head -= training.head_learning_rate * first / (1 - _BETAS[0] ** step) / scale
    return Head(head[:, :-1] - start.weight, head[:, -1] - start.bias)


def _gradient(head: Values, features: Values, labels: Indices) -> Values:
    """Return the gradient of the mean cross-entropy, [labels, width + 1]."""
    odds = softmax(features @ head.T)
    odds[np.arange(len(labels)), labels] -= 1
    found: Values = odds.T @ features / max(1, len(labels))
    return found
