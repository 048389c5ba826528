// Matrix products and convolution.
#include "frontend/op_registry.h"

namespace g4c::frontend {

absl::Status ImportMatMul(NodeContext& node) { return node.Return(ir::MatMul{}, node.Inputs(2)); }

// alpha A' B' + beta C
absl::Status ImportGemm(NodeContext& node) {
  const float alpha = node.Float("alpha", 1.0f);
  const float beta = node.Float("beta", 1.0f);
  const auto operand = [&](int i, const char* transposed) -> absl::StatusOr<ir::ValueId> {
    const ir::ValueId value = node.Input(i);
    const ir::Shape& shape = node.TypeOf(value).shape;
    if (shape.has_rank() && shape.rank() != 2) {
      return InvalidInput("operand ", i, " has shape ", ir::ShapeText(shape),
                          ", it must be a matrix");
    }
    if (!node.Flag(transposed, false)) return value;
    return node.Emit(ir::Transpose{{1, 0}}, {value});
  };
  ASSIGN_OR_RETURN(const ir::ValueId a, operand(0, "transA"));
  ASSIGN_OR_RETURN(const ir::ValueId b, operand(1, "transB"));
  const bool adds = node.Has(2) && beta != 0;
  if (alpha == 1 && !adds) return node.Return(ir::MatMul{}, {a, b});
  ASSIGN_OR_RETURN(ir::ValueId product, node.Emit(ir::MatMul{}, {a, b}));
  if (alpha != 1) {
    ASSIGN_OR_RETURN(const ir::ValueId factor, node.ScalarLike(alpha, product));
    if (!adds) return node.Return(ir::Mul{}, {product, factor});
    ASSIGN_OR_RETURN(product, node.Emit(ir::Mul{}, {product, factor}));
  }
  ir::ValueId c = node.Input(2);
  if (beta != 1) {
    ASSIGN_OR_RETURN(const ir::ValueId factor, node.ScalarLike(beta, c));
    ASSIGN_OR_RETURN(c, node.Emit(ir::Mul{}, {c, factor}));
  }
  return node.Return(ir::Add{}, {product, c});
}

absl::Status ImportFusedMatMul(NodeContext& node) {
  ir::FusedMatMul op;
  op.alpha = node.Float("alpha", 1.0f);
  op.trans_a = node.Flag("transA", false);
  op.trans_b = node.Flag("transB", false);
  op.trans_batch_a = node.Flag("transBatchA", false);
  op.trans_batch_b = node.Flag("transBatchB", false);
  return node.Return(op, node.Inputs(2));
}

absl::Status ImportEinsum(NodeContext& node) {
  const std::string equation = node.String("equation", "");
  if (equation.empty()) return InvalidInput("the attribute 'equation' is missing");
  return node.Return(ir::Einsum{equation}, node.AllInputs());
}

absl::Status ImportConv(NodeContext& node) {
  ir::Conv op;
  op.auto_pad = node.String("auto_pad", "NOTSET");
  op.dilations = node.Ints("dilations");
  op.group = node.Int("group", 1);
  op.pads = node.Ints("pads");
  op.strides = node.Ints("strides");
  // Repeats what the weight's shape says.
  const std::vector<int64_t> kernel = node.Ints("kernel_shape");
  const ir::Shape& weight = node.TypeOf(node.Input(1)).shape;
  if (!kernel.empty() && weight.IsStatic() &&
      (weight.rank() < 2 ||
       kernel != std::vector<int64_t>(weight.dims().begin() + 2, weight.dims().end()))) {
    return InvalidInput("kernel_shape is ", ir::ShapeText(ir::Shape(kernel)),
                        ", the weight's shape ", ir::ShapeText(weight));
  }
  return node.Return(op, node.Inputs(3));
}

}  // namespace g4c::frontend
