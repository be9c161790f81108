"""Which filters a broker refuses: it answers a subscription with a code for each filter (MQTT 3.1.1, section 3.9)."""

from collections.abc import Sequence

from mfpt_shared.transport.base import Qos


class Subscriptions:
    """Subscriptions that are not answered yet, and filters that were refused.

    Attributes:
        missing: Filters that were refused when they were last asked for, with their quality of service.
    """

    def __init__(self) -> None:
        self.missing: dict[str, Qos] = {}
        self._unanswered: dict[int, tuple[tuple[str, ...], Qos]] = {}
        self._refused: set[str] = set()

    def sent(self, number: int, filters: tuple[str, ...], qos: Qos) -> None:
        """Note a subscription.

        Args:
            number: Packet id.
            filters: Topic filters, in the order of the packet.
            qos: Quality of service.
        """
        self._unanswered[number] = filters, qos

    def answered(self, number: int, refusals: Sequence[bool]) -> tuple[str, ...]:
        """Return the filters that were refused now for the first time.

        Args:
            number: Packet id.
            refusals: For each filter, whether it was refused.
        """
        filters, qos = self._unanswered.pop(number, ((), 0))
        self.taken_back(filters)
        refused = [one for one, is_refused in zip(filters, refusals, strict=False) if is_refused]
        self.missing |= dict.fromkeys(refused, qos)
        new = tuple(one for one in refused if one not in self._refused)
        self._refused.update(new)
        return new

    def taken_back(self, filters: Sequence[str]) -> None:
        """Note that filters are not wanted any more."""
        for one in filters:
            self.missing.pop(one, None)
