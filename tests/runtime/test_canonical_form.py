"""What layers become, counted in written files (docs/canonical_form.md)."""

import collections

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from support import GRID, MODELS, CircleFile, export

LAYERS = 2
CLAMPS = ("MAXIMUM", "MINIMUM", "RELU")
UNCLIPPED = ["encoder_dynamo_op18", "encoder_dynamo_op21", "encoder_sdpa_op23", "encoder_torchscript_op17",
             "encoder_onnxslim_op18", "encoder_onnxsim_op18"]


def operators(circle):
    return collections.Counter(name for name, _, _ in CircleFile(circle).operators)


@pytest.mark.parametrize("name", [*UNCLIPPED, "encoder_clipped_op18"])
def test_a_float_layer_has_40_operators_and_at_most_22_clamps(name, tmp_path):
    counts = operators(export(MODELS / f"{name}.onnx", tmp_path / "out.circle", *GRID, "--float"))
    clamps = sum(counts.pop(op, 0) for op in CLAMPS)
    assert counts.total() == LAYERS * 40
    assert clamps == (LAYERS * 22 if "clipped" in name else 0)
    assert counts["RMS_NORM"] == counts["FULLY_CONNECTED"] == LAYERS * 7
    assert counts["RESHAPE"] + counts["TRANSPOSE"] == LAYERS * 8


def test_without_padding_there_is_no_mask(tmp_path):
    # 7 x 9 patches fill all 63 places.
    counts = operators(export(MODELS / "encoder_dynamo_op18.onnx", tmp_path / "out.circle", "--grid", "7x9", "--float"))
    assert counts.total() == LAYERS * 39


@pytest.mark.parametrize("name", ["encoder_tico_u8_qdq_op21", "encoder_tico_i16_qdq_op21"])
def test_attention_unrolled_by_tico(name, tmp_path):
    real = operators(export(MODELS / f"{name}.onnx", tmp_path / "float.circle", "--float"))
    assert real.total() == LAYERS * 40
    # Rotations are roundings of their own there; the heads' qparams are equal.
    quantised = operators(export(MODELS / f"{name}.onnx", tmp_path / "out.circle"))
    assert quantised.total() <= LAYERS * 85
    assert quantised["BATCH_MATMUL"] == LAYERS * 2


def clipped(model, bound):
    """Every product with weights between Clips that never bite."""
    weights = {t.name for t in model.graph.initializer}
    transposed = {n.output[0] for n in model.graph.node if n.op_type == "Transpose" and n.input[0] in weights}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights | transposed:
            source, result = node.input[0], node.output[0]
            nodes.append(helper.make_node("Clip", [source, "low", "high"], [f"{result}_in"]))
            node.input[0], node.output[0] = f"{result}_in", f"{result}_out"
            nodes += [node, helper.make_node("Clip", [f"{result}_out", "low", "high"], [result])]
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for name, value in (("low", -bound), ("high", bound)):
        model.graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    return model


def test_bounds_that_never_bite_leave_the_same_file_once_quantised(tmp_path):
    source = MODELS / "encoder_dynamo_op18.onnx"
    onnx.save(clipped(onnx.load(source), 1e4), tmp_path / "clipped.onnx")
    options = (*GRID, "--calibration", MODELS / "calibration.npz", "--observer", "minmax")
    plain, bounded = (CircleFile(export(model, tmp_path / f"{name}.circle", *options))
                      for name, model in (("plain", source), ("bounded", tmp_path / "clipped.onnx")))

    def numbers(tensor):
        if tensor is None:
            return None
        listed = [None if array is None else array.tolist() for array in (tensor.scale, tensor.zero_point, tensor.data)]
        return tensor.dtype, tensor.shape, *listed

    def contents(circle):
        return [(name, [numbers(t) for t in inputs], [numbers(t) for t in outputs]) for name, inputs, outputs in circle.operators]

    assert contents(plain) == contents(bounded)
