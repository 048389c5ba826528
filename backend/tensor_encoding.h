// Element types, activations and quantisation: between the ir and the tables of a Circle file.
#ifndef BACKEND_TENSOR_ENCODING_H_
#define BACKEND_TENSOR_ENCODING_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "circle_generated.h"
#include "ir/op.h"
#include "ir/quantization.h"
#include "ir/shape.h"

namespace g4c::backend {

// Every ir dtype has a Circle type. In a TFLite file UINT4 is 20, which Circle numbers -1.
circle::TensorType EncodeDType(ir::DType dtype, bool is_tflite);
// Nullopt for types that the ir lacks: strings, complex numbers, resources, variants, block
// formats.
absl::optional<ir::DType> DecodeDType(circle::TensorType type, bool is_tflite);
// "FLOAT32"; the number for a type that the schema does not name.
std::string TensorTypeText(circle::TensorType type);

circle::ActivationFunctionType EncodeActivation(ir::Activation activation);
absl::optional<ir::Activation> DecodeActivation(circle::ActivationFunctionType activation);

// Null without qparams. Writes scale, zero_point and, per channel, quantized_dimension.
flatbuffers::Offset<circle::QuantizationParameters> EncodeQuantization(
    flatbuffers::FlatBufferBuilder& builder, const ir::Quantization& quantization);

// The qparams of a tensor of integer elements: QuantUnknown where it has none (no table, or one
// without scales; recorded minima and maxima are no qparams). InvalidInput, without the tensor's
// name: scales that are not finite and > 0, counts that contradict each other or the shape, zero
// points outside `stored`; Unsupported: block-wise and custom details.
absl::StatusOr<ir::Quantization> DecodeQuantization(
    const circle::QuantizationParameters* quantization, ir::DType stored, const ir::Dims& dims);

}  // namespace g4c::backend

#endif  // BACKEND_TENSOR_ENCODING_H_
