"""Addresses of backbones, and what a plan says about a backbone: width, depth and the fingerprint of its weights.

No tensor library is needed: width and depth are in `config.json`, or at the head of a GGUF file, and the fingerprint is
a hash of the weight files.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast, get_args

from mfpt_shared.backbones import gguf, hub
from mfpt_shared.errors import Incompatible, UsageError

Scheme = Literal["bundled", "path", "hf", "gguf"]

BUNDLED_NAME: Final = "multilingual-e5-small"
BUNDLED_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"

_FORMS: Final = f"bundled:{BUNDLED_NAME}, hf:<id>[@revision], path:<folder> or gguf:<file>"
# GPT-2, T5 and a few others predate the common names.
_WIDTH_KEYS: Final = ("hidden_size", "n_embd", "d_model", "dim")
_LAYERS_KEYS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_WEIGHTS: Final = ("*.safetensors", "pytorch_model*.bin")


class BackboneUri(NamedTuple):
    """An address taken apart.

    Attributes:
        scheme: Kind of place that holds it.
        name: Name of the bundled model, path of the folder or file, or id of the repository on the hub.
        revision: Branch, tag or commit, for a repository on the hub; empty means the default branch.
    """

    scheme: Scheme
    name: str
    revision: str = ""


class BackboneFacts(NamedTuple):
    """What a plan records about a backbone.

    Attributes:
        width: Hidden size.
        layers: Number of transformer layers.
        fingerprint: `sha256:` and 64 hexadecimal digits, over the weights as published (before any quantisation).
    """

    width: int
    layers: int
    fingerprint: str


def parse_uri(uri: str) -> BackboneUri:
    """Take a backbone address apart.

    Raises:
        UsageError: The scheme is unknown, there is no name, or there is no such bundled model.
    """
    scheme, _, name = uri.partition(":")
    if scheme not in get_args(Scheme) or not name:
        raise UsageError(f"backbone {uri!r} cannot be understood: write {_FORMS}")
    if scheme == "bundled" and name != BUNDLED_NAME:
        raise UsageError(f"there is no bundled backbone {name!r}, only {BUNDLED_NAME!r}: write {_FORMS}")
    revision = ""
    if scheme == "hf":
        name, at, revision = name.partition("@")
        if not hub.is_hub_name(name) or (at and not hub.is_revision(revision)):
            raise UsageError(f"backbone {uri!r} does not name a repository on the hub: write {_FORMS}")
    return BackboneUri(cast(Scheme, scheme), name, revision)


def check_sources(backbone: str, data: str) -> None:
    """Check that a plan's data, and what it says is on the hub, can be no file of a device.

    Raises:
        ValueError: It can.
    """
    try:
        if backbone.startswith("hf:"):
            parse_uri(backbone)
        if data.startswith("hf:"):
            hub.data_name(data)
    except UsageError as error:
        raise ValueError(str(error)) from error
    if not data.startswith("hf:") and data not in ("", "cldr"):
        raise ValueError(f"task.data {data!r} must be empty, 'cldr' or 'hf:<data set>'")


def is_e5(uri: str) -> bool:
    """Tell by its name whether a backbone is of the E5 family, which needs `query: ` before every text."""
    name = Path(parse_uri(uri).name).name.lower()
    return "e5" in re.split(r"[-_.]", name)


def describe(uri: str) -> BackboneFacts:
    """Return width, depth and fingerprint of a backbone; one on the hub is downloaded unless the hub's cache has it.

    Raises:
        UsageError: The address is malformed, or there is no backbone at it.
        Incompatible: The backbone's description lacks width or depth, or cannot be read.
        NotInstalled: The package that talks to the hub is not installed.
    """
    address = parse_uri(uri)
    if address.scheme == "bundled":
        return BackboneFacts(width=384, layers=12, fingerprint=f"sha256:{BUNDLED_SHA256}")
    folder = locate(address)
    if address.scheme == "gguf":
        return _describe_gguf(folder)
    found = model_config(folder)
    width = _whole_number(found, _WIDTH_KEYS, folder / "config.json")
    layers = _whole_number(found, _LAYERS_KEYS, folder / "config.json")
    return BackboneFacts(width, layers, fingerprint(folder))


def _describe_gguf(file: Path) -> BackboneFacts:
    found = gguf.read_facts(file)
    architecture = found.get("general.architecture")
    width = _whole_number(found, (f"{architecture}.embedding_length",), file)
    layers = _whole_number(found, (f"{architecture}.block_count",), file)
    return BackboneFacts(width, layers, _sha256([file]))


def locate(address: BackboneUri) -> Path:
    """Return the folder of a `path:` or `hf:` backbone, or the file of a `gguf:` backbone.

    Raises:
        UsageError: There is no such folder, file or repository.
        NotInstalled: The package that talks to the hub is not installed.
    """
    if address.scheme == "hf":
        return hub.fetch_model(address.name, address.revision)
    folder = Path(address.name).expanduser()
    if address.scheme == "gguf":
        if not folder.is_file():
            raise UsageError(f"backbone file {folder} does not exist: give the GGUF file itself")
        return folder
    if not folder.is_dir():
        raise UsageError(f"backbone folder {folder} does not exist: give the folder that holds config.json and weights")
    return folder


def fingerprint(folder: Path) -> str:
    """Return `sha256:<hex>` over the weight files of a folder, in the order of their names.

    Raises:
        UsageError: The folder holds no weights.
    """
    return _sha256(_weight_files(folder))


def _sha256(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def weight_bytes(source: Path) -> int:
    """Return the size of the weights in a folder or GGUF file, in bytes.

    Raises:
        UsageError: The folder holds no weights.
    """
    return sum(file.stat().st_size for file in (_weight_files(source) if source.is_dir() else [source]))


def _weight_files(folder: Path) -> list[Path]:
    for pattern in _WEIGHTS:
        if files := sorted(folder.glob(pattern)):
            return files
    raise UsageError(f"{folder} has no weights: expected *.safetensors or pytorch_model*.bin")


def model_config(folder: Path) -> Mapping[str, object]:
    """Return the `config.json` of a folder.

    Raises:
        UsageError: The file is missing, or is not a JSON object.
    """
    file = folder / "config.json"
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{folder} has no config.json: save the model with `save_pretrained`") from error
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{file} must hold a JSON object")
    return found


def _whole_number(config: Mapping[str, object], keys: tuple[str, ...], file: Path) -> int:
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and value > 0:
            return value
    raise Incompatible(f"{file} has no {keys[0]!r}: is this a text model?")
