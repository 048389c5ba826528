"""Each operator alone, in LiteRT without delegates and in our integer evaluator, on the same stored integers.

Results are at most one step apart, but for the operators that docs/integer_semantics.md lists with their bounds: the test reads
that table.
"""

import fnmatch

import numpy as np
import pytest

from litert_bounds import BOUNDS, DEFAULT_BOUNDS, ROUNDINGS
from litert_cases import CASES
from litert_model import write_model
from support import evaluate_nodes, litert_tensors


def bound_of(case, rounding):
    rows = [pattern for pattern in BOUNDS if fnmatch.fnmatchcase(case.id, pattern)]
    assert len(rows) <= 1, f"{case.id}: rows {rows}"
    return BOUNDS[rows[0]][rounding] if rows else DEFAULT_BOUNDS[rounding]


@pytest.fixture(scope="module")
def distances(tmp_path_factory):
    """{rounding: {case id: largest difference in steps}}."""
    folder = tmp_path_factory.mktemp("litert")
    model = folder / "operators.tflite"
    theirs = litert_tensors(model, write_model(CASES, model), folder)
    ours = {rounding: evaluate_nodes(model, theirs, rounding, folder) for rounding in ROUNDINGS}
    return {rounding: {case.id: distance(case, results[case.result_name], theirs[case.result_name]) for case in CASES}
            for rounding, results in ours.items()}


def distance(case, ours, theirs):
    """In steps of the result; of a float result in steps of the operand."""
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    step = case.operands[0].scale if case.result.scale is None else 1
    return float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max() / step)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_operator_agrees(case, rounding, distances):
    assert distances[rounding][case.id] <= bound_of(case, rounding)


@pytest.mark.parametrize("pattern", BOUNDS)
def test_documented_bound_is_the_measured_one(pattern, distances):
    """A row is no more than twice what is seen, and no row is there for nothing."""
    cases = [case.id for case in CASES if fnmatch.fnmatchcase(case.id, pattern)]
    assert cases
    largest = {rounding: max(distances[rounding][case] for case in cases) for rounding in ROUNDINGS}
    assert any(largest[rounding] > DEFAULT_BOUNDS[rounding] for rounding in ROUNDINGS)
    for rounding in ROUNDINGS:
        assert BOUNDS[pattern][rounding] <= max(2 * largest[rounding], DEFAULT_BOUNDS[rounding])


def test_ids_are_unique():
    assert len({case.id for case in CASES}) == len(CASES)
