// QuantizeLinear and DequantizeLinear of ai.onnx and com.microsoft.
#include "frontend/op_registry.h"

namespace g4c::frontend {
namespace {

// -1 for one scale, else the axis of the channels.
absl::StatusOr<int64_t> ChannelAxis(NodeContext& node) {
  const int64_t axis = node.Int("axis", 1);
  if (const int64_t block = node.Int("block_size", 0); block != 0) {
    return Unsupported("block_size ", block,
                       ": Circle has no block-wise qparams; quantise per channel");
  }
  const ir::Shape& scale = node.TypeOf(node.Input(1)).shape;
  if (!scale.has_rank()) return Unsupported("a scale of unknown rank");
  if (scale.rank() > 1) {
    return Unsupported("a scale of shape ", ir::ShapeText(scale),
                       "; quantise per tensor or per channel");
  }
  if (scale.rank() == 0 || scale.dim(0) == 1) return -1;
  const ir::Shape& shape = node.TypeOf(node.Input(0)).shape;
  if (shape.has_rank()) return ir::NormalizeAxis(axis, shape.rank());
  if (axis < 0) return Unsupported("axis ", axis, " of a value of unknown rank");
  return axis;
}

}  // namespace

absl::Status ImportQuantizeLinear(NodeContext& node) {
  node.Ignore("saturate");   // of 8-bit floats
  node.Ignore("precision");  // of the division, which is f32 here
  ir::QuantizeLinear op;
  ASSIGN_OR_RETURN(op.axis, ChannelAxis(node));
  const bool has_zero_point = node.Has(2);
  if (has_zero_point) op.to = node.TypeOf(node.Input(2)).dtype;
  if (const int64_t output_dtype = node.Int("output_dtype", 0); output_dtype != 0) {
    ASSIGN_OR_RETURN(const ir::DType to, DTypeOfOnnx(output_dtype));
    if (has_zero_point && to != op.to) {
      return InvalidInput("output_dtype is ", ir::DTypeName(to), ", its zero point ",
                          ir::DTypeName(op.to));
    }
    op.to = to;
  }
  std::vector<ir::ValueId> operands = node.Inputs(3);
  // i32 is legal, too.
  ASSIGN_OR_RETURN(operands[0], node.CastTo(operands[0], ir::DType::kF32));
  return node.Return(op, std::move(operands));
}

absl::Status ImportDequantizeLinear(NodeContext& node) {
  node.Ignore("output_dtype");  // a float; all are read as f32
  ir::DequantizeLinear op;
  ASSIGN_OR_RETURN(op.axis, ChannelAxis(node));
  return node.Return(op, node.Inputs(3));
}

}  // namespace g4c::frontend
