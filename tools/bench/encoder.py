#!/usr/bin/env python3
"""Writes a Gemma 4 vision encoder of any size, of random weights, as ONNX with external data. Needs onnx and numpy only.

The spelling is that of an exporter that decomposes everything (opset 18): norms, RoPE over two axes and the mask are written
out; patch positions and the mask are inputs. With --share all layers view the same bytes of the data file.

    tools/bench/encoder.py encoder.onnx --layers 16 --hidden 768 --heads 12 --intermediate 3072 --patches 2520
"""

import argparse
import dataclasses
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper

LOWEST = float(numpy.finfo(numpy.float32).min)


@dataclasses.dataclass
class Size:
    layers: int = 16
    hidden: int = 768
    heads: int = 12
    intermediate: int = 3072
    patches: int = 2520
    share: bool = False

    @property
    def head(self):
        return self.hidden // self.heads


class Weights:
    """The data file; weights are appended as they are asked for."""

    def __init__(self, path, share):
        self.path, self.share = path, share
        self.file = open(path, "wb")
        self.places = {}
        self.random = numpy.random.default_rng(0)

    def place(self, kind, rows, columns):
        """(offset, length) of a (rows, columns) weight: one of each kind where layers share."""
        if not self.share or kind not in self.places:
            data = self.random.standard_normal((rows, columns), dtype=numpy.float32) / numpy.float32(rows ** 0.5)
            self.places[kind] = (self.file.tell(), data.nbytes)
            data.tofile(self.file)
        return self.places[kind]


