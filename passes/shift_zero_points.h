// u8 and i8 say the same numbers with zero points 128 apart.
#ifndef PASSES_SHIFT_ZERO_POINTS_H_
#define PASSES_SHIFT_ZERO_POINTS_H_

#include "ir/graph.h"

namespace g4c::passes {

// Qparams in `to` (u8 or i8) with the integers of `from` (the other one) shifted by 128; every
// number stays. Qparams of other dtypes are returned as they are.
ir::Quantization Shifted(const ir::Quantization& quantization, ir::DType from, ir::DType to);

// A constant whose stored integers, if it holds any, are shifted too.
void ShiftConstant(ir::Graph& graph, ir::ValueId id, ir::DType from, ir::DType to);

// All values of `from` become `to`, constants too; graph inputs and outputs keep theirs behind a
// quantize. Exact. Whether there was any.
bool ShiftZeroPoints(ir::Graph& graph, ir::DType from, ir::DType to);

}  // namespace g4c::passes

#endif  // PASSES_SHIFT_ZERO_POINTS_H_
