"""The operators that the differential test feeds to LiteRT and to our integer evaluator.

Operands are uniform over all integers of their dtype, so that every rounding, saturation and sign is met; scales are no powers of
two unless a label says so.
"""

import math
import zlib

import numpy as np

from litert_model import ARRAYS, LIMITS, Case, Tensor

SYMMETRIC = ("i16",)
SQUARE_SHAPE = (3, 20, 64)


def random(*key):
    """Seeded by what is made, so that a case does not change when others are added."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def zero_point_of(dtype, at=0.4):
    low, high = LIMITS[dtype]
    return 0 if dtype in SYMMETRIC else int(low + at * (high - low))


def operand(dtype, shape, scale, zero_point=None, low=None, high=None, constant=False):
    """Integers of [low, high], all of the dtype unless given."""
    limits = LIMITS[dtype]
    low, high = limits[0] if low is None else low, limits[1] if high is None else high
    stored = random(dtype, shape, np.asarray(scale).tolist(), low).integers(low, high + 1, shape).astype(ARRAYS[dtype])
    return Tensor(dtype, shape, scale, zero_point_of(dtype) if zero_point is None else zero_point, stored, constant)


def spread(dtype, low, high):
    """scale and zero point that cover [low, high], 0 among them."""
    limits = LIMITS[dtype]
    low, high = min(low, 0.0), max(high, 0.0)
    if dtype in SYMMETRIC:
        return max(-low, high) / limits[1], 0
    scale = (high - low) / (limits[1] - limits[0])
    return scale, int(round(limits[0] - low / scale))


def result(dtype, shape, low, high):
    scale, zero_point = spread(dtype, low, high)
    return Tensor(dtype, shape, scale, zero_point)


def constant(values, dtype="i32"):
    values = np.asarray(values, ARRAYS[dtype])
    return Tensor(dtype, values.shape, stored=values, constant=True)


def real(tensor):
    scales = tensor.scales.astype(np.float64)
    if len(scales) > 1:
        shape = [1] * tensor.stored.ndim
        shape[tensor.axis] = -1
        scales = scales.reshape(shape)
    return (tensor.stored.astype(np.float64) - tensor.zero_point) * scales


def covering(dtype, values, shape=None):
    """A result whose range is that of 95 % of the values: the others saturate."""
    low, high = np.quantile(values, [0.025, 0.975])
    return result(dtype, np.shape(values) if shape is None else shape, low, high)


def products():
    for activation, weight, bias in (("i8", "i8", "i32"), ("i8", "i8", None), ("i8", "i4", "i32"), ("i16", "i8", "i64"),
                                     ("i16", "i8", "i32"), ("i16", "i8", None), ("i16", "i4", "i64"), ("i16", "i16", None),
                                     ("u8", "u8", "i32")):
        for per_channel in (True, False):
            if weight in ("u8", "i16") and per_channel:
                continue
            for depth, columns in ((64, 24), (40, 7)):
                x = operand(activation, (1, 300, depth), 0.0173)
                scale = random(weight, columns).uniform(0.001, 0.01, columns) if per_channel else 0.0037
                w = operand(weight, (columns, depth), scale, 0 if weight != "u8" else 119, constant=True)
                operands = [x, w, None]
                y = np.einsum("brk,nk->brn", real(x), real(w))
                if bias:
                    b = operand(bias, (columns,), 0.0173 * np.asarray(scale), 0, -20000, 20000, constant=True)
                    operands[2] = b
                    y = y + real(b)
                yield Case("FULLY_CONNECTED", f"{'channels' if per_channel else 'tensor'} {depth}", operands,
                           covering(activation, y), dict(keepNumDims=True))
    for label, left, right, options in (("", (2, 13, 16), (2, 16, 21), {}), ("adj-y", (2, 3, 13, 16), (2, 3, 21, 16), dict(adjY=True)),
                                        ("wide", (1, 13, 64), (1, 64, 21), {})):
        for dtype in ("i8", "i16"):
            a, b = operand(dtype, left, 0.0173), operand(dtype, right, 0.0041, zero_point_of(dtype, 0.55))
            y = real(a) @ (np.swapaxes(real(b), -1, -2) if options else real(b))
            yield Case("BATCH_MATMUL", label, [a, b], covering(dtype, y), options)


def sums():
    for dtype in ("i8", "u8", "i16"):
        for op, function in (("ADD", np.add), ("SUB", np.subtract)):
            for label, a_scale, b_scale, b_shape in (("", 0.021, 0.017, SQUARE_SHAPE), ("apart", 0.021, 0.0004, SQUARE_SHAPE),
                                                     ("row", 0.013, 0.022, (64,)), ("scalar", 0.013, 0.022, ()),
                                                     ("first-scalar", 0.013, 0.022, "first")):
                a, b = operand(dtype, SQUARE_SHAPE, a_scale), operand(dtype, SQUARE_SHAPE if b_shape == "first" else b_shape, b_scale,
                                                                      zero_point_of(dtype, 0.6))
                if b_shape == "first":
                    a = operand(dtype, (), a_scale)
                y = function(real(a), real(b))
                yield Case(op, label, [a, b], covering(dtype, y), dict(potScaleInt16=False))
            # Enough elements, and a scale so far below the other, that the operands' own roundings show.
            for label, b_shape in (("many", (600, 64)), ("many-rows", (64,)), ("many-columns", (600, 1))):
                a, b = operand(dtype, (600, 64), 0.00097), operand(dtype, b_shape, 0.00013)
                yield Case(op, label, [a, b], Tensor(dtype, a.shape, 0.0015, a.zero_point), dict(potScaleInt16=False))
            a, b = operand(dtype, SQUARE_SHAPE, 0.021), operand(dtype, SQUARE_SHAPE, 0.017)
            yield Case(op, "relu", [a, b], covering(dtype, function(real(a), real(b))),
                       dict(potScaleInt16=False, fusedActivationFunction=1))
        many = operand(dtype, (600, 64), 0.021), operand(dtype, (600, 64), 0.017)
        yield Case("MUL", "many", [*many], covering(dtype, real(many[0]) * real(many[1])))
        for label, b_shape, options in (("", SQUARE_SHAPE, {}), ("row", (64,), {}), ("relu", SQUARE_SHAPE, dict(fusedActivationFunction=1)),
                                        ("scalar", (), {})):
            a, b = operand(dtype, SQUARE_SHAPE, 0.021), operand(dtype, b_shape, 0.017, zero_point_of(dtype, 0.6))
            yield Case("MUL", label, [a, b], covering(dtype, real(a) * real(b)), options)
    a = operand("i16", SQUARE_SHAPE, 2.0**-9)
    b = operand("i16", SQUARE_SHAPE, 2.0**-10)
    yield Case("ADD", "powers-of-two", [a, b], Tensor("i16", SQUARE_SHAPE, 2.0**-8), dict(potScaleInt16=False))
    a, b = operand("i8", SQUARE_SHAPE, 0.021), operand("i8", SQUARE_SHAPE, 0.017)
    yield Case("SQUARED_DIFFERENCE", "", [a, b], covering("i8", (real(a) - real(b))**2))
    for dtype in ("i8", "u8", "i16"):
        zero_point = zero_point_of(dtype)
        high = LIMITS[dtype][1]
        a, b = operand(dtype, SQUARE_SHAPE, 0.021), operand(dtype, SQUARE_SHAPE, 0.017, zero_point, zero_point + high // 20 + 1, high)
        quotients = real(a) / real(b)
        yield Case("DIV", "fine", [a, b], result(dtype, SQUARE_SHAPE, -0.01 * np.ptp(quotients), 0.01 * np.ptp(quotients)))
        yield Case("DIV", "coarse", [a, b], result(dtype, SQUARE_SHAPE, 4 * quotients.min(), 4 * quotients.max()))
        for op in ("MAXIMUM", "MINIMUM"):
            a, b = operand(dtype, SQUARE_SHAPE, 0.021), operand(dtype, (64,), 0.021)
            yield Case(op, "", [a, b], Tensor(dtype, SQUARE_SHAPE, 0.021, zero_point))


def gelu(x, approximate):
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def all_integers(dtype, scale, zero_point, low=None):
    first, last = LIMITS[dtype]
    first = first if low is None else low
    stored = np.arange(first, last + 1).astype(ARRAYS[dtype])[None]
    return Tensor(dtype, stored.shape, scale, zero_point, stored)


def unary():
    """Every integer of the operand's dtype."""
    fixed = {"TANH": {"i8": (1 / 128, 0), "u8": (1 / 128, 128), "i16": (1 / 32768, 0)},
             "LOGISTIC": {"i8": (1 / 256, -128), "u8": (1 / 256, 0), "i16": (1 / 32768, 0)}}
    for dtype in ("i8", "u8", "i16"):
        low, high = LIMITS[dtype]
        for label, reach in (("", 3.3), ("wide", 11.0)):
            x = all_integers(dtype, *spread(dtype, -reach, reach * 0.9))
            for op, function in (("TANH", np.tanh), ("LOGISTIC", lambda a: 1 / (1 + np.exp(-a)))):
                scale, zero_point = fixed[op][dtype]
                yield Case(op, label, [x], Tensor(dtype, x.shape, scale, zero_point))
            for approximate in (True, False):
                yield Case("GELU", f"{label} {'tanh' if approximate else 'erf'}".strip(), [x],
                           covering(dtype, gelu(real(x), approximate)), dict(approximate=approximate))
        x = all_integers(dtype, *spread(dtype, -3.0, 2.2))
        for label, reach in (("", 1.9), ("coarse", 9.7)):
            yield Case("RELU", label, [x], result(dtype, x.shape, 0, reach))
            if dtype != "u8":
                yield Case("ABS", label, [x], result(dtype, x.shape, 0, reach))
        if dtype != "u8":
            yield Case("EXP", "", [x], covering(dtype, np.exp(real(x))))
            yield Case("ABS", "same", [x], Tensor(dtype, x.shape, x.scale, x.zero_point))
            symmetric = all_integers(dtype, 0.02, 0)
            yield Case("NEG", "", [symmetric], Tensor(dtype, symmetric.shape, 0.02, 0))
    # The operands of an RMS norm: not negative, in i8 with all integers above the zero point.
    for dtype in ("i8", "i16"):
        for label, reach in (("to-4", 4.0), ("to-60", 60.0)):
            scale, zero_point = spread(dtype, 0.0, reach)
            for op, low in (("RSQRT", 0.5), ("RSQRT", 0.02), ("SQRT", 0.0)):
                first = zero_point + max(1 if op == "RSQRT" else 0, math.ceil(low / scale))
                x = all_integers(dtype, scale, zero_point, first)
                function = (lambda a: 1 / np.sqrt(a)) if op == "RSQRT" else np.sqrt
                name = f"{low:g}-{label}" if op == "RSQRT" else label
                yield Case(op, name, [x], result(dtype, x.shape, 0, function(real(x)).max()))


