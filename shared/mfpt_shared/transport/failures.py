"""Why a broker was not reached: what a failed attempt to connect means, in a line that says what to do."""

import ssl
from typing import Final

import socks

from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, MfptError, TimedOut, WrongCertificate
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress
from mfpt_shared.transport.proxy import Proxy
from mfpt_shared.transport.security import NotPinned

CLIENT_CERTIFICATE: Final = "does it ask for a client certificate (--cert, --key)?"
# Verification errors of OpenSSL, x509_vfy.h.
_NOT_NOW: Final = (9, 10)
_WRONG_NAME: Final = (62, 64)


def not_reached(where: BrokerAddress, proxy: Proxy | None, error: OSError, seconds: float) -> MfptError:
    """Return what it means that no connection came about.

    Args:
        where: Address of the broker.
        proxy: Proxy on the way; None: a direct connection.
        error: What the socket, TLS, the proxy or the WebSocket raised.
        seconds: Time that the attempt was given.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return WrongCertificate(f"the certificate of {where} {_wrong_certificate(where, error)}")
    if isinstance(error, TimeoutError):
        return TimedOut(f"no answer from {where} within {seconds:g} s")
    return ConnectionFailed(_why_not(where, proxy, error))


def closed(where: BrokerAddress, reason: str) -> MfptError:
    """Return what it means that a connection was closed before the broker had said a word of MQTT."""
    if where.websocket:
        advice = f"is {where.path} the path of MQTT there?"
    elif where.tls:
        advice = CLIENT_CERTIFICATE
    else:
        advice = "is it a broker, or does the port speak TLS (mqtts://)?"
    return ConnectionFailed(f"{where} closed the connection without an answer ({reason}); {advice}")


def refused(where: BrokerAddress, reason: str, *, credentials: bool) -> MfptError:
    """Return what it means that the broker answered, and refused the connection."""
    if credentials:
        return AuthenticationFailed(
            f"{where} refused the credentials ({reason}); give {where.scheme}://user@host and the password in "
            f"{PASSWORD_VARIABLE}"
        )
    return ConnectionFailed(f"{where} refused the connection: {reason}")


def _why_not(where: BrokerAddress, proxy: Proxy | None, error: OSError) -> str:
    match error:
        case socks.ProxyError():
            # Further lines are PySocks's advice to programmers.
            reason = str(error.socket_err or error).partition("\n")[0]
            return f"the proxy {proxy} does not lead to {where}: {reason}"
        case ssl.SSLError():
            if "ALERT" in str(error.reason):
                return f"{where} refused this side of TLS ({error.reason}); {CLIENT_CERTIFICATE}"
            return f"{where} does not speak TLS, or not as expected ({error.reason or error})"
        case ConnectionError() if error.errno is None:
            advice = "is the path right?" if where.tls else "is the path right, and the port without TLS?"
            return f"no WebSocket at {where} ({error}); {advice}"
        case ConnectionResetError() | BrokenPipeError() if where.tls:
            return f"{where} cut the connection at the first word of TLS: does the port speak TLS?"
        case _:
            return f"cannot reach the broker at {where}: {error.strerror or error}"


def _wrong_certificate(where: BrokerAddress, error: ssl.SSLCertVerificationError) -> str:
    if isinstance(error, NotPinned):
        return (
            "is not signed by the coordinator's key: somebody may be in between; ask the operator, or give --ca-file "
            "for a certificate of a CA"
        )
    if error.verify_code in _WRONG_NAME:
        return f"is for another host than {where.host}; use the name that it was made out to"
    if error.verify_code in _NOT_NOW:
        return f"is not valid now ({error.verify_message}); check the clock of this device"
    return f"comes from an unknown CA ({error.verify_message}); give the right one with --ca-file FILE"
