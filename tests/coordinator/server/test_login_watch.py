"""How many logins were refused lately."""

from mfpt_coord.access.accounts import Account
from mfpt_coord.server.login_watch import LoginWatch


class Broker:
    """Accounts of which only the number of refused logins is asked."""

    failed_logins = 0

    def allow(self, account: Account, password: str) -> None:
        raise AssertionError

    def withdraw(self, user: str) -> None:
        raise AssertionError


def test_refused_logins_of_an_earlier_hour_do_not_count_as_recent() -> None:
    broker = Broker()
    watch = LoginWatch(broker)
    broker.failed_logins = 7
    assert watch.last_hour(0.0) == 7
    broker.failed_logins = 9
    assert watch.last_hour(1800.0) == 9
    assert watch.last_hour(3700.0) == 2
    assert watch.last_hour(7400.0) == 0
    assert watch.total == 9


def test_what_is_remembered_does_not_grow() -> None:
    watch = LoginWatch(Broker())
    for second in range(20_000):
        watch.last_hour(float(second))
    assert len(watch._seen) < 70
