"""Trainers of many simulated devices around one backbone: what the entry point `mfpt.trainers` gives the simulator."""

from collections.abc import Sequence
from functools import cache as remembered
from pathlib import Path
from typing import NamedTuple

import torch

from mfpt_edge.backbone.load import check_facts
from mfpt_edge.data.columns import Columns
from mfpt_edge.data.example import Example
from mfpt_edge.data.language_folders import find_language
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.data.splits import subsample
from mfpt_edge.tuning.activation_cache import encode_splits
from mfpt_edge.tuning.backbone_trainer import BackboneTrainer
from mfpt_edge.tuning.batches import Encoded, concatenate
from mfpt_edge.tuning.encoding import tokenise, with_activations
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.objectives import backbone_for
from mfpt_shared.device.trainer import ColumnNames, Content, Share
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan, Training


class _Rows(NamedTuple):
    """Training examples that were encoded, and the place of each row among them."""

    places: dict[int, int]
    encoded: Encoded

    def take(self, rows: Sequence[int]) -> Encoded:
        """Return some of the rows."""
        return self.encoded.take([self.places[row] for row in rows])


def _encoding(plan: Plan) -> Plan:
    """Return a plan of what decides how texts are encoded: the same for plans that differ in how they train."""
    training = Training(max_tokens=plan.training.max_tokens)
    return Plan(task=plan.task, backbone=plan.backbone, prompt=plan.prompt, training=training)


class BackboneLaboratory:
    """See `mfpt_shared.device.trainer.Laboratory`. Data sets and activations are loaded when first asked for."""

    def __init__(
        self,
        plan: Plan,
        data: str,
        *,
        columns: ColumnNames | None = None,
        cache: Path | None,
        device: str,
        threads: int | None,
    ) -> None:
        """See `mfpt_shared.device.trainer.OpenLaboratory`."""
        if threads is not None:
            torch.set_num_threads(threads)
        self._task = plan.task
        self._data = data
        self._columns = Columns(**columns._asdict()) if columns else None
        self._cache = cache
        self._backbone = backbone_for(plan, device, cache)
        self._model = remembered(self._new_model)
        self._dataset = remembered(self._load)
        self._rows: dict[tuple[Plan, LanguageCode], _Rows] = {}
        self._tests: dict[tuple[Plan, LanguageCode, int | None], Encoded] = {}

    def content(self, language: LanguageCode) -> Content:
        """See Laboratory.content."""
        train = self._dataset(language).train
        return Content(
            [example.label for example in train],
            [example.key or example.text for example in train],
            [len(example.words) for example in train] if self._task.tags_words else (),
        )

    def trainer(
        self,
        plan: Plan,
        shares: Sequence[Share],
        *,
        tested_on: Sequence[Share] | None = None,
        max_test: int | None = None,
    ) -> BackboneTrainer:
        """See Laboratory.trainer."""
        model = self._model(plan)
        train = [self._train(model, share) for share in shares]
        if tested_on is None:
            test = [self._test(model, share.language, max_test) for share in shares]
        else:
            test = [self._train(model, share) for share in tested_on]
        return BackboneTrainer(model, concatenate(train), concatenate(test))

    def _new_model(self, plan: Plan) -> PromptModel:
        check_facts(plan.backbone, self._backbone)
        return PromptModel(self._backbone, plan)

    def _load(self, language: LanguageCode) -> Dataset:
        kind = self._task.kind
        source = self._data if self._data == "cldr" else str(find_language(Path(self._data), language, kind))
        return load_dataset(
            source,
            language,
            self._task.labels,
            kind=kind,
            columns=self._columns,
            development=False,
        )

    def _train(self, model: PromptModel, share: Share) -> Encoded:
        """Return the examples of a share; only they are encoded, for a language may have many thousands."""
        key = (_encoding(model.plan), share.language)
        known = self._rows.get(key)
        if known is None or not known.places.keys() >= set(share.rows):
            examples = self._dataset(share.language).train
            encoded = self._encode(model, [examples[row] for row in share.rows])
            known = _Rows({row: place for place, row in enumerate(share.rows)}, encoded)
            self._rows[key] = known
        return known.take(share.rows)

    def _test(self, model: PromptModel, language: LanguageCode, max_test: int | None) -> Encoded:
        key = (_encoding(model.plan), language, max_test)
        if key not in self._tests:
            test = self._dataset(language).test
            self._tests[key] = self._encode(model, subsample(test, language, max_test or len(test)))
        return self._tests[key]

    def _encode(self, model: PromptModel, examples: Sequence[Example]) -> Encoded:
        tokenised = tokenise(model, examples)
        if self._cache is None:
            return with_activations(model, tokenised)
        [encoded] = encode_splits(model, [tokenised], self._cache / "activations", None)
        return encoded
