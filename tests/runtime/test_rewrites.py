"""--rewrite: exact changes of float weights in front of quantisation."""

import json

import numpy as np
import pytest

from support import GRID, MODELS, archive, command, export, succeed
from test_quantiser import CALIBRATION, DIGITS, DIGITS_CALIBRATION, ENCODER, accuracy

NAMES = ("norm-gains", "up-down", "query-key", "value-heads")
DEFAULT = ("norm-gains", "up-down", "value-heads")


def switched(state, names=NAMES):
    return [x for name in names for x in ("--rewrite", f"{name}={state}")]


def lines(run):
    return [line.split(maxsplit=1)[1] for line in run.stderr.splitlines() if line.startswith("  rewrite ")]


def test_they_are_on_for_8_bits_and_gain(tmp_path):
    run = succeed(ENCODER, "-o", tmp_path / "on.circle", *CALIBRATION)
    assert [line.split(":")[0] for line in lines(run)] == list(DEFAULT)
    for line in lines(run):
        assert float(line.split()[-2]) < 0, line
    off = export(ENCODER, tmp_path / "off.circle", *CALIBRATION, *switched("off"))
    samples = archive("evaluation")
    assert accuracy(tmp_path / "on.circle", samples, tmp_path) > accuracy(off, samples, tmp_path)


@pytest.mark.parametrize("options", [("--activation", "i16"), ("--weight", "u4"), ("--weight", "i4", "--activation", "i16"),
                                     ("--mixed", "u8,i16", "--budget", "25%")])
def test_they_are_off_elsewhere(options, tmp_path):
    run = succeed(ENCODER, "-o", tmp_path / "a.circle", *CALIBRATION, *options, "--weights-by", "rtn")
    off = export(ENCODER, tmp_path / "b.circle", *CALIBRATION, *options, "--weights-by", "rtn", *switched("off"))
    assert lines(run) == [] and (tmp_path / "a.circle").read_bytes() == off.read_bytes()


def test_made_up_samples_and_statistics_files_leave_weights_alone(tmp_path):
    assert lines(succeed(ENCODER, "-o", tmp_path / "a.circle", *GRID)) == []
    stats = tmp_path / "stats.json"
    succeed(ENCODER, *CALIBRATION, "--save-stats", stats)
    few = tmp_path / "few.npz"
    np.savez(few, inputs_embeds=archive("calibration")["inputs_embeds"][:3])
    beside = (*GRID, "--calibration", few, "--load-stats", stats, "--weights-by", "rtn", "--observer", "minmax")
    assert lines(succeed(ENCODER, "-o", tmp_path / "b.circle", *beside)) == []
    run = command(ENCODER, "-o", tmp_path / "c.circle", *GRID, "--load-stats", stats, *switched("on", NAMES[:1]))
    assert run.returncode == 1 and "--rewrite norm-gains=on" in run.stderr and "needs --calibration" in run.stderr
    assert len(lines(succeed(ENCODER, "-o", tmp_path / "d.circle", *beside, *switched("on")))) == len(NAMES)
    # Files that count these very samples change nothing.
    loaded = export(ENCODER, tmp_path / "e.circle", *CALIBRATION, "--load-stats", stats)
    assert loaded.read_bytes() == export(ENCODER, tmp_path / "f.circle", *CALIBRATION).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_each_alone_and_again_from_the_qparams_file(name, tmp_path):
    qparams = tmp_path / "q.json"
    others = [*switched("off"), *switched("on", [name])]
    first = export(DIGITS, tmp_path / "a.circle", *DIGITS_CALIBRATION, *others, "--weights-by", "rtn", "--observer", "minmax",
                   "--save-qparams", qparams, "--verify-passes")
    assert {entry["name"] for entry in json.loads(qparams.read_text())["rewrites"]} == {name}
    second = export(DIGITS, tmp_path / "b.circle", *DIGITS_CALIBRATION[:2], "--qparams", qparams, "--jobs", 1)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("options, texts", [
    (("--rewrite", "norm-gain=on"), ("'norm-gain' is none of norm-gains, up-down, query-key, value-heads",)),
    (("--rewrite", "up-down"), ("up-down needs on or off",)),
    (("--rewrite", "up-down=yes"), ("up-down needs on or off, not 'yes'",)),
    (("--rewrite", "up-down=on", "--float"), ("it excludes --float",)),
    (("--rewrite", "up-down=on", "--qparams", "q.json"), ("brings its own",)),
])
def test_usage(options, texts, tmp_path):
    run = command(ENCODER, "-o", tmp_path / "out.circle", *GRID, *options)
    assert run.returncode == 1
    for text in texts:
        assert text in run.stderr


def test_clipped_linears_keep_their_weights(tmp_path):
    clipped = MODELS / "encoder_clipped_op18.onnx"
    run = succeed(clipped, "-o", tmp_path / "a.circle", *CALIBRATION, "--weights-by", "rtn", *switched("on"))
    assert lines(run) == ["norm-gains: no place for it", "up-down: no place for it", "query-key: 2 places",
                          "value-heads: no place for it"]
