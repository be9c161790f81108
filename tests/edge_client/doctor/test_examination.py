"""Checks in their order: what a failed one does to those that need it, and to the exit code."""

import asyncio
import errno

from mfpt_edge.doctor.examination import ASK, Answer, Check, Examined, Look, examine, ok, skipped, warning
from mfpt_shared.errors import AuthenticationFailed, BadData, ConnectionFailed


def finds(answer: Answer | Exception) -> Look:
    async def look() -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def examined(*checks: Check) -> Examined:
    return asyncio.run(examine(checks))


def test_where_all_is_well_the_exit_code_is_0() -> None:
    found = examined(Check("a", finds(ok("fine"))), Check("b", finds(warning("odd", "mend")), ("a",)))
    assert [line.level for line in found.lines] == ["ok", "warning"]
    assert found.exit_code == 0


def test_the_exit_code_is_that_of_the_first_check_that_failed() -> None:
    found = examined(
        Check("a", finds(warning("odd", "mend"))),
        Check("b", finds(AuthenticationFailed("no"))),
        Check("c", finds(BadData("bad"))),
    )
    assert found.exit_code == 5


def test_the_mend_is_what_an_error_says_after_its_first_semicolon() -> None:
    (line,) = examined(Check("a", finds(ConnectionFailed("gone; is it on; or not?")))).lines
    assert (line.found, line.mend, line.level, line.exit_code) == ("gone", "is it on; or not?", "failed", 3)


def test_what_needs_a_failed_check_is_not_looked_at_and_names_the_first_that_is_to_blame() -> None:
    found = examined(
        Check("name", finds(ConnectionFailed("none"))),
        Check("port", finds(AssertionError("not to be looked at")), ("name",)),
        Check("login", finds(AssertionError("not to be looked at")), ("port",)),
        Check("disk", finds(ok("room"))),
    )
    assert [(line.level, line.found) for line in found.lines[1:]] == [
        ("skipped", "not looked at: see name"),
        ("skipped", "not looked at: see name"),
        ("ok", "room"),
    ]


def test_what_does_not_apply_holds_nothing_up() -> None:
    found = examined(Check("TLS", finds(skipped("in the clear"))), Check("login", finds(ok("in")), ("TLS",)))
    assert [line.level for line in found.lines] == ["skipped", "ok"]


def test_an_error_of_the_machine_is_a_failed_check_with_its_mend() -> None:
    (line,) = examined(Check("disk", finds(OSError(errno.ENOSPC, "No space left on device", "/x")))).lines
    assert line.found == "/x: No space left on device"
    assert line.mend.startswith("make room there")
    assert line.exit_code == 1


def test_where_an_error_names_no_mend_that_of_the_check_counts() -> None:
    (line,) = examined(Check("a", finds(BadData("bad")), mend="look at it")).lines
    assert (line.found, line.mend) == ("bad", "look at it")
    assert examined(Check("a", finds(BadData("bad")))).lines[0].mend == ASK
