// What a chain of reshapes and transposes does as a whole, and the shortest chain that does it.
#ifndef PASSES_RELAYOUT_H_
#define PASSES_RELAYOUT_H_

#include <vector>

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/op.h"
#include "ir/shape.h"

namespace g4c::passes {

// The operators, in order of execution, that do to a value of shape `from` what `chain` (reshapes
// and transposes) does. One form for one effect, at most three operators:
//   nothing | reshape | transpose | reshape, transpose | transpose, reshape | reshape, transpose,
//   reshape,     the first of these that can
// Axes of 1 keep their place through a transpose where the others allow it. nullopt: a reshape cuts
// an axis where it cannot be told apart (6 = 2 * 3 cut as 3 * 2 of what a transpose moved), or an
// axis is empty. Recurses at most once for each operator of the chain.
absl::optional<std::vector<ir::Op>> ShortestChain(const ir::Dims& from,
                                                  absl::Span<const ir::Op> chain);

}  // namespace g4c::passes

#endif  // PASSES_RELAYOUT_H_
