// What the attribute structs of all operators are made of.
#ifndef IR_OP_BASE_H_
#define IR_OP_BASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/dtype.h"

namespace g4c::ir {

using Ints = std::vector<int64_t>;

enum class Activation : uint8_t { kNone, kRelu, kRelu6, kReluN1To1, kTanh, kSignBit };
enum class ReduceKind : uint8_t { kSum, kMean, kMax, kMin, kProd };
enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };
enum class ScatterKind : uint8_t { kNone, kAdd, kMul, kMax, kMin };

// The names of an enum's values in the ir text, in the order of the values.
absl::Span<const absl::string_view> EnumNames(Activation);
absl::Span<const absl::string_view> EnumNames(ReduceKind);
absl::Span<const absl::string_view> EnumNames(PadMode);
absl::Span<const absl::string_view> EnumNames(ScatterKind);

// How an operator's result relates to the qparams of its operands.
enum class QparamRule : uint8_t {
  kComputes,    // the result has qparams of its own
  kMovesData,   // every float operand and result share one set of qparams, or an explicit quantize
                // stands between
  kFixedRange,  // the result's range is known without data (quantization/fixed_range.h)
  kNotApplicable,  // the result is an index, a shape or a Boolean
  kConverts,       // quantize, dequantize: changes the qparams and nothing else
};

#define G4C_OP_BODY(Name) bool operator==(const Name&) const = default;
// An operator without attributes.
#define G4C_PLAIN_OP(Name)                     \
  struct Name {                                \
    G4C_OP_BODY(Name)                          \
    template <typename Self, typename Visitor> \
    static void Visit(Self&, Visitor&&) {}     \
  };
// The attributes in printing order: visit("name", self.field) for each.
#define G4C_ATTRIBUTES(...)                        \
  template <typename Self, typename Visitor>       \
  static void Visit(Self& self, Visitor&& visit) { \
    __VA_ARGS__                                    \
  }

}  // namespace g4c::ir

#endif  // IR_OP_BASE_H_
