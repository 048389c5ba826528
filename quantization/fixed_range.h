// Output qparams that are known without data.
#ifndef QUANTIZATION_FIXED_RANGE_H_
#define QUANTIZATION_FIXED_RANGE_H_

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::quantization {

// The qparams of the result of an operator with QparamRule::kFixedRange in `dtype`; nullopt for
// other operators.
//   softmax, logistic:  [0, 1):  u8 1/256, 0;  i8 1/256, -128;  u16 1/65536, 0;  i16 1/32768, 0 (as
//   LiteRT requires) tanh, l2_norm:      [-1, 1): u8 1/128, 128; i8 1/128, 0;    u16 1/32768,
//   32768; i16 1/32768, 0
absl::optional<ir::QuantPerTensor> FixedRangeQparams(const ir::Op& op, ir::DType dtype);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_FIXED_RANGE_H_
