"""The Hugging Face hub: which names are taken for names of the hub, and downloads that keep to a limit.

A name comes from a plan, hence from the network. Libraries would take some names for paths on this machine; a name that
passes here is none: letters, digits and `.`, `_`, `-`, at most one slash, and nothing that climbs.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from mfpt_shared.environment import explained
from mfpt_shared.errors import NotAllowed, NotInstalled, UsageError

# Source: huggingface_hub, `validate_repo_id`; a first character that is a letter or a digit is asked for besides.
_PART: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME: Final = re.compile(rf"{_PART}(/{_PART})?")
_REVISION: Final = re.compile(rf"{_PART}(/{_PART}){{0,3}}")
_CONFIGURATION: Final = re.compile(_PART)

_WEIGHTS: Final = ("*.safetensors", "pytorch_model*.bin")
_SMALL_FILES: Final = ("*.json", "*.txt", "*.model", "tokenizer*")


def is_hub_name(name: str) -> bool:
    """Tell whether a text is the name of a repository, `org/name` or `name`, and cannot be a path that climbs."""
    return _NAME.fullmatch(name) is not None and ".." not in name and "--" not in name


def is_revision(text: str) -> bool:
    """Tell whether a text may be a branch, tag or commit of a repository."""
    return _REVISION.fullmatch(text) is not None and ".." not in text


def data_name(source: str) -> tuple[str, str | None]:
    """Split `hf:name`, `hf:org/name` or `hf:org/name/configuration` into a data set's name and its configuration.

    Raises:
        UsageError: The source has another form.
    """
    name, slash, configuration = source.removeprefix("hf:"), "", ""
    if name.count("/") > 1:
        name, slash, configuration = name.rpartition("/")
    if not is_hub_name(name) or (slash and not _CONFIGURATION.fullmatch(configuration)):
        raise UsageError(f"{source!r} is not the name of a data set: write hf:name, hf:org/name or hf:org/name/config")
    return name, configuration or None


def fetch_model(name: str, revision: str, limit: int | None = None) -> Path:
    """Return the folder with a model's files, downloaded unless the hub's cache has them.

    Args:
        name: Name of the repository.
        revision: Branch, tag or commit; empty: the default branch.
        limit: Bytes that may be downloaded; None: no limit. What was measured is what is downloaded, whatever happens
            to the repository in between.

    Raises:
        UsageError: The name is malformed, or the repository cannot be reached.
        MfptError: The download cannot be kept.
        NotAllowed: The download is larger.
        NotInstalled: The package that talks to the hub is not installed.
    """
    if not is_hub_name(name) or (revision and not is_revision(revision)):
        raise UsageError(f"{name!r} is not the name of a repository on the hub: write org/name[@revision]")
    try:
        folder = _snapshot(name, revision, (*_SMALL_FILES, _WEIGHTS[0]), limit)
        if not any(folder.glob(_WEIGHTS[0])):
            folder = _snapshot(name, revision, (_WEIGHTS[1],), limit)
    except (OSError, ValueError) as error:
        raise explained(error) or UsageError(
            f"backbone hf:{name} cannot be fetched: {error}; check id, revision and network, or use path:<folder>"
        ) from error
    return folder


def _snapshot(name: str, revision: str, patterns: Sequence[str], limit: int | None) -> Path:
    try:
        import huggingface_hub  # noqa: PLC0415 - a server without hub backbones does not need it
    except ImportError as error:
        raise NotInstalled(
            f"backbone hf:{name} needs the package huggingface_hub: pip install huggingface_hub, "
            "or download the model elsewhere and use path:<folder>"
        ) from error
    # Sub-folders hold the same weights in other formats (ONNX, OpenVINO), which are not read here.
    fetch: Callable[..., Any] = partial(
        huggingface_hub.snapshot_download, name, allow_patterns=list(patterns), ignore_patterns=["*/*"]
    )
    if limit is None:
        return Path(fetch(revision=revision or None))
    try:
        files = fetch(revision=revision or None, dry_run=True)
    except OSError as unreachable:
        # Where the hub cannot say how much it is, only what is here already will do.
        try:
            return Path(fetch(revision=revision or None, local_files_only=True))
        except OSError:
            raise unreachable from None
    check_size(f"hf:{name}", [file.file_size for file in files if file.will_download], limit)
    commit = files[0].commit_hash if files else revision or None
    return Path(fetch(revision=commit))


def measured_data(name: str, limit: int) -> str | None:
    """Return the newest commit of a data set; None where the hub cannot be reached, and only its cache can be read.

    Raises:
        NotAllowed: All its files together are larger than the limit, bytes.
    """
    import huggingface_hub  # noqa: PLC0415 - comes with the library for data sets

    try:
        files = huggingface_hub.snapshot_download(name, repo_type="dataset", dry_run=True)
    except huggingface_hub.errors.DryRunError:
        return None
    check_size(f"hf:{name}", [file.file_size for file in files], limit)
    return files[0].commit_hash if files else None


def check_size(source: str, sizes: Sequence[int | None], limit: int) -> None:
    """Check that files may be downloaded.

    Args:
        source: Where they come from, for the message.
        sizes: Bytes of each file; None: the hub does not say.
        limit: Bytes that may be downloaded.

    Raises:
        NotAllowed: They are larger, or nobody knows.
    """
    known = sum(size or 0 for size in sizes)
    if None in sizes or known > limit:
        size = f"{known / 1e9:.1f} GB" + (" and more" if None in sizes else "")
        raise NotAllowed(
            f"{source} is a download of {size}, and this device allows {limit / 1e9:.1f} GB: raise --max-download"
        )
