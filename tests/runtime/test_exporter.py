"""tools/export_gemma4_vision.py: real checkpoints through the exporter and our float `run`, against transformers.

Needs torch and transformers (`tools/test --exporters` installs them); skipped where they are not.
"""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from support import ROOT, command, export, onert_run, run_model

HAVE = all(importlib.util.find_spec(m) for m in ("torch", "transformers", "onnxscript"))
if os.environ.get("G4C_REQUIRE_EXPORTERS") == "1":
    assert HAVE, "--exporters was asked for, but torch, transformers or onnxscript is not installed"
pytestmark = pytest.mark.skipif(not HAVE, reason="torch and transformers are not installed: tools/test --exporters")

TOOL = ROOT / "tools" / "export_gemma4_vision.py"
SMALL = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
             head_dim=16, patch_size=4, pooling_kernel_size=3, position_embedding_size=64,
             rope_parameters={"rope_type": "axial", "rope_theta": 100.0})
# Of the output's range: two layers of fp32 sums in another order than torch's.
TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def exporter():
    """The tool, in this process: importing torch and transformers takes seconds."""
    spec = importlib.util.spec_from_file_location("export_gemma4_vision", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_checkpoint(folder, exporter, dtype="float32", whole=False, **overrides):
    """Saves a seeded random vision model as transformers does; `whole`: as part of a multimodal checkpoint, in two shards."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers.models.gemma4.configuration_gemma4 import Gemma4VisionConfig
    from transformers.models.gemma4.modeling_gemma4 import Gemma4VisionModel
    config = Gemma4VisionConfig(**{**SMALL, **overrides})
    model = Gemma4VisionModel(config)
    generator = torch.Generator().manual_seed(5)
    state = {}
    for name, t in model.state_dict().items():
        if name.endswith(("_min", "_max")):
            state[name] = torch.tensor(-1.5 if name.endswith("_min") else 1.5)
        elif t.ndim >= 2:
            state[name] = torch.randn(t.shape, generator=generator) * t.shape[-1] ** -0.5
        else:
            state[name] = 1 + 0.2 * torch.randn(t.shape, generator=generator)
    model.load_state_dict(state)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    if whole:
        tensors = {f"model.vision_tower.{k}": v for k, v in load_file(folder / "model.safetensors").items()}
        tensors["model.language_model.embed_tokens.weight"] = torch.zeros(7, 5)
        tensors["model.audio_tower.layers.0.self_attn.q_proj.linear.weight"] = torch.zeros(3, 3)
        names = sorted(tensors)
        shards = {f"model-{i + 1:05}-of-00002.safetensors": names[i::2] for i in range(2)}
        for shard, keys in shards.items():
            save_file({k: tensors[k] for k in keys}, folder / shard)
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps(
            {"metadata": {}, "weight_map": {k: shard for shard, keys in shards.items() for k in keys}}))
        vision = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({"model_type": "gemma4", "vision_config": vision}))
    return load_reference(config, state, dtype)


def load_reference(config, state, dtype):
    """transformers' own model in fp32, with the weights as the checkpoint's dtype holds them."""
    import torch
    from transformers.models.gemma4.modeling_gemma4 import Gemma4VisionModel
    config._attn_implementation = "eager"
    model = Gemma4VisionModel(config)
    model.load_state_dict({k: v.to(getattr(torch, dtype)).float() for k, v in state.items()})
    return model.eval()


def ids_of(height, width, seq_len):
    y, x = np.mgrid[0:height, 0:width]
    ids = np.full((1, seq_len, 2), -1, np.int64)
    ids[0, : height * width] = np.stack([x.ravel(), y.ravel()], -1)
    return ids


def reference_output(model, part, x, ids):
    import torch
    with torch.no_grad():
        if part == "encoder":
            return model.encoder(inputs_embeds=torch.from_numpy(x), attention_mask=torch.from_numpy(ids[..., 0] >= 0),
                                 pixel_position_ids=torch.from_numpy(ids)).last_hidden_state.numpy()
        return model(pixel_values=torch.from_numpy(x), pixel_position_ids=torch.from_numpy(ids)).last_hidden_state.numpy()


def check(model, part, onnx, tmp_path, grid, seq_len, options=(), runtime=None):
    height, width = grid
    rng = np.random.default_rng(3)
    ids = ids_of(height, width, seq_len)
    if part == "encoder":
        name, x = "inputs_embeds", rng.standard_normal((1, seq_len, 64)).astype(np.float32)
    else:
        name, x = "pixel_values", rng.random((1, seq_len, 48)).astype(np.float32)
    expected = reference_output(model, part, x, ids)
    if runtime == "onert":
        circle = export(onnx, tmp_path / "out.circle", "--float", "--target", "onert", *options)
        (actual,) = onert_run(circle, [x], tmp_path)
        actual = actual.reshape(expected.shape)
    else:
        actual = run_model(onnx, {name: x}, tmp_path, *options)["last_hidden_state"]
    assert actual.shape == expected.shape
    if part == "encoder":
        actual, expected = actual[:, : height * width], expected[:, : height * width]
    assert np.abs(actual - expected).max() <= TOLERANCE * np.ptp(expected)


def run_tool(exporter, *args):
    assert exporter.main([str(a) for a in args]) == 0


PARTS = ["encoder", "vision-model"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_checkpoint(part, dtype, exporter, tmp_path):
    model = make_checkpoint(tmp_path / "checkpoint", exporter, dtype, standardize=True)
    onnx = tmp_path / "model.onnx"
    # No padding: all 63 rows are valid.
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "-o", onnx)
    check(model, part, onnx, tmp_path, (7, 9) if part == "encoder" else (3, 21), 63,
          ("--grid", "7x9" if part == "encoder" else "3x21"))


@pytest.mark.parametrize("part", PARTS)
def test_multimodal_checkpoint(part, exporter, tmp_path):
    model = make_checkpoint(tmp_path / "checkpoint", exporter, "bfloat16", whole=True)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "-o", onnx)
    check(model, part, onnx, tmp_path, (6, 9), 63, ("--grid", "6x9"))


VARIANTS = {
    "opset17": ["--opset", "17"], "opset20": ["--opset", "20"], "opset21": ["--opset", "21"], "opset24": ["--opset", "24"],
    "sdpa18": ["--attention", "sdpa"], "sdpa23": ["--attention", "sdpa", "--opset", "23"],
    "external": ["--external-data"],
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(part, variant, exporter, tmp_path):
    model = make_checkpoint(tmp_path / "checkpoint", exporter, num_key_value_heads=2)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "-o", onnx, *VARIANTS[variant])
    check(model, part, onnx, tmp_path, (6, 9), 63, ("--grid", "6x9"))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("opset", [17, 18, 23])
def test_dynamic_sequence(part, opset, exporter, tmp_path):
    model = make_checkpoint(tmp_path / "checkpoint", exporter)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", "dynamic", "--opset", opset, "-o", onnx)
    for grid, seq_len in (((6, 9), 63), ((9, 6), 90)):
        check(model, part, onnx, tmp_path, grid, seq_len, ("--grid", f"{grid[0]}x{grid[1]}", "--seq-len", seq_len))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("opset", [17, 18, 23])
def test_clipped_linears(part, opset, exporter, tmp_path, capsys):
    model = make_checkpoint(tmp_path / "checkpoint", exporter, use_clipped_linears=True)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "--opset", opset, "-o", onnx)
    assert ("optimize=False" in capsys.readouterr().err) == (opset >= 18)
    check(model, part, onnx, tmp_path, (6, 9), 63, ("--grid", "6x9"))


@pytest.mark.parametrize("part", PARTS)
def test_baked_grid_on_onert(part, exporter, tmp_path):
    model = make_checkpoint(tmp_path / "checkpoint", exporter, standardize=True)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "--grid", "6x9", "-o", onnx)
    check(model, part, onnx, tmp_path, (6, 9), 63, runtime="onert")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("dtype", ["bf16", "f16"])
def test_half_precision_graph(part, dtype, exporter, tmp_path):
    """The graph stores halves and is executed widened: its weights' rounding is the only difference to fp32."""
    import torch
    model = make_checkpoint(tmp_path / "checkpoint", exporter)
    half = {"bf16": torch.bfloat16, "f16": torch.float16}[dtype]
    state = {k: v.to(half).float() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    model.load_state_dict(state)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "--dtype", dtype, "-o", onnx)
    ids = ids_of(6, 9, 63)
    rng = np.random.default_rng(3)
    name, width = ("inputs_embeds", 64) if part == "encoder" else ("pixel_values", 48)
    x = rng.random((1, 63, width)).astype(np.float32)
    expected = reference_output(model, part, x, ids)
    actual = run_model(onnx, {name: x}, tmp_path, "--grid", "6x9")["last_hidden_state"]
    rows = slice(None, 54) if part == "encoder" else slice(None)
    expected, actual = (expected[0, rows], actual[0, rows]) if part == "encoder" else (expected, actual)
    # Constants that the exporter computes (the epsilon, frequencies cast on the way) are halves too: 2^-8 for bf16.
    assert np.abs(actual - expected).max() <= {"bf16": 2e-2, "f16": 3e-3}[dtype] * np.ptp(expected)


def test_nothing_of_this_machine_is_recorded(exporter, tmp_path):
    make_checkpoint(tmp_path / "checkpoint", exporter)
    for opset in (17, 18):
        onnx = tmp_path / f"model{opset}.onnx"
        run_tool(exporter, tmp_path / "checkpoint", "--seq-len", 63, "--opset", opset, "-o", onnx)
        data = onnx.read_bytes()
        assert str(ROOT).encode() not in data and sys.prefix.encode() not in data and b"/site-packages" not in data
    assert b"site-packages/transformers" in (tmp_path / "model18.onnx").read_bytes()


def test_seeds(exporter, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "gemma4_vision", **SMALL}))
    outputs = []
    for seed in (["--random"], ["--random", "0"], ["--random", "1"]):
        run_tool(exporter, config, *seed, "--seq-len", 63, "--opset", "17", "-o", tmp_path / "model.onnx")
        outputs.append((tmp_path / "model.onnx").read_bytes())
    assert outputs[0] == outputs[1] != outputs[2]


