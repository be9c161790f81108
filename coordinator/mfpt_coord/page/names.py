"""Names of languages for the page: English ones, of all that it shows at once."""

from collections.abc import Iterable

from mfpt_shared.language_names import language_names
from mfpt_shared.languages import LanguageCode


class Names:
    """Names that were looked up already."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[LanguageCode, str] = {}

    def learn(self, languages: Iterable[LanguageCode]) -> None:
        """Look up those that are new, which takes some ten milliseconds."""
        new = [language for language in languages if language not in self._known]
        if new:
            names = language_names(new)
            self._known.update({language: names.get(language, "") for language in new})

    def of(self, language: LanguageCode) -> str:
        """Return the name of a language; empty: it is not known."""
        return self._known.get(language, "")
