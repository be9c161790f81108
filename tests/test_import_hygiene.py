"""What starting a program may cost: help needs no tensor library, and a server never does."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import variables

HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "onnxruntime"}


def imported(importtime: str) -> set[str]:
    """Return the top-level names in what `python -X importtime` writes."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in importtime.splitlines() if "|" in line}


@pytest.mark.parametrize("program", ["mfpt_coord", "mfpt_edge"])
def test_help_imports_no_library_that_takes_long(program: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", program, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=variables(tmp_path),
    )

    names = imported(result.stderr)
    assert {"typer", program} <= names, "the list was read"
    assert not names & (HEAVY | {"numpy", "pandas", "paho"})


def test_the_process_of_a_device_imports_neither_what_trains_nor_what_reads_data(tmp_path: Path) -> None:
    script = "import sys, mfpt_edge.commands.join, mfpt_edge.commands.display; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, env=variables(tmp_path)
    )

    names = set(result.stdout.split())
    assert "mfpt_edge.engine.remote_trainer" in names
    assert not names & (HEAVY | {"pyarrow", "py3langid", "huggingface_hub", "pandas", "pydantic"})
    assert not names & {"mfpt_edge.tuning", "mfpt_edge.data.sources"}


@pytest.mark.parametrize("package", ["mfpt_shared", "mfpt_coord"])
def test_no_module_of_a_server_imports_a_tensor_library(package: str, tmp_path: Path) -> None:
    script = f"""
import importlib, pkgutil, sys
import {package}
names = [module.name for module in pkgutil.walk_packages({package}.__path__, "{package}.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), *sorted(name for name in sys.modules if "." not in name))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, env=variables(tmp_path)
    )

    count, *names = result.stdout.split()
    assert int(count) >= 10
    assert not HEAVY & set(names)
    assert "pandas" not in names


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("mfpt_edge", ["join", "--lang", "xx-nonsense"]), ("mfpt_coord", ["simulate", "--languages", "sw,xx-nonsense"])],
    ids=["join", "simulate"],
)
def test_a_wrong_language_is_noticed_without_a_tensor_library(
    module: str, arguments: list[str], tmp_path: Path
) -> None:
    script = f"""
import sys
sys.argv = {["program", *arguments]}
from {module}.commands.app import main
try:
    main()
except SystemExit:
    print(*sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, env=variables(tmp_path)
    )

    assert "xx-nonsense" in result.stderr
    assert "mfpt_shared.languages" in result.stdout
    assert not HEAVY & set(result.stdout.split())
