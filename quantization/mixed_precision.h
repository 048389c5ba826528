// Which activations are worth 16 bits.
#ifndef QUANTIZATION_MIXED_PRECISION_H_
#define QUANTIZATION_MIXED_PRECISION_H_

#include <vector>

#include "quantization/activation_dtypes.h"
#include "quantization/block_search.h"

namespace g4c::quantization {

enum class BudgetOf { kElements, kMacs };

struct MixedOptions {
  ir::DType narrow = ir::DType::kU8;
  ir::DType wide = ir::DType::kI16;
  double budget = 0;  // the largest share of `wide`, 0 to 1
  BudgetOf of = BudgetOf::kElements;
};

// Chooses the groups of values that become wide. An operator computes in the dtype of its result,
// and JoinDTypes converts operands of the other dtype; so a wide value saves its error only where
// all who read it compute in wide too. One step makes a value and the results of its readers wide;
// steps are taken in the order of saved error per added cost, ties by graph order, while the budget
// holds.
//
// Cost of elements: those of wide values, the wide results of conversions included, over all
// activations and conversions, not counting what reshape, transpose, split and concat only hand on.
// Cost of MACs: those of the products with a wide result over all.
//
// What `rules` has exceptions for keeps its dtype and counts; InvalidInput where that alone is over
// the budget.
absl::StatusOr<ActivationDTypes> ChooseWide(const ir::Graph& graph,
                                            const std::vector<GroupError>& errors,
                                            const MixedOptions& options,
                                            const ActivationDTypes& rules);

// The share of `wide` among the activations of a quantised graph, counted in the same way.
double ShareOf(const ir::Graph& graph, ir::DType wide, BudgetOf of);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_MIXED_PRECISION_H_
