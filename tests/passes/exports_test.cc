// What real exports become: one canonical form, and the numbers of ONNX Runtime.
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "base/npy.h"
#include "evaluator/executor.h"
#include "frontend/load_onnx.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "passes/bind_inputs.h"
#include "passes/import_qdq.h"
#include "passes/pipeline.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_data.h"

namespace g4c::passes {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

struct Canonical {
  ir::Graph graph;
  absl::optional<ir::Tensor> valid;
  Report report;
};

absl::StatusOr<Canonical> Canonicalized(const std::string& model, absl::optional<Grid> grid) {
  ASSIGN_OR_RETURN(frontend::LoadedModel loaded,
                   frontend::LoadOnnx(TestData("models/" + model + ".onnx")));
  Canonical result{std::move(loaded.graph), {}, {}};
  Bindings bindings;
  bindings.grid = grid;
  ASSIGN_OR_RETURN(const BoundInputs bound, BindInputs(result.graph, bindings));
  result.valid = bound.valid;
  RunnerOptions checks;
  checks.verify_passes = true;
  PassRunner runner(checks, &result.report);
  const PipelineOptions options{bound.valid};
  PassList fold = FoldPhase(options);
  RETURN_IF_ERROR(runner.Run(fold, result.graph));
  if (HasQdq(result.graph)) {
    PassList import("import");
    import.Add<ImportQdq>();
    RETURN_IF_ERROR(runner.Run(import, result.graph));
  }
  RETURN_IF_ERROR(ir::VerifyStatic(result.graph));
  PassList canonical = CanonicalPhase(options);
  RETURN_IF_ERROR(runner.Run(canonical, result.graph));
  RETURN_IF_ERROR(ir::VerifyStatic(result.graph));
  return result;
}

std::map<std::string, int> Operators(const ir::Graph& graph) {
  std::map<std::string, int> count;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    ++count[std::string(ir::OpName(graph.node(id).op))];
  }
  return count;
}

ir::Tensor FloatsOf(const std::string& file) {
  absl::StatusOr<NpyArray> array = ReadNpy(TestData("models/" + file + ".npy"));
  if (!array.ok() || array->descr != "<f4") {
    ADD_FAILURE() << file << ": " << array.status();
    return {};
  }
  return *ir::Tensor::View(ir::DType::kF32, array->dims, array->bytes, array->owner);
}

// The largest difference on valid rows ([B, S, C] with known rows, else everywhere).
double LargestDifference(const Canonical& model, const std::string& input,
                         const std::string& expected) {
  const auto executor = evaluator::FloatExecutor::Create(model.graph);
  EXPECT_OK(executor);
  const absl::StatusOr<std::vector<ir::Tensor>> outputs = executor->Run({FloatsOf(input)});
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status();
    return INFINITY;
  }
  const std::vector<float> got = (*outputs)[0].Floats();
  const std::vector<float> want = FloatsOf(expected).Floats();
  EXPECT_EQ(got.size(), want.size());
  std::vector<int64_t> rows;
  const ir::Dims& dims = (*outputs)[0].dims();
  if (model.valid && dims.size() == 3 && dims[1] == model.valid->dims()[1]) {
    rows = model.valid->Ints();
  }
  double largest = 0;
  for (size_t i = 0; i < got.size() && i < want.size(); ++i) {
    if (!rows.empty() && rows[i / dims.back()] == 0) continue;
    const double difference = std::abs(static_cast<double>(got[i]) - want[i]);
    if (!(difference <= largest)) largest = difference;  // a NaN stays
  }
  return largest;
}

constexpr Grid kGrid{6, 9};

