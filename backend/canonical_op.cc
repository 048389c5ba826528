#include "backend/canonical_op.h"

#include "base/status.h"
#include "ir/quantize_constant.h"
#include "ir/resolve.h"

namespace g4c::backend {
namespace {

// Of an axis that the shape rule has accepted.
int64_t FromFront(int64_t axis, int rank) { return axis < 0 ? axis + rank : axis; }

// What remains of a pad's value in the file.
double StoredPadValue(const ir::Value& x, double value) {
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&x.quantization)) {
    const int64_t stored =
        ir::QuantizeReal(static_cast<float>(value), q->scale, q->zero_point, q->dtype);
    return static_cast<double>(q->scale * static_cast<float>(stored - q->zero_point));
  }
  return x.type.dtype == ir::DType::kF32 ? static_cast<double>(static_cast<float>(value)) : value;
}

}  // namespace

ir::Op CanonicalOp(const ir::Graph& graph, const ir::Node& node) {
  ir::Op op = node.op;
  const auto shape_of = [&](int input) -> const ir::Shape& {
    return graph.value(node.inputs[input]).type.shape;
  };
  if (auto* gather = std::get_if<ir::Gather>(&op)) {
    gather->axis = FromFront(gather->axis, shape_of(0).rank());
  } else if (auto* concat = std::get_if<ir::Concat>(&op)) {
    concat->axis = FromFront(concat->axis, shape_of(0).rank());
  } else if (auto* pack = std::get_if<ir::Pack>(&op)) {
    pack->axis = FromFront(pack->axis, shape_of(0).rank() + 1);
  } else if (auto* unpack = std::get_if<ir::Unpack>(&op)) {
    unpack->axis = FromFront(unpack->axis, shape_of(0).rank());
  } else if (auto* split = std::get_if<ir::Split>(&op)) {
    split->axis = FromFront(split->axis, shape_of(0).rank());
    split->sizes.clear();
    for (ir::ValueId piece : node.outputs) {
      split->sizes.push_back(graph.value(piece).type.shape.dim(static_cast<int>(split->axis)));
    }
  } else if (auto* slice = std::get_if<ir::Slice>(&op)) {
    for (size_t i = 0; i < slice->size.size(); ++i) {
      if (slice->size[i] <= 1) slice->stride[i] = 1;
      if (slice->size[i] == 0) slice->begin[i] = 0;
    }
  } else if (auto* pad = std::get_if<ir::Pad>(&op)) {
    pad->value = pad->mode == ir::PadMode::kConstant
                     ? StoredPadValue(graph.value(node.inputs[0]), pad->value)
                     : 0;
  } else if (std::holds_alternative<ir::LogicalXor>(op)) {
    op = ir::NotEqual();
  }
  return op;
}

}  // namespace g4c::backend
