"""Runs a module without signatures, to see what they cost: `python -m round_bench.unsecured MODULE ARGUMENTS`.

Messages are sealed with zeros, and every seal is taken for right. Whatever else is signed, such as a login at the
broker, is signed as ever. Nothing but this benchmark may do so.
"""

import runpy
import sys
from typing import Final

from mfpt_shared import keys

_MESSAGE: Final = b"mfpt 2\n"
"""What the signed bytes of every message begin with."""
_ZEROS: Final = bytes(keys.SIGNATURE_BYTES)


def leave_messages_unsigned() -> None:
    """Replace what signs and verifies; to be called before the modules are imported that take it from `keys`."""
    sign, verify = keys.SigningKey.sign, keys.verify

    def sign_unless_message(key: keys.SigningKey, message: bytes) -> bytes:
        return _ZEROS if message.startswith(_MESSAGE) else sign(key, message)

    def verify_unless_message(public: keys.PublicKey, signature: bytes, message: bytes) -> bool:
        return message.startswith(_MESSAGE) or verify(public, signature, message)

    keys.SigningKey.sign = sign_unless_message  # type: ignore[method-assign,assignment]  # this is what the module is for
    keys.verify = verify_unless_message


if __name__ == "__main__":
    leave_messages_unsigned()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
