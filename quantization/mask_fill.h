// The fill of an attention mask, so that it masks and yet leaves the logits their resolution.
#ifndef QUANTIZATION_MASK_FILL_H_
#define QUANTIZATION_MASK_FILL_H_

#include "absl/status/status.h"
#include "quantization/activation_dtypes.h"
#include "quantization/calibrate.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {

// For add(logits, mask) -> softmax, with the unmasked logits in [lo, hi], the smallest row maximum
// m, a softmax quantum s and n masked keys, sets
//   sum:   the range [m - d, max(hi, 0)] with d = ln(2 n / s): n masked keys at the bottom of it
//   get at most half a quantum
//          of weight together, even in the row with the smallest maximum. A logit that lies lower
//          has no weight either and may saturate.
//   mask:  fill = bottom of that range - hi, so that every masked sum saturates at the bottom or
//   lies below it;
//          qparams that hold 0 and fill exactly.
// Only where the qparams of the sum are not known yet. All masks are given the same fill where
// their constant is shared.
absl::Status ChooseMaskFills(ir::Graph& graph, const Observations& observations,
                             const ActivationDTypes& activations, ir::QuantOrigin origin);

// Puts `fill` where a mask constant is not 0, with the qparams that hold 0 and fill exactly.
ir::Tensor MaskWithFill(const ir::Tensor& mask, float fill);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_MASK_FILL_H_
