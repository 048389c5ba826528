"""One TFLite file of many operators side by side, each with operands of its own, written with LiteRT's own schema package."""

import dataclasses
import math

import numpy as np

LIMITS = {"i4": (-8, 7), "i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767), "i32": (-2**31, 2**31 - 1),
          "i64": (-2**40, 2**40)}
ARRAYS = {"i4": np.int8, "i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "f32": np.float32}
TENSOR_TYPES = {"i4": "INT4", "i8": "INT8", "u8": "UINT8", "i16": "INT16", "i32": "INT32", "i64": "INT64", "f32": "FLOAT32"}


@dataclasses.dataclass
class Tensor:
    """dtype, shape and qparams; `stored` is what a graph input is fed and a constant holds, None for a result."""

    dtype: str
    shape: tuple
    scale: object = None  # a float, one for each channel of `axis`, or None
    zero_point: int = 0
    stored: np.ndarray = None
    constant: bool = False
    axis: int = 0

    @property
    def scales(self):
        return None if self.scale is None else np.atleast_1d(np.asarray(self.scale, np.float32))


@dataclasses.dataclass
class Case:
    """One operator. `label` and the dtypes of operands and result name it: "add scales-apart i16 i16 -> i16"."""

    op: str
    label: str
    operands: list  # of Tensor, or None for one left out
    result: Tensor
    options: dict = dataclasses.field(default_factory=dict)
    version: int = 1

    @property
    def id(self):
        dtypes = [t.dtype for t in self.operands if t is not None and t.scale is not None or t is not None and t.dtype == "f32"]
        return " ".join(filter(None, [self.op.lower(), self.label, *dtypes, "->", self.result.dtype]))

    def tensor_name(self, index):
        return f"{self.id}/{index}"

    @property
    def result_name(self):
        return f"{self.id}/result"


def options_type(op):
    irregular = {"BATCH_MATMUL": "BatchMatMulOptions", "MEAN": "ReducerOptions", "SUM": "ReducerOptions",
                 "REDUCE_MAX": "ReducerOptions", "MAXIMUM": "MaximumMinimumOptions", "MINIMUM": "MaximumMinimumOptions",
                 "L2_NORMALIZATION": "L2NormOptions"}
    return irregular.get(op, "".join(word.capitalize() for word in op.split("_")) + "Options")


def packed(tensor):
    """The bytes of a constant: nibbles two a byte, the first in the low half."""
    data = np.ascontiguousarray(tensor.stored.astype(ARRAYS[tensor.dtype]))
    if tensor.dtype != "i4":
        return np.frombuffer(data.tobytes(), np.uint8)
    nibbles = data.reshape(-1).view(np.uint8) & 15
    nibbles = np.append(nibbles, np.zeros(nibbles.size % 2, np.uint8))
    return nibbles[0::2] | nibbles[1::2] << 4


class ModelBuilder:
    def __init__(self):
        from ai_edge_litert import schema_py_generated as schema
        self.schema = schema
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []
        self.model.subgraphs = [self.graph]
        self.codes = {}

    def add_tensor(self, tensor, name):
        out = self.schema.TensorT()
        out.name, out.shape, out.buffer = name.encode(), list(tensor.shape), 0
        out.type = getattr(self.schema.TensorType, TENSOR_TYPES[tensor.dtype])
        if tensor.scale is not None:
            out.quantization = self.schema.QuantizationParametersT()
            out.quantization.scale = tensor.scales
            out.quantization.zeroPoint = np.full(len(tensor.scales), tensor.zero_point, np.int64)
            out.quantization.quantizedDimension = tensor.axis
        if tensor.constant:
            buffer = self.schema.BufferT()
            buffer.data = packed(tensor)
            out.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(out)
        return len(self.graph.tensors) - 1

    def code(self, op, version):
        if (op, version) not in self.codes:
            code = self.schema.OperatorCodeT()
            code.builtinCode = getattr(self.schema.BuiltinOperator, op)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = version
            self.codes[op, version] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self.codes[op, version]

    def add(self, case):
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self.code(case.op, case.version)
        operator.inputs = []
        for i, tensor in enumerate(case.operands):
            operator.inputs.append(-1 if tensor is None else self.add_tensor(tensor, case.tensor_name(i)))
            if tensor is not None and not tensor.constant:
                self.graph.inputs.append(operator.inputs[-1])
        operator.outputs = [self.add_tensor(case.result, case.result_name)]
        self.graph.outputs.extend(operator.outputs)
        if hasattr(self.schema, options_type(case.op) + "T"):
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, options_type(case.op))
            operator.builtinOptions = getattr(self.schema, options_type(case.op) + "T")()
            for name, value in case.options.items():
                assert hasattr(operator.builtinOptions, name), f"{case.op} has no option {name}"
                setattr(operator.builtinOptions, name, value)
        self.graph.operators.append(operator)

    def bytes(self):
        import flatbuffers
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def write_model(cases, path):
    """Writes the file and returns the graph inputs' values by tensor name."""
    builder = ModelBuilder()
    for case in cases:
        builder.add(case)
    path.write_bytes(builder.bytes())
    return {case.tensor_name(i): tensor.stored for case in cases for i, tensor in enumerate(case.operands)
            if tensor is not None and not tensor.constant}
