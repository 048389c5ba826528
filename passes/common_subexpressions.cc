#include "passes/common_subexpressions.h"

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

bool SameQuantization(const ir::Value& a, const ir::Value& b) {
  return a.quantization == b.quantization;
}

// Of the type and a few elements: equal contents have equal hashes, and few others do.
size_t SampleHash(const Tensor& tensor) {
  constexpr int64_t kStretch = 32;
  const int64_t total = tensor.NumElements();
  const int64_t read = std::min(kStretch, total);
  std::vector<double> samples(3 * read);
  for (int64_t part = 0; part < 3; ++part) {
    const int64_t begin = part * (total - read) / 2;
    tensor.ReadDoubles(begin, absl::MakeSpan(samples).subspan(part * read, read));
  }
  return absl::HashOf(static_cast<int>(tensor.dtype()), tensor.dims(),
                      absl::string_view(reinterpret_cast<const char*>(samples.data()),
                                        samples.size() * sizeof(double)));
}

// One value for all equal constants.
class ConstantTable {
 public:
  // Constants that nothing reads any more come first in their order too: a weight that was
  // transposed twice on its way is the source's initialiser again and has its name.
  explicit ConstantTable(const Graph& graph) : graph_(graph) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      if (graph.IsConstant(id)) Find(id);
    }
  }

  ValueId Find(ValueId id) {
    const auto [known, inserted] = representative_.try_emplace(id, id);
    if (!inserted) return known->second;
    const ValueId found = Search(id);
    representative_[id] = found;
    return found;
  }

 private:
  ValueId Search(ValueId id) {
    const ir::Value& value = graph_.value(id);
    const Tensor& data = *value.constant;
    const bool compared = data.NumBytes() <= CommonSubexpressions::kComparedBytes;
    const size_t hash =
        compared ? SampleHash(data) : absl::HashOf(data.storage(), data.dims(), data.strides());
    std::vector<ValueId>& bucket = buckets_[hash];
    for (ValueId other : bucket) {
      const ir::Value& candidate = graph_.value(other);
      if (candidate.type != value.type || !SameQuantization(candidate, value)) continue;
      if (compared ? candidate.constant->SameContent(data) : candidate.constant->SameView(data))
        return other;
    }
    bucket.push_back(id);
    return id;
  }

  const Graph& graph_;
  absl::flat_hash_map<ValueId, ValueId> representative_;
  absl::flat_hash_map<size_t, std::vector<ValueId>> buckets_;
};

// Whether the results of `node` may be read instead of those of `other`.
bool MayReplace(const Graph& graph, const ir::Node& node, const ir::Node& other) {
  if (node.op != other.op || node.inputs != other.inputs ||
      node.outputs.size() != other.outputs.size())
    return false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ir::Value& kept = graph.value(node.outputs[i]);
    const ir::Value& gone = graph.value(other.outputs[i]);
    if (kept.type != gone.type) return false;
    if (ir::HasQparams(gone.quantization) && !SameQuantization(kept, gone)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<bool> CommonSubexpressions::Run(Graph& graph, Report& report) {
  ConstantTable constants(graph);
  absl::flat_hash_map<size_t, std::vector<NodeId>> nodes;
  int merged_constants = 0;
  int merged_nodes = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
      const ValueId operand = graph.node(id).inputs[i];
      if (!graph.IsConstant(operand)) continue;
      const ValueId one = constants.Find(operand);
      if (one == operand) continue;
      graph.SetOperand(id, static_cast<int>(i), one);
      ++merged_constants;
    }
    const ir::Node& node = graph.node(id);
    std::vector<NodeId>& bucket = nodes[absl::HashOf(node.op.index(), node.inputs)];
    bool merged = false;
    for (NodeId earlier : bucket) {
      if (!MayReplace(graph, graph.node(earlier), node)) continue;
      const std::vector<ValueId> kept = graph.node(earlier).outputs;
      const std::vector<ValueId> gone = node.outputs;
      for (size_t i = 0; i < gone.size(); ++i)
        RETURN_IF_ERROR(graph.ReplaceAllUses(gone[i], kept[i]));
      const ir::Provenance provenance = graph.node(id).provenance;
      graph.MergeProvenance(earlier, provenance);
      graph.EraseNode(id);
      merged = true;
      ++merged_nodes;
      break;
    }
    if (!merged) bucket.push_back(id);
  }
  report.Count("merge-constants", merged_constants);
  report.Count("merge-nodes", merged_nodes);
  if (merged_constants + merged_nodes > 0) graph.EraseDead();
  return merged_constants + merged_nodes > 0;
}

}  // namespace g4c::passes
