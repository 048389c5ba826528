#include "backend/tensor_encoding.h"

#include <cmath>

#include "base/status.h"
#include "base/text.h"

namespace g4c::backend {
namespace {

using ir::DType;

struct TypePair {
  DType dtype;
  circle::TensorType type;
};

constexpr TypePair kTypes[] = {
    {DType::kBool, circle::TensorType_BOOL},     {DType::kU4, circle::TensorType_UINT4},
    {DType::kI4, circle::TensorType_INT4},       {DType::kU8, circle::TensorType_UINT8},
    {DType::kI8, circle::TensorType_INT8},       {DType::kU16, circle::TensorType_UINT16},
    {DType::kI16, circle::TensorType_INT16},     {DType::kU32, circle::TensorType_UINT32},
    {DType::kI32, circle::TensorType_INT32},     {DType::kU64, circle::TensorType_UINT64},
    {DType::kI64, circle::TensorType_INT64},     {DType::kF16, circle::TensorType_FLOAT16},
    {DType::kBF16, circle::TensorType_BFLOAT16}, {DType::kF32, circle::TensorType_FLOAT32},
    {DType::kF64, circle::TensorType_FLOAT64},
};

constexpr int kTfliteUint4 = 20;

struct ActivationPair {
  ir::Activation activation;
  circle::ActivationFunctionType type;
};

constexpr ActivationPair kActivations[] = {
    {ir::Activation::kNone, circle::ActivationFunctionType_NONE},
    {ir::Activation::kRelu, circle::ActivationFunctionType_RELU},
    {ir::Activation::kReluN1To1, circle::ActivationFunctionType_RELU_N1_TO_1},
    {ir::Activation::kRelu6, circle::ActivationFunctionType_RELU6},
    {ir::Activation::kTanh, circle::ActivationFunctionType_TANH},
    {ir::Activation::kSignBit, circle::ActivationFunctionType_SIGN_BIT},
};

absl::Status CheckScales(const flatbuffers::Vector<float>& scales) {
  for (float scale : scales) {
    if (std::isfinite(scale) && scale > 0) continue;
    return InvalidInput("the scale ", FormatFloat(scale), " is not a finite number above 0");
  }
  return absl::OkStatus();
}

absl::Status CheckZeroPoints(const flatbuffers::Vector<int64_t>& zero_points, DType stored) {
  const int64_t low = ir::MinOf(stored);
  const int64_t high = ir::MaxOf(stored);
  for (int64_t zero_point : zero_points) {
    if (zero_point >= low && zero_point <= high) continue;
    return InvalidInput("the zero point ", zero_point, " is no ", ir::DTypeName(stored));
  }
  return absl::OkStatus();
}

}  // namespace

circle::TensorType EncodeDType(DType dtype, bool is_tflite) {
  if (is_tflite && dtype == DType::kU4) return static_cast<circle::TensorType>(kTfliteUint4);
  for (const TypePair& pair : kTypes) {
    if (pair.dtype == dtype) return pair.type;
  }
  G4C_CHECK(false && "a dtype without a Circle type");
  return circle::TensorType_FLOAT32;
}

absl::optional<DType> DecodeDType(circle::TensorType type, bool is_tflite) {
  if (is_tflite && static_cast<int>(type) == kTfliteUint4) return DType::kU4;
  for (const TypePair& pair : kTypes) {
    if (pair.type == type) return pair.dtype;
  }
  return absl::nullopt;
}

std::string TensorTypeText(circle::TensorType type) {
  const std::string name = circle::EnumNameTensorType(type);
  return name.empty() ? absl::StrCat("type ", static_cast<int>(type)) : name;
}

circle::ActivationFunctionType EncodeActivation(ir::Activation activation) {
  for (const ActivationPair& pair : kActivations) {
    if (pair.activation == activation) return pair.type;
  }
  G4C_CHECK(false && "an activation without a Circle name");
  return circle::ActivationFunctionType_NONE;
}

absl::optional<ir::Activation> DecodeActivation(circle::ActivationFunctionType activation) {
  for (const ActivationPair& pair : kActivations) {
    if (pair.type == activation) return pair.activation;
  }
  return absl::nullopt;
}

flatbuffers::Offset<circle::QuantizationParameters> EncodeQuantization(
    flatbuffers::FlatBufferBuilder& builder, const ir::Quantization& quantization) {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int axis = 0;
  if (const auto* tensor = std::get_if<ir::QuantPerTensor>(&quantization)) {
    scales = {tensor->scale};
    zero_points = {tensor->zero_point};
  } else if (const auto* channels = std::get_if<ir::QuantPerChannel>(&quantization)) {
    scales = channels->scales;
    zero_points = channels->zero_points;
    axis = channels->axis;
  } else {
    return 0;
  }
  const auto scale = builder.CreateVector(scales);
  const auto zero_point = builder.CreateVector(zero_points);
  circle::QuantizationParametersBuilder table(builder);
  table.add_scale(scale);
  table.add_zero_point(zero_point);
  table.add_quantized_dimension(axis);
  return table.Finish();
}

absl::StatusOr<ir::Quantization> DecodeQuantization(
    const circle::QuantizationParameters* quantization, DType stored, const ir::Dims& dims) {
  if (quantization == nullptr) return ir::Quantization();
  if (quantization->details_type() != circle::QuantizationDetails_NONE) {
    return Unsupported("its quantisation is ",
                       circle::EnumNameQuantizationDetails(quantization->details_type()),
                       ", only affine per tensor or per channel can be read");
  }
  const auto* scales = quantization->scale();
  const auto* zero_points = quantization->zero_point();
  const int64_t count = scales == nullptr ? 0 : scales->size();
  const int64_t zero_count = zero_points == nullptr ? 0 : zero_points->size();
  if (count == 0) return ir::Quantization();
  if (zero_count != 0 && zero_count != 1 && zero_count != count) {
    return InvalidInput(count, " scales, but ", zero_count, " zero points");
  }
  RETURN_IF_ERROR(CheckScales(*scales));
  if (zero_count > 0) RETURN_IF_ERROR(CheckZeroPoints(*zero_points, stored));
  const int64_t first_zero_point = zero_count == 0 ? 0 : zero_points->Get(0);
  if (count == 1) return ir::QuantPerTensor{stored, scales->Get(0), first_zero_point};
  const int axis = quantization->quantized_dimension();
  if (axis < 0 || axis >= static_cast<int>(dims.size())) {
    return InvalidInput("quantized_dimension ", axis, " of the shape ", DimsText(dims));
  }
  if (dims[axis] != count) {
    return InvalidInput(count, " scales for the ", dims[axis], " channels of axis ", axis,
                        " of the shape ", DimsText(dims));
  }
  ir::QuantPerChannel channels{stored, axis, {scales->begin(), scales->end()}, {}};
  if (zero_count == count) {
    channels.zero_points.assign(zero_points->begin(), zero_points->end());
  } else {
    channels.zero_points.assign(count, first_zero_point);
  }
  return channels;
}

}  // namespace g4c::backend
