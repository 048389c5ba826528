// Which operators work element by element.
#ifndef IR_ELEMENTWISE_H_
#define IR_ELEMENTWISE_H_

#include "ir/op.h"

namespace g4c::ir {

// Element (i, j, ...) of the one result depends on the operands' elements there only, after NumPy
// broadcasting.
bool IsElementwise(const Op& op);

}  // namespace g4c::ir

#endif  // IR_ELEMENTWISE_H_