def rows():
    for dtype in ("i8", "u8", "i16"):
        out = {"i8": (1 / 256, -128), "u8": (1 / 256, 0), "i16": (1 / 32768, 0)}[dtype]
        for label, reach, shape, beta in (("narrow", 6.0, (4, 30, 63), 1.0), ("beta", 6.0, (4, 30, 63), 0.5), ("20", 20.0, (4, 30, 63), 1.0),
                                          ("100", 100.0, (4, 30, 63), 1.0), ("long", 20.0, (5, 1000), 1.0)):
            scale, zero_point = spread(dtype, -reach, 6.0)
            x = operand(dtype, shape, scale, zero_point)
            yield Case("SOFTMAX", label, [x], Tensor(dtype, shape, *out), dict(beta=beta))
        for op, function in (("MEAN", np.mean), ("SUM", np.sum), ("REDUCE_MAX", np.max)):
            for label, shape, axis in (("last", (3, 40, 64), 2), ("last-768", (2, 25, 768), 2), ("middle", (3, 40, 17), 1), ("three", (1, 9, 8, 40), (1, 2))):
                x = operand(dtype, shape, 0.021)
                y = function(real(x), axis=axis, keepdims=True)
                axes = constant(np.atleast_1d(axis))
                if op == "REDUCE_MAX":
                    to = Tensor(dtype, y.shape, x.scale, x.zero_point)
                else:
                    to = covering(dtype, y)
                yield Case(op, label, [x, axes], to, dict(keepDims=True))
        if dtype != "i16":
            for columns in (16, 64, 768):
                for label, low, high in (("", -3.0, 2.5),):
                    x = operand(dtype, (1, 40, columns), *spread(dtype, low, high))
                    yield Case("L2_NORMALIZATION", f"{columns}{label}", [x], Tensor(dtype, x.shape, 1 / 128, 0 if dtype == "i8" else 128))


