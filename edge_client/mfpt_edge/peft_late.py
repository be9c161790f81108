"""Late prompts as a method of PEFT, which has no prompt that enters before an inner layer.

PEFT does not look for methods in other packages: importing this module makes it known.

    import mfpt_edge.peft_late
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(BACKBONE), FOLDER)  # or get_peft_model, to tune one

As with PEFT's own prompts, `last_hidden_state` has the states of the virtual tokens at the front; and so have the
`logits` of a model for token classification.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from peft import PeftConfig, PeftType, TaskType
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from peft.utils import register_peft_method
from peft.utils.integrations import init_empty_weights
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput, TokenClassifierOutput

from mfpt_edge.backbone.layers import Stack, find_stack
from mfpt_edge.backbone.padding import prepend
from mfpt_edge.backbone.transformers_model import Pretrained
from mfpt_shared.adapters import LATE_METHOD
from mfpt_shared.errors import Incompatible, UsageError

HEADS: Final = ("classifier", "score")
"""Names that the last layer of a model for token classification may have in transformers."""

_TASK_TYPES: Final = (TaskType.FEATURE_EXTRACTION.value, TaskType.TOKEN_CLS.value)
_INIT_STD: Final = 0.3
_IGNORED: Final = {"return_dict", "token_type_ids"}


@dataclass
class LateConfig(PeftConfig):  # type: ignore[misc]  # PEFT has no types
    """What PEFT keeps in `adapter_config.json` of a late prompt.

    Attributes:
        num_virtual_tokens: Length of the prompt.
        layer: Index of the first layer that sees it; None: at three quarters of the depth.
        modules_to_save: Names of the layers that are tuned beside it, as PEFT sets them for token classification.
    """

    task_type: Any = TaskType.FEATURE_EXTRACTION
    num_virtual_tokens: int = 16
    layer: int | None = None
    modules_to_save: list[str] | None = None
    peft_type: Any = LATE_METHOD.upper()

    def __post_init__(self) -> None:
        """Check what can be checked without a model.

        Raises:
            UsageError: There are no tokens, or the task is another than feature extraction and token classification.
        """
        super().__post_init__()
        self.peft_type = PeftType(self.peft_type)
        if self.task_type not in _TASK_TYPES:
            raise UsageError(f"a late prompt is for task_type {' or '.join(_TASK_TYPES)}, not {self.task_type}")
        if self.num_virtual_tokens < 1:
            raise UsageError(f"num_virtual_tokens is {self.num_virtual_tokens}: it must be 1 or more")


class VirtualTokens(nn.Module, BaseTunerLayer):  # type: ignore[misc]  # PEFT has no types
    """The virtual tokens of every adapter."""

    adapter_layer_names = ("late_prompt_tokens",)

    def __init__(self) -> None:
        super().__init__()
        self.late_prompt_tokens = nn.ParameterDict()

    def _move_adapter_to_device_of_base_layer(self, adapter_name: str, device: torch.device | None = None) -> None:
        """Do nothing: there is no base layer, and `prepend` moves the tokens to the states."""


class LateModel(BaseTuner):  # type: ignore[misc]  # PEFT has no types
    """A model of transformers that is run layer by layer, with virtual tokens put in between."""

    prefix = f"{LATE_METHOD}_"
    tuner_layer_cls = VirtualTokens

    def _pre_injection_hook(self, model: Any, config: LateConfig, adapter_name: str) -> None:  # noqa: ANN401 - PEFT has no types
        """Take the model apart.

        Raises:
            Incompatible: Its layers cannot be run one by one.
        """
        del adapter_name
        self._depth = int(model.config.num_hidden_layers)
        labels_words = config.task_type == TaskType.TOKEN_CLS
        encoder = model.base_model if labels_words else model
        stack = find_stack(Pretrained(encoder), self._depth, model.device)
        if stack is None:
            raise Incompatible(
                f"the layers of {type(model).__name__} cannot be run one by one, as a late prompt needs: load an "
                "encoder such as BERT or a decoder such as Llama with AutoModel.from_pretrained"
            )
        self._stack: Stack = stack
        self._head = next((name for name in HEADS if labels_words and hasattr(model, name)), None)
        model.add_module("virtual", VirtualTokens())

    def inject_adapter(
        self,
        model: Any,  # noqa: ANN401 - PEFT has no types
        adapter_name: str,
        autocast_adapter_dtype: bool = True,
        low_cpu_mem_usage: bool = False,
        state_dict: dict[str, Tensor] | None = None,
    ) -> None:
        """Add the virtual tokens of an adapter, always in float32; see `BaseTuner`.

        Raises:
            UsageError: The model has no such layer.
        """
        del autocast_adapter_dtype, state_dict
        config = self.peft_config[adapter_name]
        if config.layer is None:
            config.layer = 3 * self._depth // 4
        if not 0 <= config.layer < self._depth:
            raise UsageError(f"layer is {config.layer}: this model has layers 0 to {self._depth - 1}")
        tokens = torch.empty(config.num_virtual_tokens, model.get_input_embeddings().embedding_dim, device=model.device)
        trained = adapter_name in self.active_adapters and not config.inference_mode
        with init_empty_weights() if low_cpu_mem_usage else nullcontext():
            parameter = nn.Parameter(tokens.normal_(std=_INIT_STD), requires_grad=trained)
            model.virtual.late_prompt_tokens[adapter_name] = parameter
        self._mark_only_adapters_as_trainable(model)

    def _create_and_replace(self, *args: object, **options: object) -> None:
        raise NotImplementedError("a late prompt replaces no module")

    def _unload_and_optionally_merge(self, merge: bool = True, **options: Any) -> Any:  # noqa: ANN401 - PEFT has no types
        if merge:
            raise UsageError("virtual tokens cannot be merged into the weights of a model: call unload()")
        del self.model.virtual
        return super()._unload_and_optionally_merge(merge=False, **options)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Any,  # noqa: ANN401 - PEFT has no types
    ) -> Any:  # noqa: ANN401 - PEFT has no types
        """Run the model with the virtual tokens of the active adapters.

        Args:
            input_ids: [batch, tokens] int64.
            attention_mask: [batch, tokens], not zero on real tokens, which are at the front; None: all are real.
            inputs_embeds: [batch, tokens, width], instead of ids.
            options: Token types are ignored, as by PEFT's own prompts.

        Returns:
            An output whose `last_hidden_state` is [batch, virtual tokens + tokens, width]; of a model for token
            classification, one whose `logits` are [batch, virtual tokens + tokens, labels].

        Raises:
            UsageError: An option asks for something that is not computed.
        """
        names = [] if self.model.virtual.disable_adapters else self.active_adapters
        if not names:
            inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "inputs_embeds": inputs_embeds}
            return self.model(**inputs, **options)
        if refused := [name for name in options if name not in _IGNORED and _is_set(options[name])]:
            raise UsageError(f"a model with a late prompt does not take {', '.join(refused)}")
        tokens = self.model.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds
        mask = tokens.new_ones(tokens.shape[:2]) if attention_mask is None else attention_mask
        hidden, mask, done = self._stack.embed(tokens), mask.bool(), 0
        for name in sorted(names, key=lambda name: int(self.peft_config[name].layer)):
            layer = self.peft_config[name].layer
            hidden = self._stack.run(hidden, mask, done, layer)
            hidden, mask = prepend(self.model.virtual.late_prompt_tokens[name], hidden, mask)
            done = layer
        states = self._stack.run(hidden, mask, done)
        if self._head is None:
            return BaseModelOutput(last_hidden_state=states)
        dropout = getattr(self.model, "dropout", nn.Identity())
        return TokenClassifierOutput(logits=getattr(self.model, self._head)(dropout(states)))


def register() -> None:
    """Make the method known to PEFT; once is enough, more does no harm."""
    name = LATE_METHOD.upper()
    if name not in PeftType.__members__:
        # `register_peft_method` wants a member of this enum, and PEFT has no way to add one: this is what Python does
        # for each member when it makes the class.
        member = str.__new__(PeftType, name)
        member._name_, member._value_, member._sort_order_ = name, name, len(PeftType)
        type.__setattr__(PeftType, name, member)
        PeftType._member_names_.append(name)
        PeftType._member_map_[name] = PeftType._value2member_map_[name] = member
    if name not in PEFT_TYPE_TO_CONFIG_MAPPING:
        register_peft_method(name=LATE_METHOD, config_cls=LateConfig, model_cls=LateModel)


def _is_set(option: object) -> bool:
    return option is not None and option is not False


register()
