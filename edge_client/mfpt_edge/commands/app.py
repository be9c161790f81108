"""The command line `mfpt-edge`. Slow imports are inside the commands, so that `--help` answers at once."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from mfpt_edge.commands.backbone import backbone_app
from mfpt_edge.commands.data_options import (
    DataOption,
    ExamplesOption,
    LabelColumnOption,
    LabelMapOption,
    PairColumnOption,
    TextColumnOption,
)
from mfpt_edge.commands.data_show import data_show
from mfpt_edge.commands.doctor import doctor
from mfpt_edge.commands.open import open_page
from mfpt_edge.commands.options import (
    ActivationCacheOption,
    AllowBackboneOption,
    AloneOption,
    BrokerOption,
    CaFileOption,
    CertOption,
    DeviceOption,
    FederationOption,
    HoursOption,
    InvitationArgument,
    JoinLanguageOption,
    JsonOption,
    KeyOption,
    LanguageOption,
    LeaveAfterOption,
    MaxDownloadOption,
    MaxLoadOption,
    MaxRoundTimeOption,
    MaxUploadOption,
    MemoryOption,
    NiceOption,
    OnBatteryOption,
    ProxyOption,
    RetryOption,
    RoundsOption,
    StateDirOption,
    ThreadsOption,
    YesOption,
    device_folder,
    join_language,
    show,
)
from mfpt_edge.commands.owner_commands import leave, pause, resume, settings
from mfpt_edge.commands.predict import evaluate, export, predict
from mfpt_edge.commands.refresh import refresh
from mfpt_edge.commands.sent import sent
from mfpt_edge.commands.service import app as service_app
from mfpt_edge.host.least import require_processor
from mfpt_shared.command_line import EPILOG, run, show_version
from mfpt_shared.stopping import stopped_on_request

app = typer.Typer(
    name="mfpt-edge",
    help="Improve a language model for your language together with others. Your texts never leave this device.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look at data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(service_app, name="service")
cache_app = typer.Typer(help="Show and clear the cache.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")
app.add_typer(backbone_app, name="backbone")


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and exit.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself."""
    del version
    require_processor()


