// einsum as transpose, reshape, reduce_sum and batch_matmul.
#include <algorithm>

#include "ir/einsum.h"
#include "passes/decompose_composites.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::ValueId;

using Labels = std::vector<int>;

bool Contains(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// A value whose axes have labels, no label twice.
struct Term {
  ValueId value;
  Labels labels;
};

class EinsumBuilder {
 public:
  explicit EinsumBuilder(RewriteBuilder& build) : build_(build) {}

  int64_t DimOf(const Term& term, int label) const {
    const auto it = std::find(term.labels.begin(), term.labels.end(), label);
    return build_.DimsOf(term.value)[it - term.labels.begin()];
  }

  // The axes in the order of `labels`, which holds just the term's labels.
  Term Ordered(const Term& term, const Labels& labels) {
    Ints perm;
    for (int label : labels) {
      perm.push_back(std::find(term.labels.begin(), term.labels.end(), label) -
                     term.labels.begin());
    }
    return {build_.Transpose(term.value, perm), labels};
  }

  // Sums over every label that is not in `kept`.
  Term SumOver(const Term& term, const Labels& kept) {
    Ints axes;
    Dims dims;
    Labels labels;
    for (size_t i = 0; i < term.labels.size(); ++i) {
      if (Contains(kept, term.labels[i])) {
        labels.push_back(term.labels[i]);
        dims.push_back(build_.DimsOf(term.value)[i]);
      } else {
        axes.push_back(static_cast<int64_t>(i));
      }
    }
    if (axes.empty()) return term;
    const ValueId sum = build_.Add(ir::ReduceSum{axes, true}, {term.value});
    return {build_.Reshape(sum, dims), labels};
  }

  // Two terms as one that has the labels of `needed` that occur in either.
  //   batch_matmul([batch..., a..., k], [batch..., b..., k]^T), the a, b and k axes each as one
  Term Contract(Term a, Term b, const Labels& needed) {
    const auto kept_in = [&](const Term& other) {
      Labels kept = needed;
      kept.insert(kept.end(), other.labels.begin(), other.labels.end());
      return kept;
    };
    a = SumOver(a, kept_in(b));
    b = SumOver(b, kept_in(a));
    if (!build_.status().ok()) return a;
    Labels batch;
    Labels summed;
    Labels only_a;
    Labels only_b;
    for (int label : a.labels) {
      (Contains(b.labels, label) ? (Contains(needed, label) ? batch : summed) : only_a)
          .push_back(label);
    }
    for (int label : b.labels) {
      if (!Contains(a.labels, label)) only_b.push_back(label);
    }
    // One order of the summed labels for both; a dim of 1 is repeated first, for it meets another
    // dim in a product.
    Dims sizes;
    for (int label : summed) sizes.push_back(std::max(DimOf(a, label), DimOf(b, label)));
    const ValueId left = AsMatrix(a, batch, only_a, summed, sizes);
    const ValueId right = AsMatrix(b, batch, only_b, summed, sizes);
    const ValueId product = build_.Add(ir::BatchMatMul{false, true}, {left, right});
    if (!build_.status().ok()) return a;
    Term result{product, batch};
    Dims dims;
    for (int label : batch) dims.push_back(std::max(DimOf(a, label), DimOf(b, label)));
    for (int label : only_a) {
      result.labels.push_back(label);
      dims.push_back(DimOf(a, label));
    }
    for (int label : only_b) {
      result.labels.push_back(label);
      dims.push_back(DimOf(b, label));
    }
    result.value = build_.Reshape(product, dims);
    return result;
  }

 private:
  // [batch..., rows as one, columns as one]
  ValueId AsMatrix(const Term& term, const Labels& batch, const Labels& rows, const Labels& columns,
                   const Dims& column_sizes) {
    Labels order = batch;
    order.insert(order.end(), rows.begin(), rows.end());
    order.insert(order.end(), columns.begin(), columns.end());
    const Term ordered = Ordered(term, order);
    if (!build_.status().ok()) return term.value;
    Dims repeated = build_.DimsOf(ordered.value);
    std::copy(column_sizes.begin(), column_sizes.end(), repeated.end() - column_sizes.size());
    const ValueId value = build_.Broadcast(ordered.value, repeated);
    Dims matrix(repeated.begin(), repeated.begin() + batch.size());
    matrix.push_back(ir::NumElements(
        Dims(repeated.begin() + batch.size(), repeated.begin() + batch.size() + rows.size())));
    matrix.push_back(ir::NumElements(column_sizes));
    return build_.Reshape(value, matrix);
  }

  RewriteBuilder& build_;
};

}  // namespace

absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::Einsum& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  std::vector<int> ranks;
  for (ValueId input : inputs) ranks.push_back(graph.value(input).type.shape.rank());
  ASSIGN_OR_RETURN(const ir::EinsumTerms terms, ir::ParseEinsum(op.equation, ranks));
  for (const Labels& labels : terms.inputs) {
    for (size_t i = 0; i < labels.size(); ++i) {
      if (std::find(labels.begin() + i + 1, labels.end(), labels[i]) != labels.end()) {
        return Unsupported(
            "einsum '", op.equation,
            "' takes a diagonal (a label twice in one operand), which no target computes; "
            "write it with a mask and a sum");
      }
    }
  }
  RewriteBuilder build(graph, y);
  EinsumBuilder einsum(build);
  Term term{inputs[0], terms.inputs[0]};
  for (size_t i = 1; i < inputs.size(); ++i) {
    Labels needed = terms.output;
    for (size_t later = i + 1; later < inputs.size(); ++later) {
      needed.insert(needed.end(), terms.inputs[later].begin(), terms.inputs[later].end());
    }
    term = einsum.Contract(term, {inputs[i], terms.inputs[i]}, needed);
    RETURN_IF_ERROR(build.status());
  }
  term = einsum.SumOver(term, terms.output);
  RETURN_IF_ERROR(build.status());
  RETURN_IF_ERROR(build.Finish(einsum.Ordered(term, terms.output).value));
  return true;
}

}  // namespace g4c::passes
