#include "backend/circle_verifier.h"

#include <cmath>

#include "backend/circle_reader.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "base/text.h"
#include "ir/text.h"

namespace g4c::backend {
namespace {

// A bias' scale is a product of two floats; writers round it once or twice.
constexpr double kScaleTolerance = 1e-6;

std::vector<float> ScalesOf(const ir::Quantization& quantization) {
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&quantization)) return {q->scale};
  if (const auto* q = std::get_if<ir::QuantPerChannel>(&quantization)) return q->scales;
  return {};
}

std::vector<int64_t> ZeroPointsOf(const ir::Quantization& quantization) {
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&quantization)) return {q->zero_point};
  if (const auto* q = std::get_if<ir::QuantPerChannel>(&quantization)) return q->zero_points;
  return {};
}

class NodeChecks {
 public:
  NodeChecks(const ir::Graph& graph, std::vector<Problem>& problems)
      : graph_(graph), problems_(problems) {}

  void Run() {
    for (ir::NodeId id = 0; id < graph_.num_nodes(); ++id) {
      const ir::Node& node = graph_.node(id);
      if (std::holds_alternative<ir::Foreign>(node.op)) continue;
      where_ = absl::StrCat(node.provenance.lead().node, " ", node.provenance.lead().op_type);
      CheckConversion(node);
      if (ir::InfoOf(node.op).rule == ir::QparamRule::kConverts) continue;
      CheckMixed(node);
      if (ir::InfoOf(node.op).rule == ir::QparamRule::kMovesData) CheckMoved(node);
      if (std::holds_alternative<ir::FullyConnected>(node.op)) CheckBias(node);
    }
  }

 private:
  template <typename... Parts>
  void Report(Problem::Kind kind, const Parts&... parts) {
    problems_.push_back({kind, absl::StrCat(where_, ": ", parts...)});
  }

  bool IsReal(ir::ValueId id) const {
    return id != ir::kNoValue && graph_.value(id).type.dtype == ir::DType::kF32;
  }
  const ir::Quantization& QuantOf(ir::ValueId id) const { return graph_.value(id).quantization; }

  void CheckConversion(const ir::Node& node) {
    const bool quantize = std::holds_alternative<ir::Quantize>(node.op);
    if (!quantize && !std::holds_alternative<ir::Dequantize>(node.op)) return;
    const ir::ValueId with = quantize ? node.outputs[0] : node.inputs[0];
    if (!ir::HasQparams(QuantOf(with))) {
      Report(Problem::Kind::kInvalid, "'", graph_.value(with).name, "' has no qparams");
    }
    if (!quantize && ir::HasQparams(QuantOf(node.outputs[0]))) {
      Report(Problem::Kind::kInvalid, "its result '", graph_.value(node.outputs[0]).name,
             "' has qparams");
    }
  }

  void CheckMixed(const ir::Node& node) {
    ir::ValueId quantised = ir::kNoValue;
    ir::ValueId real = ir::kNoValue;
    for (const auto* ids : {&node.inputs, &node.outputs}) {
      for (ir::ValueId id : *ids) {
        if (IsReal(id)) (ir::HasQparams(QuantOf(id)) ? quantised : real) = id;
      }
    }
    if (quantised == ir::kNoValue || real == ir::kNoValue) return;
    Report(Problem::Kind::kInconsistent, "'", graph_.value(quantised).name, "' has qparams, '",
           graph_.value(real).name, "' has none");
  }

  // Per-channel qparams move with their axis: only per-tensor ones can be compared as they are.
  void CheckMoved(const ir::Node& node) {
    const ir::QuantPerTensor* first = nullptr;
    ir::ValueId first_id = ir::kNoValue;
    for (const auto* ids : {&node.inputs, &node.outputs}) {
      for (ir::ValueId id : *ids) {
        if (!IsReal(id)) continue;
        const auto* q = std::get_if<ir::QuantPerTensor>(&QuantOf(id));
        if (q == nullptr) continue;
        if (first == nullptr) {
          first = q;
          first_id = id;
        } else if (!(*q == *first)) {
          Report(Problem::Kind::kInconsistent, "moves data from '", graph_.value(first_id).name,
                 "' ", ir::QuantText(*first), " to '", graph_.value(id).name, "' ",
                 ir::QuantText(*q));
        }
      }
    }
  }

  void CheckBias(const ir::Node& node) {
    if (node.inputs.size() < 3 || node.inputs[2] == ir::kNoValue) return;
    const ir::Value& bias = graph_.value(node.inputs[2]);
    const std::vector<float> in = ScalesOf(QuantOf(node.inputs[0]));
    const std::vector<float> weight = ScalesOf(QuantOf(node.inputs[1]));
    const std::vector<float> scales = ScalesOf(bias.quantization);
    if (in.empty() || weight.empty() || scales.empty()) return;  // CheckMixed's matter
    const ir::DType dtype = ir::QuantDType(bias.quantization);
    if (dtype != ir::DType::kI32 && dtype != ir::DType::kI64) {
      Report(Problem::Kind::kInconsistent, "its bias '", bias.name, "' is ", ir::DTypeName(dtype));
    }
    if (in.size() != 1 || (scales.size() != weight.size() && scales.size() != 1)) {
      Report(Problem::Kind::kInconsistent, "its bias '", bias.name, "' has ", scales.size(),
             " scales for ", in.size(), " of the input and ", weight.size(), " of the weight");
      return;
    }
    for (size_t i = 0; i < weight.size(); ++i) {
      const double expected = static_cast<double>(in[0]) * weight[i];
      const double scale = scales[scales.size() == 1 ? 0 : i];
      if (std::abs(scale - expected) <= kScaleTolerance * expected) continue;
      Report(Problem::Kind::kInconsistent, "its bias '", bias.name, "' has scale ",
             FormatDouble(scale), " in channel ", i, ", input times weight is ",
             FormatDouble(expected));
      break;
    }
    for (const int64_t zero_point : ZeroPointsOf(bias.quantization)) {
      if (zero_point == 0) continue;
      Report(Problem::Kind::kInconsistent, "its bias '", bias.name, "' has zero point ",
             zero_point);
      break;
    }
  }

  const ir::Graph& graph_;
  std::vector<Problem>& problems_;
  std::string where_;
};

}  // namespace

absl::StatusOr<std::vector<Problem>> VerifyCircleFile(const std::string& path) {
  RETURN_IF_ERROR(MappedFile::Open(path).status());
  std::vector<Problem> problems;
  std::vector<ReadNote> notes;
  const absl::StatusOr<ir::Graph> graph = ReadCircle(path, &notes);
  if (absl::IsInvalidArgument(graph.status())) {
    return std::vector<Problem>{{Problem::Kind::kInvalid, std::string(graph.status().message())}};
  }
  RETURN_IF_ERROR(graph.status());
  for (ReadNote& note : notes) {
    if (note.kind != ReadNote::Kind::kContradiction) continue;
    problems.push_back({Problem::Kind::kInvalid, std::move(note.text)});
  }
  NodeChecks(*graph, problems).Run();
  return problems;
}

}  // namespace g4c::backend
