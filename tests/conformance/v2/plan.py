"""Which plans a device may follow, written from docs/protocol.md alone: those whose every key it knows."""

from typing import Any, Final

# The keys of the plan that this device understands; "" holds those outside the sections.
PLAN_KEYS: Final = {
    "": "task federation backbone prompt training privacy",
    "task": "kind labels data",
    "backbone": "uri width layers fingerprint quantisation prefix",
    "prompt": "method tokens layer init_std encoder_width seed",
    "training": "epochs min_steps head_start batch_size prompt_learning_rate head_learning_rate schedule weight_decay "
    "max_tokens",
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
