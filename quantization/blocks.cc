#include "quantization/blocks.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

bool IsActivation(const Graph& graph, ValueId id) {
  return id != ir::kNoValue && !graph.IsConstant(id);
}

}  // namespace

std::vector<Block> FindBlocks(const Graph& graph) {
  const std::vector<NodeId> order = graph.TopologicalOrder();
  // Behind which step each value is last read; one past the end for graph outputs.
  std::vector<int> last_read(graph.num_values(), -1);
  std::vector<int> reads(graph.num_values(), 0);
  for (int step = 0; step < static_cast<int>(order.size()); ++step) {
    for (ValueId operand : graph.node(order[step]).inputs) {
      if (!IsActivation(graph, operand)) continue;
      last_read[operand] = step;
      ++reads[operand];
    }
  }
  for (const ir::GraphOutput& output : graph.outputs()) {
    last_read[output.value] = static_cast<int>(order.size());
  }

  int live = 0;
  for (ValueId input : graph.inputs()) live += last_read[input] >= 0;
  std::vector<Block> blocks(1);
  for (int step = 0; step < static_cast<int>(order.size()); ++step) {
    const ir::Node& node = graph.node(order[step]);
    blocks.back().nodes.push_back(order[step]);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId operand = node.inputs[i];
      const bool repeated = std::find(node.inputs.begin(), node.inputs.begin() + i, operand) !=
                            node.inputs.begin() + i;
      if (!repeated && IsActivation(graph, operand) && last_read[operand] == step) --live;
    }
    for (ValueId result : node.outputs) live += last_read[result] > step;
    const bool last = step + 1 == static_cast<int>(order.size());
    if (live == 1 && node.outputs.size() == 1 && reads[node.outputs[0]] > 1 && !last) {
      blocks.emplace_back();
    }
  }

  std::vector<int> block_of(graph.num_values(), -1);  // of the producer
  for (int b = 0; b < static_cast<int>(blocks.size()); ++b) {
    for (NodeId id : blocks[b].nodes) {
      for (ValueId result : graph.node(id).outputs) block_of[result] = b;
    }
  }
  std::vector<int> read_by(graph.num_values(), -1);  // the last block that listed it as its input
  std::vector<bool> listed(graph.num_values(), false);
  const auto list_output = [&](ValueId id) {
    if (block_of[id] >= 0 && !listed[id]) blocks[block_of[id]].outputs.push_back(id);
    listed[id] = true;
  };
  for (int b = 0; b < static_cast<int>(blocks.size()); ++b) {
    for (NodeId id : blocks[b].nodes) {
      for (ValueId operand : graph.node(id).inputs) {
        if (!IsActivation(graph, operand) || block_of[operand] == b || read_by[operand] == b) {
          continue;
        }
        read_by[operand] = b;
        blocks[b].inputs.push_back(operand);
        list_output(operand);
      }
    }
  }
  for (const ir::GraphOutput& output : graph.outputs()) list_output(output.value);
  return blocks;
}

ExtractedBlock ExtractBlock(const Graph& graph, const Block& block) {
  ExtractedBlock extracted;
  absl::flat_hash_map<ValueId, ValueId> inner;
  const auto adopt = [&](ValueId source, ValueId copy) {
    const ir::Value& value = graph.value(source);
    extracted.graph.SetQuantization(copy, value.quantization, value.quant_origin);
    inner[source] = copy;
    extracted.source_of.resize(extracted.graph.num_values(), ir::kNoValue);
    extracted.source_of[copy] = source;
  };
  for (ValueId input : block.inputs) {
    adopt(input, extracted.graph.AddInput(graph.value(input).name, graph.value(input).type));
  }
  for (NodeId id : block.nodes) {
    const ir::Node& node = graph.node(id);
    std::vector<ValueId> operands;
    for (ValueId operand : node.inputs) {
      if (graph.IsConstant(operand) && !inner.contains(operand)) {
        const ir::Value& value = graph.value(operand);
        adopt(operand, extracted.graph.AddConstant(value.name, value.type, *value.constant));
      }
      operands.push_back(operand == ir::kNoValue ? ir::kNoValue : inner.at(operand));
    }
    std::vector<std::string> names;
    std::vector<ir::Type> types;
    for (ValueId result : node.outputs) {
      names.push_back(graph.value(result).name);
      types.push_back(graph.value(result).type);
    }
    const NodeId copy = extracted.graph.AddNode(node.op, std::move(operands), std::move(names),
                                                std::move(types), node.provenance);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      adopt(node.outputs[i], extracted.graph.node(copy).outputs[i]);
    }
  }
  for (ValueId output : block.outputs) {
    extracted.graph.AddOutput(graph.value(output).name, inner.at(output));
  }
  return extracted;
}

}  // namespace g4c::quantization
