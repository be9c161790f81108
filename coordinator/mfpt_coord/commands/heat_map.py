"""A square matrix in a terminal: every cell shows its value, and darker cells weigh more."""

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from mfpt_coord.core.proximity import Matrix

_CELL = 6  # " 0.62 "
_LIGHT, _DARK = (0xF7, 0xFB, 0xFF), (0x08, 0x30, 0x6B)


def heat_map(title: str, labels: Sequence[str], values: Matrix, shades: Matrix, width: int) -> Iterator[Text]:
    """Yield a matrix as blocks of text: more than one if its columns do not fit side by side.

    Args:
        title: Heading of every block.
        labels: Labels of the rows and columns.
        values: [labels, labels]; NaN where unknown.
        shades: [labels, labels], 0 (light) to 1 (dark), or NaN.
        width: Width of the terminal in characters.
    """
    margin = max(map(len, labels)) + 1
    columns = max(1, (width - margin) // _CELL)
    # Blocks of equal width, not full ones and a remainder.
    columns = math.ceil(len(labels) / math.ceil(len(labels) / columns))
    for start in range(0, len(labels), columns):
        shown = slice(start, start + columns)
        block = Text(no_wrap=True)
        block.append(title, "bold")
        block.append("\n" + " " * margin + "".join(f"{label:^{_CELL}}" for label in labels[shown]))
        for label, row, row_shades in zip(labels, values[:, shown], shades[:, shown], strict=True):
            block.append(f"\n{label:<{margin}}")
            for value, shade in zip(row, row_shades, strict=True):
                if math.isnan(value):
                    block.append(f"{'–':^{_CELL}}", "dim")
                else:
                    block.append(f"{value:^{_CELL}.2f}", _style(float(shade)))
        yield block


def _style(shade: float) -> str:
    red, green, blue = (round(light + shade * (dark - light)) for light, dark in zip(_LIGHT, _DARK, strict=True))
    return f"{'white' if shade > 0.5 else 'black'} on rgb({red},{green},{blue})"
