// Quantisation of a value: a choice, so that "not yet known" can be asked for and differs from
// "none on purpose".
//
// Affine: real = scale * (q - zero_point). A value with qparams keeps its logical dtype f32; the
// qparams say how its elements are stored. Its constant data, if any, is either real (f32, f16,
// bf16, f64: quantised when written) or already integers of the qparams' dtype.
#ifndef IR_QUANTIZATION_H_
#define IR_QUANTIZATION_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/dtype.h"

namespace g4c::ir {

enum class NoQuantReason : uint8_t { kIndex, kShape, kBool, kFloatKept };
absl::string_view NoQuantReasonName(NoQuantReason reason);  // "index", "shape", "bool", "float"

struct QuantUnknown {
  bool operator==(const QuantUnknown&) const = default;
};

struct QuantNone {
  NoQuantReason reason;
  bool operator==(const QuantNone&) const = default;
};

struct QuantPerTensor {
  DType dtype;
  float scale;  // > 0, finite
  int64_t zero_point;
  bool operator==(const QuantPerTensor&) const = default;
};

// One (scale, zero point) for each index of `axis`.
struct QuantPerChannel {
  DType dtype;
  int axis;
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  bool operator==(const QuantPerChannel&) const = default;
};

using Quantization = std::variant<QuantUnknown, QuantNone, QuantPerTensor, QuantPerChannel>;

// Where qparams came from; the audit tells it.
enum class QuantOrigin : uint8_t {
  kNone,        // no qparams
  kQdq,         // QuantizeLinear/DequantizeLinear of the source graph
  kCalibrated,  // observed over the user's samples
  kSynthetic,   // observed over made-up samples
  kFile,        // a qparams file
  kFixedRange,  // known without data: softmax, clamp bounds
  kPropagated,  // through an operator that moves data
  kDerived,     // a bias: input scale x weight scale
  kWeight,      // computed from the constant itself
  kCircle,      // read from a .circle file
};
absl::string_view QuantOriginName(QuantOrigin origin);  // "qdq", "calibrated", ...

inline bool HasQparams(const Quantization& q) {
  return std::holds_alternative<QuantPerTensor>(q) || std::holds_alternative<QuantPerChannel>(q);
}
// The stored dtype of a value with qparams.
DType QuantDType(const Quantization& q);

}  // namespace g4c::ir

#endif  // IR_QUANTIZATION_H_
