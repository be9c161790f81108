"""The coordinator's own certificate: who may believe it."""

import datetime
import ssl
from pathlib import Path

from mfpt_coord.access.certificate import make_certificate
from mfpt_shared.keys import SigningKey
from mfpt_shared.transport.security import is_signed_by


def test_the_certificate_is_signed_by_the_coordinators_key_and_no_other(tmp_path: Path) -> None:
    key = SigningKey.generate()
    chain, private = make_certificate(key, ["broker.example", "127.0.0.1"], datetime.datetime.now(datetime.UTC))
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(private)

    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    der = ssl.PEM_cert_to_DER_cert(chain.decode())
    assert is_signed_by(der, key.public)
    assert not is_signed_by(der, SigningKey.generate().public)