def conversions():
    for source, target in (("u8", "i8"), ("i8", "u8"), ("i8", "i8"), ("u8", "u8"), ("i8", "i16"), ("u8", "i16"), ("i16", "i8"), ("i16", "i16")):
        for label, ratio in (("finer", 0.37), ("coarser", 1.9)):
            x = all_integers(source, 0.013, zero_point_of(source))
            width = (LIMITS[source][1] - LIMITS[source][0]) / (LIMITS[target][1] - LIMITS[target][0])
            yield Case("QUANTIZE", label, [x], Tensor(target, x.shape, 0.013 * ratio * width, zero_point_of(target, 0.55)))
    x = all_integers("i8", 0.013, 20)
    yield Case("QUANTIZE", "shift", [x], Tensor("u8", x.shape, 0.013, 148))
    for target in ("i8", "u8", "i16"):
        scale = 0.013 if target != "i16" else 0.00005
        values = (random(target).standard_normal((50, 64)) * 1.2).astype(np.float32)
        yield Case("QUANTIZE", "", [Tensor("f32", values.shape, stored=values)],
                   Tensor(target, values.shape, scale, zero_point_of(target)))
        x = all_integers(target, scale, zero_point_of(target))
        yield Case("DEQUANTIZE", "", [x], Tensor("f32", x.shape))


