"""What a runtime computes wrongly without saying so does not get into a file for it.

Each case is a small QDQ graph whose plain Circle form the runtime executes with wrong values. The file of `--target` gives
those of ONNX Runtime within a quantum or two, the plain one (the control) does not; where there is no control, no plain file
of that form can be executed.
"""

import dataclasses
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import ROOT, CircleFile, command, export, litert_run, onert_run, ort_run, real, stored, succeed

RNG = np.random.default_rng(5)
TYPES = {"u8": np.uint8, "i8": np.int8, "i16": np.int16}


@dataclasses.dataclass
class Q:
    """Qparams of an operand or result; `data` makes it a constant; scale may be per channel of `axis`."""
    dtype: str
    scale: object
    zero_point: int = 0
    shape: tuple = (1, 6, 8)
    data: object = None
    axis: int = 0
    low: float = None
    high: float = None

    def sample(self, rng):
        limits = np.iinfo(TYPES[self.dtype])
        low = (limits.min - self.zero_point) * self.scale if self.low is None else self.low
        high = (limits.max - self.zero_point) * self.scale if self.high is None else self.high
        return rng.uniform(low, high, self.shape).astype(np.float32)


def qdq_model(folder, op, operands, result, attributes=None, plain=(), out_shape=None):
    """x, ... -> Q, DQ -> op -> Q, DQ -> y. `plain` are operands without qparams, behind the others: arrays."""
    nodes, initializers, inputs, names = [], [], [], []

    def constant(name, array):
        initializers.append(numpy_helper.from_array(array, name))
        return name

    def pair(name, q, source):
        dtype = TYPES[q.dtype]
        scale = constant(f"{name}_scale", np.asarray(q.scale, np.float32))
        zero_point = constant(f"{name}_zp", np.full(np.shape(q.scale), q.zero_point, dtype))
        if q.data is not None:
            shape = [1] * q.data.ndim
            if np.ndim(q.scale):
                shape[q.axis] = -1
            limits = np.iinfo(dtype)
            stored = np.clip(np.rint(q.data / np.reshape(q.scale, shape if np.ndim(q.scale) else [1] * q.data.ndim))
                             + q.zero_point, limits.min, limits.max).astype(dtype)
            stored_name = constant(f"{name}_stored", stored)
        else:
            stored_name = f"{name}_q"
            nodes.append(helper.make_node("QuantizeLinear", [source, scale, zero_point], [stored_name]))
        nodes.append(helper.make_node("DequantizeLinear", [stored_name, scale, zero_point], [f"{name}_dq"], axis=q.axis))
        return f"{name}_dq"

    for i, q in enumerate(operands):
        name = f"x{i}"
        if q.data is None:
            inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, q.shape))
        names.append(pair(name, q, name))
    names += [constant(f"p{i}", array) for i, array in enumerate(plain)]
    nodes.append(helper.make_node(op, names, ["r"], **(attributes or {})))
    output = pair("y", result, "r")
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info(output, TensorProto.FLOAT, out_shape)],
                              initializers)
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


def execute(runtime, circle, feeds, folder):
    file = CircleFile(circle)
    run = {"litert": litert_run, "onert": onert_run}[runtime]
    (result,) = run(circle, [stored(x, t) for x, t in zip(feeds, file.inputs)], folder)
    return real(result, file.outputs[0])


W = RNG.standard_normal((8, 5)).astype(np.float32)
CHANNELS = np.linspace(0.002, 0.03, 5).astype(np.float32)
STEEP = np.exp(RNG.uniform(-3, 0, 5)).astype(np.float32)

