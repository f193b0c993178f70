"""Secrets show nowhere: not in what user code prints, not in errors, documents or rows."""

import io
import json

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


def test_what_was_given_as_a_secret_is_hidden_whatever_it_is():
    redaction = Redaction()
    redaction.mask(["true", "8374920155", 471, "ab", ""])

    shown = "true 8374920155 x8374920155x 471 ab"
    assert redaction.redact(shown) == "*** *** x***x *** ab"


def test_a_short_secret_is_no_part_of_other_words_and_numbers():
    redaction = Redaction()
    redaction.mask(["dev", "100"])

    shown = "device /dev/null 1,100 rows, 2100 of 100"
    assert redaction.redact(shown) == "device /***/null 1,100 rows, 2100 of ***"


def test_numbers_of_a_document_stay_numbers_unless_they_can_be_secrets():
    redaction = Redaction()
    redaction.mask(["true", "100", "8374920155"])

    document = {"ok": True, "rows": 100, "items": [{"id": 8374920155, "key": "100"}]}
    assert redaction.redact_all(document) == {
        "ok": True, "rows": 100, "items": [{"id": "***", "key": "***"}],
    }  # fmt: skip


NUMBERED = """
import dlt

@dlt.resource
def numbered(password, pages):
    print("password is", password)
    yield {"password": password, "number": int(password), "ok": True, "pages": int(pages)}
    raise ValueError(f"no login with {password}")
"""


@pytest.mark.parametrize("origin", ["env file", "environment"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("sync",),
        ("sync", "--json", "--debug"),
        ("preview", "numbered", "numbered"),
        ("preview", "numbered", "numbered", "--json", "-n", "1"),
    ],
)
def test_a_number_that_is_a_secret_shows_nowhere(declared, monkeypatch, origin, arguments):
    declared.write("custom_sources/numbered.py", NUMBERED)
    declared.declare(
        name="numbered", module="numbered", function="numbered",
        password="${NUMBER_PASSWORD}", pages="${PAGES}",
    )  # fmt: skip
    values = {"NUMBER_PASSWORD": "8374920155", "PAGES": "100"}
    if origin == "env file":
        declared.write(".env", "".join(f"{name}={value}\n" for name, value in values.items()))
    else:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    done = declared.run(*arguments)

    assert "8374920155" not in done.output
    assert "password is ***" in done.output
    if "--json" in arguments:
        json.loads(done.stdout)


def test_a_password_of_a_connection_that_is_a_number_is_hidden(declared, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", "postgresql://me:8374920155@127.0.0.1:1/x")
    declared.write(
        "custom_sources/open.py",
        "import os\nimport dlt\n@dlt.resource\ndef rows():\n"
        "    print('connecting to', os.environ['AIRFLOW_CONN_LAKE'])\n    yield {'id': 1}\n",
    )
    declared.declare(
        name="open", module="open", function="rows",
        extra="    airflow: {destination: 'conn_id:lake'}\n",
    )  # fmt: skip

    assert "8374920155" not in declared.sync(code=1).output


def test_short_numbers_and_plain_words_of_an_env_file_are_no_secrets(declared):
    declared.write(".env", "PORT=54321\nDEBUG=true\nPIN=837492\n")
    declared.write(
        "custom_sources/settings.py",
        "import dlt\n@dlt.resource\ndef rows():\n"
        "    print('54321 true 837492')\n    yield {'id': 1}\n",
    )
    declared.declare(name="settings", module="settings", function="rows")

    assert "54321 true ***" in declared.sync().stdout
