"""Every operator that the frontend reads, each in several forms: our float `run` against ONNX Runtime.

`input`: the operands are graph inputs. `constant`: all operands are initializers, so that the folder computes the result.
"""

import numpy as np
import onnx
import pytest
from onnx import helper

import op_cases_compute
import op_cases_elementwise
import op_cases_movement
from support import ort_run, run_model

CASES = [*op_cases_elementwise.CASES, *op_cases_movement.CASES, *op_cases_compute.CASES]

RUNS = [pytest.param(case, constant, id=f"{case.id}-{'constant' if constant else 'input'}")
        for case in CASES for constant in (False, True) if constant or not case.constant_only]


def check_equal(expected, actual, tolerance, name):
    assert actual.shape == expected.shape, f"{name}: shape {actual.shape}, expected {expected.shape}"
    if expected.dtype.kind != "f":
        assert actual.dtype.kind == expected.dtype.kind, f"{name}: dtype {actual.dtype}, expected {expected.dtype}"
        np.testing.assert_array_equal(actual, expected, err_msg=name)
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite], err_msg=name)
    if not finite.any():
        return
    values = expected[finite].astype(np.float64)
    scale = max(np.ptp(values), np.abs(values).max(), 1e-30)
    difference = np.abs(actual[finite] - values).max()
    assert difference <= tolerance * scale, f"{name}: differs by {difference:.3g} of {scale:.3g}"


@pytest.mark.parametrize("case, constant", RUNS)
def test_agrees_with_onnx_runtime(case, constant, tmp_path):
    model, feeds = case.model(constant)
    expected = ort_run(model.SerializeToString(), feeds)
    for output in model.graph.output:
        value = expected[output.name]
        output.CopyFrom(helper.make_tensor_value_info(output.name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    actual = run_model(path, feeds, tmp_path)
    assert sorted(actual) == sorted(expected)
    for name, value in expected.items():
        check_equal(np.asarray(value), actual[name], case.tolerance, name)


def test_ids_are_unique():
    assert len({case.id for case in CASES}) == len(CASES)


def test_every_operator_of_the_frontend_has_cases():
    """`--version` aside there is no list to ask for, so the list is the documented one."""
    documented = """Abs Add And Attention Cast CastLike Ceil Clip Concat Constant ConstantOfShape Conv Cos CumSum
        DequantizeLinear Div Einsum Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm Greater
        GreaterOrEqual HardSigmoid Identity If IsNaN LayerNormalization Less LessOrEqual MatMul Max Mean Min Mod Mul Neg
        NonZero Not OneHot Or Pad Pow QuantizeLinear Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
        ReduceSumSquare Relu Reshape RMSNormalization RotaryEmbedding Round ScatterElements ScatterND SequenceAt
        SequenceConstruct Shape Sigmoid Sign Sin Size Slice Softmax Split SplitToSequence Sqrt Squeeze Sub Sum Swish Tanh
        Tile Transpose Trilu Unsqueeze Where Xor FastGelu FusedMatMul SimplifiedLayerNormalization
        SkipSimplifiedLayerNormalization""".split()
    covered = {node.op_type for case in CASES for node in case.model(True)[0].graph.node}
    assert not set(documented) - covered