def movements():
    for dtype in ("i8", "u8", "i16"):
        x = operand(dtype, (2, 6, 4), 0.02)
        same = dict(scale=x.scale, zero_point=x.zero_point)
        yield Case("RESHAPE", "", [x, constant([2, 24])], Tensor(dtype, (2, 24), **same), dict(newShape=[2, 24]))
        yield Case("TRANSPOSE", "", [x, constant([0, 2, 1])], Tensor(dtype, (2, 4, 6), **same))
        yield Case("SLICE", "", [x, constant([0, 1, 2]), constant([2, 4, 2])], Tensor(dtype, (2, 4, 2), **same))
        yield Case("PAD", "", [x, constant([[0, 0], [1, 2], [0, 1]])], Tensor(dtype, (2, 9, 5), **same))
        yield Case("GATHER", "", [x, constant([3, 0, 5])], Tensor(dtype, (2, 3, 4), **same), dict(axis=1))
        y = operand(dtype, (2, 5, 4), 0.02)
        yield Case("CONCATENATION", "", [x, y], Tensor(dtype, (2, 11, 4), **same), dict(axis=1))
    x, y = operand("u8", (2, 60, 4), 0.02), operand("u8", (2, 50, 4), 0.013, 77)
    yield Case("CONCATENATION", "unlike", [x, y], Tensor("u8", (2, 110, 4), 0.017, 90), dict(axis=1))


CASES = [*products(), *sums(), *unary(), *rows(), *conversions(), *movements()]
