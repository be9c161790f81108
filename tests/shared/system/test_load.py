"""How busy the machine is, and how far this process lets others go first."""

import subprocess
import sys
from pathlib import Path

from mfpt_shared.errors import UsageError
from mfpt_shared.system.load import load_average
from support.programs import variables


def test_the_load_is_told_or_the_option_that_needs_it_is_refused() -> None:
    try:
        assert load_average() >= 0
    except UsageError as error:
        assert "--max-load" in str(error)


def test_others_go_first_as_far_as_is_wanted(tmp_path: Path) -> None:
    program = (
        "import psutil; from mfpt_shared.system.load import lower_priority; me = psutil.Process(); before = me.nice();"
        "lower_priority(0); assert me.nice() == before; lower_priority(5); assert me.nice() != before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=variables(tmp_path))
