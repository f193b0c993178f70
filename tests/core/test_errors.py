import pickle

import pytest

from airflow_dlt_provider.core import errors

ERRORS = [
    errors.PlanError("no resource is selected"),
    errors.SourceReferenceError("a:b", "is not there"),
    errors.SourceArgumentsError("f", "(x)", "missing x"),
    errors.SourceEmptyError("f", "None"),
    errors.ConfigureError("f", "None"),
    errors.ResourceNotFoundError("resources", "ordres", ["orders"]),
    errors.TableConflictError("items", ["one", "two"]),
    errors.DependencyCycleError(["a", "b", "a"]),
    errors.ConnectionUseError("lake", "awss", "a destination", ["aws", "postgres"]),
    errors.ConnectionFieldError("lake", "aws", "has no login"),
    errors.ConnectionParameterError("lake", "credentials", ["url"]),
    errors.SourceFailedError("KeyError: 'TOKEN'"),
    errors.ManifestError("shop.json", "cut off"),
    errors.SettingsError("dlt_secrets_toml", 3),
    errors.ProjectFileError("sources.yml", "does not exist"),
    errors.ValueReferenceError("TOKEN", "api.key"),
    errors.ValueReferenceError("TOKEN", "api.key", "shop"),
    errors.ConnectionNotFoundError("pg"),
    errors.StateStoreError("sqlite:///state.db", "it is locked"),
    errors.ForeignRowsError("orders", "orders", "shop__orders"),
    errors.RootKeyError("orders", ["orders__lines"]),
    errors.EmptyRefreshError(["orders", "customers"]),
    errors.LockTimeoutError("the load of pipeline 'shop__orders'", 60.0, "shop, run_1, try 1"),
    errors.ConcurrentLoadError("shop__orders"),
    errors.TerminalLoadError("shop__orders", "extract", "no"),
    errors.TransientLoadError("shop__orders", "load", "not yet"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_out_of_a_pickle_as_it_went_in(error):
    restored = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(restored) is type(error)
    assert str(restored) == str(error)
    assert vars(restored) == vars(error)


def test_every_error_of_the_tree_is_covered_here():
    def leaves(error_type):
        below = error_type.__subclasses__()
        return {leaf for sub in below for leaf in leaves(sub)} if below else {error_type}

    assert leaves(errors.DltProviderError) <= {type(error) for error in ERRORS}


@pytest.mark.parametrize(
    ("error_type", "builtin"),
    [
        (errors.PlanError, ValueError),
        (errors.ValueReferenceError, LookupError),
        (errors.LoadError, RuntimeError),
        (errors.StateError, ValueError),
        (errors.StateStoreError, ConnectionError),
        (errors.LockTimeoutError, TimeoutError),
    ],
)
def test_an_error_is_also_one_that_python_knows(error_type, builtin):
    assert issubclass(error_type, errors.DltProviderError)
    assert issubclass(error_type, builtin)


def test_a_load_error_says_which_pipeline_failed_in_which_step():
    error = errors.TransientLoadError("shop__orders", "extract", "ConnectionError: gone")

    assert str(error) == ("pipeline 'shop__orders' failed in step 'extract': ConnectionError: gone")
    assert (error.pipeline_name, error.step) == ("shop__orders", "extract")


def test_a_wrong_configure_function_is_told_what_to_return():
    error = errors.ConfigureError("limit", "None")

    assert str(error) == (
        "configure function limit() returned None; return the source that it was given, changed"
    )
    assert isinstance(error, errors.PlanError)


def test_only_what_may_go_away_is_worth_another_try():
    assert {type(error) for error in ERRORS if error.may_go_away} == {
        errors.StateStoreError,
        errors.LockTimeoutError,
        errors.ConcurrentLoadError,
        errors.TransientLoadError,
    }
