"""Whole encoders exported with `--target litert` and executed by LiteRT, with its default delegate and without; and our integer
evaluator beside it, node by node and as a whole.
"""

import dataclasses
import functools

import numpy as np
import pytest

from litert_bounds import ROUNDINGS, bound_of_operator
from support import (GRID, MODELS, CircleFile, archive, evaluate_nodes, export, litert_samples, litert_tensors, real, run_samples, snr,
                     stored, valid)


def encoder_samples():
    data = archive("evaluation")
    return data["inputs_embeds"].reshape(16, 1, 63, 64), data["last_hidden_state"].reshape(16, 1, 63, 64)


def digits_samples():
    data = archive("digits_model_evaluation")
    pixels = np.zeros((500, 1, 63, 48), np.float32)
    pixels[:, 0, :54] = data["pixels"] / np.float32(255)
    return pixels, data


@dataclasses.dataclass(frozen=True)
class Model:
    file: str
    input: str
    options: tuple


ENCODER = Model("encoder_dynamo_op18", "inputs_embeds", (*GRID, "--calibration", MODELS / "calibration.npz"))
DIGITS = Model("digits_model_op18", "pixel_values", ("--grid", "9x6", "--calibration", MODELS / "digits_model_calibration.npz"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(model, activation) -> the file; each is exported once."""

    @functools.cache
    def make(model, activation):
        path = tmp_path_factory.mktemp("litert") / f"{activation}.tflite"
        return export(MODELS / f"{model.file}.onnx", path, *model.options, "--activation", activation, "--weight", "i8",
                      "--target", "litert")

    return make


def litert_reals(path, samples, folder, delegates):
    circle = CircleFile(path)
    return real(litert_samples(path, stored(samples, circle.inputs[0]), folder, delegates), circle.outputs[0])


# In dB; weights of i8 alone leave 29.3 to 29.6.
@pytest.mark.parametrize("delegates", [False, True], ids=["kernels", "delegates"])
@pytest.mark.parametrize("activation, floor", [("i8", 16.0), ("i16", 28.5)])
def test_encoder_accuracy(activation, floor, delegates, exported, tmp_path):
    samples, expected = encoder_samples()
    actual = litert_reals(exported(ENCODER, activation), samples, tmp_path, delegates)
    assert snr(valid(expected), valid(actual)) >= floor


# fp32 has 96.8 %. The kernels of i16 are slow: fewer images.
@pytest.mark.parametrize("delegates", [False, True], ids=["kernels", "delegates"])
@pytest.mark.parametrize("activation, images", [("i8", 500), ("i16", 150)])
def test_digits_are_recognised(activation, images, delegates, exported, tmp_path):
    samples, data = digits_samples()
    actual = litert_reals(exported(DIGITS, activation), samples[:images], tmp_path, delegates)
    pooled = actual.reshape(images, -1, 96).mean(axis=1) / 10
    classes = (pooled @ data["head_weight"].T + data["head_bias"]).argmax(axis=1)
    assert np.mean(classes == data["labels"][:images]) >= 0.966


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("activation", ["i8", "i16"])
@pytest.mark.parametrize("model", [ENCODER, DIGITS], ids=lambda model: model.file)
def test_every_node_agrees(model, activation, rounding, exported, tmp_path):
    """On the interpreter's own operands: integers within the documented bounds, floats of an island to the order of sums."""
    path = exported(model, activation)
    circle = CircleFile(path)
    samples, _ = encoder_samples() if model is ENCODER else digits_samples()
    theirs = litert_tensors(path, {circle.inputs[0].name: stored(samples[0], circle.inputs[0])}, tmp_path)
    ours = evaluate_nodes(path, theirs, rounding, tmp_path)
    compared = 0
    for op, _, (result, *_) in circle.operators:
        if result.name not in theirs:
            continue
        a, b = ours[result.name].astype(np.float64), theirs[result.name].astype(np.float64)
        compared += 1
        if result.dtype == "FLOAT32":
            assert np.abs(a - b).max() <= 1e-6 * np.abs(b).max(), f"{op} {result.name}"
        else:
            dtype = result.dtype.lower().replace("uint", "u").replace("int", "i")
            assert np.abs(a - b).max() <= bound_of_operator(op, dtype, rounding), f"{op} {result.name}"
    assert compared == len(circle.operators)


# Float sums of an island are in another order, and what they change by a step goes on from there.
@pytest.mark.parametrize("activation, floor", [("i8", 60), ("i16", 70)])
def test_run_with_its_rounding_is_what_it_computes(activation, floor, exported, tmp_path):
    samples, _ = encoder_samples()
    path = exported(ENCODER, activation)
    ours = run_samples(path, {"inputs_embeds": samples}, tmp_path, "--rounding", "litert")
    theirs = litert_reals(path, samples, tmp_path, delegates=False)
    assert snr(valid(theirs), valid(ours)) >= floor
