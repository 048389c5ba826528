"""Each operator alone, in LiteRT without delegates and in our integer evaluator, on the same stored integers.

Results are at most one step apart, but for the operators that docs/integer_semantics.md lists with their bounds: the test reads
that table.
"""

import fnmatch
import subprocess

import numpy as np
import pytest

from litert_cases import CASES
from litert_model import write_model
from support import COMMAND, ROOT, litert_tensors

ROUNDINGS = ("exact", "litert")
# Where no row of the table says otherwise.
DEFAULT_BOUNDS = {"exact": 1, "litert": 0}


def documented_bounds():
    """{pattern of case ids: {rounding: steps}} from the table under "Beside LiteRT"."""
    text = (ROOT / "docs" / "integer_semantics.md").read_text()
    section = text.split("\n## Beside LiteRT\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): dict(zip(ROUNDINGS, map(int, row[1:3]))) for row in rows}


BOUNDS = documented_bounds()


def bound_of(case, rounding):
    rows = [pattern for pattern in BOUNDS if fnmatch.fnmatchcase(case.id, pattern)]
    assert len(rows) <= 1, f"{case.id}: rows {rows}"
    return BOUNDS[rows[0]][rounding] if rows else DEFAULT_BOUNDS[rounding]


@pytest.fixture(scope="module")
def distances(tmp_path_factory):
    """{rounding: {case id: largest difference in steps}}."""
    folder = tmp_path_factory.mktemp("litert")
    model, tensors = folder / "operators.tflite", folder / "tensors.npz"
    theirs = litert_tensors(model, write_model(CASES, model), folder)
    np.savez(tensors, **theirs)
    return {rounding: evaluate(model, tensors, theirs, rounding) for rounding in ROUNDINGS}


def evaluate(model, tensors, theirs, rounding):
    result = tensors.with_name(f"{rounding}.npz")
    subprocess.run([COMMAND.with_name("evaluate_nodes"), model, tensors, result, rounding], check=True, timeout=120)
    with np.load(result) as ours:
        return {case.id: distance(case, ours[case.result_name], theirs[case.result_name]) for case in CASES}


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
