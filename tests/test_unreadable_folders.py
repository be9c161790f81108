"""A place that this user may not look into, for every option that names one: a line with the place, and no bug."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfpt_coord.presets import plan_for, preset
from mfpt_shared.plan_files import plan_to_toml
from support.programs import variables
from support.systems import IS_ROOT

pytestmark = pytest.mark.slow

# The superuser may look into everything, unless it gives that right up.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if IS_ROOT else []
COMMANDS = (
    "mfpt_edge join --lang sw --data {locked}/texts.csv",
    "mfpt_edge join --lang sw --state-dir {locked}/state",
    "mfpt_edge join --lang sw --broker mqtts://127.0.0.1:1 --ca-file {locked}/ca.pem",
    "mfpt_edge join --lang sw --broker mqtts://127.0.0.1:1 --cert {locked}/own.pem",
    "mfpt_edge data show --lang sw --labels a,b --data {locked}/texts.csv",
    "mfpt_edge data show --lang sw --labels a,b --data {locked}",
    "mfpt_edge status --lang sw --state-dir {locked}/state",
    "mfpt_edge predict --lang sw --state-dir {locked}/state text",
    "mfpt_edge refresh --lang sw --state-dir {locked}/state",
    "mfpt_coord serve --plan {locked}/plan.toml",
    "mfpt_coord serve --data-dir {locked}/data --listen 127.0.0.1:0",
    "mfpt_coord serve --distances {locked}/distances.csv --listen 127.0.0.1:0",
    "mfpt_coord status --data-dir {locked}/data",
    "mfpt_coord invite --data-dir {locked}/data",
    "mfpt_coord devices list --data-dir {locked}/data",
    "mfpt_coord plan show {locked}/plan.toml",
    "mfpt_coord plan init --out {locked}/plan.toml",
    "mfpt_coord plan init --backbone path:{locked}/model",
    "mfpt_coord simulate --plan {locked}/plan.toml",
    "mfpt_coord simulate --plan {plan} --data {locked} --languages swh,zul --rounds 1 --method mfpt",
    "mfpt_coord languages sw zu --plot {locked}/figure.svg",
    "mfpt_coord broker-config mosquitto --out {locked}/mosquitto",
    "mfpt_coord broker-config nats-cluster --out {locked}/nodes --node a --node b --node c",
    "mfpt_coord db check --data-dir {locked}/data",
    "mfpt_coord db restore {locked}/backup",
    "mfpt_coord db restore {plan} --passphrase-file {locked}/passphrase",
)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in a folder that cannot be looked into."""
    above = tmp_path / "locked"
    (above / "in").mkdir(parents=True)
    above.chmod(0)
    yield above / "in"
    above.chmod(0o700)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_may_not_be_looked_into_is_told_as_that(command: str, tmp_path: Path, locked: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(plan_to_toml(plan_for(preset("cldr"))), encoding="utf-8")
    arguments = [word.format(locked=locked, plan=plan) for word in command.split()]
    ended = subprocess.run(
        [*UNPRIVILEGED, sys.executable, "-m", *arguments],
        env=variables(tmp_path / "home"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert str(locked) in last
    assert "Permission denied" in last
    assert "Errno" not in last
    assert "a bug" not in last
    assert ended.returncode in (1, 2, 7)
