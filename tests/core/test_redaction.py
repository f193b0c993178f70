"""Secrets show nowhere: not in what user code prints, not in errors, documents or rows."""

import io

import pytest

from airflow_dlt_provider.cli.redaction import RedactedStream, Redaction

CANARY = "canary-4711-secret"

LEAKY = """
import sys
import dlt

@dlt.source
def leaky(token: str, fail: bool = False, api_key: str = dlt.secrets.value):
    print("planned with", token)

    @dlt.resource
    def rows():
        print("token", token, file=sys.stderr)
        sys.stdout.write(token[:7])
        sys.stdout.write(token[7:] + "\\n")
        yield {"token": token, "key": api_key}
        if fail:
            raise ValueError(f"GET https://api.test/?token={token}&key={api_key}")

    return rows
"""


@pytest.fixture(params=["env file", "environment", "secrets.toml"])
def leaky(declared, request, monkeypatch):
    declared.write("custom_sources/leaky.py", LEAKY)
    secrets = '[sources.leaky]\napi_key = "canary-4711-secret-key"\n'
    if request.param == "env file":
        declared.write(".env", f"LEAKY_TOKEN={CANARY}\n")
    elif request.param == "environment":
        monkeypatch.setenv("LEAKY_TOKEN", CANARY)
    else:
        secrets += f'LEAKY_TOKEN = "{CANARY}"\n'
    declared.write(".dlt/secrets.toml", secrets)

    def declare(**more):
        declared.declare(
            name="leaky", module="leaky", function="leaky", token="${LEAKY_TOKEN}", **more
        )
        return declared

    return declare


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync",),
        ("sync", "--json", "--debug"),
        ("sync", "--dry-run"),
        ("preview", "leaky", "rows"),
        ("preview", "leaky", "rows", "--json"),
        ("plan", "leaky"),
    ],
)
def test_no_command_prints_a_secret(leaky, arguments):
    done = leaky(fail=True).run(*arguments)

    assert "canary" not in done.output, done.output
    assert "***" in done.output


def test_a_password_in_an_address_is_hidden(declared, monkeypatch):
    monkeypatch.setenv("DATABASE", "postgresql://me:canary%2Fpass@127.0.0.1:1/x")
    declared.declare(extra="    airflow: {destination: '${DATABASE}'}\n")

    done = declared.run("sync", "--select", "orders")

    assert done.exit_code == 1
    assert "canary" not in done.output


def test_a_secret_that_comes_in_pieces_is_hidden():
    redaction, output = Redaction(), io.StringIO()
    redaction.mask(["hunter2-hunter2"])
    stream = RedactedStream(output, redaction)

    for piece in ("it is hun", "ter2-hun", "ter2!\n", "and hunter2-hunter2"):
        stream.write(piece)
    stream.flush()

    assert output.getvalue() == "it is ***!\nand ***"


def test_other_spellings_of_a_secret_are_hidden():
    redaction = Redaction()
    redaction.mask(['a/b "c" d', "line one\nline two"])

    for text in ("a%2Fb%20%22c%22%20d", 'a/b \\"c\\" d', "line two"):
        assert redaction.redact(f"<{text}>") == "<***>"


def test_numbers_plain_words_and_short_values_are_no_secrets():
    redaction = Redaction()
    redaction.mask(["true", "12345678", "dev", ""])

    assert redaction.redact("true 12345678 dev") == "true 12345678 dev"
