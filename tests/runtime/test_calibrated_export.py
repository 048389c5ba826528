"""Float graphs quantised here: accuracy of the integers, qparam files, reproducible bytes."""

import json
import shutil

import numpy as np
import pytest

from support import (GRID, MODELS, CircleFile, archive, command, export, run_samples, snr, succeed, tico_verify, valid)

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATION = ("--calibration", MODELS / "calibration.npz")

# SNR in dB over the 16 evaluation samples and their valid rows together, integers against fp32.
ACCURACY = {("u8", "u8"): 13.3, ("i16", "u8"): 29.7, ("i16", "i16"): 45.0}


@pytest.mark.parametrize("activation, weight", ACCURACY)
def test_accuracy(activation, weight, tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--activation", activation, "--weight", weight)
    samples = archive("evaluation")
    actual = run_samples(circle, {"inputs_embeds": samples["inputs_embeds"]}, tmp_path).reshape(16, 63, 64)
    assert snr(valid(samples["last_hidden_state"]), valid(actual)) >= ACCURACY[activation, weight]


@pytest.mark.parametrize("activation", ["u8", "i8", "i16"])
@pytest.mark.parametrize("weight", ["u8", "i8", "u4", "i4", "i16"])
def test_every_combination_is_consistent(activation, weight, tmp_path):
    audit = tmp_path / "audit.json"
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--activation", activation, "--weight", weight,
                    "--audit", audit, "--strict")
    summary = json.loads(audit.read_text())["summary"]
    assert (summary["missing"], summary["inconsistent"]) == (0, 0)
    assert tico_verify(circle).returncode == 0
    samples = archive("evaluation")["inputs_embeds"][:2]
    assert np.isfinite(run_samples(circle, {"inputs_embeds": samples}, tmp_path)).all()


def test_file_types(tmp_path):
    circle = CircleFile(export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION))
    assert circle.inputs[0].dtype == circle.outputs[0].dtype == "UINT8"
    linears = [inputs for op, inputs, _ in circle.operators if op == "FULLY_CONNECTED"]
    assert len(linears) == 14  # q, k, v, o, gate, up, down of two layers
    for x, weight, bias in linears:
        assert (x.dtype, weight.dtype, weight.scale.size, weight.axis) == ("UINT8", "UINT8", weight.shape[0], 0)
        if bias is not None:
            assert bias.dtype == "INT32"
            np.testing.assert_array_equal(bias.scale, x.scale * weight.scale)


def test_i16_biases_and_ranges(tmp_path):
    circle = CircleFile(export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--activation", "i16"))
    for op, inputs, outputs in circle.operators:
        for tensor in (*inputs, *outputs):
            if tensor is not None and tensor.dtype == "INT16":
                assert not tensor.zero_point.any(), tensor.name
        if op == "FULLY_CONNECTED" and inputs[2] is not None:
            assert inputs[2].dtype == "INT64"
        if op == "SOFTMAX":
            assert outputs[0].scale.tolist() == [1 / 32768]


def test_float_io(tmp_path):
    circle = CircleFile(export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION, "--io", "float"))
    assert circle.inputs[0].dtype == circle.outputs[0].dtype == "FLOAT32"
    assert {"QUANTIZE", "DEQUANTIZE"} <= {op for op, _, _ in circle.operators}


def test_without_samples_it_warns_and_marks(tmp_path):
    audit = tmp_path / "audit.json"
    run = succeed(ENCODER, "-o", tmp_path / "out.circle", *GRID, "--audit", audit)
    assert "synthetic" in run.stderr and "--calibration" in run.stderr
    assert json.loads(audit.read_text())["summary"]["synthetic"] > 0


def test_saved_qparams_give_the_same_bytes(tmp_path):
    qparams = tmp_path / "qparams.json"
    first = export(ENCODER, tmp_path / "a.circle", *GRID, *CALIBRATION, "--weights-by", "rtn", "--save-qparams", qparams)
    second = export(ENCODER, tmp_path / "b.circle", *GRID, "--qparams", qparams)
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(qparams.read_text())["schema_version"] == 1


