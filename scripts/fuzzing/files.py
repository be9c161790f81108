"""Readers of files and of what people type: plans, data, caches, graphs, keys, distances, addresses."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save

from fuzzing.target import Target, of_a_file
from mfpt_coord.languages.distance_file import read_distances
from mfpt_edge.backbone.tensorfile import TensorFile
from mfpt_edge.data.columns import Columns, rows_of
from mfpt_edge.data.exports import flattened
from mfpt_edge.data.readers import read_file
from mfpt_edge.data.sources import load_split
from mfpt_edge.inference.graph_folder import About, read_about
from mfpt_shared.errors import BadData, Damaged, MfptError, UsageError
from mfpt_shared.keys import SigningKey
from mfpt_shared.plan import Plan, Task, plan_to_json
from mfpt_shared.plan_files import plan_from_json, plan_from_toml, plan_to_toml
from mfpt_shared.transport.address import parse_broker

_PLAN = Plan(task=Task(labels=("a", "b")))
_ROWS = [{"text": "Habari za asubuhi", "label": "a"}, {"text": 'Bei "ya" mafuta; imepanda', "label": "b"}]

_PRODIGY = {"text": "Bei", "options": [{"id": 1, "text": "a"}], "accept": [1], "answer": "accept"}
_LABEL_STUDIO = {
    "data": {"text": "Bei"},
    "annotations": [{"was_cancelled": False, "result": [{"from_name": "topic", "value": {"choices": ["a"]}}]}],
}


def targets(place: Path) -> list[Target]:
    """Return a target for each reader.

    Args:
        place: Empty folder for their files.
    """
    return [
        Target("plan.toml", [plan_to_toml(_PLAN).encode()], _plan_file, (MfptError,)),
        Target("plan.json", [plan_to_json(_PLAN)], plan_from_json, (BadData,)),
        *(_table(place, suffix, seeds) for suffix, seeds in _tables().items()),
        *(_tagged(place, suffix, seeds) for suffix, seeds in _tagged_texts().items()),
        _cached_tensors(place),
        _about(place),
        Target("key", [SigningKey.generate().to_pem()], SigningKey.from_pem, (Damaged,)),
        Target(
            "distances",
            [b"first,second,distance\nswh,zul,0.2\nswh,yor,0.8\n", b",swh,zul\nswh,0,0.2\nzul,0.2,0\n"],
            of_a_file(place / "distances.csv", read_distances),
            (MfptError,),
        ),
        Target(
            "broker address",
            [b"mqtt://user:secret@host.example:1883", b"mqtts://[::1]:8883", b"wss://host.example/mqtt"],
            lambda data: parse_broker(data.decode(errors="replace")),
            (UsageError,),
        ),
    ]


def _plan_file(data: bytes) -> Plan:
    return plan_from_toml(data.decode(errors="replace"), "plan.toml")


def _tables() -> dict[str, list[bytes]]:
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_ROWS), parquet)
    return {
        "csv": [
            b'text,label\nHabari za asubuhi,a\n"Bei ""ya"" mafuta",b\n',
            b"sep=;\r\ntext;label\r\nHabari;a\r\n",
            'text\tlabel\n"Bei\nya mafuta"\ta\n'.encode("utf-16"),
        ],
        "csv.gz": [gzip.compress(b"text|label\nHabari|a\n")],
        "json": [
            json.dumps(_ROWS).encode(),
            json.dumps({"data": _ROWS}, indent=1).encode(),
            json.dumps([_LABEL_STUDIO]).encode(),
        ],
        "tsv": [b"index_id\tcategory\ttext\n1\ta\tHabari za asubuhi\n"],
        "jsonl": ["\n".join(map(json.dumps, _ROWS)).encode(), json.dumps(_PRODIGY).encode()],
        "parquet": [parquet.getvalue()],
    }


def _table(place: Path, suffix: str, seeds: list[bytes]) -> Target:
    def read(file: Path) -> object:
        return rows_of(flattened(read_file(file)), Columns(), "classification")

    return Target(f"{suffix} file", seeds, of_a_file(place / f"data.{suffix}", read), (BadData, UsageError))


def _tagged_texts() -> dict[str, list[bytes]]:
    words: list[dict[str, object]] = [{"tokens": ["Mtoto", "anacheza"], "ner_tags": ["O", "B-PER"]}]
    features = {"ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "List"}}
    about = json.dumps({"info": {"features": features}})
    indices = pa.table({"tokens": [["Mtoto", "anacheza"]], "ner_tags": [[0, 1]]})
    parquet = io.BytesIO()
    pq.write_table(indices.replace_schema_metadata({"huggingface": about}), parquet)
    return {
        "conll": [
            b"# radio\nMtoto O\nanacheza B-PER\n\n-DOCSTART- O\n\n# O\n",
            b"word\ttag\r\nDar es Salaam\tB-LOC\r\n",
        ],
        "conllu": [b"# text = nisi\n1-2\tnisimwone" + b"\t_" * 8 + b"\n1\tnisi\tsi\tVERB" + b"\t_" * 6 + b"\n"],
        "jsonl": [json.dumps(words[0]).encode()],
        "parquet": [parquet.getvalue()],
    }


def _tagged(place: Path, suffix: str, seeds: list[bytes]) -> Target:
    labels = ("O", "B-PER", "I-PER", "VERB")

    def read(file: Path) -> object:
        return load_split(file, labels, kind="tagging")

    read_bytes = of_a_file(place / f"tagged.{suffix}", read)
    return Target(f"tagged {suffix} file", seeds, read_bytes, (BadData, UsageError))


def _cached_tensors(place: Path) -> Target:
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "hidden": np.zeros((3, 4), np.float16),
        "codes": np.arange(6, dtype=np.uint8),
    }

    def read(file: Path) -> object:
        return {name: tensor.shape for name, tensor in TensorFile(file).items()}

    # What a cached file declares is OSError: it is then removed, and made again.
    return Target("cached tensors", [save(arrays)], of_a_file(place / "cached.safetensors", read), (OSError,))


def _about(place: Path) -> Target:
    about = msgspec.json.encode(About(f"sha256:{'0' * 64}", 9, 512, 1))
    return Target(
        "graph folder", [about], of_a_file(place / "about.json", lambda file: read_about(file.parent)), (MfptError,)
    )
