"""Bad input: the right exit code, one message that names the culprit, an existing output untouched, nothing left behind."""

import os

import numpy as np
import onnx
import pytest

import broken_models as broken
from support import GRID, MODELS, archive, command

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATION = ("--calibration", MODELS / "calibration.npz")
USAGE, INPUT, UNSUPPORTED, WRITING = 1, 2, 4, 5


def snapshot(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def refuse(model, options, code, culprits, folder):
    """Exports over an existing file and checks everything that a refusal promises. Returns stderr."""
    output = folder / "kept.circle"
    output.write_bytes(b"precious")
    before = snapshot(folder)
    run = command(model, "-o", output, *options)
    assert run.returncode == code, run.stderr
    for culprit in culprits:
        assert culprit in run.stderr, f"{culprit!r} is not in:\n{run.stderr}"
    assert run.stderr.startswith("error: "), run.stderr
    assert output.read_bytes() == b"precious"
    assert snapshot(folder) == before
    return run.stderr


# (maker, exit code, what the message must name)
BROKEN = [
    (broken.truncated, INPUT, ["model.onnx"]),
    (broken.empty, INPUT, ["model.onnx"]),
    (broken.random_bytes, INPUT, ["model.onnx"]),
    (broken.text, INPUT, ["model.onnx"]),
    (broken.without_graph, INPUT, ["model.onnx"]),
    (broken.lstm, UNSUPPORTED, ["LSTM", "the_lstm"]),
    (broken.two_unknown, UNSUPPORTED, ["LSTM", "first_unknown", "GRU", "second_unknown"]),
    (broken.unknown_attribute, UNSUPPORTED, ["temperature", "odd_softmax"]),
    (broken.unknown_domain, UNSUPPORTED, ["com.example", "odd_relu"]),
    (broken.opset_12, UNSUPPORTED, ["opset", "12"]),
    (broken.opset_99, UNSUPPORTED, ["opset", "99"]),
    (broken.dangling, INPUT, ["from_nowhere", "reader"]),
    (broken.duplicate, INPUT, ["twice"]),
    (broken.duplicate_of_input, INPUT, ["'x'"]),
    (broken.cycle, INPUT, ["loop_"]),
    (broken.output_of_nothing, INPUT, ["y ", "output of the graph"]),
    (broken.raw_too_short, INPUT, ["'w'", "20"]),
    (broken.raw_too_long, INPUT, ["'w'", "28"]),
    (broken.float_data_short, INPUT, ["'w'"]),
    (broken.negative_dim, INPUT, ["'w'", "-2"]),
    (broken.overflowing_dims, INPUT, ["'w'"]),
    (broken.shape_mismatch, INPUT, ["node_Add"]),
    (broken.negative_input_dim, INPUT, ["'x'"]),
    (broken.external_missing, INPUT, ["weights.bin", "'w'"]),
    (broken.external_short, INPUT, ["weights.bin", "'w'"]),
    (broken.external_offset_past_end, INPUT, ["weights.bin", "'w'"]),
    (broken.external_wrong_length, INPUT, ["'w'"]),
    (broken.external_negative_length, INPUT, ["'-24'", "'w'"]),
    (broken.external_offset_that_wraps, INPUT, ["weights.bin", "18446744073709551608", "'w'"]),
    (broken.external_folder, INPUT, ["weights.bin", "is a folder", "'w'"]),
    (broken.external_parent, INPUT, ["../weights.bin", "'w'"]),
    (broken.external_absolute, INPUT, ["weights.bin", "'w'"]),
    (broken.external_symlink, INPUT, ["weights.bin", "'w'"]),
    (broken.nested_subgraphs, INPUT, ["nest"]),
    (broken.nested_functions, INPUT, ["nest"]),
    (broken.recursive_function, INPUT, ["again"]),
]


@pytest.mark.parametrize("make, code, culprits", [pytest.param(*b, id=b[0].__name__) for b in BROKEN])
def test_broken_model(make, code, culprits, tmp_path):
    refuse(make(tmp_path), ("--float",), code, culprits, tmp_path)


def test_all_dangling_inputs_are_named(tmp_path):
    path = MODELS / "encoder_clipped_broken_op18.onnx"
    graph = onnx.load(path).graph
    known = {t.name for t in (*graph.initializer, *graph.input)} | {o for n in graph.node for o in n.output}
    dangling = {i for n in graph.node for i in n.input if i and i not in known}
    assert len(dangling) == 12
    stderr = refuse(path, (*GRID, "--float"), INPUT, sorted(dangling), tmp_path)
    assert "optimize=False" in stderr


def test_a_wide_model_is_not_a_deep_one(tmp_path):
    """Depth limits are about nesting: ten thousand nodes in a row are fine."""
    nodes = [broken.node("Relu", ["x" if i == 0 else f"v{i}"], [f"v{i + 1}"]) for i in range(10_000)]
    nodes.append(broken.node("Relu", ["v10000"], ["y"]))
    run = command(broken.save(broken.tiny(nodes), tmp_path), "-o", tmp_path / "out.circle", "--float")
    assert run.returncode == 0, run.stderr


def test_repeated_and_empty_node_names_are_fine(tmp_path):
    nodes = [broken.node("Neg", ["x"], ["a"], name="same"), broken.node("Abs", ["a"], ["b"], name="same"),
             broken.node("Exp", ["b"], ["y"], name="")]
    nodes[-1].name = ""
    run = command(broken.save(broken.tiny(nodes), tmp_path), "-o", tmp_path / "out.circle", "--float")
    assert run.returncode == 0, run.stderr


# ---- what the options name ----


def saved(folder, array, name="data.npy"):
    np.save(folder / name, array)
    return folder / name


IDS = np.load(MODELS / "pixel_position_ids.npy")
EMBEDS = archive("calibration")["inputs_embeds"]

# (id, maker of the options, exit code, culprits)
OPTIONS = [
    ("bind-unknown", lambda d: ("--bind", f"pixels={saved(d, IDS)}", *GRID), INPUT, ["pixels"]),
    ("bind-shape", lambda d: ("--bind", f"pixel_position_ids={saved(d, IDS[:, :60])}"), INPUT,
     ["pixel_position_ids", "60", "63"]),
    ("bind-dtype", lambda d: ("--bind", f"pixel_position_ids={saved(d, IDS.astype(np.float32))}"), INPUT,
     ["pixel_position_ids"]),
    ("bind-missing-file", lambda d: ("--bind", f"pixel_position_ids={d / 'nowhere.npy'}"), INPUT, ["nowhere.npy"]),
    ("bind-no-npy", lambda d: ("--bind", f"pixel_position_ids={ENCODER}"), INPUT, ["encoder_dynamo_op18.onnx"]),
    ("unbound-ids", lambda d: (), INPUT, ["pixel_position_ids", "--grid", "--profile", "--bind"]),
    ("grid-larger-than-S", lambda d: ("--grid", "9x9"), INPUT, ["9x9", "81", "63"]),
    ("unknown-profile", lambda d: ("--profile", "nowhere"), INPUT, ["nowhere"]),
    ("calibration-missing", lambda d: (*GRID, "--calibration", d / "nowhere.npz"), INPUT, ["nowhere.npz"]),
    ("calibration-damaged", lambda d: (*GRID, "--calibration", broken.save(b"PK\3\4 junk", d, "bad.npz")), INPUT, ["bad.npz"]),
    ("calibration-without-the-input", lambda d: (*GRID, "--calibration", named(d, pixels=EMBEDS)), INPUT,
     ["inputs_embeds", "pixels"]),
    ("calibration-surplus-key", lambda d: (*GRID, "--calibration", named(d, inputs_embeds=EMBEDS, test=EMBEDS)), INPUT,
     ["test"]),
    ("calibration-shape", lambda d: (*GRID, "--calibration", named(d, inputs_embeds=EMBEDS[:, :, :32])), INPUT,
     ["inputs_embeds", "32"]),
    ("calibration-empty", lambda d: (*GRID, "--calibration", named(d, inputs_embeds=EMBEDS[:0])), INPUT, ["inputs_embeds"]),
    ("calibration-nan", lambda d: (*GRID, "--calibration", named(d, inputs_embeds=spoiled(np.nan))), INPUT, ["inputs_embeds"]),
    ("calibration-inf", lambda d: (*GRID, "--calibration", named(d, inputs_embeds=spoiled(np.inf))), INPUT, ["inputs_embeds"]),
    ("qparams-missing", lambda d: (*GRID, "--qparams", d / "nowhere.json"), INPUT, ["nowhere.json"]),
    ("qparams-damaged", lambda d: (*GRID, "--qparams", broken.save(b"{]", d, "bad.json")), INPUT, ["bad.json"]),
    ("no-float-islands", lambda d: (*GRID, *CALIBRATION, "--activation", "i8", "--target", "onert", "--no-float-islands"), UNSUPPORTED,
     ["onert", "GELU breaks operators.GELU: takes f32; this is i8", "layers.0.mlp"]),
    ("unknown-target", lambda d: (*GRID, *CALIBRATION, "--target", "npu"), USAGE, ["npu", "circle, onert, litert"]),
    ("onert-i16", lambda d: (*GRID, *CALIBRATION, "--activation", "i16", "--target", "onert"), UNSUPPORTED, ["onert", "i16"]),
    ("unknown-option", lambda d: (*GRID, "--frobnicate"), USAGE, ["--frobnicate"]),
    ("bad-grid", lambda d: ("--grid", "6"), USAGE, ["--grid"]),
    ("zero-grid", lambda d: ("--grid", "0x9"), USAGE, ["--grid"]),
    ("bad-activation", lambda d: (*GRID, "--activation", "u3"), USAGE, ["u3"]),
    ("float-and-calibration", lambda d: (*GRID, "--float", *CALIBRATION), USAGE, ["--float"]),
    ("grid-and-profile", lambda d: (*GRID, "--profile", "e2b_66x36_264"), USAGE, ["--grid", "--profile"]),
    ("bad-jobs", lambda d: (*GRID, "--jobs", "0"), USAGE, ["--jobs"]),
    ("bad-bind", lambda d: ("--bind", "pixel_position_ids"), USAGE, ["--bind"]),
    ("bad-audit-ending", lambda d: (*GRID, "--audit", d / "audit.pdf"), USAGE, ["audit.pdf"]),
    ("option-of-later", lambda d: (*GRID, "--mixed"), USAGE, ["--mixed"]),
]


def named(folder, **arrays):
    np.savez(folder / "samples.npz", **arrays)
    return folder / "samples.npz"


def spoiled(value):
    embeds = EMBEDS.copy()
    embeds[3, 5, 7] = value
    return embeds


@pytest.mark.parametrize("make, code, culprits", [pytest.param(*o[1:], id=o[0]) for o in OPTIONS])
def test_bad_options(make, code, culprits, tmp_path):
    refuse(ENCODER, make(tmp_path), code, culprits, tmp_path)


def test_missing_model(tmp_path):
    refuse(tmp_path / "nowhere.onnx", GRID, INPUT, ["nowhere.onnx"], tmp_path)


def test_folder_as_model(tmp_path):
    refuse(MODELS, GRID, INPUT, ["models"], tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", [("--float",), CALIBRATION], ids=["float", "calibrated"])
def test_weights_that_are_no_numbers(value, options, tmp_path):
    refuse(broken.poisoned(value)(tmp_path), (*GRID, *options), INPUT, [broken.POISONED], tmp_path)


# ---- where the output goes ----


def test_output_folder_missing(tmp_path):
    run = command(ENCODER, "-o", tmp_path / "nowhere" / "out.circle", *GRID, "--float")
    assert run.returncode == WRITING
    assert "nowhere" in run.stderr
    assert snapshot(tmp_path) == []


def test_output_folder_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    run = command(ENCODER, "-o", tmp_path / "file" / "out.circle", *GRID, "--float")
    assert run.returncode == WRITING
    assert "file" in run.stderr
    assert snapshot(tmp_path) == ["file"]


def test_output_is_a_folder(tmp_path):
    (tmp_path / "out.circle").mkdir()
    run = command(ENCODER, "-o", tmp_path / "out.circle", *GRID, "--float")
    assert run.returncode == WRITING
    assert "out.circle" in run.stderr
    assert snapshot(tmp_path) == ["out.circle"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_output_folder_read_only(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    run = command(ENCODER, "-o", folder / "out.circle", *GRID, "--float")
    assert run.returncode == WRITING
    assert "locked" in run.stderr


def test_output_folder_nobody_can_write(tmp_path):
    """Root too: the kernel's own file system takes no files."""
    run = command(ENCODER, "-o", "/proc/out.circle", *GRID, "--float")
    assert run.returncode == WRITING
    assert "/proc" in run.stderr


# ---- the other verbs ----


def circle_cut_short(folder):
    return broken.save((MODELS / "encoder_tico_u8.q.circle").read_bytes()[:5000], folder, "cut.circle")


def circle_random(folder):
    return broken.save(np.random.default_rng(1).bytes(4000), folder, "random.circle")


def circle_empty(folder):
    return broken.save(b"", folder, "empty.circle")


def circle_identifier_only(folder):
    return broken.save(b"\x10\0\0\0CIR0" + bytes(24), folder, "stub.circle")


@pytest.mark.parametrize("verb", ["inspect", "audit", "verify"])
@pytest.mark.parametrize("make", [circle_cut_short, circle_random, circle_empty, circle_identifier_only])
def test_verbs_on_damaged_files(verb, make, tmp_path):
    path = make(tmp_path)
    run = command(verb, path)
    assert run.returncode == INPUT, run.stderr
    assert path.name in run.stderr


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_crash_the_reader(seed, tmp_path):
    """Some flips are harmless; none may crash (support.command checks that the process exited by itself)."""
    rng = np.random.default_rng(seed)
    data = bytearray((MODELS / "encoder_tico_u8.q.circle").read_bytes())
    for position in rng.integers(0, len(data), 20):
        data[position] = int(rng.integers(0, 256))
    path = broken.save(bytes(data), tmp_path, "flipped.circle")
    for verb in ("verify", "audit"):
        assert command(verb, path).returncode in (0, INPUT, 3, UNSUPPORTED)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_crash_the_frontend(seed, tmp_path):
    rng = np.random.default_rng(seed)
    data = bytearray(ENCODER.read_bytes())
    # Weights come last in the file and are mere numbers; damage in what precedes them is what matters.
    for position in rng.integers(0, len(data) // 2, 20):
        data[position] = int(rng.integers(0, 256))
    run = command(broken.save(bytes(data), tmp_path), "-o", tmp_path / "out.circle", *GRID, "--float")
    assert run.returncode in (0, INPUT, UNSUPPORTED)


def test_run_refuses_what_does_not_fit(tmp_path):
    np.savez(tmp_path / "in.npz", inputs_embeds=EMBEDS[:, :, :32])
    run = command("run", ENCODER, "--inputs", tmp_path / "in.npz", "-o", tmp_path / "out.npz", *GRID)
    assert run.returncode == INPUT
    assert "inputs_embeds" in run.stderr
    assert not (tmp_path / "out.npz").exists()


def test_no_verb_no_model():
    assert command().returncode == USAGE


def test_version_and_help():
    assert command("--version").returncode == 0
    assert command("--help").returncode == 0
