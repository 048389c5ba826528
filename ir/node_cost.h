// What a node of a static graph computes and moves, for reports and choices.
#ifndef IR_NODE_COST_H_
#define IR_NODE_COST_H_

#include <cstdint>

#include "ir/graph.h"

namespace g4c::ir {

// Bytes of a value as it is stored: 4-bit elements take half a byte.
int64_t StoredSize(const Value& value);

// Multiply-accumulates of a product (BATCH_MATMUL, FULLY_CONNECTED); 0 for other operators.
int64_t Macs(const Graph& graph, const Node& node);

// Bytes of activations that are read and written. An operand that is read twice counts twice.
int64_t ActivationTraffic(const Graph& graph, const Node& node);

}  // namespace g4c::ir

#endif  // IR_NODE_COST_H_
