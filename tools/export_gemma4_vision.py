#!/usr/bin/env python3
"""Exports the vision part of a transformers Gemma 4 checkpoint to ONNX.

  export_gemma4_vision.py CHECKPOINT -o encoder.onnx                     real weights of a checkpoint folder
  export_gemma4_vision.py CONFIG.json --random 7 -o encoder.onnx         seeded weights of a configuration
  export_gemma4_vision.py CHECKPOINT --part vision-model --grid 36x66 -o vision.onnx

CHECKPOINT is a folder with config.json and *.safetensors, of a whole Gemma 4 model or of its vision model alone; only the
vision tensors are read. Parts and their graph inputs (B = --batch, S = --seq-len patches):

  encoder        inputs_embeds (B, S, hidden), attention_mask (B, S) bool, pixel_position_ids (B, S, 2) int64
  vision-model   pixel_values (B, S, 3 * patch^2), pixel_position_ids (B, S, 2) int64

--grid bakes the positions (and the encoder's mask) into the graph, so that those inputs vanish.
Needs: torch==2.13.0 transformers==5.23.0 onnx onnxscript safetensors (tools/requirements-exporters.txt).
"""

import argparse
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import tempfile
import warnings

# Soft tokens of the largest image of the released models; S is that times the pooling window.
DEFAULT_SOFT_TOKENS = 280
# Weights above this go to one external-data file beside the graph; protobuf ends at 2 GiB.
INLINE_LIMIT = 256 << 20
TORCHSCRIPT_NEWEST_OPSET = 17


class UserError(Exception):
    """Something in the command line or the checkpoint that the user can mend: one line, exit code 2."""


def parse_args(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", type=pathlib.Path, metavar="CHECKPOINT|CONFIG.json")
    p.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="OUT.onnx")
    p.add_argument("--part", choices=["encoder", "vision-model"], default="encoder")
    p.add_argument("--random", type=int, nargs="?", const=0, metavar="SEED",
                   help="seeded weights instead of the checkpoint's (0 when SEED is left out)")
    p.add_argument("--dtype", choices=["f32", "f16", "bf16"], default="f32", help="of weights and activations (f32)")
    p.add_argument("--attention", choices=["eager", "sdpa"], default="eager")
    p.add_argument("--opset", type=int, default=18, help="18 and newer: dynamo exporter; 13 to 17: TorchScript (18)")
    p.add_argument("--exporter", choices=["dynamo", "torchscript"], help="overrides what --opset implies")
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--seq-len", metavar="N|dynamic", help=f"patch slots S ({DEFAULT_SOFT_TOKENS} * pooling^2)")
    p.add_argument("--grid", metavar="HxW", help="bake the positions of H rows x W columns of patches")
    p.add_argument("--layers", type=int, help="export only the first N layers")
    p.add_argument("--external-data", action="store_true",
                   help=f"weights in OUT.onnx.data whatever their size (otherwise above {INLINE_LIMIT >> 20} MiB)")
    a = p.parse_args(argv)
    if a.exporter is None:
        a.exporter = "dynamo" if a.opset > TORCHSCRIPT_NEWEST_OPSET else "torchscript"
    if a.exporter == "dynamo" and a.opset <= TORCHSCRIPT_NEWEST_OPSET:
        p.error(f"the dynamo exporter writes opset 18 and newer, not {a.opset}")
    if a.exporter == "torchscript" and not 13 <= a.opset <= 20:
        p.error(f"the TorchScript exporter is used for opset 13 to 20, not {a.opset}")
    if a.batch < 1:
        p.error(f"--batch {a.batch}: at least 1")
    a.grid = parse_grid(p, a.grid)
    if a.seq_len not in (None, "dynamic"):
        if not a.seq_len.isdecimal() or int(a.seq_len) < 1:
            p.error(f"--seq-len {a.seq_len}: a positive number or dynamic")
        a.seq_len = int(a.seq_len)
    if a.grid and a.seq_len == "dynamic":
        p.error("--grid bakes S patch positions: it needs a static --seq-len")
    if a.layers is not None and a.layers < 1:
        p.error(f"--layers {a.layers}: at least 1")
    return a


