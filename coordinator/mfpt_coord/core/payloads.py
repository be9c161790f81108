"""How large a message of a device can be."""

import math
from typing import Final

from mfpt_shared.plan import Plan
from mfpt_shared.tensors import layout

# Name, shape and place of a tensor in the header of its file, and its scale: generous.
_TENSOR_BYTES: Final = 256
# Header, checksum and signature of a frame; also more than any JSON of a device.
_FRAME_BYTES: Final = 8192
_FLOAT_BYTES: Final = 4


def largest_payload(plan: Plan) -> int:
    """Return the size of the largest message that a device of the plan sends, bytes: an update that is not in 8 bits.

    Rows of 8-bit tensors have scales of four bytes, and a row has at least one value, so these are never larger.
    """
    shapes = layout(plan).values()
    return _FRAME_BYTES + sum(_TENSOR_BYTES + 2 * _FLOAT_BYTES * math.prod(shape) for shape in shapes)
