"""Properties of what becomes of rows: none is lost uncounted, whatever its cells hold."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_edge.data.sources import load_dataset
from mfpt_shared.errors import DatasetError
from support.tables import LABELS, SWAHILI

SECRET = "siri"  # in every text, and in no label
TEXTS = st.builds(lambda number: f"{SECRET} {number}", st.integers(0, 200))
NOT_TEXTS = st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.just("") | st.just("\u200b")
LISTS = st.lists(NOT_TEXTS, max_size=3) | st.dictionaries(st.sampled_from(["choices", "x"]), NOT_TEXTS)
ODD_LABELS = st.sampled_from(["-1", "NA", "label", "1.0", "SPORT ", "sportss", "0"])
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS | NOT_TEXTS | LISTS | st.lists(TEXTS, max_size=3),
        "label": st.sampled_from(LABELS) | ODD_LABELS | NOT_TEXTS | LISTS,
        "index_id": st.integers(0, 50) | NOT_TEXTS,
    },
)
GOOD = st.fixed_dictionaries({"text": TEXTS, "label": st.sampled_from(LABELS)})
SPLITS = st.lists(GOOD | CELLS, max_size=25)


@given(st.lists(GOOD, min_size=30, max_size=40), SPLITS, SPLITS)
@settings(max_examples=60)
def test_examples_and_skipped_rows_are_all_rows_and_no_reason_holds_a_text(
    train: list[dict[str, object]], dev: list[dict[str, object]], test: list[dict[str, object]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in (("train", train), ("val", dev), ("test", test)):
            if lines and any("text" in line and "label" in line for line in lines):
                line = json.dumps({"text": "", "label": ""})  # so that both columns are there
                text = "\n".join([*map(json.dumps, lines), line])
                (Path(folder) / f"{name}.jsonl").write_text(text, encoding="utf-8")
        written = sum(len(file.read_text("utf-8").split("\n")) for file in Path(folder).iterdir())
        try:
            dataset = load_dataset(folder, SWAHILI, LABELS)
        except DatasetError as error:  # the test holds every text of the training
            assert "no example is left to train on" in str(error)
            return
    assert len(dataset.train) + len(dataset.test) + len(dataset.skipped_rows) == written
    assert sum(dataset.skipped.values()) == len(dataset.skipped_rows)
    assert len({row.place for row in dataset.skipped_rows}) == len(dataset.skipped_rows)
    assert not any(SECRET in said for said in (*dataset.skipped, *dataset.notes))
