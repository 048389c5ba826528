"""What the runtime tests share: running the command, reading Circle files, the real runtimes, and measures.

ONNX Runtime is the float truth, onert and LiteRT are the truth about written files. Runtimes that may abort the process
run in a child: `python support.py onert MODEL IN.npz OUT.npz`.
"""

import functools
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODELS = ROOT / "tests" / "data" / "models"
COMMAND = pathlib.Path(os.environ.get("G4C_COMMAND", ROOT / "build" / "bin" / "gemma4-circle-export"))

# The small encoder's patches: 6 rows x 9 columns, then 9 padding patches.
GRID = ("--grid", "6x9")
VALID_ROWS = 54


# ---- the command ----


def command(*args, cwd=None, timeout=300, env=None):
    """Runs the command, with `env` beside the environment; its exit is checked to be an exit, not a crash."""
    if not COMMAND.exists():
        raise FileNotFoundError(f"{COMMAND} is not built: run tools/test")
    run = subprocess.run([str(COMMAND), *map(str, args)], cwd=cwd, timeout=timeout, text=True, errors="replace",
                         env=os.environ | (env or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert 0 <= run.returncode <= 5, f"exit {run.returncode} of {args}\n{run.stderr}"
    return run


def heed_signals():
    """For a child that is to be interrupted: what started the tests may have had signals ignored (nohup, a shell's &)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def succeed(*args, **kwargs):
    run = command(*args, **kwargs)
    assert run.returncode == 0, f"exit {run.returncode} of {' '.join(map(str, args))}\n{run.stderr}"
    return run


def export(model, output, *options):
    """Writes the Circle file and returns its path."""
    succeed(model, "-o", output, *options)
    return pathlib.Path(output)


def run_model(model, feeds, folder, *options):
    """{output name: array} of the `run` verb for one sample, given by input name."""
    source, result = pathlib.Path(folder) / "run_in.npz", pathlib.Path(folder) / "run_out.npz"
    np.savez(source, **{name: np.asarray(value)[None] for name, value in feeds.items()})
    succeed("run", model, "--inputs", source, "-o", result, *options)
    with np.load(result) as outputs:
        return {name: outputs[name][0] for name in outputs.files}


def run_samples(model, samples, folder, *options):
    """The one output of the `run` verb over many samples: {input name: (N, ...)} -> (N, *output shape)."""
    source, result = pathlib.Path(folder) / "run_in.npz", pathlib.Path(folder) / "run_out.npz"
    np.savez(source, **samples)
    succeed("run", model, "--inputs", source, "-o", result, *options)
    with np.load(result) as outputs:
        (name,) = outputs.files
        return outputs[name]


# ---- measures ----


def snr(reference, other):
    """10 log10(signal / noise) in dB over all elements together."""
    reference, other = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    noise = np.sum((reference - other) ** 2)
    return np.inf if noise == 0 else float(10 * np.log10(np.sum(reference**2) / noise))


def valid(array, rows=VALID_ROWS):
    """The unpadded patches of (..., S, hidden)."""
    return np.asarray(array)[..., :rows, :]


def sample(name):
    return np.load(MODELS / f"{name}.npy")


def archive(name):
    with np.load(MODELS / f"{name}.npz") as data:
        return {key: data[key] for key in data.files}


# ---- the real runtimes ----


def ort_session(model):
    """Executes the graph as it is written: every graph optimisation is off."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options)


def ort_run(model, feeds):
    """{output name: array}."""
    session = ort_session(model)
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {i.name: feeds[i.name] for i in session.get_inputs()})))


