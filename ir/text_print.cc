#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "ir/digest.h"
#include "ir/text.h"
#include "ir/text_format.h"

namespace g4c::ir {
namespace {

// ---- Attributes ----

void Append(std::string* out, bool value) { absl::StrAppend(out, value ? "true" : "false"); }
void Append(std::string* out, int64_t value) { absl::StrAppend(out, value); }
void Append(std::string* out, float value) { out->append(FormatFloat(value)); }
void Append(std::string* out, double value) { out->append(FormatDouble(value)); }
void Append(std::string* out, DType value) { absl::StrAppend(out, DTypeName(value)); }
void Append(std::string* out, const std::string& value) { out->append(QuotedText(value)); }
void Append(std::string* out, const Ints& value) {
  absl::StrAppend(out, "[", absl::StrJoin(value, ", "), "]");
}
template <typename Enum>
void AppendEnum(std::string* out, Enum value) {
  absl::StrAppend(out, EnumNames(value)[static_cast<int>(value)]);
}
void Append(std::string* out, Activation value) { AppendEnum(out, value); }
void Append(std::string* out, ReduceKind value) { AppendEnum(out, value); }
void Append(std::string* out, PadMode value) { AppendEnum(out, value); }
void Append(std::string* out, ScatterKind value) { AppendEnum(out, value); }

// " {epsilon: 1e-05, axis: 2}", or nothing where every attribute has its default.
template <typename OpType>
std::string AttributesText(const OpType& op) {
  std::vector<std::string> defaults, shown;
  const OpType fresh{};
  OpType::Visit(fresh, [&](absl::string_view, const auto& field) {
    Append(&defaults.emplace_back(), field);
  });
  size_t i = 0;
  OpType::Visit(op, [&](absl::string_view name, const auto& field) {
    std::string text;
    Append(&text, field);
    if (text != defaults[i++]) shown.push_back(absl::StrCat(name, ": ", text));
  });
  return shown.empty() ? "" : absl::StrCat(" {", absl::StrJoin(shown, ", "), "}");
}

std::string AttributesText(const std::monostate&) { return ""; }

// ---- Constants ----

std::string NumberText(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::kF16:
    case DType::kBF16:
    case DType::kF32: {
      float value;
      tensor.ReadFloats(i, {&value, 1});
      return FormatFloat(value);
    }
    case DType::kF64: {
      double value;
      tensor.ReadDoubles(i, {&value, 1});
      return FormatDouble(value);
    }
    default: {
      int64_t value;
      tensor.ReadInts(i, {&value, 1});
      if (tensor.dtype() == DType::kBool) return value != 0 ? "true" : "false";
      if (tensor.dtype() == DType::kU64) return absl::StrCat(static_cast<uint64_t>(value));
      return absl::StrCat(value);
    }
  }
}

// Whether all elements have the same bits. Stops at the first that differs.
bool IsSplat(const Tensor& tensor) {
  const int width = ByteWidth(tensor.dtype());
  uint8_t first[8];
  bool started = false, equal = true;
  VisitBytes(tensor, [&](absl::Span<const uint8_t> bytes) {
    if (!started) std::memcpy(first, bytes.data(), width);
    started = true;
    for (size_t i = 0; equal && i < bytes.size(); i += width)
      equal = std::memcmp(first, &bytes[i], width) == 0;
    return equal;
  });
  return equal;
}

std::string DataText(const Tensor& tensor) {
  const int64_t count = tensor.NumElements();
  if (tensor.opaque_digest() == nullptr && count > 1 && IsSplat(tensor)) {
    return absl::StrCat("splat(", NumberText(tensor, 0), ")");
  }
  if (tensor.opaque_digest() != nullptr || count > kFullConstant) {
    return absl::StrCat("sha(", ContentDigest(tensor), ", ", tensor.NumBytes(), " bytes)");
  }
  std::string text = "[";
  for (int64_t i = 0; i < count; ++i)
    absl::StrAppend(&text, i == 0 ? "" : ", ", NumberText(tensor, i));
  return absl::StrCat(text, "]");
}

// ---- Lines ----

class Printer {
 public:
  Printer(const Graph& graph, bool canonical) : graph_(graph), canonical_(canonical) {}

  std::string Graph() {
    CollectOrder();
    if (canonical_) NumberValues();
    std::string text = canonical_ || graph_.name.empty()
                           ? "graph {\n"
                           : absl::StrCat("graph ", WordText(graph_.name), " {\n");
    for (ValueId input : graph_.inputs()) {
      absl::StrAppend(&text, "  in  ", Name(input), ": ", Typed(input), "\n");
    }
    for (ValueId id : constants_) {
      const Value& value = graph_.value(id);
      const Tensor& data = *value.constant;
      absl::StrAppend(&text, "  k   ", Name(id), ": ", Typed(id), " = ");
      if (data.dtype() != value.type.dtype) absl::StrAppend(&text, DTypeName(data.dtype()), " ");
      absl::StrAppend(&text, DataText(data), "\n");
    }
    for (NodeId id : order_) absl::StrAppend(&text, "  ", Line(id), "\n");
    for (const GraphOutput& output : graph_.outputs()) {
      absl::StrAppend(&text, "  out ", Name(output.value));
      const bool renamed = Known(output.value) && graph_.value(output.value).name != output.name;
      if (!canonical_ && renamed) absl::StrAppend(&text, " as ", WordText(output.name));
      absl::StrAppend(&text, "\n");
    }
    return absl::StrCat(text, "}\n");
  }

