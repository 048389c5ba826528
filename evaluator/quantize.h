// From real tensors to stored integers and back, by the qparams of a value.
#ifndef EVALUATOR_QUANTIZE_H_
#define EVALUATOR_QUANTIZE_H_

#include "ir/quantization.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// All three require qparams (HasQparams), and per channel as many as dim `axis` of the tensor has.

// q = saturate(round_half_even(x / scale) + zero_point), as ONNX QuantizeLinear, in the dtype of
// the qparams. `real` is of any float dtype and holds no NaN.
ir::Tensor QuantizeTensor(const ir::Tensor& real, const ir::Quantization& quantization);

// scale * (q - zero_point) in f32, as ONNX DequantizeLinear. `stored` is of the dtype of the
// qparams.
ir::Tensor DequantizeTensor(const ir::Tensor& stored, const ir::Quantization& quantization);

// Dequantised after quantised: the nearest numbers that the qparams can represent, in f32.
ir::Tensor FakeQuantize(const ir::Tensor& real, const ir::Quantization& quantization);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_QUANTIZE_H_
