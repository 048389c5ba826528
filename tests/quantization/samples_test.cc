#include "quantization/samples.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/npy.h"
#include "base/npz.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::quantization {
namespace {

using ::testing::HasSubstr;

absl::Span<const uint8_t> Bytes(const std::vector<float>& v) {
  return {reinterpret_cast<const uint8_t*>(v.data()), v.size() * sizeof(float)};
}

constexpr char kOneInput[] = "graph g {\n  in %x: f32[1, 2]\n  out %x\n}";
constexpr char kBatched[] = "graph g {\n  in %x: f32[2, 2]\n  out %x\n}";

class SamplesTest : public ::testing::Test {
 protected:
  std::string Npz(const std::string& member, std::vector<int64_t> dims,
                  const std::vector<float>& data, const std::string& descr = "<f4") {
    const std::string path = dir_.path() + "/s.npz";
    const NpzMember members[] = {{member, descr, dims, Bytes(data)}};
    EXPECT_OK(WriteNpz(path, members));
    return path;
  }

  TempDir dir_;
};

TEST_F(SamplesTest, TakesEveryShapeThatTheManualNames) {
  const struct {
    const char* graph;
    std::vector<int64_t> dims;
    int64_t samples;
  } kCases[] = {
      {kOneInput, {3, 1, 2}, 3}, {kOneInput, {3, 2}, 3}, {kOneInput, {1, 2}, 1},
      {kBatched, {3, 2, 2}, 3},  {kBatched, {2, 2}, 1},
  };
  for (const auto& c : kCases) {
    const ir::Graph graph = ParseOrDie(c.graph);
    std::vector<float> data(ir::NumElements(c.dims));
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
    ASSERT_OK_AND_ASSIGN(const auto samples, OpenSamples(Npz("x", c.dims, data), graph, {}));
    EXPECT_EQ(samples->size(), c.samples);
    ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> last, samples->Get(c.samples - 1));
    EXPECT_EQ(last[0].dims(), graph.value(graph.inputs()[0]).type.shape.dims());
    EXPECT_EQ(last[0].Floats().back(), data.back());
  }
}

TEST_F(SamplesTest, SaysWhatDoesNotFit) {
  const ir::Graph graph = ParseOrDie(kOneInput);
  const auto error = [&](const std::string& path, const SampleOptions& options = {}) {
    const auto samples = OpenSamples(path, graph, options);
    return samples.ok() ? absl::OkStatus() : samples.status();
  };
  const auto invalid = [](const std::string& text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  EXPECT_THAT(error(Npz("y", {1, 2}, {1, 2})), invalid("no member 'x' for input 'x'; it has y"));
  EXPECT_THAT(error(Npz("x", {1, 3}, {1, 2, 3})),
              invalid("has shape [1, 3], but input 'x' needs (N, 1, 2)"));
  EXPECT_THAT(error(Npz("x", {1, 1}, {1, 2}, "<f8")), invalid("is <f8, but input 'x' needs f32"));
  EXPECT_THAT(error(Npz("x", {0, 2}, {})), invalid("holds no samples"));
  EXPECT_THAT(error(dir_.path() + "/x.bin"), invalid("is no .npz, .npy or folder"));
  SampleOptions keys;
  keys.keys = {{"z", "y"}};
  EXPECT_THAT(error(Npz("y", {1, 2}, {1, 2}), keys), invalid("no such unbound input"));
  keys.keys = {{"x", "y"}};
  EXPECT_OK(error(Npz("y", {1, 2}, {1, 2}), keys));
}

TEST_F(SamplesTest, AnExtraMemberIsAnErrorUnlessAllowed) {
  const ir::Graph graph = ParseOrDie(kOneInput);
  const std::string path = dir_.path() + "/s.npz";
  const std::vector<float> data = {1, 2};
  const NpzMember members[] = {{"x", "<f4", {1, 2}, Bytes(data)},
                               {"labels", "<f4", {2}, Bytes(data)}};
  ASSERT_OK(WriteNpz(path, members));
  EXPECT_THAT(OpenSamples(path, graph, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("member 'labels'")));
  SampleOptions options;
  options.allow_extra = true;
  EXPECT_OK(OpenSamples(path, graph, options).status());
}

TEST_F(SamplesTest, AFolderIsReadFileByFile) {
  const ir::Graph graph = ParseOrDie(kOneInput);
  for (int i = 0; i < 3; ++i) {
    std::vector<float> data(4, static_cast<float>(i));
    if (i == 2) data[1] = INFINITY;
    const NpzMember members[] = {{"x", "<f4", {2, 2}, Bytes(data)}};
    ASSERT_OK(WriteNpz(dir_.File(absl::StrCat(i, ".npz")), members, /*compress=*/true));
  }
  ASSERT_OK_AND_ASSIGN(const auto samples, OpenSamples(dir_.path(), graph, {}));
  EXPECT_EQ(samples->size(), 6);
  for (int i : {0, 3, 2, 1}) {
    ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> inputs, samples->Get(i));
    EXPECT_EQ(inputs[0].Floats()[0], static_cast<float>(i / 2)) << i;
  }
  EXPECT_THAT(samples->Get(4).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2.npz': sample 0 of input 'x' is inf at [0, 1]")));
  // A file that is gone is said when it is needed.
  ASSERT_EQ(std::remove(dir_.File("0.npz").c_str()), 0);
  EXPECT_THAT(samples->Get(0).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0.npz")));
}

TEST_F(SamplesTest, NamesTheNanAndItsPlace) {
  const ir::Graph graph = ParseOrDie(kOneInput);
  ASSERT_OK_AND_ASSIGN(const auto samples,
                       OpenSamples(Npz("x", {2, 2}, {1, 2, 3, NAN}), graph, {}));
  EXPECT_OK(samples->Get(0).status());
  EXPECT_THAT(samples->Get(1).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("sample 1 of input 'x' is nan at [0, 1]")));
}

TEST_F(SamplesTest, SyntheticSamplesAreStandardNormalAndRepeatable) {
  const ir::Graph graph = ParseOrDie("graph g {\n  in %x: f32[100, 100]\n  out %x\n}");
  ASSERT_OK_AND_ASSIGN(const auto samples, SyntheticSamples(graph, 2));
  EXPECT_TRUE(samples->synthetic());
  ASSERT_OK_AND_ASSIGN(const auto first, samples->Get(0));
  ASSERT_OK_AND_ASSIGN(const auto again, samples->Get(0));
  ASSERT_OK_AND_ASSIGN(const auto second, samples->Get(1));
  EXPECT_TRUE(first[0].SameContent(again[0]));
  EXPECT_FALSE(first[0].SameContent(second[0]));
  double sum = 0;
  double sum2 = 0;
  for (float x : first[0].Floats()) {
    sum += x;
    sum2 += x * x;
  }
  // Ten thousand numbers: mean within 4 standard errors (0.04), variance within 4 of its own
  // (0.057).
  EXPECT_NEAR(sum / 1e4, 0, 0.04);
  EXPECT_NEAR(sum2 / 1e4, 1, 0.057);
  const ir::Graph ids = ParseOrDie("graph g {\n  in %x: i64[2]\n  out %x\n}");
  EXPECT_THAT(SyntheticSamples(ids, 1).status(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("--bind")));
}

}  // namespace
}  // namespace g4c::quantization
