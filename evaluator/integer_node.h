// What the families of integer kernels share: the view of a node they are made from, and the kernel
// they make.
#ifndef EVALUATOR_INTEGER_NODE_H_
#define EVALUATOR_INTEGER_NODE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "evaluator/integer_arithmetic.h"
#include "evaluator/rounding.h"
#include "ir/graph.h"

namespace g4c::evaluator {

// Per-tensor qparams of an activation: u4, i4, u8, i8, u16 or i16, so that |q - zero_point| < 2^16.
struct Affine {
  ir::DType dtype;
  double scale;  // holds an f32
  int64_t zero_point;

  bool operator==(const Affine&) const = default;
  int64_t min() const { return ir::MinOf(dtype); }
  int64_t max() const { return ir::MaxOf(dtype); }
  StoredRange range() const { return {zero_point, min(), max()}; }
  // Exact: 24 bits of scale times 17 of the difference.
  double Real(int64_t q) const { return scale * static_cast<double>(q - zero_point); }
  // saturate(zero_point + round(real / scale)); NaN is the zero point.
  int64_t Quantize(double real) const { return range().Store(RoundHalfEven(real / scale)); }
};

// Stored operands (null where omitted) to stored results, of the types of the node.
using IntegerKernel = std::function<absl::StatusOr<std::vector<ir::Tensor>>(
    absl::Span<const ir::Tensor* const> inputs)>;

class IntegerNode {
 public:
  IntegerNode(const ir::Graph& graph, ir::NodeId id, Rounding rounding)
      : graph_(graph), id_(id), node_(graph.node(id)), rounding_(rounding) {}

  const ir::Op& op() const { return node_.op; }
  bool AsLitert() const { return rounding_ == Rounding::kLitert; }
  int num_inputs() const { return static_cast<int>(node_.inputs.size()); }
  int num_outputs() const { return static_cast<int>(node_.outputs.size()); }
  bool Has(int input) const { return input < num_inputs() && node_.inputs[input] != ir::kNoValue; }
  const ir::Value& input(int i) const { return graph_.value(node_.inputs[i]); }
  const ir::Value& output(int i = 0) const { return graph_.value(node_.outputs[i]); }
  const ir::Dims& input_dims(int i) const { return input(i).type.shape.dims(); }
  const ir::Dims& output_dims(int i = 0) const { return output(i).type.shape.dims(); }

  // The activation qparams of an operand or result; Unsupported (naming the node) when it has none,
  // is per channel, or is wider than 16 bits.
  absl::StatusOr<Affine> InputAffine(int i) const;
  absl::StatusOr<Affine> OutputAffine(int i = 0) const;

  // Unsupported: the node, the dtypes of its operands and results, why, and what to do.
  template <typename... Parts>
  absl::Status NoRule(const Parts&... why) const {
    return RefuseWith(absl::StrCat(why...));
  }

 private:
  absl::StatusOr<Affine> AffineOf(const ir::Value& value, absl::string_view role) const;
  absl::Status RefuseWith(const std::string& why) const;

  const ir::Graph& graph_;
  ir::NodeId id_;
  const ir::Node& node_;
  Rounding rounding_;
};

// "u8", "i8 per channel", "f32": how a value is stored, for messages.
std::string StoredText(const ir::Value& value);

// The constant's stored integers (qparams) or elements of its logical type: a view where the data
// already is that.
ir::Tensor StoredConstant(const ir::Value& value);

// Elements per block of an element-by-element loop; part of no rule, results do not depend on it.
inline constexpr int64_t kIntegerBlock = 4096;

// body(begin, count) over blocks of at most kIntegerBlock elements, in parallel.
void ForEachBlock(int64_t elements, absl::FunctionRef<void(int64_t begin, int64_t count)> body);

// out[begin + i] = values[i], which must fit its dtype.
void StoreInts(absl::Span<const int64_t> values, int64_t begin, ir::Tensor& out);
void StoreInts(absl::Span<const int32_t> values, int64_t begin, ir::Tensor& out);

// Calls fn(T{}) with the C++ type in which a dtype of at most 16 bits is held.
template <typename Fn>
void WithStored(ir::DType dtype, Fn fn) {
  const bool is_signed = ir::MinOf(dtype) < 0;
  if (ir::ByteWidth(dtype) == 1) {
    is_signed ? fn(int8_t{}) : fn(uint8_t{});
  } else {
    is_signed ? fn(int16_t{}) : fn(uint16_t{});
  }
}

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_NODE_H_
