"""Files encrypted with a passphrase, in pieces, so that their size is bounded by the disk alone.

After the magic and the salt come pieces of 64 KiB, each encrypted with ChaCha20-Poly1305 under a key that scrypt made
of passphrase and salt. A nonce is the piece's number and whether it is the last one, so that no piece can be left out,
moved, or missing at the end. Source: Hoang, Reyhanitabar, Rogaway and Vizar 2015, "Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance", STREAM; RFC 8439; RFC 7914.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from mfpt_shared.errors import Damaged

_MAGIC: Final = b"mfpt encrypted 1\n"
_SALT_BYTES: Final = 16
_PIECE_BYTES: Final = 64 * 1024
_TAG_BYTES: Final = 16
# 32 MiB and a tenth of a second: a guess of the passphrase costs as much.
_SCRYPT: Final = {"length": 32, "n": 2**15, "r": 8, "p": 1}


def is_encrypted(file: Path) -> bool:
    """Tell whether a file begins as those do that `encrypt` writes.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as source:
        return source.read(len(_MAGIC)) == _MAGIC


def encrypt(file: Path, into: Path, passphrase: str) -> None:
    """Write a file's content, encrypted.

    Raises:
        OSError: A file cannot be read or written.
    """
    salt = os.urandom(_SALT_BYTES)
    cipher = _cipher(passphrase, salt)
    with file.open("rb") as source, into.open("wb") as target:
        target.write(_MAGIC + salt)
        for nonce, piece in _pieces(source, _PIECE_BYTES):
            target.write(cipher.encrypt(nonce, piece, None))


def decrypt(file: Path, into: Path, passphrase: str) -> None:
    """Write the content of an encrypted file.

    Raises:
        Damaged: The passphrase is another one, or the file was altered or cut short.
        OSError: A file cannot be read or written.
    """
    with file.open("rb") as source, into.open("wb") as target:
        source.seek(len(_MAGIC))
        cipher = _cipher(passphrase, source.read(_SALT_BYTES))
        try:
            for nonce, piece in _pieces(source, _PIECE_BYTES + _TAG_BYTES):
                target.write(cipher.decrypt(nonce, piece, None))
        except InvalidTag as error:
            raise Damaged(f"{file} cannot be decrypted: the passphrase is wrong, or the file is damaged") from error


def _cipher(passphrase: str, salt: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(Scrypt(salt=salt, **_SCRYPT).derive(passphrase.encode()))


def _pieces(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Give each piece with its nonce: 11 bytes of its number, and 1 for the last piece."""
    number, piece = 0, source.read(size)
    is_last = False
    while not is_last:
        following = source.read(size)
        is_last = not following
        yield number.to_bytes(11, "big") + bytes([is_last]), piece
        number, piece = number + 1, following