def in_child(runtime, model, feeds, folder):
    """{name: array} of a runtime in a child process; a runtime's error becomes a failed assertion with its log."""
    source, result = pathlib.Path(folder) / f"{runtime}_in.npz", pathlib.Path(folder) / f"{runtime}_out.npz"
    np.savez(source, **feeds)
    child = subprocess.run([sys.executable, __file__, runtime, str(model), str(source), str(result)], timeout=120,
                           text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    assert child.returncode == 0, f"{runtime} exit {child.returncode} on {model}\n{child.stdout[-3000:]}"
    with np.load(result) as outputs:
        return {name: outputs[name] for name in outputs.files}


def in_order(arrays):
    return {f"{i}": array for i, array in enumerate(arrays)}


def onert_run(model, feeds, folder):
    """The outputs in order."""
    return list(in_child("onert", model, in_order(feeds), folder).values())


def litert_tensors(model, feeds, folder):
    """Every activation of a TFLite file by tensor name, from graph inputs by tensor name: no delegate takes any operator."""
    return in_child("litert_tensors", model, feeds, folder)


def litert_run(model, feeds, folder):
    """The outputs in order, as stored, without delegates. Of a file for another target identifier and schema version are changed
    on the way (Circle's own operators LiteRT lacks)."""
    model = pathlib.Path(model)
    if model.read_bytes()[4:8] != b"TFL3":
        import flatbuffers
        from ai_edge_litert import schema_py_generated as tflite
        tables = tflite.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
        tables.version = 3
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(tables.Pack(builder), file_identifier=b"TFL3")
        model = pathlib.Path(folder) / "model.tflite"
        model.write_bytes(builder.Output())
    return list(in_child("litert", model, in_order(feeds), folder).values())


def litert_samples(model, samples, folder, delegates=False):
    """The one output, as stored, for stored samples (N, *shape) of the one input. `delegates`: the interpreter as it is by
    default, where XNNPACK takes most of the 8-bit operators."""
    return in_child("litert_delegates" if delegates else "litert_kernels", model, {"samples": samples}, folder)["outputs"]


def evaluate_nodes(model, tensors, rounding, folder):
    """{name: stored result} of our integer evaluator for every node alone, on the operands that `tensors` holds by name."""
    source, result = pathlib.Path(folder) / "nodes_in.npz", pathlib.Path(folder) / "nodes_out.npz"
    np.savez(source, **tensors)
    run = subprocess.run([str(COMMAND.with_name("evaluate_nodes")), str(model), str(source), str(result), rounding],
                         timeout=120, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.returncode == 0, run.stderr
    with np.load(result) as results:
        return {name: results[name] for name in results.files}


def stored(reals, tensor):
    """Real numbers as a CircleTensor stores them."""
    if tensor.scale is None:
        return reals
    limits = np.iinfo(tensor.dtype.lower())
    steps = np.rint(reals / tensor.scale[0]) + tensor.zero_point[0]
    return np.clip(steps, limits.min, limits.max).astype(tensor.dtype.lower())


def real(stored_integers, tensor):
    if tensor.scale is None:
        return stored_integers
    return (stored_integers.astype(np.float32) - tensor.zero_point[0]) * tensor.scale[0]


def _onert_main(model, feeds):
    from onert import infer
    from onert.native.libnnfw_api_pybind import prepare_config
    session = infer.session(model, backends="cpu")
    # Outputs of a shape that the file declares too small are only readable from buffers that onert allocates.
    session.session.set_prepare_config(prepare_config.ENABLE_INTERNAL_OUTPUT_ALLOC)
    session.session.prepare()
    session._prepared = True
    session.set_inputs(len(feeds), list(feeds.values()))
    session.session.run()
    session._set_outputs(session.session.output_size())
    return in_order(np.array(output) for output in session.outputs)


KERNELS_ONLY = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"


def _litert_interpreter(model, resolver=KERNELS_ONLY, **options):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    interpreter = Interpreter(model_path=model, num_threads=1, experimental_op_resolver_type=OpResolverType[resolver],
                              **options)
    interpreter.allocate_tensors()
    return interpreter


def _litert_main(model, feeds):
    interpreter = _litert_interpreter(model)
    for detail, value in zip(interpreter.get_input_details(), feeds.values()):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return in_order(np.array(interpreter.get_tensor(d["index"])) for d in interpreter.get_output_details())


def _litert_samples_main(model, feeds, resolver):
    interpreter = _litert_interpreter(model, resolver)
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for value in feeds["samples"]:
        interpreter.set_tensor(source["index"], value)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_tensor(result["index"])))
    return {"outputs": np.stack(outputs)}


