"""What the benchmarks write: sections that are replaced one by one, ratios, and targets."""

from dataclasses import replace

import pytest

from bench.measure import Options, Samples, rotated
from bench.report import Comparison, Row, Section, Table, Target, figure, render, write

ORDER = ("small", "large")
TABLE = Table(
    "postgres",
    "s",
    (Row("empty", (10.0, 30.0, 20.0)), Row("ours", (30.0,)), Row("theirs", ())),
    "empty",
)
SECTION = Section("small", "Small tables", "How.", (TABLE,), machine=("2026-01-02", "2 CPUs"))


def test_a_table_shows_median_spread_and_ratio_to_its_baseline():
    text = render(SECTION)

    assert "| empty | 20 | 10 to 30 | 1.00 | 3 |  |" in text
    assert "| ours | 30 | 30 to 30 | 1.50 | 1 |  |" in text


def test_a_variant_that_failed_has_its_reason_and_no_figure():
    samples = Samples()
    samples.add("empty", 1.0)
    samples.fail("theirs", "the file is locked\n| by another")

    text = render(replace(SECTION, tables=(Table("t", "s", samples.rows(), "empty"),)))

    assert "| theirs |  |  |  | 0 | failed: the file is locked / by another |" in text
    assert samples.has_failed("theirs")
    assert not samples.has_failed("empty")


def test_two_variants_are_compared_part_by_part():
    parts = (("load", "ms", (4.0, 6.0), (2.0,)), ("queries", "", (3.0,), (0.0,)))

    text = render(replace(SECTION, tables=(Comparison("steps", "ours", "plain", parts),)))

    assert "| load | 5 ms | 2 ms | 2.50 |" in text
    assert "| queries | 3 | 0 |  |" in text


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (Target("fast", 7.1, at_least=7), "| fast | at least 7 | 7.10 | met |"),
        (Target("fast", 6.9, at_least=7), "| fast | at least 7 | 6.90 | **not met** |"),
        (Target("flat", 1.3, at_most=1.2), "| flat | at most 1.2 | 1.30 | **not met** |"),
        (Target("flat", None, at_most=1.2), "| flat | at most 1.2 |  | not measured |"),
    ],
)
def test_a_target_says_whether_it_is_met(target, answer):
    assert answer in render(replace(SECTION, targets=(target,)))


def test_a_ratio_to_what_failed_is_unknown():
    assert TABLE.ratio("ours", "empty") == 1.5
    assert TABLE.ratio("theirs", "ours") is None
    assert TABLE.ratio("ours", "theirs") is None
    assert TABLE.ratio("ours", "nobody") is None


def test_a_case_that_is_run_again_replaces_its_own_section_alone(tmp_path):
    path = tmp_path / "RESULTS.md"
    large = Section("large", "One large table", "How.", (TABLE,), machine=("2026-01-01",))
    write(large, path, ORDER)
    write(SECTION, path, ORDER)

    write(replace(SECTION, machine=("2026-02-02",)), path, ORDER)

    text = path.read_text()
    assert text.count("## Small tables") == text.count("## One large table") == 1
    assert text.index("## Small tables") < text.index("## One large table")
    assert "2026-01-01" in text
    assert "2026-02-02" in text
    assert "2026-01-02" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.0, "12"), (0.1234, "0.123"), (1.5, "1.50"), (33.6, "33.6"), (12345.6, "12,346")],
)
def test_a_figure_has_three_digits_that_count(value, text):
    assert figure(value) == text


def test_variants_are_chosen_by_a_part_of_their_names(tmp_path):
    assert Options(tmp_path).wants("anything")
    assert Options(tmp_path, variants=("ours", "empty")).wants("ours: one task each")
    assert not Options(tmp_path, variants=("ours",)).wants("plain script")


def test_each_round_begins_with_another_variant():
    items = {"a": 1, "b": 2, "c": 3}

    orders = ["".join(rotated(items, number)) for number in range(4)]

    assert orders == ["abc", "bca", "cab", "abc"]
    assert rotated({}, 1) == {}
