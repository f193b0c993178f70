"""The document that the tests run is the one that they were written for."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.core.seed_001.blocks import BLOCKS
from tests.seed_document import read_blocks, read_table

KINDS_OF_LANGUAGE = {
    "python": {"file", "part of a file"},
    "yaml": {"sources.yml", "entry of sources.yml"},
    "toml": {"settings"},
    # a `.env` file is shown as a script
    "bash": {"shell", "settings"},
    "": {"output"},
}


def test_every_block_of_the_seed_has_a_treatment(seed_text):
    found = [(block.number, block.headings[-1]) for block in read_blocks(seed_text)]

    assert found == [(treatment.number, treatment.heading) for treatment in BLOCKS]


def test_a_treatment_fits_the_language_of_its_block(seed_text):
    for block, treatment in zip(read_blocks(seed_text), BLOCKS, strict=True):
        assert treatment.kind in KINDS_OF_LANGUAGE[block.language], block


def test_every_block_is_run_by_a_test_unless_its_treatment_says_why_not():
    run = {
        number.value
        for file in Path(__file__).parent.glob("test_*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "seed"
        for number in call.args
        if isinstance(number, ast.Constant)
    }

    assert run == {treatment.number for treatment in BLOCKS if treatment.not_run is None}


def test_blocks_know_the_files_that_the_seed_names(seed_text):
    files = {block.number: block.file for block in read_blocks(seed_text) if block.file}

    assert files == {
        2: "sources.yml",
        3: ".dlt/secrets.toml",
        4: ".env",
        7: ".dango/sources.yml",
        8: ".dlt/secrets.toml",
        12: "custom_sources/my_api.py",
        13: ".dango/sources.yml",
        15: "custom_sources/ecommerce_api.py",
        16: ".dango/sources.yml",
        17: "custom_sources/paginated_api.py",
        18: ".dango/sources.yml",
        19: "custom_sources/authenticated_api.py",
        21: ".env",
        33: "custom_sources/my_api.py",
    }


def test_a_table_of_the_seed_is_read_as_rows(seed_text):
    assert read_table(seed_text, "Common Manual Sources")[0] == {
        "Source": "HubSpot",
        "Module": "dlt.sources.hubspot",
        "Function": "hubspot",
        "Pip Install": "pip install dlt[hubspot]",
    }
