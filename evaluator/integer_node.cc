#include "evaluator/integer_node.h"

#include "base/parallel.h"
#include "ir/quantize_constant.h"

namespace g4c::evaluator {
namespace {

template <typename From, typename T>
void StoreAs(absl::Span<const From> values, T* out) {
  for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
}

}  // namespace

absl::StatusOr<Affine> IntegerNode::InputAffine(int i) const {
  return AffineOf(input(i), absl::StrCat("operand ", i));
}

absl::StatusOr<Affine> IntegerNode::OutputAffine(int i) const {
  return AffineOf(output(i), absl::StrCat("result ", i));
}

absl::StatusOr<Affine> IntegerNode::AffineOf(const ir::Value& value, absl::string_view role) const {
  const auto* q = std::get_if<ir::QuantPerTensor>(&value.quantization);
  if (q == nullptr || ir::BitWidth(q->dtype) > 16) {
    return NoRule(role, " '", value.name, "' is ", StoredText(value),
                  ", where an activation of at most 16 bits, per tensor, is needed");
  }
  return Affine{q->dtype, q->scale, q->zero_point};
}

absl::Status IntegerNode::RefuseWith(const std::string& why) const {
  std::string signature(ir::OpName(node_.op));
  const char* separator = "(";
  for (int i = 0; i < num_inputs(); ++i) {
    absl::StrAppend(&signature, separator, Has(i) ? StoredText(input(i)) : "-");
    separator = ", ";
  }
  absl::StrAppend(&signature, num_inputs() == 0 ? "()" : ")");
  separator = " -> ";
  for (int i = 0; i < num_outputs(); ++i) {
    absl::StrAppend(&signature, separator, StoredText(output(i)));
    separator = ", ";
  }
  return Unsupported(ir::Describe(graph_, id_), ": no integer rule for ", signature, ": ", why,
                     "; a dequantize before and a quantize behind run it in float");
}

std::string StoredText(const ir::Value& value) {
  const bool per_channel = std::holds_alternative<ir::QuantPerChannel>(value.quantization);
  return absl::StrCat(std::string(ir::DTypeName(ir::StoredDType(value))),
                      per_channel ? " per channel" : "");
}

ir::Tensor StoredConstant(const ir::Value& value) {
  const ir::DType dtype = ir::StoredDType(value);
  if (value.constant->dtype() == dtype) return value.constant->WithBytes();
  ir::Tensor out = ir::Tensor::Allocate(dtype, value.constant->dims());
  if (ir::HasQparams(value.quantization)) {
    ForEachBlock(out.NumElements(), [&](int64_t begin, int64_t count) {
      int64_t block[kIntegerBlock];
      ir::ReadStoredInts(value, begin, absl::MakeSpan(block, count));
      StoreInts(absl::MakeConstSpan(block, count), begin, out);
    });
  } else {  // a float constant in f16, bf16 or f64 under f32
    G4C_CHECK(dtype == ir::DType::kF32);
    value.constant->ReadFloats(0, absl::MakeSpan(out.mutable_data<float>(), out.NumElements()));
  }
  return out;
}

void ForEachBlock(int64_t elements, absl::FunctionRef<void(int64_t, int64_t)> body) {
  ParallelForRange(elements, kIntegerBlock,
                   [&](int64_t begin, int64_t end) { body(begin, end - begin); });
}

namespace {

template <typename From>
void StoreAny(absl::Span<const From> values, int64_t begin, ir::Tensor& out) {
  switch (out.dtype()) {
    case ir::DType::kBool:
    case ir::DType::kU4:
    case ir::DType::kU8:
      return StoreAs(values, out.mutable_data<uint8_t>() + begin);
    case ir::DType::kI4:
    case ir::DType::kI8:
      return StoreAs(values, out.mutable_data<int8_t>() + begin);
    case ir::DType::kU16:
      return StoreAs(values, out.mutable_data<uint16_t>() + begin);
    case ir::DType::kI16:
      return StoreAs(values, out.mutable_data<int16_t>() + begin);
    case ir::DType::kU32:
      return StoreAs(values, out.mutable_data<uint32_t>() + begin);
    case ir::DType::kI32:
      return StoreAs(values, out.mutable_data<int32_t>() + begin);
    case ir::DType::kU64:
      return StoreAs(values, out.mutable_data<uint64_t>() + begin);
    case ir::DType::kI64:
      return StoreAs(values, out.mutable_data<int64_t>() + begin);
    case ir::DType::kF16:
    case ir::DType::kBF16:
    case ir::DType::kF32:
    case ir::DType::kF64:
      G4C_CHECK(false && "stores integers");
  }
}

}  // namespace

void StoreInts(absl::Span<const int64_t> values, int64_t begin, ir::Tensor& out) {
  StoreAny(values, begin, out);
}
void StoreInts(absl::Span<const int32_t> values, int64_t begin, ir::Tensor& out) {
  StoreAny(values, begin, out);
}

}  // namespace g4c::evaluator
