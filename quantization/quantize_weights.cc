#include "quantization/quantize_weights.h"

#include <algorithm>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/progress.h"
#include "evaluator/quantize.h"
#include "quantization/bias_correction.h"
#include "quantization/blocks.h"
#include "quantization/constants.h"
#include "quantization/gptq.h"
#include "quantization/hessian.h"
#include "quantization/mask_fill.h"
#include "quantization/match_float.h"
#include "quantization/sample_stream.h"
#include "quantization/simulate.h"
#include "quantization/valid_rows.h"
#include "quantization/weight_ranges.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// How firmly weights stay near where they are when they are matched to the float outputs, in means
// of the squared inputs: with much less, small sample sets are learnt by heart.
constexpr double kMatchDamping = 5;

// Linears of one block that read the same value.
struct Group {
  ValueId input;
  std::vector<NodeId> linears;
};

// Whether this stage chooses the qparams of a node's weight.
bool IsOurs(const Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  if (!std::holds_alternative<ir::FullyConnected>(node.op)) return false;
  const ir::Value& weight = graph.value(node.inputs[1]);
  return weight.constant.has_value() && ir::IsFloat(weight.constant->dtype()) &&
         weight.constant->rank() == 2 && weight.constant->NumElements() > 0 &&
         std::holds_alternative<ir::QuantUnknown>(weight.quantization) &&
         graph.HasOneUse(node.inputs[1]);
}

// In topological order of their first linears.
std::vector<Group> FindGroups(const Graph& graph, const Block& block) {
  std::vector<Group> groups;
  absl::flat_hash_map<ValueId, size_t> group_of;
  for (NodeId id : block.nodes) {
    if (!IsOurs(graph, id)) continue;
    const ValueId input = graph.node(id).inputs[0];
    const auto [found, is_new] = group_of.try_emplace(input, groups.size());
    if (is_new) groups.push_back({input, {}});
    groups[found->second].linears.push_back(id);
  }
  return groups;
}

int64_t Elements(const Graph& graph, absl::Span<const ValueId> ids) {
  int64_t sum = 0;
  for (ValueId id : ids) sum += ir::NumElements(graph.value(id).type.shape.dims());
  return sum;
}

class WeightQuantizer {
 public:
  WeightQuantizer(Graph& graph, const WeightEvidence& evidence, const WeightOptions& options)
      : graph_(graph), evidence_(evidence), options_(options) {}

  absl::StatusOr<WeightNotes> Run() {
    if (evidence_.samples == nullptr) {
      for (const Block& block : FindBlocks(graph_)) {
        for (const Group& group : FindGroups(graph_, block)) QuantizeByStatistics(group);
      }
      return notes_;
    }
    ASSIGN_OR_RETURN(valid_, ValidRows::Find(graph_));
    Graph simulated = graph_;
    RETURN_IF_ERROR(QuantizeConstants(simulated, {options_.activation, absl::nullopt}));
    for (ValueId id = 0; id < simulated.num_values(); ++id) {
      const ir::Value& value = simulated.value(id);
      if (!value.constant || !ir::HasQparams(value.quantization)) continue;
      if (ir::IsFloat(value.constant->dtype())) {
        simulated.SetConstant(id, evaluator::FakeQuantize(*value.constant, value.quantization));
      }
    }
    const std::vector<Block> blocks = FindBlocks(graph_);
    int64_t last = -1;
    for (size_t b = 0; b < blocks.size(); ++b) {
      if (!FindGroups(graph_, blocks[b]).empty()) last = static_cast<int64_t>(b);
    }
    // The float model keeps its weights, and its masks hide what they mask completely.
    Graph real = graph_;
    for (const MaskedLogits& masked : FindMaskedLogits(real)) {
      const Tensor& mask = *real.value(masked.mask).constant;
      real.SetConstant(masked.mask, MaskWithFill(mask, std::numeric_limits<float>::lowest()));
    }
    TensorStore store(options_.memory_bytes);
    SampleStream given_at(simulated, *evidence_.samples, store,
                          [&](ValueId id) { return StorageOf(simulated.value(id)); });
    SampleStream real_at(real, *evidence_.samples, store);
    Progress progress("weights", "blocks", std::max<int64_t>(1, last + 1));
    for (int64_t b = 0; b <= last; ++b) {
      const Block& block = blocks[b];
      for (const Group& group : FindGroups(graph_, block)) {
        RETURN_IF_ERROR(QuantizeGroup(simulated, block, group, given_at, real_at));
      }
      if (b < last) {
        const auto next = absl::MakeConstSpan(blocks).subspan(b + 1);
        RETURN_IF_ERROR(given_at.Cross(block, next));
        RETURN_IF_ERROR(real_at.Cross(block, next));
      }
      progress.Advance();
    }
    return notes_;
  }

 private:
  // What the float model has where the quantised one has `id`.
  ValueId WithoutConversions(ValueId id) const {
    for (const ir::Node* node = graph_.Producer(id);
         node != nullptr && std::holds_alternative<ir::Quantize>(node->op);
         node = graph_.Producer(id)) {
      id = node->inputs[0];
    }
    return id;
  }

