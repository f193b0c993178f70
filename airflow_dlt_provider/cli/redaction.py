"""Keeps secrets out of all that a command prints, whoever prints it."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

from airflow_dlt_provider.core.registry.environment import is_plain
from airflow_dlt_provider.core.registry.hidden import HIDDEN

MIN_LENGTH = 3
"""What is shorter is part of too much else."""
MIN_LENGTH_IN_WORDS = 5
"""What is shorter is hidden where it stands alone; Airflow masks no shorter ones at all."""


class Redaction:
    """Knows secrets, and takes them out of text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def mask(self, values: Iterable[Any]) -> None:
        """Hide *values* from now on, also plain words and numbers: whoever gives them knows why."""
        texts = [str(value) for value in values]
        found = {form for text in texts for form in _forms(text) if len(form) >= MIN_LENGTH}
        if found <= self._secrets:
            return
        self._secrets |= found
        # of two that begin alike the longer one is hidden as a whole
        longest_first = sorted(self._secrets, key=lambda text: (-len(text), text))
        self._pattern = re.compile("|".join(map(_pattern, longest_first)))

    def redact(self, text: str) -> str:
        """Return *text* with every secret hidden."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def redact_all(self, value: Any) -> Any:
        """Return plain JSON values with every secret hidden in their texts.

        A number that is a secret is hidden, too, unless it is short: a count of rows stays one.
        """
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {self.redact(str(key)): self.redact_all(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_all(item) for item in value]
        is_secret = str(value) in self._secrets and not is_plain(str(value))
        return HIDDEN if is_secret else value

    @contextmanager
    def standard_streams(self) -> Iterator[None]:
        """Let nothing secret through to standard output and standard error."""
        output, errors = RedactedStream(sys.stdout, self), RedactedStream(sys.stderr, self)
        try:
            with redirect_stdout(output), redirect_stderr(errors):
                yield
        finally:
            output.flush()
            errors.flush()


class RedactedStream(io.TextIOBase):
    """Writes text to another stream, line by line, with secrets hidden.

    Args:
        stream: Where it goes.
        redaction: Knows the secrets.
    """

    def __init__(self, stream: TextIO, redaction: Redaction) -> None:
        self._stream = stream
        self._redaction = redaction
        self._line = ""

    def write(self, text: str) -> int:
        """Write what is complete of *text*; a secret may come in pieces."""
        whole, newline, self._line = (self._line + text).rpartition("\n")
        if newline:
            self._stream.write(self._redaction.redact(whole) + newline)
        return len(text)

    def flush(self) -> None:
        """Write what there is of the last line, too."""
        rest, self._line = self._line, ""
        self._stream.write(self._redaction.redact(rest))
        self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether a person looks at it."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of the file behind it."""
        return self._stream.fileno()

    # typeshed has an attribute, which a subclass of the real class cannot set
    @property
    def encoding(self) -> str:  # type: ignore[override]
        """How it is encoded."""
        return self._stream.encoding

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True


def _pattern(secret: str) -> str:
    text = re.escape(secret)
    is_part_of_much = len(secret) < MIN_LENGTH_IN_WORDS and secret.isalnum()
    if not is_part_of_much and not is_plain(secret):
        return text
    # neither a part of a word, nor of a number such as 1,100
    return rf"(?<!\w)(?<!\d[.,]){text}(?!\w|[.,]\d)"


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may stand in a text: in a URL, in JSON, one line at a time."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    yield from (line.strip() for line in secret.splitlines())
