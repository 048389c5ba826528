// From one ir node to one Circle operator.
#ifndef BACKEND_LOWERING_H_
#define BACKEND_LOWERING_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "circle_generated.h"
#include "ir/graph.h"

namespace g4c::backend {

// An operand: a value of the graph (kNoValue: omitted), or a constant that the ir has as an
// attribute.
struct LoweredOperand {
  ir::ValueId value = ir::kNoValue;
  absl::optional<ir::Value> own;
};

struct LoweredOperator {
  circle::BuiltinOperator code = circle::BuiltinOperator_ADD;
  int version = 1;
  circle::BuiltinOptions options_type = circle::BuiltinOptions_NONE;
  flatbuffers::Offset<void> options;
  std::vector<LoweredOperand> operands;
};

// The operator of a node of a static graph; its options are built in `builder`. Results are the
// node's. Unsupported, naming the node, where Circle has no such operator.
absl::StatusOr<LoweredOperator> LowerNode(const ir::Graph& graph, const ir::Node& node,
                                          flatbuffers::FlatBufferBuilder& builder);

// The constant that LowerNode writes for the gain that an rms_norm leaves out: one element of value
// 1, with the scale 1 and zero point 0 where the operand has qparams.
ir::Value UnitGain(const ir::Value& x);

}  // namespace g4c::backend

#endif  // BACKEND_LOWERING_H_
