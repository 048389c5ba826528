"""What LiteRT computes wrongly without a message: each form alone is wrong there, and the same operator in a QDQ graph exported
with `--target litert` is right. A form that a newer runtime computes rightly fails here, so that its clause can go.
"""

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from litert_cases import all_integers, constant, operand
from litert_model import ARRAYS, Case, Tensor, write_model
from support import CircleFile, export, litert_tensors, ort_run

SHAPE = (3, 20, 64)


def like(tensor, **changes):
    return Tensor(**{"dtype": tensor.dtype, "shape": tensor.shape, "scale": tensor.scale, "zero_point": tensor.zero_point, **changes})


def channels(dtype, shape, axis):
    tensor = operand(dtype, shape, np.linspace(0.002, 0.02, shape[axis]), 0, constant=True)
    tensor.axis = axis
    return tensor


def quirks():
    """(a TFLite operator, its ONNX spelling, ONNX attributes)"""
    for dtype in ("i8", "i16"):
        zero = 0 if dtype == "i16" else 5
        scale = 1.0 if dtype == "i8" else 1 / 256
        x, y = operand(dtype, SHAPE, 0.02 * scale), operand(dtype, SHAPE, 0.05 * scale, zero)
        unlike = Tensor(dtype, SHAPE, 0.04 * scale, zero)
        yield Case("MAXIMUM", "unlike", [x, y], unlike), "Max", {}
        yield Case("MINIMUM", "unlike", [x, y], unlike), "Min", {}
        yield Case("NEG", "unlike", [x], unlike), "Neg", {}
        yield Case("NEG", "lowest", [all_integers(dtype, 0.02, 0)], like(all_integers(dtype, 0.02, 0), stored=None)), "Neg", {}
        x = operand(dtype, SHAPE, 0.02 * scale)
        yield Case("RESHAPE", "unlike", [x, constant([60, 64])], like(unlike, shape=(60, 64)), dict(newShape=[60, 64])), "Reshape", {}
        yield Case("TRANSPOSE", "unlike", [x, constant([0, 2, 1])], like(unlike, shape=(3, 64, 20))), "Transpose", dict(perm=[0, 2, 1])
        coarse = Tensor(dtype, SHAPE, 8.0 * scale, zero)
        small = operand(dtype, SHAPE, 0.02 * scale, 0, low=-20, high=20)
        yield Case("DIV", "coarse", [small, operand(dtype, SHAPE, 0.05 * scale, 0, low=20, high=120)], coarse), "Div", {}
    x, y = operand("i16", SHAPE, 1e-4), operand("i16", (3, 10, 64), 3e-4)
    yield Case("CONCATENATION", "unlike", [x, y], Tensor("i16", (3, 30, 64), 3e-4), dict(axis=1)), "Concat", dict(axis=1)
    x = operand("i16", (4, 30, 63), 100 / 32767)
    yield Case("SOFTMAX", "wide", [x], Tensor("i16", x.shape, 1 / 32768), dict(beta=1.0)), "Softmax", dict(axis=-1)
    x = all_integers("i16", 60 / 32767, 0, low=11)
    yield Case("RSQRT", "small", [x], Tensor("i16", x.shape, 0.0003)), "Sqrt Reciprocal", {}
    x = operand("i16", SHAPE, 1e-4)
    yield Case("SLICE", "unlike", [x, constant([0, 1, 2]), constant([3, 9, 30])], Tensor("i16", (3, 9, 30), 3e-4)), "Slice", {}
    yield Case("GATHER", "unlike", [x, constant([3, 0, 5])], Tensor("i16", (3, 3, 64), 3e-4), dict(axis=1)), "Gather", dict(axis=1)
    x = operand("i8", (2, 13, 16), 0.02)
    yield Case("BATCH_MATMUL", "channels", [x, channels("i8", (16, 21), 1)], Tensor("i8", (2, 13, 21), 0.05, 3)), "MatMul", {}
    # Sums of i16 products beyond 2^31.
    x = operand("i16", (4, 3072), 1e-3, low=20000)
    w = operand("i8", (8, 3072), 0.01, 0, low=100, constant=True)
    yield Case("FULLY_CONNECTED", "large-sums", [x, w, None], Tensor("i16", (4, 8), 4.0)), "MatMul", {}


