// Softmax of i16 as LiteRT's kernel computes it (docs/integer_semantics.md, "As LiteRT rounds").
#ifndef EVALUATOR_LITERT_SOFTMAX_H_
#define EVALUATOR_LITERT_SOFTMAX_H_

#include "evaluator/integer_node.h"

namespace g4c::evaluator {

// Over the last axis of i16 operands; results of i16, 1/32768, 0 (the only qparams that the
// runtime takes).
IntegerKernel LitertSoftmaxI16(const Affine& in, float beta);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_LITERT_SOFTMAX_H_
