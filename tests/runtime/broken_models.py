"""Makes damaged and unsupported models from the small encoder and from a few bytes."""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from support import MODELS

ENCODER = MODELS / "encoder_dynamo_op18.onnx"


def tiny(nodes, opset=18, initializers=(), dims=(2, 3), functions=(), domains=()):
    """x -> nodes -> y, both f32 of `dims`."""
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, dims)], list(initializers))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=list(functions))


def save(model, folder, name="model.onnx"):
    path = folder / name
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def node(op, inputs, outputs, name=None, **attributes):
    return helper.make_node(op, inputs, outputs, name=name or f"node_{op}", **attributes)


def truncated(folder):
    return save(ENCODER.read_bytes()[:-100_000], folder)


def empty(folder):
    return save(b"", folder)


def random_bytes(folder):
    return save(np.random.default_rng(0).bytes(5000), folder)


def text(folder):
    return save(b"this is no model\n" * 100, folder)


def without_graph(folder):
    return save(helper.make_opsetid("", 18).SerializeToString(), folder)


def lstm(folder):
    nodes = [node("LSTM", ["x", "w", "w"], ["y"], name="the_lstm", hidden_size=3)]
    return save(tiny(nodes, initializers=[numpy_helper.from_array(np.ones((1, 12, 3), np.float32), "w")]), folder)


def two_unknown(folder):
    return save(tiny([node("LSTM", ["x"], ["h"], name="first_unknown"), node("GRU", ["h"], ["y"], name="second_unknown")]),
                folder)


def unknown_attribute(folder):
    return save(tiny([node("Softmax", ["x"], ["y"], name="odd_softmax", temperature=2.0)]), folder)


def unknown_domain(folder):
    return save(tiny([node("Relu", ["x"], ["y"], name="odd_relu", domain="com.example")], domains=["com.example"]), folder)


def opset_12(folder):
    return save(tiny([node("Relu", ["x"], ["y"])], opset=12), folder)


def opset_99(folder):
    return save(tiny([node("Relu", ["x"], ["y"])], opset=99), folder)


def dangling(folder):
    return save(tiny([node("Add", ["x", "from_nowhere"], ["y"], name="reader")]), folder)


def duplicate(folder):
    nodes = [node("Relu", ["x"], ["twice"]), node("Neg", ["x"], ["twice"]), node("Add", ["x", "twice"], ["y"])]
    return save(tiny(nodes), folder)


def duplicate_of_input(folder):
    return save(tiny([node("Relu", ["x"], ["x"]), node("Neg", ["x"], ["y"])]), folder)


def cycle(folder):
    nodes = [node("Add", ["x", "b"], ["a"], name="loop_a"), node("Relu", ["a"], ["b"], name="loop_b"),
             node("Neg", ["b"], ["y"])]
    return save(tiny(nodes), folder)


def output_of_nothing(folder):
    return save(tiny([node("Relu", ["x"], ["z"])]), folder)


