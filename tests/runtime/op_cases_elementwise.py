"""Elementwise operators: functions of one value, arithmetic, comparisons, logic, selection, casts."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from op_case import Case, K, Random

r = Random("elementwise")
F = np.float32


def unary():
    for op in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Identity", "Neg", "Relu", "Round", "Sigmoid", "Sign", "Sin",
               "Tanh"):
        yield Case(op, [3 * r.f(2, 3, 5)], opset=13)
        yield Case(op, [3 * r.f(2, 3, 5)], opset=22)
        yield Case(op, [3 * r.f()], opset=18, label="scalar")
    for op in ("Sqrt", "Reciprocal"):
        yield Case(op, [r.positive(2, 3, 5)], opset=13)
        yield Case(op, [r.positive(4)], opset=21, label="vector")
    for op in ("Abs", "Neg", "Sign"):
        for dtype in (np.int64, np.int32):
            yield Case(op, [r.i(3, 4, dtype=dtype)], label=np.dtype(dtype).name)
    yield Case("Identity", [r.i(3, 4)], label="int64")
    yield Case("Round", [np.array([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6], F)], label="half-to-even")
    yield Case("Sign", [np.array([-2, -0.0, 0, 3], F)], label="zero")
    yield Case("IsNaN", [np.array([1, np.nan, -np.inf, 0], F)], opset=13)
    yield Case("IsNaN", [np.array([[1, np.nan], [np.inf, 0]], F)], opset=20)
    yield Case("Not", [r.b(3, 4)], opset=13)
    yield Case("HardSigmoid", [3 * r.f(2, 7)], opset=13, label="defaults")
    yield Case("HardSigmoid", [3 * r.f(2, 7)], dict(alpha=0.3, beta=0.4), opset=22)
    yield Case("Gelu", [3 * r.f(2, 7)], opset=20, label="default-is-erf")
    yield Case("Gelu", [3 * r.f(2, 7)], dict(approximate="none"), opset=20, label="none")
    yield Case("Gelu", [3 * r.f(2, 7)], dict(approximate="tanh"), opset=23, label="tanh")
    yield Case("Gelu", [3 * r.f(2, 7)], domain="com.microsoft")
    yield Case("FastGelu", [3 * r.f(2, 7)], domain="com.microsoft")
    yield Case("FastGelu", [3 * r.f(2, 7), r.f(7)], domain="com.microsoft", label="bias")
    yield Case("Swish", [3 * r.f(2, 7)], opset=24, label="default")
    yield Case("Swish", [3 * r.f(2, 7)], dict(alpha=1.7), opset=24, label="alpha")


def binary():
    shapes = {"same": ((2, 3, 4), (2, 3, 4)), "row": ((2, 3, 4), (4,)), "scalar": ((2, 3, 4), ()),
              "both": ((3, 1, 4), (2, 1)), "left": ((1,), (2, 3))}
    for op in ("Add", "Sub", "Mul", "Div", "Pow"):
        for label, (a, b) in shapes.items():
            left = r.positive(*a) if op == "Pow" else r.f(*a)
            right = r.positive(*b) if op == "Div" else r.f(*b)
            yield Case(op, [left, right], opset=14 if label == "row" else 18, label=label)
        if op != "Pow":
            yield Case(op, [r.i(2, 3), r.i(2, 3, lo=1)], label="int64")
            yield Case(op, [r.i(2, 3, dtype=np.int32), r.i(3, lo=1, dtype=np.int32)], opset=13, label="int32")
    yield Case("Div", [np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])], label="int-truncates")
    yield Case("Pow", [r.f(5), K(2.0, F)], label="square")
    yield Case("Pow", [r.f(5), K(3, np.int64)], opset=15, label="int-exponent")
    yield Case("Pow", [r.positive(5), K(-0.5, F)], label="rsqrt")
    yield Case("Pow", [r.i(5), K(2, np.int64)], label="int64")
    yield Case("Mod", [r.i(9, lo=-20, hi=20), K(6, np.int64)], opset=13, label="int-floors")
    yield Case("Mod", [r.i(9, lo=-20, hi=20), K(-6, np.int64)], label="int-negative-divisor")
    yield Case("Mod", [r.i(9, lo=-20, hi=20), K(6, np.int64)], dict(fmod=1), label="int-fmod")
    yield Case("Mod", [5 * r.f(9), K(1.5, F)], dict(fmod=1), label="fmod")
    for op in ("And", "Or", "Xor"):
        yield Case(op, [r.b(2, 3, 4), r.b(3, 1)], opset=13)
    for op in ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"):
        yield Case(op, [r.i(3, 9, lo=0, hi=3).astype(F), r.i(9, lo=0, hi=3).astype(F)], opset=16, label="float")
        yield Case(op, [r.i(3, 9, lo=0, hi=3), K(1, np.int64)], opset=18, label="int64")
        yield Case(op, [r.i(3, 9, lo=0, hi=3, dtype=np.int32), r.i(3, 1, lo=0, hi=3, dtype=np.int32)], opset=13, label="int32")
    yield Case("Equal", [r.b(9), r.b(9)], opset=19, label="bool")
    for op in ("Max", "Min", "Mean", "Sum"):
        yield Case(op, [r.f(2, 3)], opset=13, label="one")
        yield Case(op, [r.f(2, 3), r.f(3)], opset=13, label="two")
        yield Case(op, [r.f(2, 3), r.f(3), r.f(2, 1), r.f()], opset=18, label="four")
    for op in ("Max", "Min"):
        yield Case(op, [r.i(2, 3), r.i(3), K(0, np.int64)], opset=13, label="int64")
        yield Case(op, [r.i(2, 3, dtype=np.int32), r.i(3, dtype=np.int32)], opset=18, label="int32")
    yield Case("Where", [r.b(2, 3, 1), r.f(3, 4), r.f(1)], opset=16, label="broadcast")
    yield Case("Where", [r.b(3, 4), r.f(3, 4), K(np.finfo(F).min, F)], label="lowest-fill")
    yield Case("Where", [r.b(3), r.i(2, 3), r.i()], label="int64")


def clips():
    x = 3 * r.f(2, 7)
    yield Case("Clip", [x, K(-1.0, F), K(2.0, F)], opset=13, label="both")
    yield Case("Clip", [x, K(-1.0, F)], label="low")
    yield Case("Clip", [x, None, K(0.5, F)], label="high")
    yield Case("Clip", [x], label="none")
    yield Case("Clip", [x, K(-np.inf, F), K(np.inf, F)], label="infinite")
    yield Case("Clip", [x, K(1.0, F), K(-1.0, F)], label="low-above-high")
    yield Case("Clip", [r.i(9), K(-2, np.int64), K(4, np.int64)], label="int64")
    yield Case("Clip", [r.i(9, dtype=np.int32), K(0, np.int32)], label="int32")


def casts():
    T = TensorProto
    x = np.array([-2.7, -0.4, 0, 0.6, 3.9, 100.2], F)
    for name, to in (("int64", T.INT64), ("int32", T.INT32), ("bool", T.BOOL), ("float", T.FLOAT)):
        yield Case("Cast", [x], dict(to=to), opset=13, label=f"float-{name}")
        yield Case("Cast", [r.i(6)], dict(to=to), opset=19, label=f"int64-{name}")
        yield Case("Cast", [r.b(6)], dict(to=to), opset=21, label=f"bool-{name}")
    yield Case("Cast", [r.i(6, dtype=np.int32)], dict(to=T.INT64), label="int32-int64")
    yield Case("CastLike", [x, K([1], np.int64)], opset=15, label="int64")
    yield Case("CastLike", [r.i(6), K([1.0], F)], opset=19, label="float")
    yield Case("CastLike", [r.b(6), r.f(2)], label="input")
    for name, dtype in (("f16", np.float16), ("f64", np.float64)):
        stored = r.f(5).astype(dtype)
        nodes = [helper.make_node("Cast", ["x1"], ["wide"], to=T.FLOAT), helper.make_node("Add", ["x0", "wide"], ["y0"])]
        yield Case("Cast", [r.f(5), K(stored)], label=f"{name}-initializer", node_list=nodes)


def constants():
    for label, attributes in (("value", dict(value=numpy_helper.from_array(r.f(2, 3), "v"))), ("float", dict(value_float=1.5)),
                              ("floats", dict(value_floats=[1.5, -2.0])), ("int", dict(value_int=-3)),
                              ("ints", dict(value_ints=[3, 4, -5]))):
        nodes = [helper.make_node("Constant", [], ["k"], **attributes),
                 helper.make_node("Cast", ["k"], ["kf"], to=TensorProto.FLOAT),
                 helper.make_node("Add", ["x0", "kf"], ["y0"])]
        yield Case("Constant", [r.f(1)], opset=13 if label == "value" else 19, label=label, node_list=nodes)


CASES = [*unary(), *binary(), *clips(), *casts(), *constants()]
