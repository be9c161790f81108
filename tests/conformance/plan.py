"""Which plans a device may follow, written from docs/protocol.md alone: those whose every key it knows."""

from typing import Any, Final

# The keys of the plan that this device understands; "" holds those outside the sections.
PLAN_KEYS: Final = {
    "": "task federation backbone prompt training aggregation privacy",
    "task": "kind labels data",
    "backbone": "uri width layers fingerprint quantisation prefix",
    "prompt": "method tokens layer init_std encoder_width seed",
    "training": "epochs min_steps head_start batch_size prompt_learning_rate head_learning_rate schedule weight_decay "
    "max_tokens",
    "aggregation": "buffer fold_after patience concurrency staleness staleness_exponent staleness_grace max_staleness "
    "proximity temperature distance_bias metrics example_exponent cover_exponent max_examples combine "
    "device_share newcomer_share newcomer_updates trim optimiser learning_rate momentum "
    "second_moment adaptivity zero_shot",
    "privacy": "clip_norm min_examples",
}


def objection_to(plan: dict[str, Any], examples: int) -> str:
    """Return why a device with this number of training examples must not follow a plan; empty if it may."""
    sections = {"": plan} | {key: value for key, value in plan.items() if isinstance(value, dict)}
    for section, values in sections.items():
        if unknown := set(values) - set(PLAN_KEYS.get(section, "").split()):
            return f"this device does not understand {sorted(unknown)} in the plan"
    if plan["privacy"]["min_examples"] > examples:
        return "this device has fewer examples than the plan asks for"
    return ""
