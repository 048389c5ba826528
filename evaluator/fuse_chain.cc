#include <algorithm>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/fast_matmul.h"
#include "evaluator/fast_node.h"
#include "evaluator/fast_rows.h"
#include "evaluator/fast_runs.h"
#include "evaluator/fused_step.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// How the second operand of a link lies beside the chain's value, seen as rows of its last axis.
enum class Extent { kWhole, kRow, kElement };

// One operator of a chain after its start.
struct Link {
  absl::optional<UnaryKernel> unary;
  BinaryKernel binary = nullptr;
  const ir::RmsNorm* norm = nullptr;  // of the graph, which outlives the step
  int operand = -1;                   // index into FusedStep::inputs; -1: none
  Extent extent = Extent::kElement;
  bool chain_is_right = false;
};

struct Chain {
  absl::optional<ir::Op> product;  // or a plain value
  size_t start_operands = 1;       // how many of FusedStep::inputs the start has
  std::vector<Link> links;
  ir::Dims dims;
  std::vector<NodeId> nodes;
};

// The links' second operands, readable in place.
class Links {
 public:
  Links(const Chain& chain, absl::Span<Tensor* const> operands) : chain_(chain) {
    for (const Link& link : chain.links) {
      tensors_.push_back(link.operand < 0 ? Tensor() : Readable(*operands[link.operand]));
    }
  }

  // Takes elements [column, column + count) of a row through all links. `run` holds them.
  void Apply(float* run, int64_t row, int64_t column, int64_t count) const {
    const int64_t width = chain_.dims.empty() ? 1 : chain_.dims.back();
    for (size_t i = 0; i < chain_.links.size(); ++i) {
      const Link& link = chain_.links[i];
      if (link.unary.has_value()) {
        (*link.unary)(run, run, count);
        continue;
      }
      const float* other = nullptr;
      if (link.operand >= 0) {
        other = tensors_[i].data<float>();
        if (link.extent == Extent::kWhole) other += row * width + column;
        if (link.extent == Extent::kRow) other += column;
      }
      if (link.norm != nullptr) {
        RmsNormRow(run, other, run, count, link.norm->epsilon);
        continue;
      }
      const int64_t step = link.extent == Extent::kElement ? 0 : 1;
      if (link.chain_is_right) {
        link.binary(other, step, run, 1, run, count);
      } else {
        link.binary(run, 1, other, step, run, count);
      }
    }
  }

 private:
  static Tensor Readable(const Tensor& x) { return RowMajor(WidenedToF32(x)); }

  const Chain& chain_;
  std::vector<Tensor> tensors_;
};

Tensor RunChain(const Chain& chain, absl::Span<Tensor* const> operands) {
  const Links links(chain, operands);
  if (chain.product.has_value()) {
    return EvaluateProduct(*chain.product, operands.subspan(0, chain.start_operands), chain.dims,
                           [&](float* run, int64_t row, int64_t column, int64_t count) {
                             links.Apply(run, row, column, count);
                           });
  }
  Tensor& x = *operands[0];
  const bool in_place =
      x.dtype() == ir::DType::kF32 && x.dims() == chain.dims && x.IsUnshared() && x.IsContiguous();
  const Tensor from = in_place ? x : RowMajor(WidenedToF32(x));
  Tensor out = in_place ? x : Tensor::Allocate(ir::DType::kF32, chain.dims);
  if (out.NumElements() == 0) return out;
  const float* source = from.data<float>();
  float* target = out.mutable_data<float>();
  const int64_t width = chain.dims.empty() ? 1 : chain.dims.back();
  ParallelForRange(out.NumElements() / width, std::max<int64_t>(1, kTile / width),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                       float* run = target + row * width;
                       if (!in_place) std::copy_n(source + row * width, width, run);
                       links.Apply(run, row, 0, width);
                     }
                   });
  return out;
}

class ChainFinder {
 public:
  ChainFinder(const Graph& graph, std::vector<bool>& taken) : graph_(graph), taken_(taken) {}

