"""A device's state folder: its identity, the plan it follows, the prompts it holds, and its outbox."""

import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.storage.identity import IDENTITY_FILE, Identity, read_identity
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.atomic import remove_unfinished, write_durably
from mfpt_shared.errors import Damaged, DecodeError, Incompatible, PlanError, UsageError
from mfpt_shared.folders import private_folder, state_home
from mfpt_shared.keys import SigningKey
from mfpt_shared.languages import LanguageCode, named
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_from_json
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.protocol.topics import PROMPT
from mfpt_shared.run_numbers import next_run
from mfpt_shared.system.files import remove
from mfpt_shared.system.names import folder_name

KEY_FILE: Final = "device.key"
SESSION_FILE: Final = "session"
EPOCH_FILE: Final = "epoch"
BROKER_FILE: Final = "broker"
PLAN_FILE: Final = "plan.json"
PROMPT_FILE: Final = "prompt.mfpt"
PERSONAL_PROMPT_FILE: Final = "own-prompt.mfpt"
_OUTBOX: Final = "outbox"


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a device.

    Attributes:
        identity: Which device it is.
        key: Key with which it signs.
        number: Number of the run, higher than those of all runs before.
    """

    identity: Identity
    key: SigningKey
    number: int

    @property
    def mqtt_client(self) -> str:
        """MQTT client id of the device. It is a secret: whoever knows it can cut the device off at many brokers."""
        return self.key.secret("MQTT client id")

    @property
    def password(self) -> str:
        """Password of the device's account at the broker, if it has one of its own."""
        return self.key.secret("broker password")


def default_folder(federation: str, language: LanguageCode) -> Path:
    """Return the state folder of a device without `--state-dir`."""
    return state_home() / "edge" / folder_name(federation) / folder_name(language)


