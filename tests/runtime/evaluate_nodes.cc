// evaluate_nodes FILE.circle TENSORS.npz OUT.npz exact|litert
//
// Evaluates every node of a quantised file on operands that somebody else computed: TENSORS.npz
// holds stored tensors by name, all graph inputs among them. OUT.npz gets the result of each node,
// computed from these. A node whose operands are not in TENSORS.npz sees what this program
// computed.
#include <iostream>

#include "backend/circle_reader.h"
#include "base/npz.h"
#include "evaluator/integer_executor.h"
#include "ir/npy_type.h"

namespace g4c {
namespace {

absl::StatusOr<ir::Tensor> ReadTensor(const NpzReader& reader, const std::string& name) {
  ASSIGN_OR_RETURN(const NpyArray array, reader.Read(name));
  const absl::optional<ir::DType> dtype = ir::DTypeOfDescr(array.descr);
  if (!dtype) return InvalidInput("'", name, "' holds ", array.descr);
  return ir::Tensor::View(*dtype, array.dims, array.bytes, array.owner);
}

absl::Status EvaluateNodes(const char* model, const char* tensors, const char* output,
                           evaluator::Rounding rounding) {
  ASSIGN_OR_RETURN(const ir::Graph graph, backend::ReadCircle(model));
  ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(tensors));
  ASSIGN_OR_RETURN(const auto executor, evaluator::IntegerExecutor::Create(graph, rounding));
  std::vector<ir::Tensor> inputs;
  for (const ir::ValueId id : graph.inputs()) {
    ASSIGN_OR_RETURN(inputs.emplace_back(), ReadTensor(reader, graph.value(id).name));
  }
  std::vector<std::pair<std::string, ir::Tensor>> results;
  evaluator::RunOptions options;
  options.observe = [&](ir::ValueId id, const ir::Tensor& tensor) {
    results.emplace_back(graph.value(id).name, tensor.Contiguous());
    return absl::OkStatus();
  };
  options.adjust = [&](ir::ValueId id, ir::Tensor& tensor) {
    if (!reader.Has(graph.value(id).name)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const ir::Tensor theirs, ReadTensor(reader, graph.value(id).name));
    if (theirs.dtype() != tensor.dtype() || theirs.dims() != tensor.dims()) {
      return InvalidInput("'", graph.value(id).name,
                          "' has another dtype or shape than the file says");
    }
    tensor = theirs;
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(executor.Run(inputs, options).status());
  std::vector<NpzMember> members;
  for (const auto& [name, tensor] : results) {
    members.push_back(
        {name, std::string(ir::DescrOf(tensor.dtype())), tensor.dims(), tensor.ContiguousBytes()});
  }
  return WriteNpz(output, members);
}

}  // namespace
}  // namespace g4c

int main(int argc, char** argv) {
  const auto rounding =
      argc == 5 ? g4c::evaluator::RoundingOf(argv[4]) : absl::optional<g4c::evaluator::Rounding>();
  if (!rounding) {
    std::cerr << "usage: evaluate_nodes FILE.circle TENSORS.npz OUT.npz exact|litert\n";
    return 1;
  }
  const absl::Status status = g4c::EvaluateNodes(argv[1], argv[2], argv[3], *rounding);
  if (status.ok()) return 0;
  std::cerr << "error: " << status.message() << "\n";
  return 2;
}
