"""Names of labels and columns compared: two that a person would call the same are the same."""

import unicodedata


def comparable_name(name: str) -> str:
    """Return a name without its Unicode form, its case, repeated white space and what nobody sees.

    Format characters (Unicode category Cf), such as zero-width spaces and joiners, are left out. Case folding can undo
    the normal form, which is therefore made twice.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).split())