# name: runtime, operator, operands, result, quanta, control, and what qdq_model takes beside
CASES = {
    "litert-matmul-per-channel-rhs": ("litert", "MatMul", [Q("i8", 0.02, shape=(2, 3, 8)),
                                                           Q("i8", CHANNELS, data=np.stack([W, W]) * STEEP, axis=2)],
                                      Q("i8", 0.05), 1, True, {}),
    "litert-div": ("litert", "Div", [Q("i8", 0.01), Q("i8", 0.02, -128, low=1.5, high=4)], Q("i8", 0.1), 1, True, {}),
    "litert-maximum": ("litert", "Max", [Q("i8", 0.02), Q("i8", 0.05, 10)], Q("i8", 0.04, 3), 1, True, {}),
    "litert-minimum-i16": ("litert", "Min", [Q("i16", 1e-4), Q("i16", 2e-4)], Q("i16", 1.5e-4), 1, True, {}),
    "litert-neg": ("litert", "Neg", [Q("i8", 0.02, 5)], Q("i8", 0.03, 20), 1, True, {}),
    "litert-neg-lowest": ("litert", "Neg", [Q("i8", 0.02, low=-2.56, high=-2.5)], Q("i8", 0.02), 1, True, {}),
    "litert-rsqrt-i16": ("litert", "Pow", [Q("i16", 4 / 32767, low=0.02, high=4)], Q("i16", 8 / 32767), 1, True,
                         {"plain": (np.float32(-0.5),)}),
    "litert-softmax-i16": ("litert", "Softmax", [Q("i16", 100 / 32767, low=-100, high=6)], Q("i16", 1 / 32768), 4, True, {}),
    "litert-softmax-i8-scale": ("litert", "Softmax", [Q("i8", 0.05)], Q("i8", 0.006, -120), 1, False, {}),
    "litert-concat-i16": ("litert", "Concat", [Q("i16", 1e-4), Q("i16", 2e-4)], Q("i16", 2e-4), 1, False, {"attributes": {"axis": 1}}),
    "litert-select": ("litert", "Where", [Q("i8", 0.02), Q("i8", 0.05, 10)], Q("i8", 0.04, 3), 1, False, {}),
    "litert-linear-large-sums": ("litert", "MatMul", [Q("i16", 1e-3, shape=(4, 3072), low=20, high=32),
                                                      Q("i8", 0.01, data=np.linspace(1, 1.27, 3072 * 8).reshape(3072, 8))],
                                 Q("i16", 4.0), 1, True, {}),
    "litert-linear-u8-weights": ("litert", "MatMul", [Q("i8", 0.02), Q("u8", 0.02, 100, data=W)], Q("i8", 0.2), 1, True, {}),
    "litert-linear-i16-u8": ("litert", "MatMul", [Q("i16", 1e-4), Q("u8", 0.02, 100, data=W)], Q("i16", 1e-3), 12, True, {}),
    "litert-linear-i8-to-i16": ("litert", "MatMul", [Q("i8", 0.02), Q("i8", 0.03, data=W)], Q("i16", 1e-3), 1, True, {}),
    "litert-mul-i16-to-i8": ("litert", "Mul", [Q("i16", 1e-4), Q("i16", 1e-4)], Q("i8", 0.1), 1, True, {}),
    "litert-reshape": ("litert", "Reshape", [Q("i8", 0.02)], Q("i8", 0.04, 3), 1, False, {"plain": (np.int64([2, 24]),)}),
    "litert-transpose-i16": ("litert", "Transpose", [Q("i16", 1e-4)], Q("i16", 2e-4), 1, False, {"attributes": {"perm": [0, 2, 1]}}),
    "litert-gather": ("litert", "Gather", [Q("i8", 0.02)], Q("i8", 0.04, 3), 1, False,
                      {"plain": (np.int64([3, 1]),), "attributes": {"axis": 1}}),
    "litert-slice-i16": ("litert", "Slice", [Q("i16", 1e-4)], Q("i16", 2e-4), 1, False,
                         {"plain": (np.int64([1]), np.int64([4]), np.int64([1]))}),
    "litert-broadcast": ("litert", "Expand", [Q("i8", 0.02)], Q("i8", 0.04, 3), 1, False, {"plain": (np.int64([2, 6, 8]),)}),
    "onert-linear-per-channel": ("onert", "MatMul", [Q("u8", 0.02, 128), Q("u8", CHANNELS, 128, data=W * STEEP, axis=1)],
                                 Q("u8", 0.05, 128), 3, True, {}),
    "onert-linear-i8-weights": ("onert", "MatMul", [Q("u8", 0.02, 128), Q("i8", CHANNELS, data=W * STEEP, axis=1)],
                                Q("u8", 0.05, 128), 3, True, {}),
    "onert-reshape": ("onert", "Reshape", [Q("u8", 0.02, 128)], Q("u8", 0.04, 100), 1, False, {"plain": (np.int64([2, 24]),)}),
    "onert-gather": ("onert", "Gather", [Q("u8", 0.02, 128)], Q("u8", 0.04, 100), 1, False,
                     {"plain": (np.int64([3, 1]),), "attributes": {"axis": 1}}),
    "onert-slice": ("onert", "Slice", [Q("u8", 0.02, 128)], Q("u8", 0.04, 100), 1, False,
                    {"plain": (np.int64([1]), np.int64([4]), np.int64([1]))}),
    "onert-maximum": ("onert", "Max", [Q("u8", 0.02, 128), Q("u8", 0.05, 100)], Q("u8", 0.04, 120), 1, False, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_values_are_avoided(name, tmp_path):
    runtime, op, operands, result, quanta, control, more = CASES[name]
    if op == "Where":
        model = select_model(tmp_path, operands, result)
    else:
        model = qdq_model(tmp_path, op, operands, result, **more)
    rng = np.random.default_rng(7)
    feeds = [q.sample(rng) for q in operands if q.data is None]
    (expected,) = ort_run(model, {f"x{i}": x for i, x in enumerate(feeds)}).values()

    def error(target):
        file = export(model, tmp_path / f"{target}.circle", "--target", target)
        got = execute(runtime, file, feeds, tmp_path)
        assert got.shape == expected.shape or target == "circle"
        return float(np.abs(got.reshape(expected.shape) - expected).max() / result.scale)

    assert error(runtime) <= quanta * 1.001
    if control:
        assert error("circle") > quanta + 0.5


def select_model(folder, operands, result):
    """Where(condition, a, b); the condition is a constant, so that it stands first without a pair."""
    path = qdq_model(folder, "Max", operands, result)
    model = onnx.load(path)
    (node,) = [n for n in model.graph.node if n.op_type == "Max"]
    model.graph.initializer.append(numpy_helper.from_array(RNG.random((1, 6, 8)) < 0.5, "condition"))
    node.op_type = "Where"
    node.input.insert(0, "condition")
    onnx.save(model, path)
    return path


# ---- float files for onert ----


def float_model(folder, nodes, initializers, inputs, out_shape):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in inputs.items()],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
                              [numpy_helper.from_array(v, k) for k, v in initializers.items()])
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def linear_then(op, more, attributes=None):
    def make(folder):
        square = RNG.standard_normal((8, 8)).astype(np.float32)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]),
                 helper.make_node(op, ["h", *more], ["y"], **(attributes or {}))]
        return float_model(folder, nodes, {"w": square, **more}, {"x": (1, 6, 8)}, None), (1, 6, 8)
    return make


