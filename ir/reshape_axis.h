// Axes that a reshape leaves whole.
#ifndef IR_RESHAPE_AXIS_H_
#define IR_RESHAPE_AXIS_H_

#include "absl/types/optional.h"
#include "ir/shape.h"

namespace g4c::ir {

// The axis of dims `to` that holds the elements of `count` axes of dims `from` from `axis` on, all
// of them and nothing else, in their order; nullopt where there is none. Both have as many
// elements.
absl::optional<int> AxisAfterReshape(const Dims& from, const Dims& to, int axis, int count);

}  // namespace g4c::ir

#endif  // IR_RESHAPE_AXIS_H_