  std::string Line(NodeId id) {
    const Node& node = graph_.node(id);
    const auto names = [this](std::string* out, ValueId value) {
      absl::StrAppend(out, Name(value));
    };
    std::string text = absl::StrJoin(node.outputs, ", ", names);
    absl::StrAppend(&text, text.empty() ? "" : " = ", OpName(node.op), "(",
                    absl::StrJoin(node.inputs, ", ", names), ")",
                    std::visit([](const auto& op) { return AttributesText(op); }, node.op));
    absl::StrAppend(&text, node.outputs.empty() ? "" : ": ",
                    absl::StrJoin(node.outputs, ", ", [this](std::string* out, ValueId value) {
                      absl::StrAppend(out, Typed(value));
                    }));
    const std::string& module = node.provenance.lead().module;
    if (!canonical_ && !module.empty()) absl::StrAppend(&text, "  @", NameText(module));
    return text;
  }

 private:
  bool Known(ValueId id) const { return id >= 0 && id < graph_.num_values(); }

  std::string Name(ValueId id) const {
    if (id == kNoValue) return "-";
    if (!Known(id)) return absl::StrCat("%\"no value ", id, "\"");
    if (!canonical_) return absl::StrCat("%", NameText(graph_.value(id).name));
    return numbers_[id] < 0 ? "%nothing" : absl::StrCat("%", numbers_[id]);
  }

  // "f32[1, 63, 64] q(u8 0.0314:128)".
  std::string Typed(ValueId id) const {
    const Value& value = graph_.value(id);
    std::string text = absl::StrCat(DTypeName(value.type.dtype), ShapeText(value.type.shape));
    if (!std::holds_alternative<QuantUnknown>(value.quantization)) {
      absl::StrAppend(&text, " ", QuantText(value.quantization));
    }
    return text;
  }

  // What the outputs need, producers first as far as a cycle lets them be; then (not in the
  // canonical form) what no output needs, as it stands. Constants in the order of their first use.
  // Unlike TopologicalOrder this stands cycles and ids of nothing.
  void CollectOrder() {
    std::vector<bool> node_seen(graph_.num_nodes(), false),
        constant_seen(graph_.num_values(), false);
    std::vector<std::pair<NodeId, size_t>> stack;  // a node and its next operand
    const auto see_constant = [&](ValueId id) {
      if (!Known(id) || constant_seen[id] || !graph_.value(id).constant.has_value()) return;
      constant_seen[id] = true;
      constants_.push_back(id);
    };
    const auto reach = [&](ValueId id) {
      see_constant(id);
      const NodeId producer = Known(id) ? graph_.value(id).producer : kNoNode;
      if (producer < 0 || producer >= graph_.num_nodes() || node_seen[producer]) return;
      if (graph_.node(producer).erased) return;
      node_seen[producer] = true;
      stack.emplace_back(producer, 0);
    };
    for (const GraphOutput& output : graph_.outputs()) {
      reach(output.value);
      while (!stack.empty()) {
        const NodeId id = stack.back().first;
        const size_t operand = stack.back().second++;
        const Node& node = graph_.node(id);
        if (operand < node.inputs.size()) {
          reach(node.inputs[operand]);
        } else {
          order_.push_back(id);
          stack.pop_back();
        }
      }
    }
    if (canonical_) return;
    for (NodeId id = 0; id < graph_.num_nodes(); ++id) {
      if (graph_.node(id).erased || node_seen[id]) continue;
      order_.push_back(id);
      for (ValueId input : graph_.node(id).inputs) see_constant(input);
    }
  }

  void NumberValues() {
    numbers_.assign(graph_.num_values(), -1);
    int next = 0;
    for (ValueId id : graph_.inputs()) numbers_[id] = next++;
    for (ValueId id : constants_) numbers_[id] = next++;
    for (NodeId node : order_) {
      for (ValueId id : graph_.node(node).outputs) numbers_[id] = next++;
    }
  }

  const ir::Graph& graph_;
  const bool canonical_;
  std::vector<NodeId> order_;
  std::vector<ValueId> constants_;
  std::vector<int> numbers_;
};

}  // namespace

std::string QuantText(const Quantization& quantization) {
  if (const auto* none = std::get_if<QuantNone>(&quantization)) {
    return absl::StrCat("q(none: ", NoQuantReasonName(none->reason), ")");
  }
  if (const auto* q = std::get_if<QuantPerTensor>(&quantization)) {
    return absl::StrCat("q(", DTypeName(q->dtype), " ", FormatFloat(q->scale), ":", q->zero_point,
                        ")");
  }
  if (const auto* q = std::get_if<QuantPerChannel>(&quantization)) {
    const auto scale = [](std::string* out, float value) { out->append(FormatFloat(value)); };
    return absl::StrCat("q(", DTypeName(q->dtype), " per_channel ", q->axis, " [",
                        absl::StrJoin(q->scales, ", ", scale), "] [",
                        absl::StrJoin(q->zero_points, ", "), "])");
  }
  return "q(?)";
}

std::string PrintGraph(const Graph& graph) { return Printer(graph, /*canonical=*/false).Graph(); }
std::string PrintCanonical(const Graph& graph) {
  return Printer(graph, /*canonical=*/true).Graph();
}
std::string PrintNode(const Graph& graph, NodeId id) {
  return Printer(graph, /*canonical=*/false).Line(id);
}

}  // namespace g4c::ir