def parse_grid(parser, text):
    if text is None:
        return None
    m = re.fullmatch(r"(\d+)x(\d+)", text)
    if not m or min(int(m[1]), int(m[2])) < 1:
        parser.error(f"--grid {text}: rows x columns, such as 36x66")
    return int(m[1]), int(m[2])


# ---- the configuration ----


def vision_config(args):
    """Gemma4VisionConfig of a checkpoint folder, a whole model's config.json or a vision configuration alone."""
    from transformers.models.gemma4.configuration_gemma4 import Gemma4VisionConfig
    path = args.source / "config.json" if args.source.is_dir() else args.source
    if not path.is_file():
        raise UserError(f"{path}: no such file" + (" (the checkpoint folder has no config.json)"
                                                   if args.source.is_dir() else ""))
    try:
        data = json.loads(path.read_text())
    except ValueError:  # UnicodeDecodeError is one
        raise UserError(f"{path}: not JSON: give a checkpoint folder or a config.json") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: a JSON object is expected")
    kind = data.get("model_type", "")
    if "vision_config" in data:
        data = data["vision_config"]
        if not isinstance(data, dict):
            raise UserError(f"{path}: vision_config is {data!r}: this model has no vision part")
        kind = data.get("model_type", "gemma4_vision")
    if kind not in ("", "gemma4_vision"):
        raise UserError(f"{path}: model_type is '{kind}': only gemma4 and gemma4_vision are known")
    try:
        config = Gemma4VisionConfig(**{k: v for k, v in data.items() if k != "model_type"})
    except Exception as e:  # huggingface's strict configs raise their own kinds of errors
        raise UserError(f"{path}: {' '.join(str(e).split())}") from None
    if args.layers is not None:
        if args.layers > config.num_hidden_layers:
            raise UserError(f"--layers {args.layers}: the model has {config.num_hidden_layers}")
        config.num_hidden_layers = args.layers
    config._attn_implementation = args.attention
    return config


def sequence_length(args, config):
    """S of the example inputs, checked against the grid, the pooling window and the position table."""
    window = config.pooling_kernel_size**2
    s = 63 * window if args.seq_len == "dynamic" else args.seq_len or DEFAULT_SOFT_TOKENS * window
    if args.part == "vision-model" and s % window:
        raise UserError(f"--seq-len {s}: the vision model pools {window} patches to one token, so S must be a multiple")
    if args.grid:
        h, w = args.grid
        if h * w > s:
            raise UserError(f"--grid {h}x{w} has {h * w} patches, more than S = {s}: give a larger --seq-len")
        if max(h, w) > config.position_embedding_size:
            raise UserError(f"--grid {h}x{w}: the position table has {config.position_embedding_size} entries a side")
        k = config.pooling_kernel_size
        if args.part == "vision-model" and (h % k or w % k):
            raise UserError(f"--grid {h}x{w}: both must be multiples of the pooling window's side, {k}")
    return s


# ---- the weights ----


def open_shards(folder):
    """{tensor name: open safetensors file} of every shard of a checkpoint; the files are mapped, nothing is read yet."""
    from safetensors import SafetensorError, safe_open
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted({pathlib.PurePath(f).name for f in json.loads(index.read_text())["weight_map"].values()})
        except (ValueError, KeyError, AttributeError):
            raise UserError(f"{index}: not a safetensors index") from None
        paths = [folder / n for n in names]
    else:
        paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        hint = " (pytorch_model.bin is not read: save it as safetensors)" if list(folder.glob("*.bin")) else ""
        raise UserError(f"{folder}: no *.safetensors{hint}; pass --random for seeded weights")
    tensors = {}
    for path in paths:
        try:
            shard = safe_open(str(path), framework="pt")
        except (OSError, SafetensorError) as e:
            raise UserError(f"{path}: {' '.join(str(e).split())}") from None
        tensors.update({key: shard for key in shard.keys()})
    return tensors


