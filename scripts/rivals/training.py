"""Training and answering, as everybody writes it."""

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy

from rivals.encoding import CUT_OFF, Encoded, batches
from rivals.job import Item, Job, Rates
from rivals.model import Rival

WEIGHT_DECAY = 0.01
ANSWER_BATCH = 32


def train(job: Job, model: Rival, examples: Sequence[Encoded], rates: Rates, epochs: int, seed: int) -> float:
    """Train for some epochs; return the mean loss of the last one."""
    model.train()
    tuned = model.tuned()
    head = [part for name, part in tuned.items() if name.startswith("head.")]
    rest = [part for name, part in tuned.items() if not name.startswith("head.")]
    groups = [{"params": head, "lr": rates.head}] + [{"params": rest, "lr": rates.adapter}] * bool(rest)
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(examples) // job.batch)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 1.0 / steps, steps)
    torch.manual_seed(seed)
    losses: list[float] = []
    for _ in range(epochs):
        losses = []
        for batch in batches(examples, job.batch, torch.randperm(len(examples)).tolist()):
            loss = cross_entropy(model(batch), batch.labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
    return sum(losses) / len(losses)


@torch.no_grad()
def answers(model: Rival, examples: Sequence[Encoded]) -> list[list[int]]:
    """Return a predicted label for every label of every example, `CUT_OFF` for a word that was."""
    model.eval()
    found: list[list[int]] = []
    for batch in batches(examples, ANSWER_BATCH, range(len(examples))):
        predicted = model(batch).argmax(dim=1).where(batch.labels != CUT_OFF, CUT_OFF)
        by_example: list[list[int]] = [[] for _ in range(len(batch.ids))]
        for row, label in zip(batch.rows.tolist(), predicted.tolist(), strict=True):
            by_example[row].append(label)
        found += by_example
    return found


def share_right(items: Sequence[Item], found: Sequence[Sequence[int]]) -> float:
    """Return the share of right labels; a word that was cut off is wrong."""
    pairs = [
        (label, answer)
        for item, answered in zip(items, found, strict=True)
        for label, answer in zip(item.labels, answered, strict=True)
    ]
    return sum(label == answer for label, answer in pairs) / len(pairs)
