#include "backend/read_back.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "backend/canonical_op.h"
#include "backend/circle_reader.h"
#include "backend/circle_verifier.h"
#include "backend/lowering.h"
#include "base/status.h"
#include "ir/quantize_constant.h"
#include "ir/text.h"

namespace g4c::backend {
namespace {

// Elements compared at either end of a constant. Even: packed elements begin on a byte.
constexpr int64_t kCompared = 1024;

// The two forms are one where there is one channel.
struct Qparams {
  bool operator==(const Qparams&) const = default;
  ir::DType dtype = ir::DType::kF32;
  int axis = 0;
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
};

Qparams QparamsOf(const ir::Quantization& quantization) {
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&quantization)) {
    return {q->dtype, 0, {q->scale}, {q->zero_point}};
  }
  if (const auto* q = std::get_if<ir::QuantPerChannel>(&quantization)) {
    return {q->dtype, q->scales.size() == 1 ? 0 : q->axis, q->scales, q->zero_points};
  }
  return {};
}

std::vector<uint8_t> StoredRange(const ir::Value& value, int64_t begin, int64_t count) {
  std::vector<uint8_t> bytes(ir::StoredBytes(value, count));
  ir::ReadStoredBytes(value, begin, count, absl::MakeSpan(bytes));
  return bytes;
}

bool SameConstant(const ir::Value& a, const ir::Value& b) {
  const int64_t elements = a.constant->NumElements();
  const int64_t head = std::min(elements, kCompared);
  if (StoredRange(a, 0, head) != StoredRange(b, 0, head)) return false;
  if (head == elements) return true;
  const int64_t tail = std::max(head, (elements - kCompared) / 2 * 2);
  return StoredRange(a, tail, elements - tail) == StoredRange(b, tail, elements - tail);
}

class Comparison {
 public:
  Comparison(const ir::Graph& a, const ir::Graph& b) : a_(a), b_(b) {}

  absl::Status Run() {
    if (a_.inputs().size() != b_.inputs().size() || a_.outputs().size() != b_.outputs().size()) {
      return InvalidInput("the numbers of inputs and outputs differ");
    }
    for (size_t i = 0; i < a_.inputs().size(); ++i) {
      const std::string& name = a_.value(a_.inputs()[i]).name;
      if (name != b_.value(b_.inputs()[i]).name) {
        return InvalidInput("input '", name, "' is called '", b_.value(b_.inputs()[i]).name, "'");
      }
      RETURN_IF_ERROR(Match(a_.inputs()[i], b_.inputs()[i], absl::StrCat("input '", name, "'")));
    }
    const std::vector<ir::NodeId> order = a_.TopologicalOrder();
    if (static_cast<int>(order.size()) != b_.num_nodes()) {
      return InvalidInput("it has ", b_.num_nodes(), " operators, not ", order.size());
    }
    for (size_t i = 0; i < order.size(); ++i) {
      RETURN_IF_ERROR(CompareNodes(order[i], static_cast<ir::NodeId>(i)));
    }
    for (size_t i = 0; i < a_.outputs().size(); ++i) {
      const ir::GraphOutput& output = a_.outputs()[i];
      if (output.name != b_.outputs()[i].name) {
        return InvalidInput("output '", output.name, "' is called '", b_.outputs()[i].name, "'");
      }
      RETURN_IF_ERROR(
          Match(output.value, b_.outputs()[i].value, absl::StrCat("output '", output.name, "'")));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CompareNodes(ir::NodeId id, ir::NodeId read_id) {
    const ir::Node& node = a_.node(id);
    const ir::Node& read = b_.node(read_id);
    const std::string where = ir::Describe(a_, id);
    if (CanonicalOp(a_, node) != CanonicalOp(b_, read)) {
      return InvalidInput(where, " reads back as ", ir::PrintNode(b_, read_id));
    }
    std::vector<ir::ValueId> inputs = node.inputs;
    std::vector<ir::ValueId> read_inputs = read.inputs;
    // The writer's own gain (UnitGain).
    const bool own_gain = std::holds_alternative<ir::RmsNorm>(node.op) &&
                          (inputs.size() == 1 || inputs[1] == ir::kNoValue);
    if (own_gain) {
      inputs.resize(1);
      if (read_inputs.size() != 2) return InvalidInput(where, ": its gain is missing");
      RETURN_IF_ERROR(CompareValues(UnitGain(a_.value(inputs[0])), b_.value(read_inputs[1]),
                                    absl::StrCat(where, ": its gain")));
      read_inputs.resize(1);
    }
    for (auto* list : {&inputs, &read_inputs}) {
      while (!list->empty() && list->back() == ir::kNoValue) list->pop_back();
    }
    if (inputs.size() != read_inputs.size() || node.outputs.size() != read.outputs.size()) {
      return InvalidInput(where, ": the numbers of operands or results differ");
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      RETURN_IF_ERROR(Match(inputs[i], read_inputs[i], absl::StrCat(where, ": operand ", i)));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      RETURN_IF_ERROR(Match(node.outputs[i], read.outputs[i], absl::StrCat(where, ": result ", i)));
    }
    return absl::OkStatus();
  }

  // Both stand for the same value; what they are is compared once.
  absl::Status Match(ir::ValueId a, ir::ValueId b, absl::string_view where) {
    if ((a == ir::kNoValue) != (b == ir::kNoValue)) {
      return InvalidInput(where, " is omitted on one side");
    }
    if (a == ir::kNoValue) return absl::OkStatus();
    const auto [it, inserted] = match_.try_emplace(a, b);
    if (!inserted) {
      return it->second == b ? absl::OkStatus() : InvalidInput(where, " is another value");
    }
    return CompareValues(a_.value(a), b_.value(b), where);
  }

  static absl::Status CompareValues(const ir::Value& a, const ir::Value& b,
                                    absl::string_view where) {
    if (a.type != b.type || QparamsOf(a.quantization) != QparamsOf(b.quantization)) {
      return InvalidInput(where, " is ", ir::DTypeName(a.type.dtype), ir::ShapeText(a.type.shape),
                          " ", ir::QuantText(a.quantization), ", reads back as ",
                          ir::DTypeName(b.type.dtype), ir::ShapeText(b.type.shape), " ",
                          ir::QuantText(b.quantization));
    }
    if (a.constant.has_value() != b.constant.has_value()) {
      return InvalidInput(where, " is a constant on one side only");
    }
    if (a.constant.has_value() && !SameConstant(a, b)) {
      return InvalidInput(where, ": the constant's elements differ");
    }
    return absl::OkStatus();
  }

  const ir::Graph& a_;
  const ir::Graph& b_;
  absl::flat_hash_map<ir::ValueId, ir::ValueId> match_;
};

}  // namespace

absl::Status CompareGraphs(const ir::Graph& graph, const ir::Graph& read) {
  return Comparison(graph, read).Run();
}

absl::Status CheckReadBack(const ir::Graph& graph, const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<Problem> problems, VerifyCircleFile(path));
  for (const Problem& problem : problems) {
    if (problem.kind == Problem::Kind::kInvalid) return InvalidInput(problem.text);
  }
  ASSIGN_OR_RETURN(const ir::Graph read, ReadCircle(path));
  return CompareGraphs(graph, read);
}

}  // namespace g4c::backend
