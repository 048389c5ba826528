#include "quantization/quantize_weights.h"

#include <gmock/gmock.h>

#include <limits>

#include "base/parallel.h"
#include "evaluator/executor.h"
#include "evaluator/quantize.h"
#include "ir/seeded.h"
#include "quantization/calibrate.h"
#include "quantization/gather_hessians.h"
#include "quantization/qparams.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two residual blocks and a head; the second block's linears share an input.
constexpr char kModel[] = R"(graph g {
  in  %x: f32[6, 8]
  k   %w0: f32[8, 8] = seeded(1)
  k   %w1: f32[16, 8] = seeded(2)
  k   %w2: f32[16, 8] = seeded(3)
  k   %w3: f32[8, 16] = seeded(4)
  k   %w4: f32[3, 8] = seeded(5)
  k   %b1: f32[16] = seeded(6)
  %a = fully_connected(%x, %w0, -): f32[6, 8]
  %b = add(%x, %a): f32[6, 8]
  %c = fully_connected(%b, %w1, %b1): f32[6, 16]
  %d = fully_connected(%b, %w2, -): f32[6, 16]
  %e = tanh(%c): f32[6, 16]
  %f = mul(%d, %e): f32[6, 16]
  %g = fully_connected(%f, %w3, -): f32[6, 8]
  %h = add(%b, %g): f32[6, 8]
  %i = mul(%h, %h): f32[6, 8]
  %j = add(%i, %h): f32[6, 8]
  %k = fully_connected(%j, %w4, -): f32[6, 3]
  out %k
})";

ir::Graph Model() { return ParseOrDie(kModel); }

class Seeded : public Samples {
 public:
  explicit Seeded(int64_t size, uint64_t seed = 50) : size_(size), seed_(seed) {}
  int64_t size() const override { return size_; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return std::vector<ir::Tensor>{
        ir::SeededTensor(ir::DType::kF32, {6, 8}, seed_ + static_cast<uint64_t>(index))};
  }

 private:
  int64_t size_;
  uint64_t seed_;
};

double SquaredError(const ir::Graph& a, const ir::Graph& b, const Samples& samples) {
  double sum = 0;
  for (int64_t i = 0; i < samples.size(); ++i) {
    const auto inputs = *samples.Get(i);
    const auto left = (*evaluator::FloatExecutor::Create(a)->Run(inputs))[0].Floats();
    const auto right = (*evaluator::FloatExecutor::Create(b)->Run(inputs))[0].Floats();
    for (size_t j = 0; j < left.size(); ++j) {
      sum += (left[j] - right[j]) * static_cast<double>(left[j] - right[j]);
    }
  }
  return sum;
}

// The model as it computes once its weights are stored.
ir::Graph Stored(ir::Graph graph) {
  for (const char* name : {"w0", "w1", "w2", "w3", "w4"}) {
    const ir::Value& weight = graph.value(ValueNamed(graph, name));
    graph.SetConstant(ValueNamed(graph, name),
                      evaluator::FakeQuantize(*weight.constant, weight.quantization));
  }
  return graph;
}

ir::Graph Quantized(WeightOptions options, const Samples* samples) {
  ir::Graph graph = Model();
  options.dtype = ir::DType::kU4;
  EXPECT_THAT(QuantizeWeights(graph, {samples}, options).status(), IsOk());
  return graph;
}

TEST(QuantizeWeights, EachStepGainsOnUnseenSamples) {
  const Seeded calibration(64), unseen(64, 1000);
  ir::Graph min_max = Model();
  for (const char* name : {"w0", "w1", "w2", "w3", "w4"}) {
    const ir::ValueId id = ValueNamed(min_max, name);
    min_max.SetQuantization(id, ChooseWeightQparams(*min_max.value(id).constant, 0, ir::DType::kU4),
                            ir::QuantOrigin::kWeight);
  }
  const auto error = [&](const ir::Graph& graph) {
    return SquaredError(Model(), Stored(graph), unseen);
  };
  WeightOptions plain;
  plain.match_float = plain.correct_bias = false;
  WeightOptions mse = plain;
  mse.method = WeightMethod::kMse;
  WeightOptions matched = plain;
  matched.match_float = true;
  const double rtn_error = error(min_max);
  const double mse_error = error(Quantized(mse, &calibration));
  const double gptq_error = error(Quantized(plain, &calibration));
  EXPECT_LT(mse_error, rtn_error);
  EXPECT_LT(gptq_error, mse_error);
  EXPECT_LT(error(Quantized(matched, &calibration)), gptq_error);
  EXPECT_LT(error(Quantized({}, &calibration)), gptq_error);
}

