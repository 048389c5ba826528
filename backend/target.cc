#include "backend/target.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "ir/quantize_constant.h"

namespace g4c::backend {
namespace {

using ir::DType;

// Measured on onert 0.1.0, CPU backend. Operators without a row do not run.
struct Rule {
  absl::string_view op;  // ir name
  std::vector<DType> dtypes;
  int max_rank;
  int min_rank = 0;
};

const std::vector<Rule>& OnertRules() {
  constexpr DType kF32 = DType::kF32, kU8 = DType::kU8, kI8 = DType::kI8, kI32 = DType::kI32,
                  kI64 = DType::kI64, kBool = DType::kBool;
  static const auto* rules = new std::vector<Rule>{
      {"abs", {kF32}, 6},
      {"add", {kF32, kU8, kI8, kI32, kI64}, 6},
      {"batch_matmul", {kF32}, 4, 2},
      {"broadcast_to", {kF32, kI32}, 5},
      {"cast", {kF32, kI32, kI64, kBool, kU8}, 6},
      {"concat", {kF32, kU8, kI8}, 5},
      {"cos", {kF32}, 6},
      {"dequantize", {kF32, kU8, kI8}, 6},
      {"div", {kF32}, 6},
      {"equal", {kF32, kBool}, 6},
      {"exp", {kF32}, 6},
      {"floor", {kF32}, 6},
      {"fully_connected", {kF32, kU8}, 6, 2},
      {"gather", {kF32, kU8, kI32}, 6},
      {"gelu", {kF32}, 6},
      {"greater", {kF32, kBool}, 6},
      {"greater_equal", {kF32, kBool}, 6},
      {"l2_norm", {kF32, kU8}, 5},
      {"less", {kF32, kBool}, 6},
      {"less_equal", {kF32, kBool}, 6},
      {"log", {kF32}, 6},
      {"logical_and", {kBool}, 6},
      {"logical_not", {kBool}, 6},
      {"logical_or", {kBool}, 6},
      {"logical_xor", {kBool}, 6},
      {"logistic", {kF32, kU8}, 6},
      {"maximum", {kF32, kU8}, 6},
      {"minimum", {kF32, kU8}, 6},
      {"mod", {kF32}, 6},
      {"mul", {kF32, kU8, kI8, kI32, kI64}, 6},
      {"neg", {kF32}, 6},
      {"not_equal", {kF32, kBool}, 6},
      {"pack", {kF32}, 6},
      {"pad", {kF32, kU8, kI8}, 4},
      {"pow", {kF32}, 6},
      {"quantize", {kF32, kU8, kI8}, 6},
      {"reduce_max", {kF32}, 4},
      {"reduce_mean", {kF32, kU8}, 4},
      {"reduce_prod", {kF32}, 4},
      {"reduce_sum", {kF32, kU8}, 4},
      {"relu", {kF32}, 6},
      {"reshape", {kF32, kU8, kI8, kI32, kI64, kBool}, 6},
      {"rms_norm", {kF32}, 4, 3},
      {"round", {kF32}, 6},
      {"rsqrt", {kF32}, 6},
      {"select", {kF32}, 6},
      {"sin", {kF32}, 6},
      {"slice", {kF32, kU8, kI32, kI64}, 5},
      {"softmax", {kF32, kU8, kI8}, 5},
      {"split", {kF32, kU8}, 5},
      {"sqrt", {kF32}, 6},
      {"square", {kF32}, 6},
      {"squared_difference", {kF32}, 6},
      {"sub", {kF32, kU8, kI8, kI32, kI64}, 6},
      {"tanh", {kF32, kU8}, 6},
      {"tile", {kF32}, 6},
      {"transpose", {kF32, kU8, kI32}, 6},
      {"unpack", {kF32}, 6},
  };
  return *rules;
}

// Conditions that dtypes and ranks do not say: empty where `node` meets them.
class OnertClauses {
 public:
  OnertClauses(const ir::Graph& graph, const ir::Node& node) : graph_(graph), node_(node) {}

