// Which operands and results of a node have to share one set of qparams.
#ifndef QUANTIZATION_SHARED_QPARAMS_H_
#define QUANTIZATION_SHARED_QPARAMS_H_

#include <vector>

#include "ir/graph.h"

namespace g4c::quantization {

// For an operator that moves data: its float operands (index, shape and condition operands are left
// out), and results. Empty for any other operator.
struct SharedValues {
  std::vector<int> operands;  // positions in Node::inputs
  std::vector<ir::ValueId> results;
};
SharedValues SharedValuesOf(const ir::Graph& graph, const ir::Node& node);

// Whether a value is subject to quantisation at all: its logical dtype is a float.
inline bool IsReal(const ir::Value& value) { return ir::IsFloat(value.type.dtype); }

// Where the qparams of a value have no meaning because of its dtype, says so on the value: Boolean,
// index, shape. Linear.
void MarkNotApplicable(ir::Graph& graph);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_SHARED_QPARAMS_H_
