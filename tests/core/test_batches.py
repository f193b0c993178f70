"""Planned tasks become batches, alike on every machine."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dlt_provider.core.errors import PlanError, ResourceNotFoundError
from airflow_dlt_provider.core.planning.batches import packed
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedResource, PlannedTask

NAMES = tuple(f"t{number:02}" for number in range(10))


def plan_of(names, after=()):
    """Return a plan of a task for each name; *after* is (later, earlier) pairs."""
    return LoadPlan(
        tuple(
            PlannedTask(
                name,
                (PlannedResource(name, table_name=name, write_disposition="append"),),
                after=tuple(earlier for later, earlier in after if later == name),
            )
            for name in names
        ),
        known_resources=tuple(names),
    )


def batches(plan):
    return [task.resource_names for task in plan.tasks]


def pack(plan, max_tasks, task_options=None, seconds=None):
    return packed(plan, max_tasks, task_options or {}, seconds or {})


def test_without_durations_resources_are_dealt_out_in_turn():
    assert batches(pack(plan_of(NAMES), 3)) == [
        ("t00", "t03", "t06", "t09"),
        ("t01", "t04", "t07"),
        ("t02", "t05", "t08"),
    ]


def test_a_resource_that_is_added_at_the_end_changes_one_batch():
    before, after = pack(plan_of(NAMES), 4), pack(plan_of((*NAMES, "t10")), 4)

    assert len({task.key for task in before.tasks} & {task.key for task in after.tasks}) == 3


def test_tasks_that_are_few_enough_stay_as_they_are():
    plan = plan_of(NAMES[:3])

    assert pack(plan, 3) is plan


def test_a_batch_is_named_after_what_is_in_it():
    first, other = pack(plan_of(NAMES), 2).tasks
    reversed_first = pack(plan_of(NAMES[::-1]), 2).tasks[1]

    assert first.key.startswith("t00_and_4_more_")
    assert len({first.key, other.key, reversed_first.key}) == 3


def test_a_resource_alone_in_its_batch_keeps_the_name_of_its_task():
    long_ago = pack(plan_of(NAMES[:3]), 2, seconds={"t00": 1, "t01": 9, "t02": 1})

    assert [task.key for task in long_ago.tasks][1] == "t01"


def test_with_durations_the_batches_take_about_as_long():
    seconds = {"t00": 8, "t01": 1, "t02": 1, "t03": 4, "t04": 4, **dict.fromkeys(NAMES[5:], 1)}

    plan = pack(plan_of(NAMES), 3, seconds=seconds)

    assert [sum(seconds[name] for name in batch) for batch in batches(plan)] == [8, 8, 7]


def test_a_resource_that_nobody_timed_counts_as_the_usual_one():
    plan = pack(plan_of(NAMES[:4]), 2, seconds={"t00": 2, "t01": 2, "t02": 2})

    assert sorted(map(len, batches(plan))) == [2, 2]


def test_no_more_batches_are_made_than_help():
    # five of one length end no earlier in four batches than in three
    plan = pack(plan_of(NAMES[:5]), 4, seconds=dict.fromkeys(NAMES[:5], 2.0))

    assert sorted(map(len, batches(plan))) == [1, 2, 2]


@given(
    lengths=st.lists(st.floats(0.01, 100), min_size=2, max_size=60),
    max_tasks=st.integers(1, 12),
)
def test_no_batch_is_above_the_mean_by_more_than_its_longest_resource(lengths, max_tasks):
    seconds = {f"r{number}": length for number, length in enumerate(lengths)}

    plan = pack(plan_of(tuple(seconds)), max_tasks, seconds=seconds)

    sums = [sum(seconds[name] for name in batch) for batch in batches(plan)]
    assert sorted(name for batch in batches(plan) for name in batch) == sorted(seconds)
    assert len(sums) <= max(max_tasks, 1)
    assert max(sums) <= sum(sums) / len(sums) + max(lengths) + 1e-6


@pytest.mark.parametrize("max_tasks", [4, 8, 16])
@pytest.mark.parametrize("spread", [0.2, 0.5, 0.8, 1.2, 2.0])
def test_fifty_tables_of_very_different_sizes_are_balanced(max_tasks, spread):
    # 1.3 times the mean, unless one resource alone takes longer than that
    lengths = [math.exp(spread * NormalDist().inv_cdf((n + 0.5) / 50)) for n in range(50)]
    # 7 has no divisor in common with 50: each length once, and in no order
    seconds = {f"r{number}": lengths[number * 7 % 50] for number in range(50)}

    plan = pack(plan_of(tuple(seconds)), max_tasks, seconds=seconds)

    sums = {batch: sum(seconds[name] for name in batch) for batch in batches(plan)}
    limit = 1.3 * sum(sums.values()) / len(sums)
    assert all(total <= limit or len(batch) == 1 for batch, total in sums.items())


def test_what_comes_after_another_is_in_a_later_batch():
    pairs = [("t05", "t00"), ("t06", "t05")]

    plan = pack(plan_of(NAMES, pairs), 4)

    places = {name: place for place, batch in enumerate(batches(plan)) for name in batch}
    by_name = {name: task for task in plan.tasks for name in task.resource_names}
    for later, earlier in pairs:
        assert by_name[earlier].key in by_name[later].after
        assert places[later] != places[earlier]
    assert all(task.key not in task.after for task in plan.tasks)


def test_resources_with_other_options_are_not_packed_together():
    options = {"t0[0-2]": {"pool": "api"}, "t02": {"pool": "big"}}

    plan = pack(plan_of(NAMES), 4, options)

    assert ("t00", "t01") in batches(plan)
    assert ("t02",) in batches(plan)
    assert len(plan.tasks) == 4


def test_options_that_are_spelt_differently_and_mean_the_same_do_not_part():
    options = {"t00": {"pool": "a", "retries": 1}, "t01": {"retries": 1, "pool": "a"}}

    assert ("t00", "t01") in batches(pack(plan_of(NAMES), 2, options))


def test_too_few_tasks_for_what_must_stay_apart_are_refused():
    options = {name: {"pool": name} for name in NAMES}

    with pytest.raises(PlanError, match=r"max_tasks=3 is too few.*10 groups.*allow 10 tasks"):
        pack(plan_of(NAMES), 3, options)


@pytest.mark.parametrize("max_tasks", [0, -1, 1.5, "4", True])
def test_what_is_no_number_of_tasks_is_refused(max_tasks):
    with pytest.raises(PlanError, match="no whole number above 0"):
        pack(plan_of(NAMES), max_tasks)


def test_options_of_a_resource_that_is_not_there_are_refused():
    with pytest.raises(ResourceNotFoundError, match="t00"):
        pack(plan_of(NAMES), 2, {"t99": {"pool": "a"}})


def test_a_source_that_could_not_be_planned_stays_one_task():
    plan = LoadPlan((PlannedTask("shop", ()),))

    assert pack(plan, 4) is plan


def test_a_parent_that_is_in_the_batch_is_not_extracted_again():
    parent, child, other = plan_of(NAMES[:3]).tasks
    child = PlannedTask(child.key, child.resources, extracted_again=("t00", "hidden"))

    plan = pack(LoadPlan((parent, child, other)), 1)

    assert plan.tasks[0].extracted_again == ("hidden",)


def test_a_table_that_two_batches_write_is_shared_between_them():
    plan = LoadPlan(
        tuple(
            PlannedTask(name, (PlannedResource(name, table, "append"),))
            for name, table in (("a", "x"), ("b", "y"), ("c", "y"), ("d", "x"))
        )
    )

    first, second = pack(plan, 2).tasks

    assert (first.resource_names, first.shared_tables) == (("a", "c"), ("x", "y"))
    assert (second.resource_names, second.shared_tables) == (("b", "d"), ("y", "x"))
