#include "quantization/fixed_range.h"

namespace g4c::quantization {

absl::optional<ir::QuantPerTensor> FixedRangeQparams(const ir::Op& op, ir::DType dtype) {
  if (ir::InfoOf(op).rule != ir::QparamRule::kFixedRange) return absl::nullopt;
  const bool one_sided = std::holds_alternative<ir::Softmax>(op) ||
                         std::holds_alternative<ir::Logistic>(op) ||
                         std::holds_alternative<ir::SoftmaxAxis>(op);
  using ir::DType;
  switch (dtype) {
    case DType::kU8:
      return one_sided ? ir::QuantPerTensor{dtype, 1.0f / 256, 0}
                       : ir::QuantPerTensor{dtype, 1.0f / 128, 128};
    case DType::kI8:
      return one_sided ? ir::QuantPerTensor{dtype, 1.0f / 256, -128}
                       : ir::QuantPerTensor{dtype, 1.0f / 128, 0};
    case DType::kU16:
      return one_sided ? ir::QuantPerTensor{dtype, 1.0f / 65536, 0}
                       : ir::QuantPerTensor{dtype, 1.0f / 32768, 32768};
    case DType::kI16:
      return ir::QuantPerTensor{dtype, 1.0f / 32768, 0};
    default:
      return absl::nullopt;
  }
}

}  // namespace g4c::quantization
