#include "quantization/finite_check.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel.h"
#include "base/status.h"
#include "base/text.h"
#include "quantization/finite.h"

namespace g4c::quantization {

FiniteCheck::FiniteCheck(const ir::Graph& graph) {
  std::vector<bool> listed(graph.num_values(), false);
  for (ir::NodeId id : graph.TopologicalOrder()) {
    for (ir::ValueId input : graph.node(id).inputs) {
      if (!graph.IsConstant(input) || listed[input]) continue;
      const ir::Value& value = graph.value(input);
      if (!ir::IsFloat(value.constant->dtype())) continue;
      listed[input] = true;
      constants_.push_back(
          {*value.constant, AllowedBy(graph.node(id)), value.name, ir::Describe(graph, id)});
    }
  }
}

FiniteCheck::Allows FiniteCheck::AllowedBy(const ir::Node& reader) {
  if (std::holds_alternative<ir::Add>(reader.op) || std::holds_alternative<ir::Select>(reader.op))
    return Allows::kNegativeInf;
  const bool bound = std::holds_alternative<ir::Maximum>(reader.op) ||
                     std::holds_alternative<ir::Minimum>(reader.op) ||
                     std::holds_alternative<ir::Quantize>(reader.op);
  return bound ? Allows::kInf : Allows::kFinite;
}

absl::Status FiniteCheck::Run() const {
  constexpr int64_t kBlock = 1 << 16;
  struct Block {
    const Constant* constant;
    int64_t begin;
    int64_t size;
  };
  std::vector<Block> blocks;
  for (const Constant& constant : constants_) {
    const int64_t total = constant.data.NumElements();
    for (int64_t begin = 0; begin < total; begin += kBlock) {
      blocks.push_back({&constant, begin, std::min(kBlock, total - begin)});
    }
  }
  const auto is_allowed = [](Allows allows, float x) {
    return std::isfinite(x) ||
           (std::isinf(x) && (allows == Allows::kInf || (allows == Allows::kNegativeInf && x < 0)));
  };
  // The first element of a block that may not be there.
  const auto bad_element = [&](const Block& block) -> absl::optional<std::pair<int64_t, float>> {
    const ir::Tensor& data = block.constant->data;
    std::vector<float> converted;
    absl::Span<const float> elements;
    if (data.dtype() == ir::DType::kF32 && data.IsContiguous()) {
      elements = {data.data<float>() + block.begin, static_cast<size_t>(block.size)};
    } else {
      converted.resize(block.size);
      data.ReadFloats(block.begin, absl::MakeSpan(converted));
      elements = converted;
    }
    if (!AnyNotFinite(elements)) return absl::nullopt;
    for (int64_t i = 0; i < block.size; ++i) {
      if (!is_allowed(block.constant->allows, elements[i]))
        return std::make_pair(block.begin + i, elements[i]);
    }
    return absl::nullopt;
  };
  std::atomic<int64_t> first_bad{static_cast<int64_t>(blocks.size())};
  ParallelFor(static_cast<int64_t>(blocks.size()), [&](int64_t i) {
    if (i >= first_bad.load() || !bad_element(blocks[i])) return;
    int64_t seen = first_bad.load();
    while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
    }
  });
  const int64_t found = first_bad.load();
  if (found == static_cast<int64_t>(blocks.size())) return absl::OkStatus();
  const Constant& constant = *blocks[found].constant;
  const auto [place, element] = *bad_element(blocks[found]);
  return InvalidInput("constant '", constant.name, "' holds ", FormatFloat(element), " at element ",
                      place, "; it is read by ", constant.reader,
                      std::isnan(element) ? "" : ", which is no clamp and no mask",
                      ". Repair the checkpoint that the model was exported from");
}

}  // namespace g4c::quantization
