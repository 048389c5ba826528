// What a constant stands for, and how much of it is distinct.
#ifndef PASSES_CONSTANTS_H_
#define PASSES_CONSTANTS_H_

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// The numbers that a constant stands for, in its logical dtype: f16, bf16 and f64 data widened or
// narrowed to f32, data with qparams quantised and dequantised again (what a consumer of the stored
// integers sees).
ir::Tensor RealData(const ir::Value& constant);

// The one number that every element of a float constant equals (by RealData); nullopt for no
// constant, an empty one, another dtype, or unequal elements.
absl::optional<float> UniformFloat(const ir::Graph& graph, ir::ValueId id);
// The same for integers and Booleans.
absl::optional<int64_t> UniformInt(const ir::Graph& graph, ir::ValueId id);

// The same elements with stride 0 along every axis on which the content does not vary. Reads until
// the first difference on each axis; a computed tensor is only told where all elements are equal.
ir::Tensor Compacted(const ir::Tensor& tensor);
// Bytes of the elements that are stored apart: an axis of stride 0 counts once.
int64_t DistinctBytes(const ir::Tensor& tensor);
// One element along every axis of stride 0.
ir::Tensor DistinctPart(const ir::Tensor& tensor);

// The qparams of `op` (one that moves data) on a constant with `quantization` and shape `from`, for
// result `result` of shape `to`. nullopt where channels do not stay one axis.
absl::optional<ir::Quantization> MovedQuantization(const ir::Op& op,
                                                   const ir::Quantization& quantization,
                                                   const ir::Dims& from, const ir::Dims& to,
                                                   int result);

}  // namespace g4c::passes

#endif  // PASSES_CONSTANTS_H_
