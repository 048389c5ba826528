// Ranges of weights by squared error.
#ifndef QUANTIZATION_WEIGHT_RANGES_H_
#define QUANTIZATION_WEIGHT_RANGES_H_

#include <vector>

#include "absl/types/span.h"
#include "ir/quantization.h"

namespace g4c::quantization {

// u8 and u4 weights are asymmetric, i8, i4 and i16 symmetric.
bool IsSymmetricWeight(ir::DType dtype);

// Per-channel (axis 0) qparams of `weight`, row-major [rows, columns] with as many columns as
// `importance` has. For each row, the range with the least
//   sum_j importance[j] * (w[j] - q(w[j]))^2
// of those that are tried; the range from minimum to maximum is among them. With importance[j] the
// mean square of input channel j this is the mean squared error of the row's product with inputs
// that are uncorrelated.
//   first    both ends times 1, 0.98, ..., 0.3
//   then     (asymmetric) one end after the other times 0.4, 0.55, ..., 1.2, two rounds
// The same bytes for any number of threads.
ir::QuantPerChannel ChooseWeightQparamsByError(absl::Span<const float> weight,
                                               absl::Span<const float> importance, ir::DType dtype);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_WEIGHT_RANGES_H_
