"""Which filters a broker refuses: it answers a subscription with a code for each filter (MQTT 3.1.1, section 3.9)."""

from collections.abc import Sequence


class Subscriptions:
    """Subscriptions that are not answered yet, and the filters that were ever refused."""

    def __init__(self) -> None:
        self._unanswered: dict[int, tuple[str, ...]] = {}
        self._refused: set[str] = set()

    def sent(self, number: int, filters: tuple[str, ...]) -> None:
        """Note a subscription.

        Args:
            number: Packet id.
            filters: Topic filters, in the order of the packet.
        """
        self._unanswered[number] = filters

    def answered(self, number: int, refusals: Sequence[bool]) -> tuple[str, ...]:
        """Return the filters that were refused now for the first time.

        Args:
            number: Packet id.
            refusals: For each filter, whether it was refused.
        """
        filters = self._unanswered.pop(number, ())
        refused = [one for one, is_refused in zip(filters, refusals, strict=False) if is_refused]
        new = tuple(one for one in refused if one not in self._refused)
        self._refused.update(new)
        return new