TEST(QuantizeWeights, GptqStoresTheGridPointsItChose) {
  const Seeded calibration(8);
  const ir::Graph graph = Quantized({}, &calibration);
  const ir::Graph stored = Stored(graph);
  for (const char* name : {"w0", "w1", "w2", "w3", "w4"}) {
    EXPECT_EQ(graph.value(ValueNamed(graph, name)).constant->Floats(),
              stored.value(ValueNamed(stored, name)).constant->Floats());
  }
}

TEST(QuantizeWeights, BiasCorrectionKeepsTheMeansOfTheOutputs) {
  const Seeded calibration(16);
  const ir::Graph graph = Stored(Quantized({}, &calibration));
  std::vector<double> means(3);
  for (int64_t i = 0; i < calibration.size(); ++i) {
    const auto inputs = *calibration.Get(i);
    const auto ours = (*evaluator::FloatExecutor::Create(graph)->Run(inputs))[0].Floats();
    const ir::Graph model = Model();
    const auto real = (*evaluator::FloatExecutor::Create(model)->Run(inputs))[0].Floats();
    for (size_t j = 0; j < ours.size(); ++j) means[j % 3] += ours[j] - real[j];
  }
  // Sums of 96 outputs near 100 in f32.
  for (double mean : means) EXPECT_NEAR(mean, 0, 0.05);
}

TEST(QuantizeWeights, WithoutSamplesOnlyRangesAreChosen) {
  const ir::Graph graph = Quantized({}, nullptr);
  const ir::Graph model = Model();
  for (const char* name : {"w0", "w4", "b1"}) {
    EXPECT_EQ(graph.value(ValueNamed(graph, name)).constant->Floats(),
              model.value(ValueNamed(model, name)).constant->Floats());
  }
  EXPECT_TRUE(ir::HasQparams(graph.value(ValueNamed(graph, "w3")).quantization));
}

TEST(QuantizeWeights, StatisticsWeighColumnsWithoutSamples) {
  ir::Graph graph = Model();
  Statistics statistics = StatisticsPlan(graph).Empty();
  statistics.values[ValueNamed(graph, "x")].count = 1;
  ChannelSums& channels = statistics.values[ValueNamed(graph, "x")].channels;
  channels.rows = 1;
  channels.sum.assign(8, 0);
  channels.square.assign(8, 0);
  channels.square[0] = Int128{1} << kSumFraction;
  const std::vector<float> w = graph.value(ValueNamed(graph, "w0")).constant->Floats();
  const auto error_of_column_0 = [&](const Statistics* given) {
    ir::Graph quantized = graph;
    WeightOptions options;
    options.dtype = ir::DType::kU4;
    EXPECT_THAT(QuantizeWeights(quantized, {nullptr, given}, options).status(), IsOk());
    const std::vector<float> stored =
        Stored(quantized).value(ValueNamed(quantized, "w0")).constant->Floats();
    double sum = 0;
    for (size_t row = 0; row < 8; ++row) {
      sum += (w[row * 8] - stored[row * 8]) * static_cast<double>(w[row * 8] - stored[row * 8]);
    }
    return sum;
  };
  // Only column 0 is ever heard: the others are given up for it.
  EXPECT_LT(error_of_column_0(&statistics), 0.1 * error_of_column_0(nullptr));
}

// Statistics and Hessians of the float model, which a file would hold.
class FloatModel {
 public:
  explicit FloatModel(const Samples& samples) {
    EXPECT_OK(GatherStatistics(graph_, samples, {}, statistics_).status());
    AtomicFile file = *AtomicFile::Create(folder_.File("stats.json"));
    EXPECT_OK(BeginHessians(file));
    EXPECT_OK(GatherHessians(graph_, samples, 0,
                             [&](ir::ValueId, GramSums sums) { return WriteHessian(file, sums); }));
    EXPECT_OK(file.Commit());
    EXPECT_OK(hessians_.Add(*MappedFile::Open(folder_.File("stats.json"))));
  }
  WeightEvidence evidence() const { return {nullptr, &statistics_, &hessians_}; }

 private:
  TempDir folder_;
  ir::Graph graph_ = Model();
  Statistics statistics_ = StatisticsPlan(graph_).Empty();
  SavedHessians hessians_{graph_};
};

TEST(QuantizeWeights, HessiansOfTheFloatModelGainWithoutSamples) {
  const Seeded calibration(64), unseen(64, 1000);
  const FloatModel model(calibration);
  const auto quantized = [&](const WeightEvidence& evidence) {
    ir::Graph graph = Model();
    WeightOptions options;
    options.dtype = ir::DType::kU4;
    EXPECT_OK(QuantizeWeights(graph, evidence, options).status());
    return Stored(graph);
  };
  WeightEvidence squares_only = model.evidence();
  squares_only.hessians = nullptr;
  const double gptq = SquaredError(Model(), quantized(model.evidence()), unseen);
  EXPECT_LT(gptq, 0.8 * SquaredError(Model(), quantized(squares_only), unseen));
  // Samples also tell of the noise in the inputs.
  EXPECT_LT(SquaredError(Model(), quantized({&calibration}), unseen), gptq);
}

