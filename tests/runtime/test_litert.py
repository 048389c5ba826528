"""Integer files executed by LiteRT and by our integer evaluator: the stored integers agree within the documented slack of the
exact rule, and are the same with LiteRT's rounding.

These are an encoder's pieces; test_litert_models.py has whole ones.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import CircleFile, export, litert_samples, run_samples, stored

RNG = np.random.default_rng(11)
SAMPLES = RNG.standard_normal((8, 1, 12, 16)).astype(np.float32)


def model(folder, nodes, initializers, out_dims, opset=20):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 12, 16))],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_dims)],
                              [numpy_helper.from_array(v, k) for k, v in initializers.items()])
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), path)
    return path


def weights(*shape):
    return (RNG.standard_normal(shape) * shape[0] ** -0.5).astype(np.float32)


def linear(folder):
    return model(folder, [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Add", ["h", "b"], ["y"])],
                 {"w": weights(16, 24), "b": weights(24)}, (1, 12, 24))


def feed_forward(folder):
    nodes = [helper.make_node("MatMul", ["x", "w1"], ["g"]), helper.make_node("Gelu", ["g"], ["a"], approximate="tanh"),
             helper.make_node("MatMul", ["x", "w2"], ["u"]), helper.make_node("Mul", ["a", "u"], ["m"]),
             helper.make_node("MatMul", ["m", "w3"], ["d"]), helper.make_node("Add", ["x", "d"], ["y"])]
    return model(folder, nodes, {"w1": weights(16, 24), "w2": weights(16, 24), "w3": weights(24, 16)}, (1, 12, 16))


def attention(folder):
    nodes = [helper.make_node("MatMul", ["x", "wq"], ["q"]), helper.make_node("MatMul", ["x", "wk"], ["k"]),
             helper.make_node("MatMul", ["x", "wv"], ["v"]), helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
             helper.make_node("MatMul", ["q", "kt"], ["s"]), helper.make_node("Softmax", ["s"], ["p"], axis=-1),
             helper.make_node("MatMul", ["p", "v"], ["y"])]
    return model(folder, nodes, {"wq": weights(16, 16), "wk": weights(16, 16), "wv": weights(16, 16)}, (1, 12, 16))


def rotation(folder):
    nodes = [helper.make_node("Split", ["x"], ["a", "b"], axis=-1, num_outputs=2), helper.make_node("Neg", ["b"], ["n"]),
             helper.make_node("Concat", ["n", "a"], ["r"], axis=-1), helper.make_node("Mul", ["x", "cos"], ["c"]),
             helper.make_node("Mul", ["r", "sin"], ["s"]), helper.make_node("Add", ["c", "s"], ["y"])]
    angle = RNG.uniform(-3, 3, (12, 16)).astype(np.float32)
    return model(folder, nodes, {"cos": np.cos(angle), "sin": np.sin(angle)}, (1, 12, 16))


# Where an i16 kernel is off by more: SOFTMAX by 4 steps of 1/32768 on every one of 12 weights, GELU by 2.
WIDER = {(attention, "i16"): 16, (feed_forward, "i16"): 4}


# Each operator of LiteRT is within 1 step of the exact result, and later operators pass that on.
@pytest.mark.parametrize("make, slack", [(linear, 1), (feed_forward, 2), (attention, 2), (rotation, 2)],
                         ids=lambda v: getattr(v, "__name__", None))
@pytest.mark.parametrize("activation", ["i8", "i16"])
def test_integers_agree(make, slack, activation, tmp_path):
    slack = WIDER.get((make, activation), slack)
    np.savez(tmp_path / "samples.npz", x=SAMPLES)
    path = export(make(tmp_path), tmp_path / "out.circle", "--activation", activation, "--weight", "i8", "--calibration",
                  tmp_path / "samples.npz", "--target", "litert")
    circle = CircleFile(path)
    theirs = litert_samples(path, stored(SAMPLES, circle.inputs[0]), tmp_path)
    for rounding, bound in (("exact", slack), ("litert", 0)):
        ours = run_samples(path, {"x": SAMPLES}, tmp_path, "--raw", "--rounding", rounding)
        assert ours.dtype == theirs.dtype
        assert np.abs(ours.astype(np.int64) - theirs.astype(np.int64)).max() <= bound, rounding
