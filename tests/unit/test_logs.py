"""Log lines: escaping of untrusted text and redaction of secrets."""

from __future__ import annotations

import io
import json

import pytest

from connectors.http.redaction import SecretRedactor
from sync.runtime.logging import bound_logger, configure_logging

HOSTILE = "a\nERROR forged \x1b[2J\x1b]0;title\x07 \u202edesrever\u2066 \x9b31m z\u200bw"
WORD = "a\x1b[2J\x1b]0;title\x07\u202edesrever\u2066\x9b31mz\u200bw"
"""One without spaces: those with spaces the renderer would escape by itself."""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [_Terminal(), io.StringIO()], ids=["terminal", "file"])
def test_tracker_text_cannot_forge_log_lines_or_control_the_terminal(stream: io.StringIO) -> None:
    configure_logging(stream, level="debug", color=False)

    bound_logger(run_id="r1").warning(
        "issue.odd", title=HOSTILE, labels=[HOSTILE], word=WORD, why=ValueError(WORD), count=2
    )
    bound_logger(run_id=WORD).warning(WORD)

    message = stream.getvalue()
    assert message.count("\n") == 2
    assert not [char for char in message if not char.isprintable() and char != "\n"]
    if not stream.isatty():
        assert json.loads(message.splitlines()[0])["title"] == HOSTILE, "a program gets all of it"


def test_secrets_in_lists_and_errors_are_redacted() -> None:
    stream = io.StringIO()
    configure_logging(stream, level="debug", redactor=SecretRedactor(["s3cr/et+x"]))

    bound_logger().error(
        "failed", why=ValueError("s3cr/et+x"), asked=["https://h/?t=s3cr%2Fet%2Bx"], deep={"s3cr/et+x": 1}
    )

    assert "s3cr" not in stream.getvalue()
    assert stream.getvalue().count("***") == 3
