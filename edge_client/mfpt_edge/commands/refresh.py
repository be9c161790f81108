"""`mfpt-edge refresh`: the newest prompt for a device that has taken part, without training."""

import typer

from mfpt_edge.commands.options import (
    BrokerOption,
    CaFileOption,
    CertOption,
    FederationOption,
    JsonOption,
    KeyOption,
    LanguageOption,
    ProxyOption,
    StateDirOption,
    device_folder,
)


def refresh(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: BrokerOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the newest prompt that the federation has for this device. Takes seconds; nothing is trained.

    What others made since this device left is in it. The device asks where it last took part.
    """
    import msgspec

    from mfpt_edge.commands.renewal import renewed
    from mfpt_shared.transport.security import Security

    folder = device_folder(lang, federation, state_dir)
    renewal = renewed(folder, federation, broker=broker, security=Security(ca_file, cert, key), proxy=proxy)
    if as_json:
        typer.echo(msgspec.json.encode(renewal).decode())
    elif renewal.version == renewal.version_before:
        typer.echo(f"version {renewal.version} is the newest")
    else:
        before = "unknown" if renewal.version_before is None else renewal.version_before
        typer.echo(f"version {before} -> {renewal.version}")
