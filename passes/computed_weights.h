// Weights that are made of other weights each time that they are read, so that a rewrite of a large
// model copies none of it: they are computed as they are quantised and written.
#ifndef PASSES_COMPUTED_WEIGHTS_H_
#define PASSES_COMPUTED_WEIGHTS_H_

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::passes {

// A computed tensor (ir/tensor.h), or one with bytes where it has at most so many of them: what is
// small is read often.
inline constexpr int64_t kComputedAtOnce = int64_t{1} << 16;
ir::Tensor Computed(ir::DType dtype, const ir::Dims& dims,
                    std::shared_ptr<const ir::TensorSource> source);

// Index i of axis 0 is what order[i] was; of any dtype.
ir::Tensor TakeRows(const ir::Tensor& data, const ir::Ints& order);

// f32: everything at index i of `axis` times factors[i]. One factor serves all.
ir::Tensor ScaleAxis(const ir::Tensor& data, int axis, std::vector<float> factors);

// Gives computed constants bytes, in a temporary file where there can be one (base/spill_file.h),
// so that they stay mappings as the source's weights are: for whoever reads them many times.
void StoreComputed(ir::Graph& graph);

}  // namespace g4c::passes

#endif  // PASSES_COMPUTED_WEIGHTS_H_