QUIRKS = [pytest.param(*quirk, id=quirk[0].id) for quirk in quirks()]


def onnx_model(case, op, attributes):
    """The operator between Q/DQ pairs with the case's qparams; constants are stored integers behind a DequantizeLinear."""
    nodes, inputs, initializers, names = [], [], [], []
    if case.op == "FULLY_CONNECTED":  # x w^T
        x, w, _ = case.operands
        case = dataclasses.replace(case, operands=[x, dataclasses.replace(w, shape=w.shape[::-1], stored=w.stored.T)])

    def qparams(name, tensor):
        scales, dtype = np.squeeze(tensor.scales), ARRAYS[tensor.dtype]
        initializers.extend([numpy_helper.from_array(np.asarray(scales, np.float32), f"{name}_scale"),
                             numpy_helper.from_array(np.full(scales.shape, tensor.zero_point, dtype), f"{name}_zero")])
        return [f"{name}_scale", f"{name}_zero"]

    for i, tensor in enumerate(case.operands):
        if tensor.scale is None:
            index = tensor.stored.astype(np.int64)
            if op == "Slice" and i == 2:  # sizes there, ends here
                index = index + case.operands[1].stored
            if op != "Transpose":
                initializers.append(numpy_helper.from_array(index, f"x{i}"))
                names.append(f"x{i}")
            continue
        pair = qparams(f"x{i}", tensor)
        if tensor.constant:
            initializers.append(numpy_helper.from_array(tensor.stored, f"x{i}_q"))
        else:
            inputs.append(helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, tensor.shape))
            nodes.append(helper.make_node("QuantizeLinear", [f"x{i}", *pair], [f"x{i}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"x{i}_q", *pair], [f"x{i}_d"], axis=tensor.axis))
        names.append(f"x{i}_d")
    pair = qparams("y", case.result)
    for op in op.split():
        nodes.append(helper.make_node(op, names, [f"r_{op}"], **attributes))
        names = [f"r_{op}"]
    nodes += [helper.make_node("QuantizeLinear", [*names, *pair], ["q"]), helper.make_node("DequantizeLinear", ["q", *pair], ["y"])]
    graph = helper.make_graph(nodes, "quirk", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, case.result.shape)],
                              initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def real(tensor):
    return ((tensor.stored.astype(np.float64) - tensor.zero_point) * tensor.scales[0]).astype(np.float32)


@pytest.mark.parametrize("case, op, attributes", QUIRKS)
def test_the_target_avoids_it(case, op, attributes, tmp_path):
    model = onnx_model(case, op, attributes)
    onnx.save(model, tmp_path / "model.onnx")
    feeds = {f"x{i}": tensor for i, tensor in enumerate(case.operands)
             if tensor is not None and tensor.scale is not None and not tensor.constant}
    expected = ort_run(model.SerializeToString(), {name: real(tensor) for name, tensor in feeds.items()})["y"]

    def distance(results):
        """In steps of the result."""
        return np.abs((results.astype(np.float64) - case.result.zero_point) - expected / case.result.scales[0]).max()

    alone = tmp_path / "alone.tflite"
    wrong = litert_tensors(alone, write_model([case], alone), tmp_path)[case.result_name]
    assert distance(wrong) > 2, "LiteRT computes this form rightly: its clause in litert.json can go"

    path = export(tmp_path / "model.onnx", tmp_path / "out.tflite", "--target", "litert")
    circle = CircleFile(path)
    assert [(t.scale[0], t.zero_point[0]) for t in circle.inputs] == [(t.scales[0], t.zero_point) for t in feeds.values()]
    right = litert_tensors(path, {t.name: tensor.stored for t, tensor in zip(circle.inputs, feeds.values())}, tmp_path)
    assert distance(right[circle.outputs[0].name]) <= 1.01