def slice_of_rank(rank):
    def make(folder):
        shape = (1, 2, 3, 2, 4, 3)[:rank]
        more = {"b": np.int64([1]), "e": np.int64([3]), "a": np.int64([2])}
        return float_model(folder, [helper.make_node("Slice", ["x", *more], ["y"])], more, {"x": shape}, None), shape
    return make


def unequal_split(folder):
    nodes = [helper.make_node("Split", ["x", "s"], ["a", "b"], axis=2), helper.make_node("Concat", ["b", "a"], ["y"], axis=2)]
    return float_model(folder, nodes, {"s": np.int64([3, 5])}, {"x": (1, 6, 8)}, None), (1, 6, 8)


FLOATS = {
    "mean-after-linear": linear_then("ReduceMean", {"a": np.int64([2])}),
    "slice-after-linear": linear_then("Slice", {"b": np.int64([1]), "e": np.int64([3]), "a": np.int64([1])}),
    "transpose-after-linear": linear_then("Transpose", {}, {"perm": [0, 2, 1]}),
    "slice-of-rank-5": slice_of_rank(5),
    "unequal-split": unequal_split,
}


@pytest.mark.parametrize("name", FLOATS)
def test_onert_executes_floats(name, tmp_path):
    model, shape = FLOATS[name](tmp_path)
    x = RNG.standard_normal(shape).astype(np.float32)
    (expected,) = ort_run(model, {"x": x}).values()
    got = execute("onert", export(model, tmp_path / "out.circle", "--float", "--target", "onert"), [x], tmp_path)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= 1e-5


