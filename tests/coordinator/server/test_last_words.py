"""Why an embedded broker ended at once is quoted."""

from pathlib import Path

from mfpt_coord.server.child import last_words


def test_what_it_wrote_on_standard_error_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "nats-server.err").write_text("fatal error: out of memory\n\nruntime stack:\n")
    assert last_words(tmp_path, 7) == ": fatal error: out of memory"


def test_or_else_the_fatal_line_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "nats-server.err").touch()
    lines = ("[6] 04:00:00 [FTL] another run", "[7] 05:00:00 [INF] Starting", "[7] 05:00:00 [FTL] no \x1b[31mspace")
    (tmp_path / "nats-server.log").write_text("\n".join(lines))
    assert last_words(tmp_path, 7) == ": no [31mspace"


def test_nothing_is_quoted_where_it_said_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path, 7) == ""
