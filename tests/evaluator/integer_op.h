// Runs one operator on stored integers: a graph of one node, its operands inputs or constants.
#ifndef TESTS_EVALUATOR_INTEGER_OP_H_
#define TESTS_EVALUATOR_INTEGER_OP_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "evaluator/integer_executor.h"
#include "evaluator/integer_node.h"
#include "ir/graph.h"
#include "ir/shape_inference.h"

namespace g4c::evaluator {

inline ir::Quantization PerTensor(ir::DType dtype, float scale, int64_t zero_point) {
  return ir::QuantPerTensor{dtype, scale, zero_point};
}

inline ir::Tensor IntTensor(ir::DType dtype, ir::Dims dims, const std::vector<int64_t>& values) {
  ir::Tensor tensor = ir::Tensor::Allocate(dtype, std::move(dims));
  G4C_CHECK(static_cast<int64_t>(values.size()) == tensor.NumElements());
  StoreInts(values, 0, tensor);
  return tensor;
}

// One operand: f32 with qparams (stored integers), or a plain tensor.
struct Operand {
  ir::Tensor tensor;
  ir::Quantization quantization;
  bool constant = false;
  bool omitted = false;
};

inline Operand Quantised(ir::Quantization quantization, ir::Dims dims,
                         const std::vector<int64_t>& values, bool constant = false) {
  return {IntTensor(ir::QuantDType(quantization), std::move(dims), values), std::move(quantization),
          constant, false};
}

inline Operand Constant(Operand operand) {
  operand.constant = true;
  return operand;
}

inline Operand Plain(ir::Tensor tensor) {
  return {std::move(tensor), ir::QuantUnknown{}, false, false};
}
inline Operand Omitted() { return {{}, ir::QuantUnknown{}, false, true}; }

inline std::vector<int64_t> RandomInts(std::mt19937& random, ir::DType dtype, int64_t count) {
  std::uniform_int_distribution<int64_t> any(ir::MinOf(dtype), ir::MaxOf(dtype));
  std::vector<int64_t> values(count);
  for (int64_t& value : values) value = any(random);
  return values;
}

// All integers of a dtype of at most 16 bits.
inline std::vector<int64_t> AllInts(ir::DType dtype) {
  std::vector<int64_t> values;
  for (int64_t q = ir::MinOf(dtype); q <= ir::MaxOf(dtype); ++q) values.push_back(q);
  return values;
}

// The stored results of `op`. `results`: the qparams of each.
inline absl::StatusOr<std::vector<ir::Tensor>> RunStored(
    const ir::Op& op, const std::vector<Operand>& operands,
    const std::vector<ir::Quantization>& results, Rounding rounding = Rounding::kExact) {
  ir::Graph graph;
  std::vector<ir::ValueId> ids;
  std::vector<ir::Tensor> inputs;
  for (const Operand& operand : operands) {
    if (operand.omitted) {
      ids.push_back(ir::kNoValue);
      continue;
    }
    const bool quantised = ir::HasQparams(operand.quantization);
    const ir::Type type{quantised ? ir::DType::kF32 : operand.tensor.dtype(),
                        ir::Shape(operand.tensor.dims())};
    const std::string name = absl::StrCat("x", ids.size());
    if (operand.constant) {
      ids.push_back(graph.AddConstant(name, type, operand.tensor));
    } else {
      ids.push_back(graph.AddInput(name, type));
      inputs.push_back(operand.tensor);
    }
    if (quantised)
      graph.SetQuantization(ids.back(), operand.quantization, ir::QuantOrigin::kCircle);
  }
  const int count = static_cast<int>(results.size());
  ASSIGN_OR_RETURN(const std::vector<ir::Type> types, ir::InferNode(graph, op, ids, count));
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(absl::StrCat("y", i));
  const ir::NodeId node = graph.AddNode(op, ids, names, types, {});
  for (int i = 0; i < count; ++i) {
    const ir::ValueId value = graph.node(node).outputs[i];
    if (ir::HasQparams(results[i]))
      graph.SetQuantization(value, results[i], ir::QuantOrigin::kCircle);
    graph.AddOutput(names[i], value);
  }
  ASSIGN_OR_RETURN(const IntegerExecutor executor, IntegerExecutor::Create(graph, rounding));
  return executor.Run(inputs);
}

// The same for one result, as integers.
inline absl::StatusOr<std::vector<int64_t>> RunInts(const ir::Op& op,
                                                    const std::vector<Operand>& operands,
                                                    const ir::Quantization& result,
                                                    Rounding rounding = Rounding::kExact) {
  ASSIGN_OR_RETURN(const std::vector<ir::Tensor> tensors,
                   RunStored(op, operands, {result}, rounding));
  return tensors[0].Ints();
}

}  // namespace g4c::evaluator

#endif  // TESTS_EVALUATOR_INTEGER_OP_H_
