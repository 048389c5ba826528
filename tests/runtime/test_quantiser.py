"""The quantiser's accuracy on integers: the block observer, 16-bit headroom, mixed precision; and the sensitivity report."""

import csv
import json

import numpy as np
import pytest

from support import GRID, MODELS, CircleFile, archive, command, export, run_samples, snr, succeed, tico_verify, valid

ENCODER = MODELS / "encoder_dynamo_op18.onnx"
CALIBRATION = (*GRID, "--calibration", MODELS / "calibration.npz")
DIGITS = MODELS / "digits_encoder_op18.onnx"
DIGITS_CALIBRATION = ("--grid", "9x6", "--calibration", MODELS / "digits_calibration.npz")


def accuracy(circle, samples, tmp_path):
    """SNR in dB over all samples and valid rows together; both encoders have 54 valid patches."""
    actual = run_samples(circle, {"inputs_embeds": samples["inputs_embeds"]}, tmp_path)
    return snr(valid(samples["last_hidden_state"]), valid(actual.reshape(samples["last_hidden_state"].shape)))


# What a quantiser has to reach on samples that it never saw (TICO: 13.3, 29.7, 45.0).
@pytest.mark.parametrize("floor, options", [
    (16.3, ()),
    (16.3, ("--weight", "i8")),
    (18.5, ("--mixed", "u8,i16", "--budget", "25%")),
    (20.5, ("--mixed", "u8,i16", "--budget", "45%")),
    (30.2, ("--activation", "i16")),
    (60.0, ("--activation", "i16", "--weight", "i16")),
])
def test_encoder(floor, options, tmp_path):
    circle = export(ENCODER, tmp_path / "out.circle", *CALIBRATION, *options, "--strict")
    assert accuracy(circle, archive("evaluation"), tmp_path) >= floor


# Trained weights (TICO: 19.4, 36.2, 45.8, 13.1).
@pytest.mark.parametrize("floor, options", [
    (22.0, ()),
    (23.5, ("--mixed", "u8,i16", "--budget", "25%")),
    (43.0, ("--activation", "i16")),
    (20.0, ("--activation", "i16", "--weight", "u4")),
    (60.0, ("--activation", "i16", "--weight", "i16")),
])
def test_digits(floor, options, tmp_path):
    circle = export(DIGITS, tmp_path / "out.circle", *DIGITS_CALIBRATION, *options, "--strict")
    assert accuracy(circle, archive("digits_evaluation"), tmp_path) >= floor


def test_digits_are_recognised_as_in_float(tmp_path):
    """500 images that training and calibration never saw; fp32 has 96.8 %."""
    data = archive("digits_model_evaluation")
    pixels = np.zeros((500, 1, 63, 48), np.float32)
    pixels[:, 0, :54] = data["pixels"] / np.float32(255)
    circle = export(MODELS / "digits_model_op18.onnx", tmp_path / "out.circle", "--grid", "9x6", "--calibration",
                    MODELS / "digits_model_calibration.npz")
    tokens = run_samples(circle, {"pixel_values": pixels}, tmp_path).reshape(500, -1, 96)
    classes = (tokens.mean(axis=1) / 10 @ data["head_weight"].T + data["head_bias"]).argmax(axis=1)
    assert np.mean(classes == data["labels"]) >= 0.968


def wide_share(circle):
    """Elements of i16 activations over all; not those that movement hands on, nor constants."""
    moved = {"RESHAPE", "TRANSPOSE", "SPLIT", "SPLIT_V", "CONCATENATION"}
    counted = {t.name: t for t in circle.inputs}
    counted.update({t.name: t for op, _, outputs in circle.operators if op not in moved for t in outputs})
    elements = {name: int(np.prod(t.shape)) for name, t in counted.items()}
    wide = sum(n for name, n in elements.items() if counted[name].dtype == "INT16")
    return wide / sum(elements.values())


@pytest.mark.parametrize("budget", [0.1, 0.25, 0.45])
def test_mixed_precision_keeps_its_budget(budget, tmp_path):
    path = export(ENCODER, tmp_path / "out.circle", *CALIBRATION, "--mixed", "u8,i16", "--budget", f"{budget:.0%}")
    circle = CircleFile(path)
    assert 0.5 * budget <= wide_share(circle) <= budget
    assert tico_verify(path).returncode == 0
    # Every operator computes in one dtype, and no conversion follows another.
    made_by = {t.name: op for op, _, outputs in circle.operators for t in outputs}
    for op, inputs, outputs in circle.operators:
        if op == "QUANTIZE":
            assert made_by.get(inputs[0].name) != "QUANTIZE"
            assert inputs[0].dtype != outputs[0].dtype
        elif op != "FULLY_CONNECTED":
            kinds = {t.dtype for t in (*inputs, *outputs) if t is not None and t.scale is not None and t.scale.size}
            assert len(kinds) <= 1, (op, kinds)


def test_mixed_precision_saves_and_loads(tmp_path):
    qparams = tmp_path / "qparams.json"
    first = export(ENCODER, tmp_path / "a.circle", *CALIBRATION, "--mixed", "u8,i16", "--budget", "25%",
                   "--weights-by", "rtn", "--save-qparams", qparams)
    second = export(ENCODER, tmp_path / "b.circle", *GRID, "--qparams", qparams)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("options, text", [
    (("--mixed", "u8,i16"), "--mixed needs --budget"),
    (("--budget", "25%"), "need --mixed"),
    (("--mixed", "u8,u4", "--budget", "25%"), "is none of u8,i16 and i8,i16"),
    (("--mixed", "u8,i16", "--budget", "125%"), "is no share"),
    (("--mixed", "u8,i16", "--budget", "25%", "--activation", "i8"), "different narrow dtypes"),
    (("--sensitivity", "out.html"), "must end in .json or .csv"),
])
def test_wrong_options(options, text, tmp_path):
    run = command(ENCODER, "-o", tmp_path / "out.circle", *CALIBRATION, *options)
    assert run.returncode == 1 and text in run.stderr
    assert not list(tmp_path.iterdir())


def test_sensitivity(tmp_path):
    table, data = tmp_path / "s.csv", tmp_path / "s.json"
    run = succeed(ENCODER, "-o", tmp_path / "out.circle", *CALIBRATION, "--weight", "u4", "--sensitivity", data)
    assert "noise alone" in run.stderr and "####" in run.stderr
    report = json.loads(data.read_text())
    weights = [p for p in report["parts"] if p["role"] == "weight"]
    assert len(weights) == 14 and all(0 < p["noise"] < 1 for p in weights)
    # Noise adds up from block to block: the last is at least as loud as the loudest part alone could make it.
    assert report["cumulative"][-1]["snr_db"] < min(m["snr_db"] for m in report["modules"] if m["snr_db"])
    export(ENCODER, tmp_path / "out.circle", *CALIBRATION, "--weight", "u4", "--sensitivity", table)
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["value"] for r in rows] == [p["value"] for p in report["parts"]]
