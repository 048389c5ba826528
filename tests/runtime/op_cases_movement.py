"""Operators that move, index or generate data; those whose result's shape depends on values run on constants only."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from op_case import Case, K, Random

r = Random("movement")
F = np.float32


def I(*values):
    return K(list(values), np.int64)


def shapes():
    x = r.f(2, 3, 4)
    yield Case("Reshape", [x, I(6, 4)], opset=13)
    yield Case("Reshape", [x, I(-1, 2)], opset=14, label="infer")
    yield Case("Reshape", [x, I(0, -1)], opset=19, label="copy")
    yield Case("Reshape", [r.f(0, 3), I(3, 0)], dict(allowzero=1), opset=21, label="allowzero")
    yield Case("Reshape", [r.i(2, 6), I(3, 4)], label="int64")
    for axis in (0, 1, 3, -1, -3):
        yield Case("Flatten", [x], dict(axis=axis), opset=13, label=f"axis{axis}")
    yield Case("Flatten", [x], opset=21, label="default")
    yield Case("Squeeze", [r.f(1, 3, 1)], opset=13, label="all")
    yield Case("Squeeze", [r.f(1, 3, 1), I(-1)], opset=13, label="negative")
    yield Case("Squeeze", [r.f(1, 3, 1), I(0, 2)], opset=21, label="two")
    yield Case("Unsqueeze", [x, I(0)], opset=13)
    yield Case("Unsqueeze", [x, I(-1, 1)], opset=21, label="mixed")
    yield Case("Transpose", [x], opset=13, label="default")
    yield Case("Transpose", [x], dict(perm=[1, 2, 0]), opset=21)
    yield Case("Transpose", [r.f(2, 3, 4, 5)], dict(perm=[0, 2, 1, 3]), label="heads")
    yield Case("Transpose", [r.b(2, 3)], dict(perm=[1, 0]), label="bool")
    yield Case("Expand", [r.f(3, 1), I(2, 3, 4)], opset=13)
    yield Case("Expand", [r.f(2, 3), I(1, 3)], label="smaller-target")
    yield Case("Expand", [r.i(3, 1), I(3, 4)], label="int64")
    yield Case("Tile", [r.f(2, 3), I(2, 1)], opset=13)
    yield Case("Tile", [r.i(3), I(3)], label="int64")


def joins():
    yield Case("Concat", [r.f(2, 3), r.f(2, 1), r.f(2, 2)], dict(axis=1), opset=13)
    yield Case("Concat", [r.f(2, 3), r.f(1, 3)], dict(axis=-2), label="negative")
    yield Case("Concat", [r.f(2, 3)], dict(axis=0), label="one")
    yield Case("Concat", [r.i(2), r.i(3)], dict(axis=0), label="int64")
    yield Case("Split", [r.f(4, 6)], dict(axis=1), opset=13, outputs=3, label="equal")
    yield Case("Split", [r.f(4, 6), I(1, 3)], opset=13, outputs=2, label="default-axis")
    yield Case("Split", [r.f(4, 6), I(4, 2)], dict(axis=-1), opset=18, outputs=2, label="sizes")
    yield Case("Split", [r.f(7, 2)], dict(num_outputs=3), opset=18, outputs=3, label="uneven")
    x = r.f(4, 6, 5)
    yield Case("Slice", [x, I(1, 0), I(3, 4)], opset=13, label="leading-axes")
    yield Case("Slice", [x, I(-3), I(9999), I(-1)], label="negative")
    yield Case("Slice", [x, I(5), I(-9999), I(1), I(-2)], label="backwards")
    yield Case("Slice", [x, I(0, 0), I(9223372036854775807, 2), I(2, 0), I(2, 1)], label="steps")
    yield Case("Slice", [x, I(3), I(1), I(0)], label="empty")
    yield Case("Slice", [x, K([1], np.int32), K([3], np.int32), K([1], np.int32)], label="int32")
    for opset in (13, 18, 19, 21):
        yield Case("Pad", [r.f(2, 3), I(1, 0, 0, 2)], opset=opset, label="default")
    yield Case("Pad", [r.f(2, 3), I(0, 1, 1, 0), K(-1.5, F)], opset=13, label="value")
    yield Case("Pad", [r.f(4, 5), I(1, 2, 2, 1)], dict(mode="reflect"), label="reflect")
    yield Case("Pad", [r.f(4, 5), I(1, 2, 2, 1)], dict(mode="edge"), label="edge")
    yield Case("Pad", [r.f(4, 5), I(1, 2, 2, 1)], dict(mode="wrap"), opset=19, label="wrap")
    yield Case("Pad", [r.f(2, 3, 4), I(1, 2), K(0.5, F), I(-1)], opset=18, label="axes")
    yield Case("Pad", [r.f(4, 5), I(-1, 0, 1, -2)], label="negative")
    yield Case("Pad", [r.i(2, 3), I(0, 1, 0, 1), K(7, np.int64)], label="int64")


def gathers():
    x = r.f(4, 5, 3)
    yield Case("Gather", [x, I(2, 0, 2)], opset=13, label="default-axis")
    yield Case("Gather", [x, K(1, np.int64)], dict(axis=1), label="scalar")
    yield Case("Gather", [x, K([[0, -1], [2, 1]], np.int64)], dict(axis=-1), label="negative")
    yield Case("Gather", [x, r.i(2, lo=0, hi=4)], label="runtime-indices")
    yield Case("Gather", [x, K([1, 2], np.int32)], label="int32")
    yield Case("Gather", [r.i(9), I(3)], label="int64")
    yield Case("GatherElements", [r.f(3, 4), K(r.i(3, 2, lo=-4, hi=4))], dict(axis=1), opset=13)
    yield Case("GatherElements", [r.f(3, 4), K(r.i(2, 4, lo=0, hi=3))], label="default-axis")
    yield Case("GatherND", [x, K([[0, 1], [3, 4]], np.int64)], opset=13, label="slices")
    yield Case("GatherND", [x, K([[-1, 1, 2]], np.int64)], label="elements")
    yield Case("GatherND", [x, K(r.i(4, 2, 1, lo=0, hi=5))], dict(batch_dims=1), label="batch")
    yield Case("GatherND", [r.b(3, 4), K([[0], [2]], np.int64)], label="bool")
    yield Case("ScatterND", [r.f(5, 2), K([[1], [3]], np.int64), r.f(2, 2)], opset=13)
    yield Case("ScatterND", [r.f(5), K([[1], [1], [4]], np.int64), r.f(3)], dict(reduction="add"), opset=16, label="add")
    yield Case("ScatterND", [r.f(5), K([[1], [1], [4]], np.int64), r.f(3)], dict(reduction="mul"), opset=16, label="mul")
    yield Case("ScatterND", [r.f(5), K([[1], [1], [4]], np.int64), r.f(3)], dict(reduction="max"), opset=18, label="max")
    yield Case("ScatterND", [r.f(5), K([[1], [1], [4]], np.int64), r.f(3)], dict(reduction="min"), opset=18, label="min")
    yield Case("ScatterElements", [r.f(3, 4), I([1, 0, 2, 0]), r.f(1, 4)], opset=13)
    yield Case("ScatterElements", [r.f(3, 4), I([1, -1], [0, 2], [3, 0]), r.f(3, 2)], dict(axis=1), label="axis")
    yield Case("ScatterElements", [r.f(3, 4), I([1, 1], [0, 2], [3, 0]), r.f(3, 2)], dict(axis=-1, reduction="add"),
               label="add")
    yield Case("ScatterElements", [r.f(3, 4), I([1, 1], [0, 2], [3, 0]), r.f(3, 2)], dict(axis=1, reduction="max"),
               label="max")


def generators():
    yield Case("Shape", [r.f(2, 3, 4)], opset=13)
    yield Case("Shape", [r.f(2, 3, 4)], dict(start=1), opset=15, label="start")
    yield Case("Shape", [r.f(2, 3, 4)], dict(start=-2, end=-1), opset=19, label="start-end")
    yield Case("Size", [r.f(2, 3, 4)], opset=13)
    yield Case("ConstantOfShape", [I(2, 3)], opset=13, label="default", constant_only=True)
    yield Case("ConstantOfShape", [I(2, 3)], dict(value=numpy_helper.from_array(np.array([7]))), opset=20, label="int64",
               constant_only=True)
    yield Case("ConstantOfShape", [I(0)], dict(value=numpy_helper.from_array(np.array([1.5], F))), label="empty",
               constant_only=True)
    yield Case("Range", [K(2, np.int64), K(11, np.int64), K(3, np.int64)], opset=13, label="int64", constant_only=True)
    yield Case("Range", [K(5, np.int64), K(0, np.int64), K(-2, np.int64)], label="down", constant_only=True)
    yield Case("Range", [K(0.5, F), K(2.0, F), K(0.25, F)], label="float", constant_only=True)
    yield Case("NonZero", [r.b(3, 4)], opset=13, label="bool", constant_only=True)
    yield Case("NonZero", [r.i(5, lo=0, hi=2).astype(F)], label="float", constant_only=True)
    yield Case("OneHot", [r.i(2, 3, lo=-2, hi=4), K(5, np.int64), K([0.0, 1.0], F)], opset=13, label="default-axis")
    yield Case("OneHot", [r.i(2, 3, lo=0, hi=4), K(4, np.int64), K([-1, 3], np.int64)], dict(axis=1), label="axis")
    yield Case("CumSum", [r.f(3, 4), K(1, np.int64)], opset=14)
    yield Case("CumSum", [r.f(3, 4), K(0, np.int64)], dict(exclusive=1), label="exclusive")
    yield Case("CumSum", [r.f(3, 4), K(-1, np.int64)], dict(reverse=1), label="reverse")
    yield Case("CumSum", [r.i(6), K(0, np.int64)], dict(exclusive=1, reverse=1), label="int64")
    for upper in (0, 1):
        yield Case("Trilu", [r.f(2, 4, 5)], dict(upper=upper), opset=14, label=f"upper{upper}")
        yield Case("Trilu", [r.f(4, 4), K(-1, np.int64)], dict(upper=upper), label=f"upper{upper}-below")
    yield Case("Trilu", [r.f(4, 4), K(1, np.int64)], label="default")
    yield Case("Trilu", [r.i(4, 4), K(5, np.int64)], label="beyond")


def control():
    x = r.f(6, 4)
    split = helper.make_node("SplitToSequence", ["x0", "x1"], ["parts"], axis=0)
    at = helper.make_node("SequenceAt", ["parts", "x2"], ["y0"])
    yield Case("SplitToSequence", [x, K(2, np.int64), K(1, np.int64)], label="scalar", node_list=[split, at])
    yield Case("SplitToSequence", [x, I(1, 3, 2), K(-1, np.int64)], label="sizes", node_list=[split, at])
    ones = helper.make_node("SplitToSequence", ["x0"], ["parts"], axis=1, keepdims=0)
    yield Case("SplitToSequence", [x, K(2, np.int64)], label="ones", node_list=[
        ones, helper.make_node("SequenceAt", ["parts", "x1"], ["y0"])])
    yield Case("SequenceConstruct", [r.f(3), r.f(3), K(1, np.int64)], node_list=[
        helper.make_node("SequenceConstruct", ["x0", "x1"], ["parts"]),
        helper.make_node("SequenceAt", ["parts", "x2"], ["y0"])])
    for taken in (True, False):
        branch = {name: helper.make_graph([helper.make_node(op, ["x0"], [f"{name}_y"])], name, [],
                                          [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, [6, 4])])
                  for name, op in (("then_branch", "Neg"), ("else_branch", "Abs"))}
        yield Case("If", [x, K(taken)], label=str(taken),
                   node_list=[helper.make_node("If", ["x1"], ["y0"], name="node_If", **branch)])


CASES = [*shapes(), *joins(), *gathers(), *generators(), *control()]