@app.command(epilog="Example: mfpt-edge join 'mfpt://server.example:8883/radio?lang=swh#…' --data sentences.csv")
@stopped_on_request("the same command continues from here")
def join(
    invitation: InvitationArgument = None,
    lang: JoinLanguageOption = None,
    broker: BrokerOption = None,
    data: DataOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    label_map: LabelMapOption = None,
    rounds: RoundsOption = None,
    leave_after: LeaveAfterOption = "15min",
    examples: ExamplesOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    retry: RetryOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    nice: NiceOption = 0,
    alone: AloneOption = True,
    activation_cache: ActivationCacheOption = "1GB",
    memory: MemoryOption = None,
    max_round_time: MaxRoundTimeOption = "2h",
    max_download: MaxDownloadOption = "2GB",
    allow_backbone: AllowBackboneOption = None,
    yes: YesOption = False,
    hours: HoursOption = None,
    max_load: MaxLoadOption = None,
    on_battery: OnBatteryOption = None,
    max_upload: MaxUploadOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take part in a federation until it ends, --rounds are done, or you press Ctrl-C. Run it again to continue.

    The invitation is needed once: it admits this device, which then keeps its own key. On a machine where
    `mfpt-coord serve` runs, --lang alone will do.
    """
    import os

    from mfpt_edge.commands.display import join_view, joined
    from mfpt_edge.commands.join import join as run_join
    from mfpt_edge.commands.join_config import (
        Allowed,
        DataSource,
        JoinConfig,
        parse_duration,
        parse_limits,
        parse_retries,
    )
    from mfpt_edge.commands.reach import parse_reach
    from mfpt_edge.commands.said import parse_said
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.storage.device_folder import default_folder
    from mfpt_shared.invitation import InvitationLine
    from mfpt_shared.plan import federation_name
    from mfpt_shared.system.load import lower_priority
    from mfpt_shared.transport.security import Security

    line = InvitationLine.parse(invitation) if invitation else None
    language = join_language(lang, line)
    federation = line.federation if line else federation_name(federation)
    lower_priority(nice)
    config = JoinConfig(
        language=language,
        federation=federation,
        reach=parse_reach(broker, os.environ, security=Security(ca_file, cert, key), proxy=proxy, invitation=line),
        state_dir=(state_dir or default_folder(federation, language)).absolute(),
        data=DataSource(data, Columns(text_column, label_column, pair_column), examples, label_map),
        retries=parse_retries(retry),
        limits=parse_limits(device, threads, activation_cache, memory, max_round_time, max_download),
        allowed=Allowed(tuple(allow_backbone or ()), yes),
        rounds=rounds,
        leave_after=parse_duration(leave_after, "--leave-after", none_is_fine=True),
        alone=alone,
        said=parse_said(hours, max_load, on_battery, max_upload),
    )
    show(run_join(config, join_view()), as_json, joined)


app.command("open", epilog="Example: mfpt-edge open")(open_page)
app.command(epilog="Example: mfpt-edge pause --lang sw")(pause)
app.command(epilog="Example: mfpt-edge resume --lang sw")(resume)
app.command(epilog="Example: mfpt-edge settings --lang sw --hours 22-6 --max-upload 50MB/month")(settings)
app.command(epilog="Example: mfpt-edge leave --lang sw --forget")(leave)
app.command(epilog="Example: mfpt-edge doctor --lang sw --broker mqtt://server.example:1883 --data sentences.csv")(
    doctor
)
app.command(epilog="Example: mfpt-edge predict --lang sw 'Bei ya mafuta imepanda'")(predict)
app.command(epilog="Example: mfpt-edge evaluate --lang sw --data test.csv --json")(evaluate)
app.command(epilog="Example: mfpt-edge refresh --lang sw")(refresh)
app.command(epilog="Example: mfpt-edge export --lang sw --onnx phone/")(export)

app.command(epilog="Example: mfpt-edge sent --lang sw 12")(sent)


@app.command(epilog="Example: mfpt-edge status --lang sw --json")
def status(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who this device is, which prompt it uses, and which updates wait to be sent."""
    from mfpt_edge.commands.display import facts_table, percent
    from mfpt_edge.storage.curve import read_course
    from mfpt_edge.storage.doing import said
    from mfpt_edge.storage.membership import read_membership
    from mfpt_shared.errors import UsageError
    from mfpt_shared.keys import fingerprint

    folder = device_folder(lang, federation, state_dir)
    identity = folder.identity()
    if identity is None:
        raise UsageError(f"no device in {folder.path}: run `mfpt-edge join` first")
    plan, header, used, share = None, None, None, None
    with contextlib.suppress(UsageError):
        plan = folder.plan()
        header = folder.prompt().header
        personal = folder.personal_prompt(plan)
        used, share = ("federated", 0.0) if personal is None else ("personal", personal.header.own_share)
    outbox, membership = folder.outbox(), read_membership(folder.path)
    doing = said(folder.path)
    helped_by = read_course(folder.path).helped_by
    named = membership.federation if membership else None
    facts = {
        "device": identity.client,
        "language": identity.language,
        "folder": str(folder.path),
        "federation": plan.federation if plan else named,
        "role": membership.role if membership else None,
        "coordinator": fingerprint(membership.key) if membership else None,
        "broker": str(membership.brokers()[0]) if membership else folder.broker(),
        "plan": plan.digest if plan else None,
        "prompt_version": header.version if header else None,
        "prompt_used": used,
        "own_share": share,
        "helped_by": helped_by or None,
        "updates_made": outbox.last_sequence,
        "updates_waiting": len(outbox.sequences()),
        "running": doing is not None,
        "phase": doing.phase if doing else None,
        "link": doing.link if doing else None,
        "waiting_for": doing.waiting_for or None if doing else None,
        "waiting_since": doing.waiting_since if doing else None,
        "advice": doing.advice or None if doing else None,
    }
    if not as_json:
        del facts["waiting_since"]  # the text says it, as people read it
        facts["helped_by"] = ", ".join(f"{language} {percent(part)}" for language, part in helped_by.items()) or None
    show(facts, as_json, facts_table)


data_app.command("show", epilog="Example: mfpt-edge data show sentences.csv --lang sw --labels politics,sports")(
    data_show
)


@cache_app.command("show", epilog="Example: mfpt-edge cache show --json")
def cache_show(as_json: JsonOption = False) -> None:
    """Show where the cache is and what it holds, in MB."""
    from mfpt_edge.storage.cache import sizes
    from mfpt_shared.folders import cache_home

    _print_cache(cache_home(), sizes(cache_home()), as_json)


@cache_app.command("clear", epilog="Example: mfpt-edge cache clear")
def cache_clear(as_json: JsonOption = False) -> None:
    """Remove everything in the cache. Nothing is lost: it is made again when it is needed."""
    from mfpt_edge.storage.cache import clear
    from mfpt_shared.errors import MfptError
    from mfpt_shared.folders import cache_home

    folder = cache_home()
    try:
        freed = clear(folder)
    except OSError as error:
        raise MfptError(f"cannot remove {error.filename}: {error.strerror}; remove {folder} yourself") from error
    _print_cache(folder, freed, as_json)


def _print_cache(folder: Path, sizes: dict[str, int], as_json: bool) -> None:
    from mfpt_edge.commands.display import facts_table

    facts = {"folder": str(folder), **{kind: round(size / 1e6, 1) for kind, size in sizes.items()}}
    show(facts, as_json, facts_table)


def main() -> None:
    """Run the command line."""
    run(app, "mfpt-edge", services=("join", "open"))
