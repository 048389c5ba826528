"""Operators that compute over axes: products, reductions, norms, attention, convolution, quantisation."""

import numpy as np

from op_case import Case, K, Random

r = Random("compute")
F = np.float32
# Sums of up to some hundred products in another order than ONNX Runtime's.
SUMS = 2e-5


def I(*values):
    return K(list(values), np.int64)


def products():
    for label, a, b in (("rank2", (5, 7), (7, 3)), ("batch", (2, 4, 5, 7), (2, 4, 7, 3)), ("broadcast", (2, 1, 5, 7), (4, 7, 3)),
                        ("vector-right", (2, 5, 7), (7,)), ("vector-left", (7,), (2, 7, 3)), ("vectors", (7,), (7,)),
                        ("matrix-right", (2, 5, 7), (7, 3))):
        yield Case("MatMul", [r.f(*a), r.f(*b)], opset=13, label=label, tolerance=SUMS)
    yield Case("MatMul", [r.f(2, 5, 7), K(r.f(7, 3))], label="weights", tolerance=SUMS)
    yield Case("MatMul", [K(r.f(5, 7)), r.f(2, 7, 3)], label="weights-left", tolerance=SUMS)
    yield Case("Gemm", [r.f(5, 7), r.f(7, 3)], opset=13, label="no-bias", tolerance=SUMS)
    yield Case("Gemm", [r.f(5, 7), K(r.f(3, 7)), K(r.f(3))], dict(transB=1), label="linear", tolerance=SUMS)
    yield Case("Gemm", [r.f(7, 5), r.f(3, 7), r.f(5, 1)], dict(transA=1, transB=1, alpha=0.5, beta=-2.0), label="all",
               tolerance=SUMS)
    yield Case("Gemm", [r.f(5, 7), r.f(7, 3), r.f(5, 3)], dict(beta=0.0), label="beta0", tolerance=SUMS)
    yield Case("Gemm", [r.f(5, 7), r.f(7, 3), r.f()], label="scalar-bias", tolerance=SUMS)
    for attributes in (dict(), dict(transA=1), dict(transB=1, alpha=0.25), dict(transA=1, transB=1)):
        a = (2, 7, 5) if attributes.get("transA") else (2, 5, 7)
        b = (2, 3, 7) if attributes.get("transB") else (2, 7, 3)
        yield Case("FusedMatMul", [r.f(*a), r.f(*b)], attributes, domain="com.microsoft", tolerance=SUMS,
                   label="-".join(attributes) or "default")
    for label, equation, *shapes in (
            ("matmul", "ij,jk->ik", (3, 4), (4, 5)), ("implicit", "ij,jk", (3, 4), (4, 5)),
            ("attention", "bhid,bhjd->bhij", (2, 3, 4, 5), (2, 3, 6, 5)), ("heads", "bshd,bthd->bhst", (2, 4, 3, 5), (2, 6, 3, 5)),
            ("outer", "i,j->ij", (3,), (4,)), ("transpose", "ijk->kij", (2, 3, 4)), ("sum", "ij->i", (3, 4)),
            ("ellipsis", "...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)), ("dot", "i,i->", (5,), (5,)),
            ("hadamard", "ij,ij->ij", (3, 4), (3, 4)), ("diagonal", "ii->i", (4, 4)), ("spaces", " ij , jk -> ik ", (3, 4), (4, 5))):
        yield Case("Einsum", [r.f(*s) for s in shapes], dict(equation=equation), opset=13, label=label, tolerance=SUMS)


def reductions():
    x = r.f(2, 3, 4, 5)
    for op in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"):
        yield Case(op, [x], dict(axes=[-1]), opset=13, label="attribute")
        yield Case(op, [x], dict(axes=[1, 3], keepdims=0), opset=13, label="attribute-two")
        yield Case(op, [x, I(-1)], opset=18, label="input")
        yield Case(op, [x, I(0, 2)], dict(keepdims=0), opset=18, label="input-two")
        yield Case(op, [x], opset=18, label="all")
        yield Case(op, [x], dict(noop_with_empty_axes=1), opset=18, label="noop")
    yield Case("ReduceSum", [x, I(-1)], opset=13)
    yield Case("ReduceSum", [x, I(1, -1)], dict(keepdims=0), opset=13, label="two")
    yield Case("ReduceSum", [x], dict(keepdims=0), opset=13, label="all")
    yield Case("ReduceSum", [x], dict(noop_with_empty_axes=1), opset=13, label="noop")
    yield Case("ReduceMax", [r.i(3, 4), I(1)], dict(keepdims=0), opset=18, label="int64")
    yield Case("ReduceSum", [r.i(3, 4), I(1)], label="int64")
    yield Case("ReduceProd", [r.i(3, 4, lo=1, hi=4), I(0)], label="int64")
    yield Case("ReduceMax", [r.b(3, 4), I(1)], opset=20, label="bool")
    for axis in (0, 1, -1):
        yield Case("Softmax", [3 * r.f(2, 3, 4)], dict(axis=axis), opset=13, label=f"axis{axis}")
    yield Case("Softmax", [3 * r.f(2, 3, 4)], opset=13, label="default")
    masked = np.where(np.arange(4) < 3, 3 * r.f(2, 3, 4), np.finfo(F).min)
    yield Case("Softmax", [masked.astype(F)], label="masked")


def norms():
    x = r.f(2, 3, 8)
    yield Case("LayerNormalization", [x, K(r.f(8)), K(r.f(8))], opset=17)
    yield Case("LayerNormalization", [x, K(r.f(8))], dict(epsilon=1e-3), opset=17, label="no-bias")
    yield Case("LayerNormalization", [x, K(r.f(3, 8)), K(r.f(3, 8))], dict(axis=1), opset=17, label="axis1")
    yield Case("LayerNormalization", [x, K(r.f(3, 8))], dict(axis=-2), opset=17, label="axis-2")
    yield Case("RMSNormalization", [x, K(r.f(8))], opset=23, label="default")
    yield Case("RMSNormalization", [x, K(r.f(8))], dict(epsilon=1e-2, axis=-1), opset=23, label="epsilon")
    yield Case("RMSNormalization", [x, K(r.f(3, 8))], dict(axis=1), opset=23, label="axis1")
    yield Case("SimplifiedLayerNormalization", [x, K(r.f(8))], dict(axis=-1, epsilon=1e-6))
    for operands, label in (([x, r.f(2, 3, 8), K(r.f(8))], "plain"), ([x, r.f(2, 3, 8), K(r.f(8)), K(r.f(8))], "bias")):
        yield Case("SkipSimplifiedLayerNormalization", operands, dict(epsilon=1e-6), domain="com.microsoft", label=label)


def attentions():
    def qkv(q_heads=4, kv_heads=4, q=5, k=6, d=8):
        return r.f(2, q_heads, q, d), r.f(2, kv_heads, k, d), r.f(2, kv_heads, k, d)

    for opset in (23, 24):
        yield Case("Attention", [*qkv()], opset=opset, label="plain", tolerance=SUMS)
        yield Case("Attention", [*qkv(), K(r.b(5, 6) | np.eye(5, 6, dtype=bool))], dict(scale=1.0), opset=opset,
                   label="bool-mask", tolerance=SUMS)
    yield Case("Attention", [*qkv(), r.f(2, 1, 5, 6)], opset=23, label="float-mask", tolerance=SUMS)
    yield Case("Attention", [*qkv(kv_heads=2)], dict(scale=0.3), opset=23, label="grouped", tolerance=SUMS)
    yield Case("Attention", [*qkv(q=6)], dict(is_causal=1), opset=23, label="causal", tolerance=SUMS)
    yield Case("Attention", [*qkv()], dict(softcap=2.0), opset=23, label="softcap", tolerance=SUMS)
    yield Case("Attention", [r.f(2, 5, 32), r.f(2, 6, 16), r.f(2, 6, 16)], dict(q_num_heads=4, kv_num_heads=2), opset=23,
               label="rank3", tolerance=SUMS)

    angle = r.f(10, 4)
    cos, sin = np.cos(angle), np.sin(angle)
    ids = r.i(2, 5, lo=0, hi=10)
    yield Case("RotaryEmbedding", [r.f(2, 3, 5, 8), K(cos), K(sin), K(ids)], opset=23, label="cache")
    yield Case("RotaryEmbedding", [r.f(2, 3, 5, 8), K(cos[ids]), K(sin[ids])], opset=23, label="positions")
    yield Case("RotaryEmbedding", [r.f(2, 3, 5, 8), K(cos), K(sin), K(ids)], dict(interleaved=1), opset=23, label="interleaved")
    yield Case("RotaryEmbedding", [r.f(2, 5, 24), K(cos), K(sin), K(ids)], dict(num_heads=3), opset=23, label="rank3")
    yield Case("RotaryEmbedding", [r.f(2, 3, 5, 12), K(cos), K(sin), K(ids)], dict(rotary_embedding_dim=8), opset=23,
               label="partial")


def convolutions():
    x = r.f(1, 4, 9, 8)
    yield Case("Conv", [x, K(r.f(6, 4, 3, 3))], opset=13, label="default", tolerance=SUMS)
    yield Case("Conv", [x, K(r.f(6, 4, 3, 3)), K(r.f(6))], dict(pads=[1, 1, 1, 1], strides=[2, 2]), opset=13, label="strides",
               tolerance=SUMS)
    yield Case("Conv", [r.f(2, 3, 8, 8), K(r.f(5, 3, 4, 4)), K(r.f(5))], dict(kernel_shape=[4, 4], strides=[4, 4]), opset=18,
               label="patches", tolerance=SUMS)
    yield Case("Conv", [x, K(r.f(4, 1, 3, 3))], dict(group=4), label="depthwise", tolerance=SUMS)
    yield Case("Conv", [x, K(r.f(6, 2, 3, 3))], dict(group=2, dilations=[2, 2]), opset=22, label="groups-dilated",
               tolerance=SUMS)
    yield Case("Conv", [x, K(r.f(6, 4, 3, 3))], dict(auto_pad="SAME_UPPER", strides=[2, 2]), label="same-upper", tolerance=SUMS)
    yield Case("Conv", [x, K(r.f(6, 4, 2, 2))], dict(auto_pad="SAME_LOWER"), label="same-lower", tolerance=SUMS)
    yield Case("Conv", [x, K(r.f(6, 4, 3, 3))], dict(auto_pad="VALID"), label="valid", tolerance=SUMS)
    yield Case("Conv", [r.f(1, 4, 9), K(r.f(6, 4, 3))], dict(pads=[1, 1]), label="1d", tolerance=SUMS)


def quantisers():
    x = 3 * r.f(2, 3, 4)
    for name, dtype, zero in (("u8", np.uint8, 120), ("i8", np.int8, -7)):
        yield Case("QuantizeLinear", [x, K(0.03, F), K(zero, dtype)], opset=13, label=name)
        yield Case("DequantizeLinear", [K(r.i(2, 3, 4, lo=0, hi=99, dtype=dtype)), K(0.03, F), K(zero, dtype)], opset=13,
                   label=name, constant_only=True)
    yield Case("QuantizeLinear", [x, K(0.03, F)], opset=13, label="no-zero-point")
    yield Case("QuantizeLinear", [x, K([0.03, 0.1, 0.2], F), K([3, 5, 7], np.uint8)], opset=13, label="default-axis")
    yield Case("QuantizeLinear", [x, K([0.03, 0.1, 0.2, 0.05], F), K([3, 5, 7, 9], np.uint8)], dict(axis=-1), opset=19,
               label="axis")
    yield Case("QuantizeLinear", [x, K(1e-4, F), K(0, np.int16)], opset=21, label="i16")
    yield Case("QuantizeLinear", [x, K(1e-4, F), K(700, np.uint16)], opset=21, label="u16")
    yield Case("QuantizeLinear", [x, K(0.03, F)], dict(output_dtype=3), opset=21, label="output-dtype")
    yield Case("QuantizeLinear", [x, K(0.03, F), K(9, np.uint8)], domain="com.microsoft", opset=18)
    yield Case("DequantizeLinear", [K(r.i(2, 3, lo=0, hi=99, dtype=np.uint8)), K(0.03, F), K(9, np.uint8)],
               domain="com.microsoft", opset=18, constant_only=True)
    yield Case("DequantizeLinear", [K(r.i(2, 3, lo=-99, hi=99, dtype=np.int8)), K([0.03, 0.1, 0.2], F)], dict(axis=1), opset=13,
               label="per-channel", constant_only=True)
    yield Case("DequantizeLinear", [K(r.i(6, lo=-9999, hi=9999, dtype=np.int32)), K(1e-3, F)], opset=13, label="i32",
               constant_only=True)
    yield Case("DequantizeLinear", [K(r.i(6, lo=-9999, hi=9999, dtype=np.int16)), K(1e-3, F)], opset=21, label="i16",
               constant_only=True)


CASES = [*products(), *reductions(), *norms(), *attentions(), *convolutions(), *quantisers()]
