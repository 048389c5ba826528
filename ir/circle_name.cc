#include "ir/circle_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace g4c::ir {
namespace {

struct Renamed {
  absl::string_view ir;
  absl::string_view circle;
};

constexpr Renamed kRenamed[] = {
    {"concat", "CONCATENATION"}, {"l2_norm", "L2_NORMALIZATION"}, {"logical_xor", "NOT_EQUAL"},
    {"mod", "FLOOR_MOD"},        {"reduce_mean", "MEAN"},         {"reduce_sum", "SUM"},
    {"select", "SELECT_V2"},
};

// Those that one ir operator is written as, depending on its attributes.
constexpr absl::string_view kOthers[] = {"MIRROR_PAD", "PADV2", "SPLIT_V", "SQUEEZE",
                                         "STRIDED_SLICE"};

std::string NameOf(absl::string_view ir_name) {
  for (const Renamed& renamed : kRenamed) {
    if (renamed.ir == ir_name) return std::string(renamed.circle);
  }
  return absl::AsciiStrToUpper(ir_name);
}

bool IsPlainSlice(const Slice& slice) {
  for (size_t i = 0; i < slice.stride.size(); ++i) {
    // The stride of one element or none says nothing.
    if (slice.stride[i] != 1 && slice.size[i] > 1) return false;
  }
  return slice.size.size() <= 4;
}

}  // namespace

std::string CircleName(const Graph& graph, const Node& node) {
  if (const auto* slice = std::get_if<Slice>(&node.op)) {
    const bool real = graph.value(node.inputs[0]).type.dtype == DType::kF32;
    return real && IsPlainSlice(*slice) ? "SLICE" : "STRIDED_SLICE";
  }
  if (const auto* split = std::get_if<Split>(&node.op)) {
    const bool equal = std::all_of(split->sizes.begin(), split->sizes.end(),
                                   [&](int64_t size) { return size == split->sizes[0]; });
    return equal ? "SPLIT" : "SPLIT_V";
  }
  if (const auto* reshape = std::get_if<Reshape>(&node.op)) {
    return reshape->shape.empty() ? "SQUEEZE" : "RESHAPE";
  }
  if (const auto* pad = std::get_if<Pad>(&node.op)) {
    if (pad->mode == PadMode::kReflect) return "MIRROR_PAD";
    return pad->value == 0 ? "PAD" : "PADV2";
  }
  if (const auto* foreign = std::get_if<Foreign>(&node.op)) return foreign->code;
  return NameOf(OpName(node.op));
}

bool IsCircleName(absl::string_view name) {
#define G4C_OP(Struct, text, ...) \
  if (NameOf(text) == name) return true;
#include "ir/op_table.inc"
#undef G4C_OP
  return std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
}

}  // namespace g4c::ir
