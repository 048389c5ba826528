#include "ir/quantization.h"

#include "base/status.h"

namespace g4c::ir {

absl::string_view NoQuantReasonName(NoQuantReason reason) {
  switch (reason) {
    case NoQuantReason::kIndex:
      return "index";
    case NoQuantReason::kShape:
      return "shape";
    case NoQuantReason::kBool:
      return "bool";
    case NoQuantReason::kFloatKept:
      return "float";
  }
  return "";
}

absl::string_view QuantOriginName(QuantOrigin origin) {
  switch (origin) {
    case QuantOrigin::kNone:
      return "none";
    case QuantOrigin::kQdq:
      return "qdq";
    case QuantOrigin::kCalibrated:
      return "calibrated";
    case QuantOrigin::kSynthetic:
      return "synthetic";
    case QuantOrigin::kFile:
      return "file";
    case QuantOrigin::kFixedRange:
      return "fixed-range";
    case QuantOrigin::kPropagated:
      return "propagated";
    case QuantOrigin::kDerived:
      return "derived";
    case QuantOrigin::kWeight:
      return "weight";
    case QuantOrigin::kCircle:
      return "circle";
  }
  return "";
}

DType QuantDType(const Quantization& q) {
  if (const auto* per_tensor = std::get_if<QuantPerTensor>(&q)) return per_tensor->dtype;
  const auto* per_channel = std::get_if<QuantPerChannel>(&q);
  G4C_CHECK(per_channel != nullptr);
  return per_channel->dtype;
}

}  // namespace g4c::ir