class DeviceFolder:
    """What a device keeps between runs. Only one process may write to it; see `folders.owned`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def identity(self) -> Identity | None:
        """Return the device's identity; None if the folder is new.

        Raises:
            Damaged: The file is damaged.
        """
        return read_identity(self.path)

    def enrol(self, language: LanguageCode) -> Identity:
        """Return the device's identity, a new one if the folder is new, and clean up after a run that was killed.

        Raises:
            Incompatible: The folder belongs to a device of another language.
            Damaged: The file is damaged.
        """
        for folder in (self.path, self.path / _OUTBOX):
            remove_unfinished(folder)
        identity = self.identity()
        if identity is None:
            identity = Identity(uuid.uuid4().hex[:12], language)
            self._write(IDENTITY_FILE, msgspec.json.encode(identity))
        if identity.language != language:
            raise Incompatible(
                f"{self.path} belongs to a device for {named(identity.language)}, not {named(language)}; give another "
                "--state-dir"
            )
        return identity

    def begin_session(self, identity: Identity) -> Session:
        """Return a new run of the device; its number is on the disk before it is used.

        Raises:
            Damaged: The key or the number cannot be read.
        """
        number = next_run(self._number(SESSION_FILE), time.time())
        self._write(SESSION_FILE, f"{number}\n".encode())
        return Session(identity, self._key(), number)

    def note_session(self, number: int) -> None:
        """Let the next run have a higher number than this one, of which somebody else knows."""
        self._write(SESSION_FILE, f"{max(number, self._number(SESSION_FILE))}\n".encode())

    def last_session(self, identity: Identity) -> Session:
        """Return the newest run of the device, for a process that only reads what the broker keeps.

        Raises:
            Damaged: The key or the number cannot be read.
        """
        return Session(identity, self._key(), self._number(SESSION_FILE))

    def _number(self, name: str) -> int:
        file = self.path / name
        try:
            return int(file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise Damaged(f"{file} is damaged; remove {self.path} to start as a new device") from error

    def _key(self) -> SigningKey:
        file = self.path / KEY_FILE
        try:
            return SigningKey.from_pem(file.read_bytes())
        except FileNotFoundError:
            key = SigningKey.generate()
            self._write(KEY_FILE, key.to_pem())
            return key
        except Damaged as error:
            raise Damaged(f"{file} is damaged; remove {self.path} to start as a new device") from error

    def outbox(self) -> Outbox:
        """Return the device's outbox."""
        return Outbox(self.path / _OUTBOX)

    def save_plan(self, payload: bytes) -> None:
        """Keep the plan, as the coordinator published it."""
        self._write(PLAN_FILE, payload)

    def save_prompt(self, payload: bytes) -> None:
        """Keep the federation's newest prompt, encoded."""
        self._write(PROMPT_FILE, payload)

    def save_personal_prompt(self, payload: bytes) -> None:
        """Keep the device's personal prompt, encoded; with an own share above 0 it is used, not the federation's."""
        self._write(PERSONAL_PROMPT_FILE, payload)

    def forget_personal_prompt(self) -> None:
        """Use the federation's prompt from now on."""
        remove(self.path / PERSONAL_PROMPT_FILE, missing_ok=True)

    def personal_prompt(self, plan: Plan) -> Prompt | None:
        """Return the device's personal prompt, if it made one under this plan that is not just the federation's.

        Raises:
            Damaged: The file is damaged.
        """
        own = self._personal_prompt(plan)
        return None if own is None or own.header.own_share == 0 else own

    def own_share(self, plan: Plan) -> float | None:
        """Return the own share that the device chose under this plan, 0 to 1; None: it has chosen none.

        Raises:
            Damaged: The file is damaged.
        """
        own = self._personal_prompt(plan)
        return None if own is None else own.header.own_share

    def _personal_prompt(self, plan: Plan) -> Prompt | None:
        own = self._read_prompt(PERSONAL_PROMPT_FILE)
        return own if own is not None and own.header.plan == plan.digest else None

    def plan(self) -> Plan:
        """Return the plan that the device follows.

        Raises:
            UsageError: There is no plan yet.
            Damaged: The file is damaged.
        """
        try:
            return plan_from_json((self.path / PLAN_FILE).read_bytes())
        except FileNotFoundError as error:
            raise self._nothing_here() from error
        except PlanError as error:
            raise Damaged(f"{self.path / PLAN_FILE} is damaged; join the federation again to get a new one") from error

    def prompt(self) -> Prompt:
        """Return the federation's newest prompt that the device holds.

        Raises:
            UsageError: There is no prompt yet.
            Damaged: The file is damaged.
        """
        prompt = self._read_prompt(PROMPT_FILE)
        if prompt is None:
            raise self._nothing_here()
        return prompt

    def newest_seen(self) -> tuple[int, int]:
        """Return the highest epoch that was seen, and the version of the prompt that the device holds from it.

        Both are 0 where nothing is known, as with damaged files.
        """
        try:
            prompt, epoch = self._read_prompt(PROMPT_FILE), self._number(EPOCH_FILE)
        except Damaged:
            return 0, 0
        if prompt is None or prompt.header.epoch < epoch:
            return epoch, 0
        return prompt.header.epoch, prompt.header.version

    def save_epoch(self, epoch: int) -> None:
        """Keep the highest epoch that was seen; it is on the disk when this returns."""
        self._write(EPOCH_FILE, f"{epoch}\n".encode())

    def save_broker(self, url: str) -> None:
        """Remember the broker of a federation that needs no invitation."""
        self._write(BROKER_FILE, f"{url}\n".encode())

    def broker(self) -> str | None:
        """Return the broker at which the device last took part without an invitation; None if there was none."""
        try:
            return (self.path / BROKER_FILE).read_text(encoding="utf-8").strip() or None
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def _read_prompt(self, name: str) -> Prompt | None:
        file = self.path / name
        try:
            prompt = decode(PROMPT, file.read_bytes())
        except FileNotFoundError:
            return None
        except DecodeError as error:
            raise Damaged(f"{file} is damaged ({error}); join the federation again to get a new one") from error
        assert isinstance(prompt, Prompt)
        return prompt

    def _nothing_here(self) -> UsageError:
        return UsageError(
            f"no prompt in {self.path}: run `mfpt-edge join` first, or use a broker's with `mfpt-edge predict --broker "
            "mqtt://host:port`"
        )

    def _write(self, name: str, payload: bytes) -> None:
        write_durably(private_folder(self.path) / name, payload)
