"""The soft prompt and the objective around a frozen backbone.

A forward pass has two steps. `lower` runs the frozen part that the prompt does not reach; it gives the same for an
example every time, and may be cached. `states` adds the virtual tokens and runs the rest:

    method     lower                       states
    late       embeddings, layers 0..k-1   [prompt; hidden] through layers k..
    prompt     token table                 [prompt; embeddings] through the encoder
    p-tuning   token table                 the same, with the prompt out of PEFT's prompt encoder

The objective compares the states with what is known of the examples.
"""

import numpy as np
import torch
from torch import Tensor, nn

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.tuning.batches import Batch
from mfpt_edge.tuning.objective import BatchOutcome, Objective
from mfpt_edge.tuning.objectives import objective_for
from mfpt_edge.tuning.soft_prompts import InputPrompt, LatePrompt, SoftPrompt
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import Array, PromptState, check_layout, initial_state, layout


class PromptModel(nn.Module):
    """A frozen backbone with a soft prompt and an objective; only these two have parameters.

    Attributes:
        backbone: The frozen model.
        plan: Names the method, and the layout of what is tuned.
        prompt: Virtual tokens.
        objective: What is tuned for.
    """

    def __init__(self, backbone: Backbone, plan: Plan, objective: Objective | None = None) -> None:
        """Put the plan's initial prompt around a backbone.

        Args:
            backbone: Loaded for the plan's task.
            plan: Task, prompt and training.
            objective: The plan's objective, where the caller has it already.

        Raises:
            Incompatible: Method `late` with an encoder whose layers cannot be run one by one, or a task that the
                backbone cannot do.
        """
        super().__init__()
        self.backbone = backbone
        self.plan = plan
        self.prompt: SoftPrompt = (
            LatePrompt(backbone, plan.prompt, plan.late_layer)
            if plan.prompt.method == "late"
            else InputPrompt(backbone, plan.prompt)
        )
        self.objective = objective_for(plan, backbone) if objective is None else objective
        self.to(backbone.device)
        self.load(initial_state(plan))

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run the part that the prompt does not reach, without gradients.

        Args:
            ids: [batch, tokens] int64, padded on the right.
            mask: [batch, tokens] bool, true on real tokens.

        Returns:
            [batch, tokens, width] float32.
        """
        with torch.no_grad():
            return self.prompt.lower(ids, mask)

    def states(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the part that the prompt reaches.

        Args:
            hidden: [batch, tokens, width], what `lower` returned, in any floating type.
            mask: [batch, tokens] bool.

        Returns:
            Last states of the text, [batch, tokens, width] float32.
        """
        return self.prompt.upper(hidden.float(), mask).float()

    def last_states(self, batch: Batch) -> Tensor:
        """Return the last states of a batch, from its lower activations where it has them."""
        hidden = self.lower(batch.ids, batch.mask) if batch.hidden is None else batch.hidden
        return self.states(hidden, batch.mask)

    def outcome(self, batch: Batch) -> BatchOutcome:
        """Run a batch, and compare with its targets."""
        return self.objective.outcome(self.last_states(batch), batch)

    def tensors(self) -> dict[str, nn.Parameter]:
        """Return all that is tuned, by its name in the plan's layout."""
        return {**self.prompt.tensors(), **self.objective.tensors()}

    def load(self, state: PromptState) -> None:
        """Take over a prompt state.

        Raises:
            Incompatible: Names or shapes are not those of the plan.
        """
        check_layout(state, layout(self.plan))
        with torch.no_grad():
            for name, parameter in self.tensors().items():
                parameter.copy_(torch.from_numpy(np.array(state[name], np.float32)))

    def state(self) -> PromptState:
        """Return a copy of all that is tuned, in the plan's layout."""
        tensors = self.tensors()
        return {name: _to_numpy(tensors[name]) for name in layout(self.plan)}


def _to_numpy(tensor: Tensor) -> Array:
    return tensor.detach().cpu().numpy().astype(np.float32, copy=True)