TEST(QuantizeWeights, HessiansAreFoundInFrontOfConversions) {
  const Seeded calibration(16);
  const FloatModel model(calibration);
  const auto first_weight = [&](ir::Graph graph) {
    EXPECT_OK(QuantizeWeights(graph, model.evidence(), {}).status());
    return graph.value(ValueNamed(graph, "w0")).constant->Floats();
  };
  ir::Graph converted = Model();
  const ir::NodeId linear = converted.value(ValueNamed(converted, "a")).producer;
  const ir::ValueId x = ValueNamed(converted, "x");
  const ir::NodeId quantize =
      converted.AddNode(ir::Quantize{}, {x}, {"x8"}, {converted.value(x).type}, {});
  converted.SetOperands(linear, {converted.node(quantize).outputs[0],
                                 converted.node(linear).inputs[1], ir::kNoValue});
  EXPECT_EQ(first_weight(converted), first_weight(Model()));
}

TEST(QuantizeWeights, LeavesOthersAlone) {
  ir::Graph graph = Model();
  const ir::QuantPerChannel given{ir::DType::kI8, 0, {1, 1, 1}, {0, 0, 0}};
  graph.SetQuantization(ValueNamed(graph, "w4"), given, ir::QuantOrigin::kFile);
  graph.SetQuantization(ValueNamed(graph, "w0"), ir::QuantNone{ir::NoQuantReason::kFloatKept},
                        ir::QuantOrigin::kNone);
  const ir::Graph before = graph;
  const Seeded calibration(4);
  ASSERT_THAT(QuantizeWeights(graph, {&calibration}, {}).status(), IsOk());
  for (const char* name : {"w0", "w4"}) {
    const ir::Value& value = graph.value(ValueNamed(graph, name));
    EXPECT_EQ(value.quantization, before.value(ValueNamed(before, name)).quantization);
    EXPECT_TRUE(value.constant->SameView(*before.value(ValueNamed(before, name)).constant));
  }
}

TEST(QuantizeWeights, TellsOfFewRows) {
  const Seeded two_samples(2);  // 12 rows: fewer than w3's 16 columns
  ir::Graph graph = Model();
  const absl::StatusOr<WeightNotes> notes = QuantizeWeights(graph, {&two_samples}, {});
  ASSERT_THAT(notes.status(), IsOk());
  EXPECT_THAT(notes->short_of_rows, ElementsAre(HasSubstr("'g'")));
}

TEST(QuantizeWeights, RefusesInfinity) {
  ir::Graph graph = Model();
  graph.SetConstant(ValueNamed(graph, "b1"),
                    ir::Tensor::Of<float>(ir::DType::kF32, {16}, std::vector<float>(16, 3e38f)));
  graph.SetConstant(ValueNamed(graph, "w1"),
                    ir::Tensor::Of<float>(ir::DType::kF32, {16, 8}, std::vector<float>(128, 1.0f)));
  graph.SetConstant(ValueNamed(graph, "w2"), ir::Tensor::Of<float>(ir::DType::kF32, {16, 8},
                                                                   std::vector<float>(128, 3e38f)));
  const Seeded calibration(4);
  EXPECT_THAT(QuantizeWeights(graph, {&calibration}, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'f' NaN, infinite")));
}

TEST(QuantizeWeights, ThreadsDoNotShow) {
  const Seeded calibration(8);
  SetNumThreads(1);
  const ir::Graph one = Quantized({}, &calibration);
  SetNumThreads(3);
  const ir::Graph three = Quantized({}, &calibration);
  for (const char* name : {"w0", "w1", "w2", "w3", "w4", "b1"}) {
    const ir::Value& a = one.value(ValueNamed(one, name));
    const ir::Value& b = three.value(ValueNamed(three, name));
    EXPECT_EQ(a.quantization, b.quantization);
    EXPECT_TRUE(a.constant->SameContent(*b.constant));
  }
}

TEST(QuantizeWeights, WhatLiesInATemporaryFileDoesNotShow) {
  const Seeded calibration(8);
  const ir::Graph whole = Quantized({}, &calibration);
  // Nothing fits; some of the activations fit.
  for (const int64_t memory : {0, 3000}) {
    WeightOptions options;
    options.memory_bytes = memory;
    const ir::Graph spilled = Quantized(options, &calibration);
    for (const char* name : {"w0", "w1", "w2", "w3", "w4", "b1"}) {
      const ir::Value& a = whole.value(ValueNamed(whole, name));
      const ir::Value& b = spilled.value(ValueNamed(spilled, name));
      EXPECT_EQ(a.quantization, b.quantization);
      EXPECT_TRUE(a.constant->SameContent(*b.constant)) << name << " with " << memory;
    }
  }
}

}  // namespace
}  // namespace g4c::quantization
