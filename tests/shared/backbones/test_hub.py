"""Which names are names of the hub, and that a download keeps to its limit."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfpt_shared.backbones.describe import parse_uri
from mfpt_shared.backbones.hub import check_size, data_name, is_hub_name
from mfpt_shared.errors import NotAllowed, PlanError, UsageError
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_from_json

NO_NAMES = (
    "../Documents", "..", ".", "./here", "/etc", "~/texts", "~", "a/../b", "a/..", "org/../../etc", "org//name",
    "C:\\texts", "a\\b", "https://example.org/x", "hf://datasets/x", "org/name/", " org/name", "org/name\n", "a--b", "",
)  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
def test_no_path_and_no_address_is_a_name_of_the_hub(name: str) -> None:
    assert not is_hub_name(name)
    with pytest.raises(UsageError):
        data_name(f"hf:{name}")
    with pytest.raises(UsageError):
        parse_uri(f"hf:{name}")


@given(st.text(alphabet="a./\\~-:@", max_size=8))
def test_a_name_of_the_hub_never_leads_out_of_a_folder(name: str) -> None:
    if is_hub_name(name):
        assert not name.startswith(("/", "~", "."))
        assert ".." not in name.split("/")
        assert "\\" not in name


@pytest.mark.parametrize("revision", ["../main", "a/../../b", "/main", "", "a b", "~"])
def test_a_revision_that_climbs_is_refused(revision: str) -> None:
    with pytest.raises(UsageError, match="hub"):
        parse_uri(f"hf:org/name@{revision}")


@pytest.mark.parametrize("source", [f"hf:{name}" for name in NO_NAMES] + ["/home/me/texts.csv", "texts.csv", "path:x"])
def test_a_plan_whose_data_is_no_name_of_the_hub_is_refused(source: str) -> None:
    plan = _plan(task=f'{{"labels": ["a", "b"], "data": {_quoted(source)}}}')
    with pytest.raises(PlanError, match="data"):
        plan_from_json(plan)


@pytest.mark.parametrize("source", ["", "cldr", "hf:imdb", "hf:org/name", "hf:org/name/swh_Latn"])
def test_a_plan_names_public_data_or_none(source: str) -> None:
    assert _read(f'{{"labels": ["a", "b"], "data": {_quoted(source)}}}').task.data == source


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_plan_whose_hub_backbone_is_no_name_of_the_hub_is_refused(name: str) -> None:
    plan = _plan(backbone=f'{{"uri": {_quoted(f"hf:{name}")}}}')
    with pytest.raises(PlanError, match="hf:"):
        plan_from_json(plan)


@pytest.mark.parametrize("sizes", [[2_000_000_001], [1_500_000_000, 600_000_000], [10, None]])
def test_a_download_that_is_too_large_or_of_unknown_size_names_the_option(sizes: list[int | None]) -> None:
    with pytest.raises(NotAllowed, match=r"hf:org/name is a download of .* --max-download"):
        check_size("hf:org/name", sizes, 2_000_000_000)


def test_a_download_within_the_limit_is_allowed() -> None:
    check_size("hf:org/name", [1_000_000_000, 1_000_000_000], 2_000_000_000)


def _plan(task: str = '{"labels": ["a", "b"]}', backbone: str = "{}") -> bytes:
    return f'{{"task": {task}, "backbone": {backbone}}}'.encode()


def _read(task: str) -> Plan:
    return plan_from_json(_plan(task))


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
