#include "ir/op.h"

#include <algorithm>
#include <iterator>

#include "base/status.h"

namespace g4c::ir {
namespace {

constexpr OpInfo kInfos[] = {
#define G4C_OP(Name, text, min_inputs, max_inputs, outputs, rule) \
  {text, min_inputs, max_inputs, outputs, QparamRule::rule},
#include "ir/op_table.inc"
#undef G4C_OP
};

using Factory = Op (*)();
constexpr Factory kFactories[] = {
#define G4C_OP(Name, text, min_inputs, max_inputs, outputs, rule) [] { return Op(Name{}); },
#include "ir/op_table.inc"
#undef G4C_OP
};

}  // namespace

Op::Op() = default;
Op::Op(const Op& other) = default;
Op::Op(Op&& other) noexcept = default;
Op& Op::operator=(const Op& other) = default;
Op& Op::operator=(Op&& other) noexcept = default;
Op::~Op() = default;

bool Op::operator==(const Op& other) const {
  return static_cast<const OpVariant&>(*this) == static_cast<const OpVariant&>(other);
}

const OpInfo& InfoOf(const Op& op) {
  G4C_CHECK(op.index() < std::size(kInfos));
  return kInfos[op.index()];
}

absl::string_view OpName(const Op& op) { return InfoOf(op).name; }

absl::optional<Op> OpByName(absl::string_view name) {
  for (size_t i = 0; i < std::size(kInfos); ++i) {
    if (kInfos[i].name == name) return kFactories[i]();
  }
  return absl::nullopt;
}

absl::Span<const absl::string_view> EnumNames(Activation) {
  static constexpr absl::string_view kNames[] = {"none",         "relu", "relu6",
                                                 "relu_n1_to_1", "tanh", "sign_bit"};
  return kNames;
}
absl::Span<const absl::string_view> EnumNames(ReduceKind) {
  static constexpr absl::string_view kNames[] = {"sum", "mean", "max", "min", "prod"};
  return kNames;
}
absl::Span<const absl::string_view> EnumNames(PadMode) {
  static constexpr absl::string_view kNames[] = {"constant", "reflect", "edge", "wrap"};
  return kNames;
}
absl::Span<const absl::string_view> EnumNames(ScatterKind) {
  static constexpr absl::string_view kNames[] = {"none", "add", "mul", "max", "min"};
  return kNames;
}

}  // namespace g4c::ir