def weight(dims=(2, 3), raw=None, **external):
    """An initializer w as given, valid or not."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)
    if external:
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in external.items():
            tensor.external_data.add(key=key, value=str(value))
    else:
        tensor.raw_data = raw if raw is not None else bytes(4 * int(np.prod(dims)))
    return tensor


def with_weight(folder, tensor):
    return save(tiny([node("Add", ["x", "w"], ["y"])], initializers=[tensor]), folder)


def raw_too_short(folder):
    return with_weight(folder, weight(raw=bytes(20)))


def raw_too_long(folder):
    return with_weight(folder, weight(raw=bytes(28)))


def float_data_short(folder):
    return with_weight(folder, TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(2, 3), float_data=[1.0, 2.0]))


def negative_dim(folder):
    return with_weight(folder, weight(dims=(-2, 3), raw=bytes(24)))


def overflowing_dims(folder):
    return with_weight(folder, weight(dims=(1 << 40, 1 << 40), raw=bytes(24)))


def shape_mismatch(folder):
    return with_weight(folder, weight(dims=(4, 5)))


def negative_input_dim(folder):
    return save(tiny([node("Relu", ["x"], ["y"])], dims=(-2, 3)), folder)


def external_missing(folder):
    return with_weight(folder, weight(location="weights.bin", length=24))


def external_short(folder):
    (folder / "weights.bin").write_bytes(bytes(10))
    return with_weight(folder, weight(location="weights.bin", length=24))


def external_offset_past_end(folder):
    (folder / "weights.bin").write_bytes(bytes(24))
    return with_weight(folder, weight(location="weights.bin", offset=1 << 40, length=24))


def external_wrong_length(folder):
    (folder / "weights.bin").write_bytes(bytes(64))
    return with_weight(folder, weight(location="weights.bin", length=32))


def external_negative_length(folder):
    (folder / "weights.bin").write_bytes(bytes(24))
    return with_weight(folder, weight(location="weights.bin", offset=0, length=-24))


def external_offset_that_wraps(folder):
    """Offset + length is 16 in 64 bits."""
    (folder / "weights.bin").write_bytes(bytes(24))
    return with_weight(folder, weight(location="weights.bin", offset=(1 << 64) - 8, length=24))


def external_folder(folder):
    (folder / "weights.bin").mkdir()
    return with_weight(folder, weight(location="weights.bin", length=24))


def external_parent(folder):
    (folder / "weights.bin").write_bytes(bytes(24))
    inner = folder / "inner"
    inner.mkdir()
    return with_weight(inner, weight(location="../weights.bin", length=24))


def external_absolute(folder):
    (folder / "weights.bin").write_bytes(bytes(24))
    return with_weight(folder, weight(location=str(folder / "weights.bin"), length=24))


def external_symlink(folder):
    (folder / "secret.bin").write_bytes(bytes(24))
    inner = folder / "inner"
    inner.mkdir()
    os.symlink(folder / "secret.bin", inner / "weights.bin")
    return with_weight(inner, weight(location="weights.bin", length=24))


def field(number, payload):
    """One length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def nested_subgraphs(folder, depth=10_000):
    """If in If in If: the wire bytes directly, as protobuf libraries refuse to write such a thing."""
    heads, tails = [], []
    size = 0
    for _ in range(depth):
        # GraphProto{node: NodeProto{input, output, op_type, attribute: {name, type, g: inner}}}
        attribute_rest = field(1, b"then_branch") + _varint(20 << 3) + _varint(5)
        g_head = _varint(6 << 3 | 2) + _varint(size)
        attribute = len(g_head) + size + len(attribute_rest)
        node_head = field(1, b"c") + field(2, b"y") + field(4, b"If") + _varint(5 << 3 | 2) + _varint(attribute)
        node_size = len(node_head) + attribute
        graph_head = _varint(1 << 3 | 2) + _varint(node_size)
        heads.append(graph_head + node_head + g_head)
        tails.append(attribute_rest)
        size = len(graph_head) + node_size
    graph = b"".join(reversed(heads)) + b"".join(tails)
    assert len(graph) == size
    return save(_varint(1 << 3) + _varint(10) + field(7, graph) + field(8, _varint(2 << 3) + _varint(18)), folder)


def nested_functions(folder, depth=10_000):
    """f0 calls f1 calls f2 ...: flat on the wire, deep when inlined."""
    functions = []
    for i in range(depth):
        inner = node(f"f{i + 1}", ["a"], ["b"], domain="local") if i + 1 < depth else node("Relu", ["a"], ["b"])
        functions.append(helper.make_function("local", f"f{i}", ["a"], ["b"], [inner],
                                              [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]))
    return save(tiny([node("f0", ["x"], ["y"], domain="local")], functions=functions, domains=["local"]), folder)


def recursive_function(folder):
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    again = helper.make_function("local", "again", ["a"], ["b"], [node("again", ["a"], ["b"], domain="local")], opsets)
    return save(tiny([node("again", ["x"], ["y"], domain="local")], functions=[again], domains=["local"]), folder)


def poisoned(value):
    """The small encoder with one element of a weight matrix replaced."""
    def make(folder):
        model = onnx.load(ENCODER)
        tensor = next(t for t in model.graph.initializer if t.name == POISONED)
        data = numpy_helper.to_array(tensor).copy()
        data.flat[7] = value
        tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))
        return save(model, folder)
    return make


def _first_matrix():
    return next(t.name for t in onnx.load(ENCODER).graph.initializer if len(t.dims) == 2 and min(t.dims) >= 64)


POISONED = _first_matrix()