def test_onert_refuses_a_rank_that_it_has_not(tmp_path):
    model, _ = slice_of_rank(6)(tmp_path)
    run = command(model, "-o", tmp_path / "out.circle", "--float", "--target", "onert")
    assert run.returncode == 4
    assert "STRIDED_SLICE breaks operators.STRIDED_SLICE[0].rank: 'x' has rank 6" in run.stderr


@pytest.mark.parametrize("weight", ["u8", "i8"])
def test_onert_gets_float_weights_for_float_activations(weight, tmp_path):
    """DEQUANTIZE of a constant with a scale for each channel uses the first only."""
    w = (RNG.standard_normal((8, 5)) * np.exp(RNG.uniform(-3, 0, 5))).astype(np.float32)
    model = float_model(tmp_path, [helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": w}, {"x": (1, 6, 8)}, (1, 6, 5))
    x = RNG.standard_normal((1, 6, 8)).astype(np.float32)
    circle = export(model, tmp_path / "out.circle", "--activation", "float", "--weight", weight, "--target", "onert")
    (expected,) = ort_run(model, {"x": x}).values()
    assert np.abs(execute("onert", circle, [x], tmp_path) - expected).max() <= 0.02 * np.abs(expected).max()


def test_onert_quantises_negative_floats_to_i8(tmp_path):
    """QUANTIZE of f32 to i8 gives 0 for them; by way of u8 it does not."""
    w = RNG.standard_normal((8, 5)).astype(np.float32)
    model = float_model(tmp_path, [helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": w}, {"x": (1, 6, 8)}, (1, 6, 5))
    samples = RNG.standard_normal((8, 1, 6, 8)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", x=samples)
    circle = export(model, tmp_path / "out.circle", "--activation", "i8", "--weight", "i8", "--io", "float", "--calibration",
                    tmp_path / "samples.npz", "--target", "onert")
    (expected,) = ort_run(model, {"x": samples[0]}).values()
    assert np.abs(execute("onert", circle, [samples[0]], tmp_path) - expected).max() <= 0.05 * np.abs(expected).max()


# ---- target files ----


def test_a_target_without_an_operator(tmp_path):
    target = json.loads((ROOT / "backend" / "targets" / "circle.json").read_text())
    del target["operators"]["RMS_NORM"]
    file = tmp_path / "npu.json"
    file.write_text(json.dumps(target))
    encoder = ROOT / "tests" / "data" / "models" / "encoder_dynamo_op18.onnx"
    options = ("--grid", "6x9", "--float", "--target", file)
    run = command(encoder, "-o", tmp_path / "out.circle", *options)
    assert run.returncode == 4 and not (tmp_path / "out.circle").exists()
    for text in ("RMS_NORM breaks operators: has no entry RMS_NORM", "node_mul_", "encoder.layers.0.input_layernorm"):
        assert text in run.stderr
    target["rules"] = ["norm-as-formula"]
    file.write_text(json.dumps(target))
    circle = export(encoder, tmp_path / "out.circle", *options)
    assert "RMS_NORM" not in {name for name, _, _ in CircleFile(circle).operators}


@pytest.mark.parametrize("text, message", [
    ("{", "is no JSON"),
    ('{"schema_version": 1, "name": "npu", "operators": {"ADD": [{"dtype": "i9"}]}}', "operators.ADD[0].dtype: unknown dtype 'i9'"),
    ('{"schema_version": 1, "name": "npu", "rules": ["magic"], "operators": {"ADD": [{}]}}', "unknown rule 'magic'"),
])
def test_a_wrong_target_file(text, message, tmp_path):
    (tmp_path / "npu.json").write_text(text)
    run = command(ROOT / "tests/data/models/encoder_dynamo_op18.onnx", "-o", tmp_path / "out.circle", "--target", tmp_path / "npu.json")
    assert run.returncode == 2
    assert "npu.json" in run.stderr and message in run.stderr


def test_explain_target_writes_nothing(tmp_path):
    run = succeed(ROOT / "tests/data/models/encoder_dynamo_op18.onnx", "--grid", "6x9", "--observer", "minmax", "--target",
                  "litert", "--explain-target", cwd=tmp_path)
    for text in ("target litert", "native        14 FULLY_CONNECTED", "RMS_NORM by float-island, norm-as-formula, cost ",
                 "float islands", "6.177 M multiply-accumulates", "at the peak"):
        assert text in run.stdout
    assert list(tmp_path.iterdir()) == []