def find_prefix(names, probe, folder):
    """What stands before the vision model's own tensor names, such as 'model.vision_tower.' ('' for a bare model)."""
    prefixes = sorted({n[: -len(probe)] for n in names if n == probe or n.endswith("." + probe)})
    if not prefixes:
        raise UserError(f"{folder}: no tensor named [...]{probe}: this checkpoint has no Gemma 4 vision model")
    towers = [p for p in prefixes if p.endswith("vision_tower.")] or prefixes
    if len(towers) > 1:
        raise UserError(f"{folder}: several vision models: {', '.join(towers)}")
    return towers[0]


def load_weights(module, folder, dtype, inner):
    """Fills a module made on the meta device, tensor by tensor, so that the checkpoint is never in memory twice.

    `inner` is what stands before the module's names in a vision model: 'encoder.' for the encoder, '' for the whole.
    """
    import torch
    shards = open_shards(folder)
    wanted = list(module.state_dict())
    probe = next(n for n in wanted if n.endswith("q_proj.linear.weight"))
    bare_encoder = inner and not any(n.endswith(inner + probe) for n in shards)
    prefix = find_prefix(shards, probe if bare_encoder else inner + probe, folder) + ("" if bare_encoder else inner)
    missing = [n for n in wanted if prefix + n not in shards]
    if missing:
        more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
        raise UserError(f"{folder}: tensors are missing: {', '.join(prefix + n for n in missing[:4])}{more}")
    state = {}
    for name, meta in module.state_dict().items():
        tensor = shards[prefix + name].get_tensor(prefix + name)
        if tensor.shape != meta.shape:
            raise UserError(f"{folder}: {prefix + name} is {list(tensor.shape)}, its config says {list(meta.shape)}")
        # Standardisation is computed in fp32 whatever the model's dtype: it cancels large values.
        keep = torch.float32 if name.endswith(("std_bias", "std_scale")) else dtype
        state[name] = tensor.to(keep)
    module.load_state_dict(state, assign=True)


def seed_weights(module, seed, dtype):
    """Gives every parameter and clamp bound a seeded value that keeps activations of order one."""
    import torch
    generator = torch.Generator().manual_seed(seed)

    def normal(like, scale, offset=0.0):
        return (offset + scale * torch.randn(like.shape, generator=generator)).to(dtype)

    state = {}
    for name, t in module.state_dict().items():
        leaf = name.rsplit(".", 1)[-1]
        if leaf in ("input_min", "output_min"):
            state[name] = torch.tensor(-8.0, dtype=dtype)
        elif leaf in ("input_max", "output_max"):
            state[name] = torch.tensor(8.0, dtype=dtype)
        elif leaf == "std_bias":
            state[name] = normal(t, 0.1).float()
        elif leaf == "std_scale":
            state[name] = normal(t, 0.1, 1.0).float()
        elif leaf == "position_embedding_table":
            state[name] = normal(t, 0.1)
        elif t.ndim >= 2:
            state[name] = normal(t, t.shape[-1] ** -0.5)
        else:
            state[name] = normal(t, 0.2, 1.0)
    module.load_state_dict(state, assign=True)


def build(args, config):
    """The module with its weights, in eval mode."""
    import torch
    from transformers.models.gemma4 import modeling_gemma4 as gemma4
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[args.dtype]
    encoder_only = args.part == "encoder"
    with torch.device("meta"):
        module = gemma4.Gemma4VisionEncoder(config) if encoder_only else gemma4.Gemma4VisionModel(config)
    if args.random is not None:
        seed_weights(module, args.random, dtype)
    elif not args.source.is_dir():
        raise UserError(f"{args.source}: a configuration has no weights: pass --random for seeded ones")
    else:
        load_weights(module, args.source, dtype, "encoder." if encoder_only else "")
    # The rotary frequencies are computed, not stored, so no checkpoint fills them.
    encoder = module if encoder_only else module.encoder
    encoder.rotary_emb = gemma4.Gemma4VisionRotaryEmbedding(config)
    return module.eval(), dtype