// Two layers of 40. RoPE is split, concat, two products and a sum, on q and on k.
TEST(Exports, EveryExporterGivesOneForm) {
  std::string first;
  for (const char* model :
       {"encoder_dynamo_op18", "encoder_dynamo_op21", "encoder_sdpa_op23",
        "encoder_torchscript_op17", "encoder_onnxslim_op18", "encoder_onnxsim_op18"}) {
    SCOPED_TRACE(model);
    ASSERT_OK_AND_ASSIGN(const Canonical canonical, Canonicalized(model, kGrid));
    EXPECT_THAT(Operators(canonical.graph),
                UnorderedElementsAre(Pair("rms_norm", 14), Pair("fully_connected", 14),
                                     Pair("softmax", 2), Pair("gelu", 2), Pair("batch_matmul", 4),
                                     Pair("reshape", 8), Pair("transpose", 8), Pair("add", 10),
                                     Pair("mul", 10), Pair("split", 4), Pair("concat", 4)));
    // 1e-4 is what the runtimes are held to; sums are in another order.
    EXPECT_LE(LargestDifference(canonical, "inputs_embeds", "encoder.expected"), 1e-4);
    const std::string text = ir::PrintCanonical(canonical.graph);
    if (first.empty()) first = text;
    EXPECT_TRUE(text == first) << "another canonical form";
  }
}

TEST(Exports, ClippedLinears) {
  ASSERT_OK_AND_ASSIGN(const Canonical canonical, Canonicalized("encoder_clipped_op18", kGrid));
  EXPECT_EQ(Operators(canonical.graph)["clamp"], 22);
  EXPECT_EQ(Operators(canonical.graph)["fully_connected"], 14);
  EXPECT_LE(LargestDifference(canonical, "inputs_embeds", "encoder_clipped.expected"), 1e-4);
}

TEST(Exports, PixelsToSoftTokens) {
  for (const auto& [model, grid] :
       {std::pair<const char*, absl::optional<Grid>>{"vision_model_static_op18", absl::nullopt},
        {"vision_model_dynamic_op21", kGrid}}) {
    SCOPED_TRACE(model);
    ASSERT_OK_AND_ASSIGN(const Canonical canonical, Canonicalized(model, grid));
    const std::map<std::string, int> operators = Operators(canonical.graph);
    for (const char* gone : {"select", "cast", "gather_nd", "gather", "one_hot", "non_zero"}) {
      EXPECT_EQ(operators.count(gone), 0u) << gone;
    }
    // 2e-5 of the output's range of about 40.
    EXPECT_LE(LargestDifference(canonical, "pixel_values", "vision_model.expected"), 8e-4);
  }
}

TEST(Exports, QdqKeepsItsQparams) {
  ASSERT_OK_AND_ASSIGN(const Canonical canonical,
                       Canonicalized("encoder_tico_u8_qdq_op21", absl::nullopt));
  EXPECT_EQ(Operators(canonical.graph)["rms_norm"], 14);
  EXPECT_EQ(Operators(canonical.graph)["fully_connected"], 14);
  int total = 0;
  for (const auto& [name, count] : Operators(canonical.graph)) total += count;
  EXPECT_LE(total, 2 * 85);
  for (ir::NodeId id : canonical.graph.TopologicalOrder()) {
    if (!std::holds_alternative<ir::FullyConnected>(canonical.graph.node(id).op)) continue;
    const ir::Value& weight = canonical.graph.value(canonical.graph.node(id).inputs[1]);
    const auto* channels = std::get_if<ir::QuantPerChannel>(&weight.quantization);
    ASSERT_NE(channels, nullptr) << weight.name;
    EXPECT_EQ(channels->axis, 0) << weight.name;
  }
}

TEST(Exports, TheReportNamesWhatIsLeftOfFolding) {
  ASSERT_OK_AND_ASSIGN(Canonical canonical, Canonicalized("encoder_dynamo_op18", kGrid));
  canonical.report.SettleFolded(canonical.graph);
  std::vector<std::pair<std::string, int64_t>> folded;
  for (const FoldedValue& value : canonical.report.folded()) {
    folded.emplace_back(value.pass, value.bytes);
  }
  // Two tables of 63 rows and a head for all layers, and one row of the mask.
  EXPECT_THAT(folded, UnorderedElementsAre(Pair("fuse-rotary", 4032), Pair("fuse-rotary", 4032),
                                           Pair("fold-constants", 252)));
}

}  // namespace
}  // namespace g4c::passes