def _litert_tensors_main(model, feeds):
    interpreter = _litert_interpreter(model, experimental_preserve_all_tensors=True)
    details = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
    for name, value in feeds.items():
        interpreter.set_tensor(details[name], value)
    interpreter.invoke()
    values = {}
    for name, index in details.items():
        try:
            values[name] = np.array(interpreter.get_tensor(index))
        except ValueError:  # a kernel's own scratch memory
            pass
    return values


def tico_verify(model):
    """What `tico-circle verify` says: a completed process.

    tico's package imports torch when it is loaded, its Circle tools do not need it; so they are loaded without.
    """
    code = ("import importlib.util, sys, types\n"
            "spec = importlib.util.find_spec('tico')\n"
            "package = types.ModuleType('tico')\n"
            "package.__path__ = list(spec.submodule_search_locations)\n"
            "sys.modules['tico'] = package\n"
            "from tico.circle.cli.main import main\n"
            "sys.argv[0] = 'tico-circle'\n"
            "sys.exit(main())\n")
    return subprocess.run([sys.executable, "-c", code, "verify", str(model)], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)


# ---- Circle files, read by the PyPI package circle-schema ----


class CircleTensor:
    def __init__(self, tensor, model):
        self.name = (tensor.name or b"").decode()
        self.shape = [] if tensor.shape is None else [int(d) for d in tensor.shape]
        self.dtype = _dtype_names()[tensor.type]
        q = tensor.quantization
        has = q is not None and q.scale is not None and len(q.scale) > 0
        self.scale = np.asarray(q.scale, np.float32) if has else None
        self.zero_point = np.asarray(q.zeroPoint, np.int64) if has and q.zeroPoint is not None else None
        self.axis = q.quantizedDimension if has else None
        data = model.buffers[tensor.buffer].data
        self.data = None if data is None or len(data) == 0 else np.asarray(data, np.uint8)

    def values(self):
        """The stored elements of a constant."""
        types = {"UINT8": "u1", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FLOAT32": "<f4"}
        return np.frombuffer(self.data.tobytes(), types[self.dtype]).reshape(self.shape)


class CircleFile:
    """One subgraph: tensors, operators as (name, input tensors, output tensors), graph inputs and outputs."""

    def __init__(self, path):
        from circle_schema import circle
        model = circle.Model.ModelT.InitFromPackedBuf(pathlib.Path(path).read_bytes(), 0)
        (graph,) = model.subgraphs
        names = {v: k for k, v in vars(circle.BuiltinOperator.BuiltinOperator).items() if not k.startswith("_")}
        self.tensors = [CircleTensor(t, model) for t in graph.tensors]

        def pick(ids):
            return [self.tensors[i] if i >= 0 else None for i in (ids if ids is not None else [])]

        self.inputs, self.outputs = pick(graph.inputs), pick(graph.outputs)
        self.operators = [(names[model.operatorCodes[op.opcodeIndex].builtinCode], pick(op.inputs), pick(op.outputs))
                          for op in graph.operators]

    def tensor(self, name):
        (found,) = [t for t in self.tensors if t.name == name]
        return found


def _dtype_names():
    from circle_schema import circle
    return {v: k for k, v in vars(circle.TensorType.TensorType).items() if not k.startswith("_")}


if __name__ == "__main__":
    runtime, model_path, source_path, result_path = sys.argv[1:]
    with np.load(source_path) as stored:
        inputs = {key: np.require(stored[key], requirements="C") for key in stored.files}
    main = {"onert": _onert_main, "litert": _litert_main, "litert_tensors": _litert_tensors_main,
            "litert_kernels": functools.partial(_litert_samples_main, resolver=KERNELS_ONLY),
            "litert_delegates": functools.partial(_litert_samples_main, resolver="AUTO")}[runtime]
    np.savez(result_path, **main(model_path, inputs))
