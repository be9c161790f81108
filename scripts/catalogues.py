"""Extract the words of the web pages into their catalogues, or check that the catalogues are complete.

`extract` writes the messages that the pages' modules use into every catalogue, keeps what was translated, and drops
what no page says any more; with a language, it begins a catalogue for it. `check` says what is missing.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from command_line import parser
from mfpt_shared.protocol.meanings import MEANINGS
from mfpt_shared.web.words import LOCALES, UNREVIEWED, catalogue_file

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = (
    "shared/mfpt_shared/web/static",
    "edge_client/mfpt_edge/page/static",
    "coordinator/mfpt_coord/page/static",
)
KEYWORDS: Final = {"_": None, "ngettext": (1, 2)}
_HEAD: Final = f"Words of mfpt's web pages. This translation {UNREVIEWED}: take this sentence out once one has read it."
_COLUMNS: Final = 120


def messages(root: Path = ROOT) -> Catalog:
    """Return every message that a page says, in English: its own, and what the fields of messages mean."""
    found = Catalog(project="mfpt", charset="utf-8")
    for folder in PAGES:
        rows = extract_from_dir(
            root / folder,
            method_map=[("**.js", "javascript")],
            options_map={"**.js": {"parse_template_string": "true"}},
            keywords=KEYWORDS,
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        )
        for name, _, message, comments, _ in rows:
            found.add(message, locations=[(Path(folder, name).name, None)], auto_comments=comments)
    for said in MEANINGS.values():
        found.add(said, locations=[("meanings.py", None)])
    return found


def catalogues(locales: Path = LOCALES) -> list[Path]:
    """Return the files of all catalogues."""
    return sorted(locales.glob("*/LC_MESSAGES/mfpt.po"))


def updated(file: Path, source: Catalog) -> Catalog:
    """Return a catalogue with the messages of today, or a new one if there is no such file."""
    language = file.parent.parent.name
    if not file.exists():
        return _with(source, Catalog(locale=language, project="mfpt", charset="utf-8", header_comment=f"# {_HEAD}"))
    with file.open("rb") as stream:
        return _with(source, read_po(stream, locale=language))


def _with(source: Catalog, catalogue: Catalog) -> Catalog:
    catalogue.update(source, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file holds it, sorted, so that two people's changes meet in few places."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=_COLUMNS, sort_output=True, include_lineno=False)
    head = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Last-Translator', b'"Language-Team', b'"Generated-By')
    return b"\n".join(line for line in stream.getvalue().split(b"\n") if not line.startswith(head))


def missing(catalogue: Catalog) -> Iterator[str]:
    """Yield the messages that are not translated, or whose placeholders differ."""
    for message in catalogue:
        if not message.id:
            continue
        asked = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        names = {name for text in asked for name in _placeholders(text)}
        if not all(forms) or any(not _placeholders(form) <= names for form in forms):
            yield asked[0]


def _placeholders(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _options(arguments)
    source = messages()
    files = catalogues()
    if options.what == "extract":
        files += [file for file in map(catalogue_file, options.languages) if file not in files]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(written(updated(file, source)))
    incomplete = 0
    for file in files:
        lacking = list(missing(updated(file, source)))
        incomplete += bool(lacking)
        print(f"{file.relative_to(ROOT)}: {len(source)} messages, {len(lacking)} to translate")
        for message in lacking if options.what == "check" else ():
            print(f"  {message}")
    return 1 if options.what == "check" and incomplete else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    reading = parser("words", __doc__, "extract")
    reading.add_argument("what", choices=("extract", "check"))
    reading.add_argument("languages", nargs="*", help="with extract: languages to begin a catalogue for, such as ha")
    return reading.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