def test_padded_rows_do_not_count(tmp_path):
    """Observers see only valid rows: garbage in the padded ones changes nothing."""
    embeds = archive("calibration")["inputs_embeds"].copy()
    plain = export(ENCODER, tmp_path / "a.circle", *GRID, *CALIBRATION)
    embeds[:, 54:] = 1000.0
    np.savez(tmp_path / "loud.npz", inputs_embeds=embeds)
    loud = export(ENCODER, tmp_path / "b.circle", *GRID, "--calibration", tmp_path / "loud.npz")
    assert plain.read_bytes() == loud.read_bytes()


def test_calibration_layouts_agree(tmp_path):
    """An archive, one array, a folder of arrays with and without the leading 1, and another member's name."""
    embeds = archive("calibration")["inputs_embeds"]
    np.save(tmp_path / "inputs_embeds.npy", embeds)
    np.savez(tmp_path / "renamed.npz", pixels=embeds[:, None])
    expected = export(ENCODER, tmp_path / "a.circle", *GRID, *CALIBRATION).read_bytes()
    for i, options in enumerate((("--calibration", tmp_path / "inputs_embeds.npy"),
                                 ("--calibration", tmp_path / "renamed.npz", "--calibration-key", "inputs_embeds=pixels"))):
        assert export(ENCODER, tmp_path / f"{i}.circle", *GRID, *options).read_bytes() == expected


FIXTURES = {"encoder_dynamo_op18": (*GRID, *CALIBRATION), "encoder_sdpa_op23": (*GRID, "--float"),
            "encoder_torchscript_op17": (*GRID, *CALIBRATION), "encoder_clipped_op18": (*GRID, *CALIBRATION),
            "vision_model_static_op18": (), "vision_model_dynamic_op21": GRID, "encoder_tico_u8_qdq_op21": (),
            "encoder_tico_i16_qdq_op21": (), "encoder_tico_u8_qdq_op21_missing": ()}


@pytest.mark.parametrize("name", FIXTURES)
def test_same_bytes_everywhere(name, tmp_path):
    """Whatever the number of threads, the folder and the file's name; and the file is one that tico accepts."""
    model, options = MODELS / f"{name}.onnx", FIXTURES[name]
    one = export(model, tmp_path / "one.circle", *options, "--jobs", "1")
    two = export(model, tmp_path / "two.circle", *options, "--jobs", "2")
    elsewhere = tmp_path / "a folder" / "other name.onnx"
    elsewhere.parent.mkdir()
    shutil.copy(model, elsewhere)
    moved = elsewhere.parent / "other output.circle"
    succeed(elsewhere.name, "-o", moved.name, *options, cwd=elsewhere.parent)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() == moved.read_bytes()
    result = tico_verify(one)
    assert result.returncode == 0, result.stdout
    assert succeed("verify", one).returncode == 0


def test_compare_agrees_with_numpy(tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *GRID, *CALIBRATION)
    samples = archive("evaluation")
    np.savez(tmp_path / "in.npz", inputs_embeds=samples["inputs_embeds"])
    run = succeed("compare", ENCODER, circle, "--inputs", tmp_path / "in.npz", *GRID, "--json")
    (case,) = json.loads(run.stdout)["cases"]
    actual = run_samples(circle, {"inputs_embeds": samples["inputs_embeds"]}, tmp_path).reshape(16, 63, 64)
    expected = snr(valid(samples["last_hidden_state"]), valid(actual))
    assert abs(case["snr_db"] - expected) < 0.01
    failing = command("compare", ENCODER, circle, "--inputs", tmp_path / "in.npz", *GRID, "--min-snr", "90")
    assert failing.returncode == 3


@pytest.mark.parametrize("option", ["--drop-padding", "--valid-rows-io"])
def test_dropped_padding_costs_no_accuracy(option, tmp_path):
    np.savez(tmp_path / "in.npz", inputs_embeds=archive("evaluation")["inputs_embeds"])
    figures = []
    for options in ((), (option,)):
        circle = export(ENCODER, tmp_path / "out.circle", *GRID, "--calibration", MODELS / "calibration.npz",
                        "--weights-by", "rtn", "--strict", *options)
        run = succeed("compare", ENCODER, circle, "--inputs", tmp_path / "in.npz", *GRID, "--json")
        figures.append(json.loads(run.stdout)["cases"][0]["snr_db"])
    # The same qparams, but the logits are not rounded again where the mask was added.
    assert figures[1] >= figures[0] - 0.05
