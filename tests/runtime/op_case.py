"""One operator as a small ONNX model: how the tables of op_cases_*.py describe it."""

import dataclasses
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NEWEST = 24


class K:
    """An operand that stays an initializer where the others are graph inputs (shapes, axes, scales)."""

    def __init__(self, value, dtype=None):
        self.value = np.asarray(value, dtype)


@dataclasses.dataclass
class Case:
    op: str
    operands: list  # arrays, K, or None for an optional operand that is left out
    attributes: dict = dataclasses.field(default_factory=dict)
    opset: int = 18
    domain: str = ""
    outputs: int = 1
    label: str = ""
    # The operator makes sense on constants only (the shape of its result depends on values).
    constant_only: bool = False
    # Differences of float results over the range of the expected ones.
    tolerance: float = 1e-5
    node_list: list = None  # replaces the one node: its result is 'y0'

    @property
    def id(self):
        return "-".join(p for p in (self.domain.removeprefix("com."), self.op, f"op{self.opset}", self.label) if p)

    def nodes(self, names):
        if self.node_list is not None:
            return self.node_list
        return [helper.make_node(self.op, names, [f"y{i}" for i in range(self.outputs)], name=f"node_{self.op}",
                                 domain=self.domain, **self.attributes)]

    def model(self, constant):
        """(model, feeds). With `constant` every operand is an initializer, and the result meets a graph input after it."""
        names, inputs, initializers, feeds = [], [], [], {}
        for i, operand in enumerate(self.operands):
            if operand is None:
                names.append("")
                continue
            names.append(f"x{i}")
            array = operand.value if isinstance(operand, K) else np.asarray(operand)
            if constant or isinstance(operand, K):
                initializers.append(as_tensor(array, names[-1]))
            else:
                inputs.append(helper.make_tensor_value_info(names[-1], helper.np_dtype_to_tensor_dtype(array.dtype),
                                                            array.shape))
                feeds[names[-1]] = array
        while names and names[-1] == "":
            names.pop()
        nodes = list(self.nodes(names))
        outputs = [f"y{i}" for i in range(self.outputs)]
        if constant:
            # A graph without inputs is of no use to anybody, so a zero is added to every result.
            inputs.append(helper.make_tensor_value_info("zero", TensorProto.FLOAT, []))
            feeds["zero"] = np.zeros((), np.float32)
            for i, name in enumerate(outputs):
                nodes.append(helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT))
                nodes.append(helper.make_node("Add", [f"{name}_float", "zero"], [f"out{i}"]))
            outputs = [f"out{i}" for i in range(self.outputs)]
        opsets = [helper.make_opsetid("", self.opset)]
        if self.domain:
            opsets.append(helper.make_opsetid(self.domain, 1))
        graph = helper.make_graph(nodes, "graph", inputs, [helper.make_empty_tensor_value_info(o) for o in outputs],
                                  initializers)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return model, feeds


def as_tensor(array, name):
    return array if isinstance(array, onnx.TensorProto) else numpy_helper.from_array(np.asarray(array), name)


class Random:
    """Seeded operands: a table's cases do not change when others are added before them."""

    def __init__(self, key):
        self.rng = np.random.default_rng(zlib.crc32(key.encode()))

    def f(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def positive(self, *shape):
        return (0.1 + np.abs(self.rng.standard_normal(shape))).astype(np.float32)

    def unit(self, *shape):
        return self.rng.uniform(-1, 1, shape).astype(np.float32)

    def i(self, *shape, lo=-9, hi=10, dtype=np.int64):
        return self.rng.integers(lo, hi, shape).astype(dtype)

    def b(self, *shape):
        return self.rng.integers(0, 2, shape).astype(bool)
