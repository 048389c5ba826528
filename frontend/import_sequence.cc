// Sequences are followed at import time and never reach the ir.
#include "frontend/op_registry.h"

namespace g4c::frontend {

absl::Status ImportSequenceConstruct(NodeContext& node) {
  Sequence sequence;
  for (int i = 0; i < node.num_inputs(); ++i) {
    if (!node.Has(i)) return InvalidInput("operand ", i, " is missing");
    sequence.items.push_back(node.Input(i));
  }
  return node.ForwardSequence(std::move(sequence));
}

absl::Status ImportSplitToSequence(NodeContext& node) {
  Sequence sequence;
  sequence.split_of = node.Input(0);
  sequence.split = node.Input(1);
  sequence.axis = node.Int("axis", 0);
  // keepdims has no effect where the split is given.
  sequence.keep_dims = node.Flag("keepdims", true) || sequence.split != ir::kNoValue;
  return node.ForwardSequence(std::move(sequence));
}

absl::Status ImportSequenceAt(NodeContext& node) {
  const Sequence* sequence = node.InputSequence(0);
  if (sequence == nullptr) return InvalidInput("operand 0 is no sequence");
  if (!node.Has(1)) return InvalidInput("operand 1 is missing");
  if (sequence->split_of != ir::kNoValue) {
    return node.Return(ir::SplitItem{sequence->axis, sequence->keep_dims},
                       {sequence->split_of, sequence->split, node.Input(1)});
  }
  std::vector<ir::ValueId> operands{node.Input(1)};
  operands.insert(operands.end(), sequence->items.begin(), sequence->items.end());
  return node.Return(ir::SequenceItem{}, std::move(operands));
}

}  // namespace g4c::frontend
