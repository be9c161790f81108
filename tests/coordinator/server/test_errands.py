"""What the core calls for, carried out: accounts at the broker, and answers on the right topics."""

import asyncio

from mfpt_coord.access.accounts import Account
from mfpt_coord.core.effects import Allow, AnswerEnrolment, Withdraw
from mfpt_coord.core.state import initial
from mfpt_coord.server.channel import Channel, CoordinatorIdentity
from mfpt_coord.server.errands import Errands
from mfpt_coord.server.look_ups import LookUps
from mfpt_shared.keys import digest
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Admitted, ClientState
from mfpt_shared.protocol.topics import CLIENT_STATE, ENROL_DOWN
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.admitting import enrolled, invitation
from support.federation import no_distances, tiny_plan
from support.sealing import inbound, key_of

STATE = initial(tiny_plan())


class Accounts:
    """Remembers the accounts that a broker would have. See `accounts.Credentials`."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[Account, str]] = {}

    @property
    def failed_logins(self) -> int:
        return 0

    def allow(self, account: Account, password: str) -> None:
        self.known[account.user] = (account, password)

    def withdraw(self, user: str) -> None:
        del self.known[user]


class Setting:
    """Errands on a broker in this process."""

    def __init__(self, accounts: Accounts | None = None) -> None:
        self.broker = MemoryBroker()
        self.watcher = MemoryTransport(self.broker)
        self.transport = MemoryTransport(self.broker)
        identity = CoordinatorIdentity("c0", started=5.0, epoch=3, key=key_of("coordinator"))
        channel = Channel(self.transport, "test", identity, lambda: 9.0)
        self.errands = Errands(channel, LookUps(no_distances, (), lambda: 9.0), accounts)

    async def answered(self) -> Admitted:
        """Answer a request, and return what whoever asked hears."""
        await self.watcher.connect()
        await self.transport.connect()
        path = ENROL_DOWN.path("test", "token-1")
        self.watcher.subscribe(path)
        await self.watcher.receive()
        self.errands.do(AnswerEnrolment("token-1", Admitted(nonce="n", role="device")), STATE)
        (event,) = await asyncio.wait_for(self.watcher.receive(), 5)
        assert isinstance(event, Inbound)
        received = understand(path, event.payload, "test")
        assert received is not None
        assert isinstance(received.message, Admitted)
        return received.message


def test_who_is_admitted_and_who_may_ask_have_accounts_until_they_are_withdrawn() -> None:
    accounts = Accounts()
    errands = Setting(accounts).errands
    device = enrolled("d1", password=digest("p"), login=digest("c"))
    errands.do(Allow(invitation(), "secret"), STATE)
    errands.do(Allow(device, "p"), STATE)
    assert accounts.known == {
        "invite-token-1": (Account("invite-token-1", "invitation", digest("secret")), "secret"),
        "d1": (Account("d1", "device", digest("p"), digest("c"), LanguageCode("swh")), "p"),
    }
    errands.do(Withdraw(device), STATE)
    assert list(accounts.known) == ["invite-token-1"]


def test_an_answer_says_whether_the_device_has_an_account_of_its_own() -> None:
    assert asyncio.run(Setting(Accounts()).answered()).account == "own"
    assert asyncio.run(Setting().answered()).account == "common"


def test_the_broker_forgets_the_state_of_a_device_that_was_withdrawn() -> None:
    async def scenario() -> None:
        setting = Setting()
        await setting.transport.connect()
        said = inbound(CLIENT_STATE, "d1", ClientState(state="online", language="swh", session=1, number=1))
        setting.transport.publish(said.topic, said.payload, retain=True)
        assert setting.broker.retained.keys() == {said.topic}
        setting.errands.do(Withdraw(enrolled("d1")), STATE)
        assert not setting.broker.retained

    asyncio.run(asyncio.wait_for(scenario(), 5))