class Graph:
    """Nodes and initialisers, in the order in which they are made."""

    def __init__(self, weights):
        self.nodes, self.initializers, self.weights = [], {}, weights

    def add(self, op, *inputs, outputs=1, **attributes):
        names = [f"{op.lower()}_{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"node_{names[0]}", **attributes))
        return names if outputs > 1 else names[0]

    def constant(self, name, array):
        if name not in self.initializers:
            self.initializers[name] = onnx.numpy_helper.from_array(numpy.asarray(array), name)
        return name

    def ints(self, *values):
        return self.constant("ints_" + "_".join(map(str, values)), numpy.array(values, numpy.int64))

    def number(self, value):
        return self.constant(f"number_{value}", numpy.float32(value))

    def linear(self, x, name, rows, columns):
        """x (..., rows) times a weight (rows, columns) of the data file."""
        offset, length = self.weights.place(name.split(".")[-1], rows, columns)
        tensor = TensorProto(name=f"{name}.weight", data_type=TensorProto.FLOAT, dims=[rows, columns],
                             data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.weights.path.name), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.initializers[tensor.name] = tensor
        return self.add("MatMul", x, tensor.name)

    def norm(self, x, name=None, width=None):
        mean = self.add("ReduceMean", self.add("Mul", x, x), self.ints(-1), keepdims=1)
        y = self.add("Div", x, self.add("Sqrt", self.add("Add", mean, self.number(1e-6))))
        return self.add("Mul", y, self.constant(f"{name}.weight", numpy.ones(width, numpy.float32))) if name else y

    def halves(self, x, width):
        return self.add("Split", x, self.ints(width // 2, width // 2), outputs=2, axis=-1)


def tables(graph, size):
    """Cosine and sine of each coordinate, (1, S, 1, head / 2), from the positions."""
    quarter = size.head // 4
    frequencies = graph.constant("inverse_frequencies", (100.0 ** (-numpy.arange(quarter) / quarter)).astype(numpy.float32))
    positions = graph.add("Cast", "pixel_position_ids", to=TensorProto.FLOAT)
    result = []
    for axis in (0, 1):
        coordinate = graph.add("Gather", positions, graph.constant(f"axis_{axis}", numpy.array([axis], numpy.int64)), axis=2)
        angles = graph.add("Mul", coordinate, frequencies)
        both = graph.add("Unsqueeze", graph.add("Concat", angles, angles, axis=-1), graph.ints(2))
        result.append((graph.add("Cos", both), graph.add("Sin", both)))
    return result


def rotate(graph, x, angles, head):
    """Each half of a head turns by one coordinate of its patch."""
    turned = []
    for part, (cos, sin) in zip(graph.halves(x, head), angles):
        low, high = graph.halves(part, head // 2)
        swapped = graph.add("Concat", graph.add("Neg", high), low, axis=-1)
        turned.append(graph.add("Add", graph.add("Mul", part, cos), graph.add("Mul", swapped, sin)))
    return graph.add("Concat", *turned, axis=-1)


def layer(graph, x, name, size, angles, mask):
    hidden, heads, head = size.hidden, size.heads, size.head
    split, merged = graph.ints(1, size.patches, heads, head), graph.ints(1, size.patches, hidden)
    y = graph.norm(x, f"{name}.input_layernorm", hidden)
    q, k, v = (graph.add("Reshape", graph.linear(y, f"{name}.{kind}", hidden, hidden), split) for kind in ("q", "k", "v"))
    q = rotate(graph, graph.norm(q, f"{name}.q_norm", head), angles, head)
    k = rotate(graph, graph.norm(k, f"{name}.k_norm", head), angles, head)
    q, v = (graph.add("Transpose", each, perm=[0, 2, 1, 3]) for each in (q, graph.norm(v)))
    logits = graph.add("MatMul", q, graph.add("Transpose", k, perm=[0, 2, 3, 1]))
    context = graph.add("MatMul", graph.add("Softmax", graph.add("Add", logits, mask), axis=-1), v)
    context = graph.add("Reshape", graph.add("Transpose", context, perm=[0, 2, 1, 3]), merged)
    y = graph.norm(graph.linear(context, f"{name}.o", hidden, hidden), f"{name}.post_attention_layernorm", hidden)
    x = graph.add("Add", x, y)
    y = graph.norm(x, f"{name}.pre_feedforward_layernorm", hidden)
    gate = graph.linear(y, f"{name}.gate", hidden, size.intermediate)
    cube = graph.add("Mul", graph.add("Mul", gate, gate), gate)
    inner = graph.add("Add", gate, graph.add("Mul", cube, graph.number(0.044715)))
    tanh = graph.add("Tanh", graph.add("Mul", inner, graph.number((2 / numpy.pi) ** 0.5)))
    gelu = graph.add("Mul", graph.add("Mul", gate, graph.number(0.5)), graph.add("Add", tanh, graph.number(1.0)))
    y = graph.add("Mul", gelu, graph.linear(y, f"{name}.up", hidden, size.intermediate))
    y = graph.linear(y, f"{name}.down", size.intermediate, hidden)
    return graph.add("Add", x, graph.norm(y, f"{name}.post_feedforward_layernorm", hidden))


def write(path, size):
    path = pathlib.Path(path)
    weights = Weights(path.with_suffix(path.suffix + ".data"), size.share)
    graph = Graph(weights)
    angles = tables(graph, size)
    hidden_keys = graph.add("Not", "attention_mask")
    mask = graph.add("Where", hidden_keys, graph.number(LOWEST), graph.number(0.0))
    mask = graph.add("Unsqueeze", mask, graph.ints(1, 2))
    x = "inputs_embeds"
    for i in range(size.layers):
        x = layer(graph, x, f"layers.{i}", size, angles, mask)
    graph.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"], name="node_last_hidden_state"))
    weights.file.close()
    rows = (1, size.patches)
    value = helper.make_tensor_value_info
    model = helper.make_model(
        helper.make_graph(graph.nodes, "encoder",
                          [value("inputs_embeds", TensorProto.FLOAT, (*rows, size.hidden)),
                           value("attention_mask", TensorProto.BOOL, rows),
                           value("pixel_position_ids", TensorProto.INT64, (*rows, 2))],
                          [value("last_hidden_state", TensorProto.FLOAT, (*rows, size.hidden))],
                          list(graph.initializers.values())),
        opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(model.SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    for field in dataclasses.fields(Size):
        if field.type == "bool" or field.type is bool:
            parser.add_argument(f"--{field.name}", action="store_true", help="all layers view the same weights")
        else:
            parser.add_argument(f"--{field.name}", type=int, default=field.default)
    options = vars(parser.parse_args())
    write(options.pop("model"), Size(**options))


if __name__ == "__main__":
    main()
