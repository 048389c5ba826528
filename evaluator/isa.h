// The instruction set that float results depend on.
#ifndef EVALUATOR_ISA_H_
#define EVALUATOR_ISA_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace g4c::evaluator {

// The sums of matrix products are rounded as oneDNN's code for the machine groups them; everything
// else gives the same bits everywhere. Names, the widest last: "sse41", "avx", "avx2", "avx512".
std::vector<std::string> IsaNames();

// The one in use: the widest that the machine has, unless pinned.
std::string IsaInUse();

// From now on at most `name`. To be called before anything is evaluated. InvalidInput: an unknown
// name, one that the machine does not have, or a call that comes too late.
absl::Status PinIsa(absl::string_view name);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_ISA_H_
