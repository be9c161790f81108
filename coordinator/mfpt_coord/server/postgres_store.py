"""The coordinator's durable state in PostgreSQL, where one of several coordinators works and the others stand by.

Who works holds an advisory lock of the database, which the server lets go of when the connection ends: at once if the
process dies, after some ten seconds if its machine does. Whoever loses the connection ends, because by then another
coordinator may work: a commit that has not been confirmed was acknowledged to nobody.

Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from mfpt_coord.core.effects import Durable, SaveFold, SaveRollback
from mfpt_coord.core.state import State
from mfpt_coord.server import stored_effects
from mfpt_coord.server.postgres_rows import DATABASE_SCHEMA, PostgresRows
from mfpt_coord.server.postgres_schema import SCHEMA, SCHEMA_VERSION
from mfpt_coord.server.stored_forgetting import forget_prompts, forget_sums_and_rows
from mfpt_coord.server.stored_state import prompt_of
from mfpt_coord.server.stored_values import UNREADABLE, state_of, value_of
from mfpt_shared.errors import Damaged, Incompatible
from mfpt_shared.keys import PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.run_numbers import next_run
from mfpt_shared.tensors import Array

# Any number that no other program takes for its advisory lock in the same database.
_LOCK: Final = int.from_bytes(b"mfpt-co", "big")
STANDBY_SECONDS: Final = 1.0
"""Time between two attempts of a coordinator that stands by."""

_FORGET_PAYLOADS: Final = """
UPDATE updates SET payload = NULL
WHERE payload IS NOT NULL AND fold <= (SELECT max(version) FROM folds WHERE at <= :before)
"""

_log = logging.getLogger(__name__)


class PostgresStore:
    """A RunStore in a PostgreSQL database; see `RunStore`."""

    def __init__(self, url: str, keep: float = 0.0) -> None:
        """Connect, without touching anything: another coordinator may be at work.

        Args:
            url: A connection URI.
            keep: How long folded updates and replaced prompts are kept, seconds; infinite: for ever.

        Raises:
            MfptError: See `PostgresRows`.
        """
        self._rows, self._keep = PostgresRows(url), keep

    def lead(self, wait: Callable[[float], None] = time.sleep) -> None:
        """Return once no other coordinator works on this database.

        Args:
            wait: Waits for so many seconds.

        Raises:
            Incompatible: Another version of mfpt has written it.
            StoreLost: The server does not answer any more.
        """
        said = False
        while not self._rows.execute("SELECT pg_try_advisory_lock(?)", (_LOCK,)).fetchone()[0]:
            if not said:
                _log.info("another coordinator works on the %s: standing by", self._rows.name)
                said = True
            wait(STANDBY_SECONDS)
        if said:
            _log.info("the other coordinator is gone: taking over")
        if not self._is_new and (found := value_of(self._rows, "schema", b"?")) != b"%d" % SCHEMA_VERSION:
            raise Incompatible(
                f"the {self._rows.name} has schema version {found.decode(errors='replace')}, and this mfpt-coord needs "
                f"{SCHEMA_VERSION}: use the version that wrote it, or another database"
            )

    @property
    def coordinator(self) -> str:
        """See RunStore.coordinator."""
        return self._value("coordinator").decode()

    @property
    def key(self) -> PublicKey | None:
        """See RunStore.key."""
        return PublicKey(self._value("key", b"")) or None

    @property
    def has_run(self) -> bool:
        """See RunStore.has_run."""
        return not self._is_new and bool(self._value("epoch", b""))

    def begin_run(self, now: float, key: PublicKey) -> int:
        """See RunStore.begin_run."""
        epoch = next_run(int(self._value("epoch", b"0")), now)
        with self._rows.transaction():
            stored_effects.put_meta(self._rows, "epoch", b"%d" % epoch)
            stored_effects.put_meta(self._rows, "key", key)
        return epoch

    def create(self, state: State, coordinator: str) -> None:
        """See Store.create."""
        with self._rows.transaction():
            self._rows.run(f"CREATE SCHEMA IF NOT EXISTS {DATABASE_SCHEMA}; {SCHEMA}")
            stored_effects.put_meta(self._rows, "schema", b"%d" % SCHEMA_VERSION)
            stored_effects.create(self._rows, state, coordinator)

    def load(self) -> State | None:
        """See Store.load."""
        if self._is_new:
            return None
        try:
            return state_of(self._rows)
        except UNREADABLE as error:
            raise Damaged(f"what the {self._rows.name} holds cannot be read ({error}): restore a dump") from error

    def commit(self, effects: Iterable[Durable]) -> None:
        """See Store.commit."""
        with self._rows.transaction():
            for effect in effects:
                stored_effects.save(self._rows, effect)
                if isinstance(effect, SaveFold | SaveRollback):
                    self._forget(effect.at - self._keep)

    def holds(self, client: str, sequence: int, digest: bytes) -> bool:
        """See Store.holds."""
        return stored_effects.holds(self._rows, client, sequence, digest)

    def prompt(self, language: LanguageCode, version: int) -> Array | None:
        """See Store.prompt."""
        return prompt_of(self._rows, language, version)

    def erase(self) -> None:
        """Leave it to the server: its vacuum frees the room of what was removed, and it is used again."""

    def forget(self, now: float) -> None:
        """See RunStore.forget."""
        if not self._is_new:
            with self._rows.transaction():
                self._forget(now - self._keep)

    def close(self) -> None:
        """See Store.close."""
        self._rows.close()

    def _forget(self, before: float) -> None:
        self._rows.execute(_FORGET_PAYLOADS, {"before": before})
        forget_sums_and_rows(self._rows, before)
        forget_prompts(self._rows, before)

    @property
    def _is_new(self) -> bool:
        found = self._rows.execute("SELECT to_regclass(?)", (f"{DATABASE_SCHEMA}.meta",)).fetchone()
        return found[0] is None

    def _value(self, key: str, default: bytes | None = None) -> bytes:
        try:
            return value_of(self._rows, key, default)
        except LookupError as error:
            raise Damaged(f"the {self._rows.name} is damaged: {error.args[0]}; restore it from a dump") from error
