// The equation of an einsum, with ellipses expanded.
#ifndef IR_EINSUM_H_
#define IR_EINSUM_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace g4c::ir {

// Labels are numbered 0..num_labels-1 over all operands; an ellipsis stands for as many labels as
// the widest one covers, aligned at its right end. inputs[i][axis] is the label of an operand's
// axis (a label may repeat: the diagonal). Labels that are not in `output` are summed over. A dim
// of 1 broadcasts.
struct EinsumTerms {
  std::vector<std::vector<int>> inputs;
  std::vector<int> output;
  int num_labels = 0;
};

// `ranks`: of the operands. Without "->" the output is the ellipsis, then every label that occurs
// once, in alphabetical order (capitals first). InvalidInput: a malformed equation, or ranks that
// do not fit it.
absl::StatusOr<EinsumTerms> ParseEinsum(absl::string_view equation, absl::Span<const int> ranks);

}  // namespace g4c::ir

#endif  // IR_EINSUM_H_
