"""The rivals' models: the same backbone in transformers, what PEFT tunes of it, and a linear head."""

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, PromptTuningConfig, TaskType, get_peft_model
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import BertModel

from rivals.encoding import Batch
from rivals.job import Adapter, Job

Arrays = dict[str, NDArray[np.float32]]

VIRTUAL_TOKENS = 20
LORA_RANK = 8
# Standard deviation of the first virtual tokens, and length of what the head sees: as mfpt has them.
INITIAL_STD = 0.3
POOLED_NORM = 10.0


class Rival(nn.Module):
    """A backbone with an adapter, and a linear head on the mean of a text's last states, or on each word's first."""

    def __init__(self, job: Job, adapter: Adapter) -> None:
        """Load the backbone; what is random follows the job's seed."""
        super().__init__()
        torch.manual_seed(job.seed)
        self._is_tagging = job.kind == "tagging"
        base = BertModel.from_pretrained(job.checkpoint, add_pooling_layer=False)
        if adapter == "all":
            # Weights that are tuned stay in 32 bits; products are in the job's type.
            self._autocast = getattr(torch, job.compute)
            self.model: nn.Module = base
        else:
            self._autocast = None
            self.model = _adapted(base.to(getattr(torch, job.compute)).requires_grad_(False), adapter)
        self.head = nn.Linear(base.config.hidden_size, job.labels)
        # Empty, as mfpt's: a random one would be another start.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, batch: Batch) -> Tensor:
        """Return what the head sees: [labels, width] float32."""
        with torch.autocast("cpu", self._autocast, enabled=self._autocast not in (None, torch.float32)):
            last = self.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        last = last[:, last.shape[1] - batch.ids.shape[1] :].float()
        if self._is_tagging:
            chosen = last[batch.rows, batch.places]
        else:
            weights = batch.mask[..., None].float()
            chosen = (last * weights).sum(1) / weights.sum(1)
        return POOLED_NORM * normalize(chosen, dim=-1)

    def forward(self, batch: Batch) -> Tensor:
        """Return logits, [labels of the batch, labels of the task]."""
        logits: Tensor = self.head(self.features(batch))
        return logits

    def tuned(self) -> dict[str, nn.Parameter]:
        """Return what is trained: adapter and head."""
        return {name: part for name, part in self.named_parameters() if part.requires_grad}

    def arrays(self) -> Arrays:
        """Return what is trained, as arrays."""
        return {name: part.detach().numpy().copy() for name, part in self.tuned().items()}

    def take(self, arrays: Arrays) -> None:
        """Set what is trained."""
        with torch.no_grad():
            for name, part in self.tuned().items():
                part.copy_(torch.from_numpy(np.array(arrays[name])))


def _adapted(base: BertModel, adapter: Adapter) -> nn.Module:
    if adapter == "none":
        frozen: nn.Module = base
        return frozen
    if adapter == "lora":
        lora = LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules=["query", "value"])
        low_rank: nn.Module = get_peft_model(base, lora)
        return low_rank
    prompt = PromptTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=VIRTUAL_TOKENS)
    tuned: nn.Module = get_peft_model(base, prompt)
    (virtual,) = (part for name, part in tuned.named_parameters() if "prompt_encoder" in name and part.requires_grad)
    nn.init.normal_(virtual, std=INITIAL_STD)
    return tuned
