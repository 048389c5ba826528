"""Quantises an encoder of random weights with TICO, as users of TICO do, and says how long its convert and save took.

    python tico_worker.py LAYERS OUT.circle RESULT.json

Needs torch, transformers and tico (tools/requirements-exporters.txt names the versions).
"""

import json
import logging
import pathlib
import sys
import time
import warnings

import torch

# TICO's deprecation notes and progress lines.
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

HEIGHT, WIDTH, PATCHES = 36, 66, 2520


def main():
    import tico
    import tico.quantization
    from tico.quantization.config.ptq import PTQConfig
    from transformers.models.gemma4 import modeling_gemma4
    from transformers.models.gemma4.configuration_gemma4 import Gemma4VisionConfig

    layers, out, result = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    config = Gemma4VisionConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=layers, num_attention_heads=12, num_key_value_heads=12,
        head_dim=64, patch_size=16, use_clipped_linears=False, rope_parameters={"rope_type": "axial", "rope_theta": 100.0})
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    encoder = modeling_gemma4.Gemma4VisionEncoder(config).eval()
    ids = torch.full((1, PATCHES, 2), -1, dtype=torch.int64)
    for patch in range(HEIGHT * WIDTH):
        ids[0, patch] = torch.tensor([patch % WIDTH, patch // WIDTH])
    sample = torch.randn(1, PATCHES, config.hidden_size)
    quantised = tico.quantization.prepare(encoder, PTQConfig(), inplace=True)
    with torch.no_grad():
        quantised(inputs_embeds=sample, attention_mask=ids[..., 0] >= 0, pixel_position_ids=ids)
        quantised = tico.quantization.convert(quantised, inplace=True)
    module = getattr(quantised, "wrapped", quantised).as_export_module("prefill", pixel_position_ids=ids).eval()
    started = time.perf_counter()
    tico.convert(module, (sample,)).save(out)
    result.write_text(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