def test_mistakes_are_one_line(tmp_path):
    """Through the command line, as a user meets them."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "gemma4_vision", **SMALL}))
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.json").write_text(config.read_text())
    cases = {(config,): "--random", (tmp_path / "nowhere",): "nowhere", (other, "--random"): "llama",
             (tmp_path / "bare",): "safetensors", (config, "--random", "--grid", "99x99"): "99x99"}
    for args, culprit in cases.items():
        run = subprocess.run([sys.executable, TOOL, *map(str, args), "-o", tmp_path / "out.onnx"], text=True,
                             capture_output=True, timeout=120)
        assert run.returncode == 2
        assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1, run.stderr
        assert culprit in run.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_the_quantised_export_of_a_checkpoint_audits_clean(exporter, tmp_path):
    make_checkpoint(tmp_path / "checkpoint", exporter, num_hidden_layers=1)
    run_tool(exporter, tmp_path / "checkpoint", "--seq-len", 63, "-o", tmp_path / "model.onnx")
    run = command(tmp_path / "model.onnx", "-o", tmp_path / "out.circle", "--grid", "6x9", "--strict")
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("part", PARTS)
def test_batch_of_two_with_grouped_heads(part, exporter, tmp_path):
    """One grid for the whole batch: transformers' outputs of each image, one after the other."""
    model = make_checkpoint(tmp_path / "checkpoint", exporter, num_key_value_heads=2)
    onnx = tmp_path / "model.onnx"
    run_tool(exporter, tmp_path / "checkpoint", "--part", part, "--seq-len", 63, "--batch", 2, "-o", onnx)
    name, width = ("inputs_embeds", 64) if part == "encoder" else ("pixel_values", 48)
    x = np.random.default_rng(3).random((2, 63, width)).astype(np.float32)
    ids = np.repeat(ids_of(6, 9, 63), 2, 0)
    expected = reference_output(model, part, x, ids)
    actual = run_model(onnx, {name: x}, tmp_path, "--grid", "6x9")["last_hidden_state"]
    assert actual.shape == expected.shape
    if part == "encoder":
        actual, expected = actual[:, :54], expected[:, :54]
    assert np.abs(actual - expected).max() <= TOLERANCE * np.ptp(expected)
    circle = export(onnx, tmp_path / "out.circle", "--grid", "6x9", "--float", "--target", "onert")
    (theirs,) = onert_run(circle, [x], tmp_path)
    theirs = theirs.reshape(reference_output(model, part, x, ids).shape)
    assert np.abs((theirs[:, :54] if part == "encoder" else theirs) - expected).max() <= TOLERANCE * np.ptp(expected)