  // By what files say of the float model.
  void QuantizeByStatistics(const Group& group) {
    const int64_t columns = Columns(group);
    const ValueId input = WithoutConversions(group.input);
    const ChannelSums* sums = nullptr;
    if (evidence_.statistics != nullptr &&
        input < static_cast<ValueId>(evidence_.statistics->values.size())) {
      sums = &evidence_.statistics->values[input].channels;
    }
    const bool known =
        sums != nullptr && sums->rows > 0 && static_cast<int64_t>(sums->square.size()) == columns;
    if (known && options_.method == WeightMethod::kGptq && evidence_.hessians != nullptr &&
        evidence_.hessians->Has(input)) {
      QuantizeLinears(
          group, InputMoments::OfFloatModel(*sums, evidence_.hessians->Of(input).Gram()), nullptr);
      return;
    }
    std::vector<float> importance(columns, 1.0f);
    for (int64_t j = 0; known && j < columns; ++j) {
      importance[j] = static_cast<float>(sums->MeanSquare(j));
    }
    for (NodeId id : group.linears) {
      SetRanges(id, graph_.value(graph_.node(id).inputs[1]).constant->Floats(), importance);
    }
  }

  int64_t Columns(const Group& group) const {
    return graph_.value(graph_.node(group.linears[0]).inputs[1]).constant->dims()[1];
  }

  absl::Status QuantizeGroup(Graph& simulated, const Block& block, const Group& group,
                             SampleStream& given_at, SampleStream& real_at) {
    InputMoments moments(Columns(group), options_.method == WeightMethod::kGptq);
    ASSIGN_OR_RETURN(const BlockRunner given_part, given_at.Toward(block, {group.input}));
    ASSIGN_OR_RETURN(const BlockRunner real_part, real_at.Toward(block, {group.input}));
    const bool keep = Elements(graph_, {group.input}) <= 2 * Elements(graph_, block.inputs);
    for (int64_t sample = 0; sample < evidence_.samples->size(); ++sample) {
      ASSIGN_OR_RETURN(const std::vector<Tensor> given_input, given_at.Run(given_part, sample));
      ASSIGN_OR_RETURN(const std::vector<Tensor> real_input, real_at.Run(real_part, sample));
      moments.Add(valid_->Rows(group.input, given_input[0]),
                  valid_->Rows(group.input, real_input[0]));
      if (!keep) continue;
      RETURN_IF_ERROR(given_at.Keep(group.input, sample, given_input[0]));
      RETURN_IF_ERROR(real_at.Keep(group.input, sample, real_input[0]));
    }
    if (moments.rows() == 0 || !moments.IsFinite()) {
      return InvalidInput("the samples make value '", graph_.value(group.input).name,
                          "' NaN, infinite or empty, so that no weights can be chosen for ",
                          ir::Describe(graph_, group.linears[0]));
    }
    QuantizeLinears(group, std::move(moments), &simulated);
    return absl::OkStatus();
  }

  // `simulated`, if there is one, gets what the graph gets.
  void QuantizeLinears(const Group& group, InputMoments moments, Graph* simulated) {
    const int64_t columns = moments.columns();
    const bool correct_bias =
        options_.correct_bias && std::all_of(group.linears.begin(), group.linears.end(),
                                             [&](NodeId id) { return HasFreeBias(graph_, id); });
    absl::optional<Gptq> gptq;
    absl::optional<FloatMatch> match;
    if (options_.method == WeightMethod::kGptq) {
      const bool matches = options_.match_float && moments.has_cross();
      const std::vector<double> gram = moments.TakeGram(correct_bias);
      if (matches) match.emplace(gram, moments.TakeCross(correct_bias), columns, kMatchDamping);
      gptq.emplace(gram, columns);
    }
    const std::vector<float> importance = moments.MeanSquares();
    for (NodeId id : group.linears) {
      const ValueId weight = graph_.node(id).inputs[1];
      const std::vector<float> original = graph_.value(weight).constant->Floats();
      if (moments.rows() < columns) notes_.short_of_rows.push_back(ir::Describe(graph_, id));
      const std::vector<float> target = match ? match->Match(original) : original;
      const ir::QuantPerChannel q = SetRanges(id, target, importance);
      const ir::Dims dims = graph_.value(weight).constant->dims();
      Tensor rounded;
      if (gptq) {
        rounded = Tensor::Of<float>(ir::DType::kF32, dims, gptq->Round(target, q));
        graph_.SetConstant(weight, rounded);
      } else {
        rounded = evaluator::FakeQuantize(*graph_.value(weight).constant, q);
      }
      if (simulated != nullptr) simulated->SetConstant(weight, rounded);
      if (correct_bias) {
        const std::vector<float> shift =
            LostMeans(original, rounded.Floats(), moments.RealMeans(), moments.GivenMeans());
        AddToBias(graph_, id, shift);
        if (simulated != nullptr) AddToBias(*simulated, id, shift);
      }
    }
  }

  ir::QuantPerChannel SetRanges(NodeId id, absl::Span<const float> weight,
                                absl::Span<const float> importance) {
    const ir::ValueId constant = graph_.node(id).inputs[1];
    const auto own = options_.dtypes.find(constant);
    const ir::DType dtype = own == options_.dtypes.end() ? options_.dtype : own->second;
    ir::QuantPerChannel q = ChooseWeightQparamsByError(weight, importance, dtype);
    graph_.SetQuantization(constant, q, ir::QuantOrigin::kWeight);
    return q;
  }

  Graph& graph_;
  const WeightEvidence& evidence_;
  const WeightOptions& options_;
  absl::StatusOr<ValidRows> valid_;
  WeightNotes notes_;
};

}  // namespace

absl::StatusOr<WeightNotes> QuantizeWeights(Graph& graph, const WeightEvidence& evidence,
                                            const WeightOptions& options) {
  return WeightQuantizer(graph, evidence, options).Run();
}

}  // namespace g4c::quantization