  std::string operator()(const ir::BatchMatMul&) const {
    return graph_.IsConstant(node_.inputs[0]) ? "a constant first operand" : "";
  }
  std::string operator()(const ir::FullyConnected&) const {
    if (Stored(node_.inputs[1]) != Stored(node_.inputs[0])) {
      return absl::StrCat("weights of ", ir::DTypeName(Stored(node_.inputs[1])), " under ",
                          ir::DTypeName(Stored(node_.inputs[0])), " activations");
    }
    return IsPerChannel(node_.inputs[1])
               ? "per-channel weights, of which it reads the first scale only"
               : "";
  }
  std::string operator()(const ir::Split& op) const {
    const bool equal = std::all_of(op.sizes.begin(), op.sizes.end(),
                                   [&](int64_t size) { return size == op.sizes[0]; });
    return equal ? "" : "pieces of unlike sizes, which come out as zeros";
  }
  std::string operator()(const ir::Slice& op) const {
    if (Stored(node_.inputs[0]) != DType::kU8) return "";
    const bool plain =
        std::all_of(op.stride.begin(), op.stride.end(), [](int64_t s) { return s == 1; });
    return plain && op.size.size() <= 4 ? "" : "u8 with strides or of rank 5";
  }
  std::string operator()(const ir::Maximum&) const { return EqualQparams(); }
  std::string operator()(const ir::Minimum&) const { return EqualQparams(); }
  std::string operator()(const ir::L2Norm&) const {
    const auto* q = std::get_if<ir::QuantPerTensor>(&Quant(node_.outputs[0]));
    const bool fixed = q == nullptr || (q->scale == 1.0f / 128 && q->zero_point == 128);
    return fixed ? "" : "a result with other qparams than 1/128:128";
  }
  std::string operator()(const ir::Quantize&) const {
    const DType from = Stored(node_.inputs[0]);
    const DType to = Stored(node_.outputs[0]);
    const bool runs =
        (from == DType::kF32 && to == DType::kU8) || (from == DType::kU8 && to == DType::kI8);
    return runs ? ""
                : absl::StrCat(ir::DTypeName(from), " to ", ir::DTypeName(to),
                               "; only f32 to u8 and u8 to i8 run");
  }
  std::string operator()(const ir::Dequantize&) const {
    return IsPerChannel(node_.inputs[0])
               ? "per-channel data, of which it reads the first scale only"
               : "";
  }
  std::string operator()(const ir::Concat&) const {
    return Stored(node_.outputs[0]) == DType::kI8 ? EqualQparams() : "";
  }
  std::string operator()(const ir::Gather& op) const { return Moved(op); }
  std::string operator()(const ir::Reshape& op) const { return Moved(op); }
  std::string operator()(const ir::Transpose& op) const { return Moved(op); }
  template <typename Op>
  std::string operator()(const Op&) const {
    return "";
  }

 private:
  DType Stored(ir::ValueId id) const { return ir::StoredDType(graph_.value(id)); }
  const ir::Quantization& Quant(ir::ValueId id) const { return graph_.value(id).quantization; }
  bool IsPerChannel(ir::ValueId id) const {
    const auto* q = std::get_if<ir::QuantPerChannel>(&Quant(id));
    return q != nullptr && q->scales.size() > 1;
  }
  template <typename Op>
  std::string Moved(const Op&) const {
    return Quant(node_.inputs[0]) == Quant(node_.outputs[0]) ||
                   !ir::HasQparams(Quant(node_.outputs[0]))
               ? ""
               : "other qparams on its result than on its operand";
  }
  std::string EqualQparams() const {
    for (ir::ValueId input : node_.inputs) {
      if (!ir::HasQparams(Quant(node_.outputs[0]))) break;
      if (!(Quant(input) == Quant(node_.outputs[0])))
        return "operands and result with unlike qparams";
    }
    return "";
  }

