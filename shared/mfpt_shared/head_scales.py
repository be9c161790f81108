"""How large what a head sees is: a prompt means the same wherever it is used only if all runtimes agree on that."""

from typing import Final

POOLED_NORM: Final = 10.0
"""Length of what a head sees. With unit vectors it would learn for many epochs only how long its rows must be."""
WORD_SCALE: Final = 2.0
"""What the state of a word is multiplied by before a head sees it: those of e5-small, some 5 long, become as long."""
