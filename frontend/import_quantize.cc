// QuantizeLinear and DequantizeLinear of ai.onnx and com.microsoft.
#include "frontend/op_registry.h"

namespace g4c::frontend {
namespace {

// -1 for per-tensor scales, else the axis of the channels.
absl::StatusOr<int64_t> ChannelAxis(NodeContext& node) {
  const int64_t axis = node.Int("axis", 1);
  if (const int64_t block = node.Int("block_size", 0); block != 0) {
    return Unsupported("block_size ", block,
                       ": Circle has no block-wise qparams; quantise per channel");
  }
  const ir::Shape& scale = node.TypeOf(node.Input(1)).shape;
  if (scale.has_rank() && scale.rank() > 1) {
    return Unsupported("scales of shape ", ir::ShapeText(scale),
                       "; quantise per tensor or per channel");
  }
  if (scale.has_rank() && (scale.rank() == 0 || scale.dim(0) == 1)) return -1;
  if (axis >= 0) return axis;
  const ir::Shape& shape = node.TypeOf(node.Input(0)).shape;
  if (!shape.has_rank()) return Unsupported("a negative axis on a value of unknown rank");
  ASSIGN_OR_RETURN(const int normalized, ir::NormalizeAxis(axis, shape.rank()));
  return normalized;
}

}  // namespace

absl::Status ImportQuantizeLinear(NodeContext& node) {
  node.Ignore("saturate");   // 8-bit floats only
  node.Ignore("precision");  // of the division; f32 either way
  ir::QuantizeLinear op;
  ASSIGN_OR_RETURN(op.axis, ChannelAxis(node));
  const int64_t output_dtype = node.Int("output_dtype", 0);
  if (node.Has(2)) {
    op.to = node.TypeOf(node.Input(2)).dtype;
  } else if (output_dtype != 0) {
    ASSIGN_OR_RETURN(op.to, DTypeOfOnnx(static_cast<int>(output_dtype)));
  }
  return node.Return(op, node.Inputs(3));
}

absl::Status ImportDequantizeLinear(NodeContext& node) {
  node.Ignore("output_dtype");  // a float; all are read as f32
  ir::DequantizeLinear op;
  ASSIGN_OR_RETURN(op.axis, ChannelAxis(node));
  return node.Return(op, node.Inputs(3));
}

}  // namespace g4c::frontend