  const ir::Graph& graph_;
  const ir::Node& node_;
};

// The operands whose dtype the kernels are chosen by; conditions and indices are none.
std::vector<ir::ValueId> DataOf(const ir::Node& node) {
  std::vector<ir::ValueId> data = node.outputs;
  const size_t first = std::holds_alternative<ir::Select>(node.op) ? 1 : 0;
  if (node.inputs.size() > first && node.inputs[first] != ir::kNoValue) {
    data.insert(data.begin(), node.inputs[first]);
  }
  return data;
}

std::string DTypesText(const std::vector<DType>& dtypes) {
  return absl::StrJoin(dtypes, ", ", [](std::string* out, DType dtype) {
    out->append(std::string(ir::DTypeName(dtype)));
  });
}

std::string OnertViolation(const ir::Graph& graph, const ir::Node& node) {
  const absl::string_view name = ir::OpName(node.op);
  const std::vector<Rule>& rules = OnertRules();
  const auto rule =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return r.op == name; });
  if (rule == rules.end()) return "onert has no kernel for it";
  for (ir::ValueId id : DataOf(node)) {
    const ir::Value& value = graph.value(id);
    const DType stored = ir::StoredDType(value);
    if (std::find(rule->dtypes.begin(), rule->dtypes.end(), stored) == rule->dtypes.end()) {
      return absl::StrCat("'", value.name, "' is ", ir::DTypeName(stored), "; onert runs it in ",
                          DTypesText(rule->dtypes));
    }
    const int rank = value.type.shape.rank();
    if (rank > rule->max_rank || (id == node.inputs[0] && rank < rule->min_rank)) {
      return absl::StrCat("'", value.name, "' has rank ", rank, "; onert runs it in rank ",
                          rule->min_rank, " to ", rule->max_rank);
    }
  }
  const std::string clause = std::visit(OnertClauses(graph, node), node.op);
  return clause.empty() ? "" : absl::StrCat("onert does not run it with ", clause);
}

// The inputs and outputs that onert's interface can describe.
void CheckInterface(const ir::Graph& graph, std::vector<std::string>& violations) {
  const auto check = [&](absl::string_view role, const std::string& name, ir::ValueId id) {
    const ir::Value& value = graph.value(id);
    const DType stored = ir::StoredDType(value);
    constexpr DType kTypes[] = {DType::kF32, DType::kU8,  DType::kI8,
                                DType::kI32, DType::kI64, DType::kBool};
    if (std::find(std::begin(kTypes), std::end(kTypes), stored) == std::end(kTypes)) {
      violations.push_back(
          absl::StrCat(role, " '", name, "': onert's interface has no ", ir::DTypeName(stored)));
    } else if (value.type.shape.rank() > 6) {
      violations.push_back(absl::StrCat(role, " '", name, "': onert takes rank 6 at most, not ",
                                        value.type.shape.rank()));
    }
  };
  for (ir::ValueId id : graph.inputs()) check("input", graph.value(id).name, id);
  for (const ir::GraphOutput& output : graph.outputs()) check("output", output.name, output.value);
}

}  // namespace

absl::string_view TargetText(TargetName target) {
  return target == TargetName::kOnert ? "onert" : "circle";
}

absl::optional<TargetName> ParseTarget(absl::string_view name) {
  for (TargetName target : {TargetName::kCircle, TargetName::kOnert}) {
    if (TargetText(target) == name) return target;
  }
  return absl::nullopt;
}

absl::Status CheckTarget(const ir::Graph& graph, TargetName target) {
  if (target == TargetName::kCircle) return absl::OkStatus();
  std::vector<std::string> violations;
  CheckInterface(graph, violations);
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const std::string violation = OnertViolation(graph, graph.node(id));
    if (violation.empty()) continue;
    violations.push_back(absl::StrCat(ir::Describe(graph, id), ": ", ir::OpName(graph.node(id).op),
                                      ": ", violation));
  }
  if (violations.empty()) return absl::OkStatus();
  return Unsupported(violations.size(), " violations of --target onert\n  ",
                     absl::StrJoin(violations, "\n  "));
}

}  // namespace g4c::backend
