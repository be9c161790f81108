"""`mfpt-edge predict`, `evaluate` and `export`: what a device does with the prompt that it uses."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_edge.commands.data_options import (
    LabelColumnOption,
    LabelMapOption,
    PairColumnOption,
    TestDataOption,
    TextColumnOption,
    not_empty,
)
from mfpt_edge.commands.options import (
    AllowBackboneOption,
    CaFileOption,
    CertOption,
    DeviceOption,
    FederationOption,
    FetchOption,
    FormatOption,
    GraphOption,
    JsonOption,
    KeyOption,
    LanguageOption,
    OfflineOption,
    ProxyOption,
    RuntimeName,
    RuntimeOption,
    StateDirOption,
    device_folder,
    show,
)
from mfpt_shared.command_line import say, say_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mfpt_edge.data.example import Example
    from mfpt_edge.storage.device_folder import DeviceFolder
    from mfpt_edge.storage.saved_prompt import Model


def predict(
    lang: LanguageOption,
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts; - reads them from standard input, one a line, or CoNLL where words are labelled."),
    ] = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: FetchOption = None,
    allow_backbone: AllowBackboneOption = None,
    runtime: RuntimeOption = "auto",
    graph: GraphOption = None,
    file: Annotated[Path | None, typer.Option("--file", callback=not_empty, help="File with texts, as for -.")] = None,
    answers: FormatOption = "text",
    device: DeviceOption = "auto",
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Label texts or their words, or complete texts, with the prompt that this device keeps. Works offline."""
    from mfpt_edge.commands.given_texts import given_lines, given_texts
    from mfpt_edge.commands.renewal import renew_in_passing
    from mfpt_shared.errors import UsageError

    if broker is None:
        renew_in_passing(device_folder(lang, federation, state_dir), federation, offline=offline)
    model = _model(lang, federation, state_dir, broker, ca_file, cert, key, proxy)
    if graph is None:
        _check_backbone(model, device_folder(lang, federation, state_dir), allow_backbone)
    facts = {"version": model.prompt.header.version, "age_seconds": round(model.age)}
    if model.plan.task.tags_words:
        from mfpt_edge.commands.tagging import print_tags, tag
        from mfpt_edge.data.conll import CONLL_SUFFIXES

        lines, conll = given_lines(texts or [], file), file is not None and file.suffix.lower() in CONLL_SUFFIXES
        tagged = tag(model, lines, runtime, graph, device, conll=conll)
        print_tags(tagged, facts, answers, as_json=as_json)
        return
    if answers != "text":
        raise UsageError(f"--format {answers} is for labels of words; this federation's task is {model.plan.task.kind}")
    from mfpt_edge.commands.answering import answers as answers_of
    from mfpt_edge.commands.answering import lines as lines_of

    rows = answers_of(model, given_texts(texts or [], file), runtime, graph, device)
    if as_json:
        import json

        say_data(json.dumps({**facts, "predictions": rows}, ensure_ascii=False))
        return
    for line in lines_of(rows, model.plan.task):
        say(line)


def evaluate(
    lang: LanguageOption,
    data: TestDataOption,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    label_map: LabelMapOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: FetchOption = None,
    allow_backbone: AllowBackboneOption = None,
    runtime: RuntimeOption = "auto",
    graph: GraphOption = None,
    device: DeviceOption = "auto",
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the prompt that this device keeps on labelled texts."""
    from mfpt_edge.commands.display import facts_table
    from mfpt_edge.commands.label_questions import renamed_labels
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.data.sources import load_split

    model = _model(lang, federation, state_dir, broker, ca_file, cert, key, proxy)
    if graph is None:
        _check_backbone(model, device_folder(lang, federation, state_dir), allow_backbone)
    task = model.plan.task
    renamed = renamed_labels(label_map, device_folder(lang, federation, state_dir).path, task.labels)
    split = load_split(data, task.labels, Columns(text_column, label_column, pair_column), task.kind, renamed)
    for note in split.notes:
        say(f"note: {note}", err=True)
    reasons: object = split.skipped if as_json else ", ".join(f"{n} x {why}" for why, n in split.skipped.items())
    facts = {
        "language": model.prompt.header.language,
        "version": model.prompt.header.version,
        **_measured(model, split.examples, runtime, graph, device),
        "n": len(split.examples),
        "skipped": sum(split.skipped.values()),
        **({"skipped_because": reasons} if reasons else {}),
        **({"repaired": sum(split.repaired.values())} if split.repaired else {}),
    }
    show(facts, as_json, facts_table)


def export(
    lang: LanguageOption,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the backbone for ONNX Runtime; the prompt is one of its inputs."),
    ] = None,
    peft: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the prompt as an adapter that PEFT can load.")
    ] = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: FetchOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    allow_backbone: AllowBackboneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the backbone for ONNX Runtime, or the prompt that this device keeps for PEFT."""
    from mfpt_edge.commands.display import facts_table
    from mfpt_edge.host.extras import require_engine, require_onnx
    from mfpt_edge.inference.graph_folder import is_bundled
    from mfpt_shared.errors import UsageError
    from mfpt_shared.folders import cache_home

    if onnx is None and peft is None:
        raise UsageError("give --onnx DIR or --peft DIR, or both")
    model = _model(lang, federation, state_dir, broker, ca_file, cert, key, proxy)
    if onnx is not None:
        _check_backbone(model, device_folder(lang, federation, state_dir), allow_backbone)
    if onnx is not None and is_bundled(model.plan):
        require_onnx()
    else:
        require_engine()
    from mfpt_edge.inference.export import export_onnx, export_peft

    if onnx is not None:
        export_onnx(model.plan, onnx, cache_home())
    if peft is not None:
        export_peft(model, peft)
    written = {"onnx": onnx and str(onnx), "peft": peft and str(peft), "version": model.prompt.header.version}
    show(written, as_json, facts_table)


def _model(
    lang: str,
    federation: str,
    state_dir: Path | None,
    broker: str | None,
    ca_file: Path | None,
    cert: Path | None,
    key: Path | None,
    proxy: str | None,
) -> "Model":
    from mfpt_edge.commands.newest import model_for
    from mfpt_shared.languages import given_language
    from mfpt_shared.transport.security import Security

    folder, security = device_folder(lang, federation, state_dir), Security(ca_file, cert, key)
    return model_for(folder, federation, given_language(lang), broker=broker, security=security, proxy=proxy)


def _check_backbone(model: "Model", folder: "DeviceFolder", named: list[str] | None) -> None:
    from mfpt_edge.session.consent import check_backbone
    from mfpt_edge.storage.answers import Answers

    check_backbone(model.plan, named or (), Answers(folder.path).given())


def _measured(
    model: "Model", examples: "Sequence[Example]", runtime: RuntimeName, graph: Path | None, device: str
) -> dict[str, float]:
    """Return what `evaluate` measures."""
    from mfpt_edge.commands.runtimes import completer, predictor

    if model.plan.task.tags_words:
        from mfpt_edge.commands.tagging import measured_tags

        return measured_tags(model, examples, runtime, graph, device)
    if model.plan.task.generates:
        from mfpt_edge.inference.completions import evaluate as quality

        completions = quality(completer(model, runtime, device), examples)
        return {"exact_match": completions.exact_match, "token_f1": completions.token_f1}
    from mfpt_edge.inference.labels import evaluate as measure

    found = measure(predictor(model, runtime, graph, device), examples)
    return {"accuracy": found.accuracy, "loss": found.loss}
