#include "backend/inspect.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "backend/circle_file.h"
#include "base/status.h"

namespace g4c::backend {
namespace {

InspectedTensor Describe(const CircleTensor& tensor) {
  InspectedTensor out;
  out.name = tensor.name;
  out.dtype = std::string(ir::DTypeName(tensor.stored));
  out.shape = tensor.dims;
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&tensor.quantization)) {
    out.scales = {q->scale};
    out.zero_points = {q->zero_point};
  } else if (const auto* q = std::get_if<ir::QuantPerChannel>(&tensor.quantization)) {
    out.scales = q->scales;
    out.zero_points = q->zero_points;
    out.axis = q->axis;
  }
  return out;
}

std::vector<std::pair<std::string, int>> ByCount(const std::map<std::string, int>& counts) {
  std::vector<std::pair<std::string, int>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::string KindOf(const CircleTensor& tensor) {
  std::string kind(ir::DTypeName(tensor.stored));
  if (std::holds_alternative<ir::QuantPerChannel>(tensor.quantization)) kind += " per channel";
  return kind;
}

void AddTensors(const CircleFile& file, Inspection& out) {
  const circle::Model& model = file.model();
  const auto* buffers = model.buffers();
  absl::flat_hash_set<uint32_t> seen;
  std::map<std::string, int> kinds;
  for (size_t t = 0; t < file.tensors().size(); ++t) {
    const CircleTensor& tensor = file.tensors()[t];
    ++kinds[KindOf(tensor)];
    if (tensor.bytes.empty()) continue;
    const uint32_t buffer = file.subgraph().tensors()->Get(t)->buffer();
    if (!seen.insert(buffer).second) {
      ++out.shared_constants;
      continue;
    }
    out.constant_bytes += tensor.bytes.size();
    out.offset_buffers |= buffers->Get(buffer)->data() == nullptr;
  }
  out.tensor_counts = ByCount(kinds);
}

void AddOperators(const CircleFile& file, Inspection& out) {
  const auto* operators = file.subgraph().operators();
  std::map<std::string, int> counts;
  for (size_t i = 0; operators != nullptr && i < operators->size(); ++i) {
    const circle::Operator& op = *operators->Get(i);
    InspectedOperator entry;
    entry.name = file.OperatorName(op);
    ++counts[entry.name];
    for (size_t k = 0; op.inputs() != nullptr && k < op.inputs()->size(); ++k) {
      const int t = op.inputs()->Get(k);
      entry.inputs.push_back(t < 0 ? "-" : file.tensors()[t].name);
    }
    for (size_t k = 0; op.outputs() != nullptr && k < op.outputs()->size(); ++k) {
      entry.outputs.push_back(Describe(file.tensors()[op.outputs()->Get(k)]));
    }
    out.operators.push_back(std::move(entry));
  }
  out.operator_counts = ByCount(counts);
}

}  // namespace

absl::StatusOr<Inspection> InspectCircle(const std::string& path) {
  ASSIGN_OR_RETURN(const CircleFile file, CircleFile::Open(path));
  const circle::Model& model = file.model();
  const circle::SubGraph& graph = file.subgraph();
  Inspection out;
  out.format = file.is_tflite() ? "tflite" : "circle";
  out.version = model.version();
  if (model.description() != nullptr) out.description = model.description()->str();
  if (graph.name() != nullptr) out.subgraph = graph.name()->str();
  out.subgraphs = model.subgraphs()->size();
  out.signature = file.signature_key();
  out.file_bytes = file.mapping()->size();
  for (size_t i = 0; i < file.input_names().size(); ++i) {
    out.inputs.push_back(Describe(file.tensors()[graph.inputs()->Get(i)]));
    out.inputs.back().name = file.input_names()[i];
  }
  for (size_t i = 0; i < file.output_names().size(); ++i) {
    out.outputs.push_back(Describe(file.tensors()[graph.outputs()->Get(i)]));
    out.outputs.back().name = file.output_names()[i];
  }
  AddTensors(file, out);
  AddOperators(file, out);
  return out;
}

}  // namespace g4c::backend