# ---- the export ----


def grid_ids(height, width, batch, seq_len):
    """(x, y) of every patch, row-major over the grid, then (-1, -1): (batch, seq_len, 2) int64."""
    import torch
    ids = torch.full((seq_len, 2), -1, dtype=torch.int64)
    n = torch.arange(height * width)
    ids[: height * width] = torch.stack([n % width, n // width], -1)
    return ids.repeat(batch, 1, 1)


def example_ids(config, batch, seq_len):
    """Ids with some padding: with none, attention would be traced without its mask."""
    side = config.pooling_kernel_size
    width = max(1, int((seq_len - side) ** 0.5) // side * side)
    height = max(1, (seq_len - 1) // width // side * side)
    return grid_ids(height, width, batch, seq_len)


def wrap(args, config, module, dtype):
    """(module of plain tensors, example inputs by name)."""
    import torch
    s = sequence_length(args, config)
    ids = grid_ids(*args.grid, args.batch, s) if args.grid else example_ids(config, args.batch, s)

    # The modules' names are the first part of every module path in the graph.
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = module
            if args.grid:
                self.register_buffer("ids", ids, persistent=False)
                self.register_buffer("mask", ids[..., 0] >= 0, persistent=False)

        def forward(self, inputs_embeds, attention_mask=None, pixel_position_ids=None):
            return self.encoder(inputs_embeds=inputs_embeds,
                                attention_mask=self.mask if args.grid else attention_mask,
                                pixel_position_ids=self.ids if args.grid else pixel_position_ids).last_hidden_state

    class VisionModel(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.vision_model = module
            if args.grid:
                self.register_buffer("ids", ids, persistent=False)

        def forward(self, pixel_values, pixel_position_ids=None):
            return self.vision_model(pixel_values=pixel_values,
                                     pixel_position_ids=self.ids if args.grid else pixel_position_ids
                                     ).last_hidden_state

    generator = torch.Generator().manual_seed(0)
    if args.part == "encoder":
        x = torch.randn(args.batch, s, config.hidden_size, generator=generator).to(dtype)
        inputs = {"inputs_embeds": x, "attention_mask": ids[..., 0] >= 0, "pixel_position_ids": ids}
        wrapped = Encoder()
    else:
        x = torch.rand(args.batch, s, 3 * config.patch_size**2, generator=generator).to(dtype)
        inputs = {"pixel_values": x, "pixel_position_ids": ids}
        wrapped = VisionModel()
    if args.grid:
        inputs = dict(list(inputs.items())[:1])
    return wrapped.eval(), inputs


def dynamic_axes(args, config, inputs):
    """The exporter's keyword for a dynamic S, or none."""
    if args.seq_len != "dynamic":
        return {}
    if args.exporter == "torchscript":
        return {"dynamic_axes": {name: {1: "S"} for name in inputs}}
    import torch
    dim = torch.export.Dim("S", min=2)
    if args.part == "vision-model":
        window = config.pooling_kernel_size**2
        dim = window * torch.export.Dim("T", min=2)
    return {"dynamic_shapes": tuple({1: dim} for _ in inputs)}


def export(args, config, wrapped, inputs, path, external):
    """Writes the graph to `path`, weights beside it when `external`."""
    import torch
    common = dict(opset_version=args.opset, input_names=list(inputs), output_names=["last_hidden_state"],
                  **dynamic_axes(args, config, inputs))
    values = tuple(inputs.values())
    with torch.no_grad():
        if args.exporter == "torchscript":
            torch.onnx.export(wrapped, values, str(path), dynamo=False, **common)
            return
        optimize = not config.use_clipped_linears
        if not optimize:
            say("clipped linears: exported with optimize=False, as the exporter's Clip fusion would leave dangling inputs")
        torch.onnx.export(wrapped, values, str(path), dynamo=True, external_data=external, optimize=optimize,
                          verbose=False, **common)


def scrub_text(text):
    """Keeps file, line and function of a stack trace; drops where this machine has the files."""
    text = re.sub(r"/[^\s\"'<>|]*?/(site|dist)-packages/", r"\1-packages/", text)
    text = re.sub(r'File "/[^"\n]*/([^/"\n]+)"', r'File "\1"', text)
    return re.sub(r"(?<![\w./-])/(?:[^\s\"'():/]+/)+([^\s\"'():/]+\.py)", r"\1", text)


def scrub(model):
    """Drops this machine's paths from everything the exporter recorded."""
    def clean(item):
        if getattr(item, "doc_string", ""):
            item.doc_string = scrub_text(item.doc_string)
        for prop in getattr(item, "metadata_props", ()):
            prop.value = scrub_text(prop.value)

    pending = [model.graph, *model.functions]
    clean(model)
    while pending:
        graph = pending.pop()
        clean(graph)
        for item in (*graph.node, *graph.value_info, *getattr(graph, "initializer", ())):
            clean(item)
        if hasattr(graph, "initializer"):
            for item in (*graph.input, *graph.output):
                clean(item)
        for node in graph.node:
            for attribute in node.attribute:
                pending.extend([attribute.g] if attribute.HasField("g") else attribute.graphs)


def write(args, config, wrapped, inputs):
    """Exports into a folder beside the output, scrubs, and moves the result into place."""
    import onnx
    weight_bytes = sum(t.numel() * t.element_size() for t in wrapped.state_dict().values())
    external = args.external_data or weight_bytes > INLINE_LIMIT
    data_name = args.output.name + ".data"
    folder = args.output.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    try:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as e:
        raise UserError(f"{folder}: {e.strerror}") from None
    try:
        path = scratch / args.output.name
        try:
            export(args, config, wrapped, inputs, path, external)
        except Exception as e:  # the exporters raise anything
            lines = [line for line in str(e).splitlines() if line.strip()]
            raise UserError(f"the {args.exporter} exporter failed: {type(e).__name__}: {lines[0] if lines else ''}") from e
        # The dynamo exporter has written the weights to their own file already; TorchScript never does.
        separate = external and args.exporter == "torchscript"
        model = onnx.load(path, load_external_data=separate)
        written = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        if written != args.opset:
            raise UserError(f"--opset {args.opset}: the {args.exporter} exporter cannot convert this model to it; "
                            f"it wrote {written}")
        scrub(model)
        if separate:
            onnx.save(model, path, save_as_external_data=True, location=data_name, size_threshold=1024)
        else:
            onnx.save(model, path)
        sizes = []
        for name in (data_name, args.output.name):
            if (scratch / name).exists():
                os.chmod(scratch / name, 0o666 & ~umask())
                sizes.append(f"{name} {(scratch / name).stat().st_size / 2**20:.1f} MiB")
                os.replace(scratch / name, folder / name)
        say(f"{', '.join(reversed(sizes))}: {args.part}, {config.num_hidden_layers} layers, opset {args.opset} "
            f"({args.exporter}), {len(model.graph.node)} nodes")
        for value in (*model.graph.input, *model.graph.output):
            dims = ", ".join(str(d.dim_value or d.dim_param) for d in value.type.tensor_type.shape.dim)
            say(f"  {value.name} ({dims})")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def umask():
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def say(text):
    print(text, file=sys.stderr)


def main(argv=None):
    args = parse_args(argv)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    try:
        if not args.source.exists():
            raise UserError(f"{args.source}: no such file or folder")
        try:
            import onnx, onnxscript, safetensors, torch, transformers  # noqa: F401, E401
        except ImportError as e:
            raise UserError(f"{e}: pip install -r tools/requirements-exporters.txt") from None
        config = vision_config(args)
        sequence_length(args, config)
        module, dtype = build(args, config)
        wrapped, inputs = wrap(args, config, module, dtype)
        write(args, config, wrapped, inputs)
    except UserError as e:
        say(f"error: {e}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
