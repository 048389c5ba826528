"""Float exports of the real models, executed by onert and by our own evaluator, against ONNX Runtime's outputs."""

import numpy as np
import pytest

from support import GRID, MODELS, VALID_ROWS, CircleFile, export, onert_run, run_model, sample, valid

ENCODERS = {"encoder_dynamo_op18": "encoder", "encoder_dynamo_op21": "encoder", "encoder_sdpa_op23": "encoder",
            "encoder_torchscript_op17": "encoder", "encoder_clipped_op18": "encoder_clipped"}
# Outputs are of order one to ten; fp32 sums in another order differ by some 1e-5.
ENCODER_TOLERANCE = 1e-4
# Of the output's range: soft tokens are scaled by sqrt(hidden).
VISION_TOLERANCE = 2e-5


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_on_onert(name, tmp_path):
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *GRID, "--target", "onert")
    (actual,) = onert_run(circle, [sample("inputs_embeds")], tmp_path)
    expected = sample(f"{ENCODERS[name]}.expected")
    assert np.abs(valid(actual.reshape(expected.shape)) - valid(expected)).max() <= ENCODER_TOLERANCE


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_without_padding_on_onert(name, tmp_path):
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *GRID, "--target", "onert",
                    "--drop-padding")
    (actual,) = onert_run(circle, [sample("inputs_embeds")], tmp_path)
    expected = sample(f"{ENCODERS[name]}.expected")
    actual = actual.reshape(expected.shape)
    assert np.abs(valid(actual) - valid(expected)).max() <= ENCODER_TOLERANCE
    assert not actual[:, VALID_ROWS:].any()


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_with_valid_rows_only(name, tmp_path):
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *GRID, "--valid-rows-io")
    inputs = valid(sample("inputs_embeds"))
    actual = run_model(circle, {"inputs_embeds": inputs}, tmp_path)["last_hidden_state"]
    padded = run_model(MODELS / f"{name}.onnx", {"inputs_embeds": sample("inputs_embeds")}, tmp_path, *GRID)
    expected = valid(padded["last_hidden_state"])
    assert actual.shape == expected.shape
    # Of the output's range: sums over fewer keys are added in another order, nothing else differs.
    assert np.abs(actual - expected).max() <= 1e-6 * np.ptp(expected)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_by_our_evaluator(name, tmp_path):
    actual = run_model(MODELS / f"{name}.onnx", {"inputs_embeds": sample("inputs_embeds")}, tmp_path, *GRID)
    expected = sample(f"{ENCODERS[name]}.expected")
    assert np.abs(valid(actual["last_hidden_state"]) - valid(expected)).max() <= ENCODER_TOLERANCE


@pytest.mark.parametrize("name", ENCODERS)
def test_written_float_file_by_our_evaluator(name, tmp_path):
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *GRID)
    actual = run_model(circle, {"inputs_embeds": sample("inputs_embeds")}, tmp_path)
    expected = sample(f"{ENCODERS[name]}.expected")
    assert np.abs(valid(actual["last_hidden_state"]) - valid(expected)).max() <= ENCODER_TOLERANCE


@pytest.mark.parametrize("name", ENCODERS)
def test_bound_inputs_vanish_and_names_stay(name, tmp_path):
    circle = CircleFile(export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *GRID))
    assert [(t.name, t.dtype, t.shape) for t in circle.inputs] == [("inputs_embeds", "FLOAT32", [1, 63, 64])]
    assert [(t.name, t.dtype, t.shape) for t in circle.outputs] == [("last_hidden_state", "FLOAT32", [1, 63, 64])]


@pytest.mark.parametrize("name", ["encoder_dynamo_op18", "encoder_torchscript_op17"])
def test_bound_files_give_the_same_bytes_as_the_grid(name, tmp_path):
    model = MODELS / f"{name}.onnx"
    by_grid = export(model, tmp_path / "grid.circle", "--float", *GRID)
    by_files = export(model, tmp_path / "bind.circle", "--float",
                      "--bind", f"pixel_position_ids={MODELS / 'pixel_position_ids.npy'}",
                      "--bind", f"attention_mask={MODELS / 'attention_mask.npy'}")
    assert by_grid.read_bytes() == by_files.read_bytes()


def check_tokens(actual, expected):
    assert actual.shape == expected.shape == (6, 64)
    assert np.abs(actual - expected).max() <= VISION_TOLERANCE * np.ptp(expected)


VISION = {"vision_model_static_op18": (), "vision_model_dynamic_op21": GRID}


@pytest.mark.parametrize("padding", [(), ("--drop-padding",)], ids=["padded", "dropped"])
@pytest.mark.parametrize("name", VISION)
def test_vision_model_on_onert(name, padding, tmp_path):
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *VISION[name], "--target", "onert",
                    *padding)
    (actual,) = onert_run(circle, [sample("pixel_values")], tmp_path)
    check_tokens(actual, sample("vision_model.expected"))


@pytest.mark.parametrize("name", VISION)
def test_vision_model_by_our_evaluator(name, tmp_path):
    actual = run_model(MODELS / f"{name}.onnx", {"pixel_values": sample("pixel_values")}, tmp_path, *VISION[name])
    check_tokens(actual["last_hidden_state"], sample("vision_model.expected"))


@pytest.mark.parametrize("name", VISION)
def test_written_vision_model_by_our_evaluator(name, tmp_path):
    circle = export(MODELS / f"{name}.onnx", tmp_path / "out.circle", "--float", *VISION[name])
    actual = run_model(circle, {"pixel_values": sample("pixel_values")}, tmp_path)
    check_tokens(actual["last_hidden_state"], sample("vision_model.expected"))