  // The chain that begins with node `first`, if one of at least two nodes does.
  absl::optional<FusedStep> At(NodeId first) {
    if (taken_[first] || graph_.node(first).outputs.size() != 1) return absl::nullopt;
    const ir::Node& node = graph_.node(first);
    ValueId value = node.outputs[0];
    if (!IsStaticF32(graph_.value(value))) return absl::nullopt;
    Chain chain;
    chain.dims = graph_.value(value).type.shape.dims();
    inputs_.clear();
    if (IsProductOfMatrices(node)) {
      for (const ValueId operand : node.inputs) {
        if (operand != ir::kNoValue && !IsStaticF32(graph_.value(operand))) return absl::nullopt;
      }
      chain.product = node.op;
      chain.start_operands = node.inputs.size();
      inputs_ = node.inputs;
    } else if (!StartPlain(node, chain)) {
      return absl::nullopt;
    }
    chain.nodes.push_back(first);
    while (graph_.HasOneUse(value)) {
      const NodeId next = graph_.Uses(value)[0].node;
      if (taken_[next] || !Extend(next, graph_.Uses(value)[0].operand, chain)) break;
      chain.nodes.push_back(next);
      value = graph_.node(next).outputs[0];
    }
    if (chain.nodes.size() < 2) return absl::nullopt;
    FusedStep step;
    step.last = chain.nodes.back();
    step.inputs = inputs_;
    for (const NodeId id : chain.nodes) {
      taken_[id] = true;
      if (id != step.last) step.inside.push_back(graph_.node(id).outputs[0]);
    }
    step.run = [chain = std::move(chain)](absl::Span<Tensor* const> operands, const RowsHook&) {
      return RunChain(chain, operands);
    };
    return step;
  }

 private:
  bool IsProductOfMatrices(const ir::Node& node) const {
    const auto rank = [&](int i) {
      const ir::Shape& shape = graph_.value(node.inputs[i]).type.shape;
      return shape.has_rank() ? shape.rank() : 0;
    };
    return node.inputs.size() >= 2 && node.inputs[0] != ir::kNoValue &&
           node.inputs[1] != ir::kNoValue && IsFastProduct(node.op, rank(0), rank(1));
  }

  // The first node as a link, on its operand that has the shape of the result.
  bool StartPlain(const ir::Node& node, Chain& chain) {
    for (size_t side = 0; side < node.inputs.size(); ++side) {
      const ValueId operand = node.inputs[side];
      if (operand == ir::kNoValue || !IsStaticF32(graph_.value(operand)) ||
          graph_.value(operand).type.shape.dims() != chain.dims) {
        continue;
      }
      inputs_ = {operand};
      if (AddLink(node, static_cast<int>(side), chain)) return true;
    }
    return false;
  }

  bool Extend(NodeId id, int side, Chain& chain) {
    const ir::Node& node = graph_.node(id);
    if (node.outputs.size() != 1) return false;
    const ir::Value& result = graph_.value(node.outputs[0]);
    return IsStaticF32(result) && result.type.shape.dims() == chain.dims &&
           AddLink(node, side, chain);
  }

  // `side`: which operand of the node is the chain.
  bool AddLink(const ir::Node& node, int side, Chain& chain) {
    Link link;
    link.unary = UnaryKernelOf(node.op);
    if (!link.unary.has_value()) {
      link.norm = std::get_if<ir::RmsNorm>(&node.op);
      link.binary = BinaryKernelOf(node.op);
      if (link.norm == nullptr && link.binary == nullptr) return false;
      if (link.norm != nullptr && (side != 0 || !HasWholeRows(chain))) return false;
      link.chain_is_right = side == 1;
      const ValueId other = node.inputs.size() > 1 ? node.inputs[1 - side] : ir::kNoValue;
      if (other != ir::kNoValue) {
        if (!SetExtent(graph_.value(other), chain.dims, link)) return false;
        link.operand = static_cast<int>(inputs_.size());
        inputs_.push_back(other);
      } else if (link.norm == nullptr) {
        return false;
      }
    }
    chain.links.push_back(link);
    return true;
  }

  static bool HasWholeRows(const Chain& chain) {
    return !chain.dims.empty() &&
           (!chain.product.has_value() || chain.dims.back() <= kMatMulTileColumns);
  }

  static bool SetExtent(const ir::Value& other, const ir::Dims& dims, Link& link) {
    if (!IsStaticF32(other)) return false;
    const ir::Dims& own = other.type.shape.dims();
    const int64_t elements = ir::NumElements(own);
    if (own == dims) {
      link.extent = Extent::kWhole;
    } else if (!dims.empty() && elements == dims.back() && !own.empty() &&
               own.back() == dims.back()) {
      link.extent = Extent::kRow;
    } else if (elements == 1 && link.norm == nullptr) {
      link.extent = Extent::kElement;
    } else {
      return false;
    }
    return link.norm == nullptr || link.extent == Extent::kRow || own.size() == 1;
  }

  const Graph& graph_;
  std::vector<bool>& taken_;
  std::vector<ValueId> inputs_;
};

}  // namespace

void AppendChainSteps(const Graph& graph, const std::vector<NodeId>& order,
                      std::vector<bool>& taken, std::vector<FusedStep>& steps) {
  ChainFinder finder(graph, taken);
  for (const NodeId id : order) {
    absl::optional<FusedStep> step = finder.At(id);
    if (step.has_value()) steps.push_back(*std::move(step));
  }
}

}  // namespace g4c::evaluator
