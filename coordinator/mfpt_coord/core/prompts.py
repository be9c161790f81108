"""A language's newest prompt, as the message that devices receive."""

from mfpt_coord.core.state import State
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import halve, unflatten


def newest_prompt(state: State, language: LanguageCode) -> Prompt:
    """Return the message with a language's newest prompt, in half precision."""
    header = PromptHeader(
        language=language,
        version=state.version,
        plan=state.plan.digest,
        backbone=state.plan.backbone.fingerprint,
        examples=state.contributed.get(language, 0),
        own_share=state.usual.get(language, state.usual.get(UNDETERMINED)),
    )
    return Prompt(header, halve(unflatten(state.prompts[language], state.layout)))
