#include "passes/bind_inputs.h"

#include <gmock/gmock.h>

#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kEncoder[] = R"(graph g {
  in %inputs_embeds: f32[1, 6, 4]
  in %attention_mask: bool[1, 6]
  in %pixel_position_ids: i64[1, 6, 2]
  out %inputs_embeds
})";

ir::ValueId ValueByName(const ir::Graph& graph, const std::string& name) {
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    if (graph.value(id).name == name) return id;
  }
  return ir::kNoValue;
}

std::vector<int64_t> ConstantNamed(const ir::Graph& graph, const std::string& name) {
  return graph.value(ValueByName(graph, name)).constant->Ints();
}

Bindings OfGrid(int64_t height, int64_t width) {
  Bindings bindings;
  bindings.grid = Grid{height, width};
  return bindings;
}

TEST(BindInputs, GridMakesPositionsRowMajorThenPadding) {
  ir::Graph graph = ParseOrDie(kEncoder);
  ASSERT_OK_AND_ASSIGN(const BoundInputs bound, BindInputs(graph, OfGrid(2, 2)));
  EXPECT_THAT(bound.names, ElementsAre("pixel_position_ids", "attention_mask"));
  EXPECT_THAT(ConstantNamed(graph, "pixel_position_ids"),
              ElementsAre(0, 0, 1, 0, 0, 1, 1, 1, -1, -1, -1, -1));
  EXPECT_THAT(ConstantNamed(graph, "attention_mask"), ElementsAre(1, 1, 1, 1, 0, 0));
  ASSERT_TRUE(bound.valid.has_value());
  EXPECT_THAT(bound.valid->Ints(), ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_EQ(graph.inputs().size(), 1u);
}

TEST(BindInputs, GridIsHeightTimesWidthAndServesEveryBatch) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[2]
  in %encoder.pixel_position_ids: i32[2, 3, 2]
  in %the_attention_mask: f32[2, 3]
  out %x
})");
  ASSERT_OK(BindInputs(graph, OfGrid(1, 2)));
  EXPECT_THAT(ConstantNamed(graph, "encoder.pixel_position_ids"),
              ElementsAre(0, 0, 1, 0, -1, -1, 0, 0, 1, 0, -1, -1));
  EXPECT_THAT(graph.value(ValueByName(graph, "the_attention_mask")).constant->Floats(),
              ElementsAre(1, 1, 0, 1, 1, 0));
}

TEST(BindInputs, SequenceLengthSettlesADynamicDim) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[2]
  in %pixel_position_ids: i64[1, ?, 2]
  in %attention_mask: bool[1, ?]
  out %x
})");
  Bindings bindings = OfGrid(1, 2);
  EXPECT_THAT(
      BindInputs(graph, bindings),
      IsInvalidInput(AllOf(HasSubstr("'pixel_position_ids' [1, ?, 2]"), HasSubstr("--seq-len"))));
  bindings.seq_len = 3;
  ASSERT_OK(BindInputs(graph, bindings));
  EXPECT_THAT(ConstantNamed(graph, "attention_mask"), ElementsAre(1, 1, 0));
}

TEST(BindInputs, DimsOfOneNameAreEqual) {
  const std::string text = R"(graph g {
    in %x: f32[1, ?, 2]
    in %pixel_position_ids: i64[1, ?, 2]
    %y = exp(%x): f32[1, ?, 2]
    out %y
    out %pixel_position_ids
  })";
  Bindings bindings = OfGrid(1, 2);
  bindings.seq_len = 4;
  bindings.dim_names = {{"x", {"", "S", ""}}, {"pixel_position_ids", {"", "S", ""}}};
  ir::Graph graph = ParseOrDie(text);
  ASSERT_OK(BindInputs(graph, bindings));
  EXPECT_EQ(graph.value(graph.inputs()[0]).type.shape, ir::Shape({1, 4, 2}));

  bindings.shapes = {{"x", {1, 5, 2}}};
  graph = ParseOrDie(text);
  EXPECT_THAT(BindInputs(graph, bindings), IsInvalidInput(HasSubstr("sequence length of 4")));
  bindings.shapes.push_back({"pixel_position_ids", {1, 4, 2}});
  graph = ParseOrDie(text);
  EXPECT_THAT(BindInputs(graph, bindings), IsInvalidInput(HasSubstr("dim 'S' is 4 in input")));
}

TEST(BindInputs, ShapesSettleDynamicDims) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[?, 4]
  in %pixel_position_ids: i64[?, ?, 2]
  out %x
})");
  EXPECT_THAT(RequireStaticInputs(graph),
              IsInvalidInput(AllOf(HasSubstr("'x' [?, 4]"), HasSubstr("--shape"))));
  Bindings bindings = OfGrid(1, 2);
  bindings.shapes = {{"x", {3, 4}}};
  EXPECT_THAT(BindInputs(graph, bindings), IsInvalidInput(HasSubstr("--seq-len")));
  bindings.seq_len = 2;
  EXPECT_THAT(BindInputs(graph, bindings), IsInvalidInput(HasSubstr("the batch of input")));
  bindings.shapes.push_back({"pixel_position_ids", {1, 2, 2}});
  ASSERT_OK(BindInputs(graph, bindings));
  EXPECT_OK(RequireStaticInputs(graph));
}

TEST(BindInputs, TensorsAreBoundAsTheyAre) {
  ir::Graph graph = ParseOrDie(kEncoder);
  Bindings bindings;
  const std::vector<int64_t> ids = {0, 0, 5, 7, -1, -1, -1, -1, -1, -1, -1, -1};
  bindings.tensors = {
      {"pixel_position_ids", ir::Tensor::Of<int64_t>(ir::DType::kI64, {1, 6, 2}, ids)}};
  ASSERT_OK_AND_ASSIGN(const BoundInputs bound, BindInputs(graph, bindings));
  EXPECT_THAT(bound.valid->Ints(), ElementsAre(1, 1, 0, 0, 0, 0));
  EXPECT_EQ(graph.inputs().size(), 2u) << "attention_mask stays an input";
}

TEST(BindInputs, Refusals) {
  const auto bind = [](const std::string& name, ir::Tensor data) {
    Bindings bindings = OfGrid(2, 2);
    bindings.tensors = {{name, std::move(data)}};
    ir::Graph graph = ParseOrDie(kEncoder);
    return BindInputs(graph, bindings).status();
  };
  EXPECT_THAT(
      bind("nothing", ir::Tensor::ScalarF32(1)),
      IsInvalidInput(AllOf(HasSubstr("'nothing'"), HasSubstr("'inputs_embeds' f32[1, 6, 4]"),
                           HasSubstr("'attention_mask' bool[1, 6]"))));
  EXPECT_THAT(
      bind("attention_mask", ir::Tensor::Allocate(ir::DType::kI64, {1, 6})),
      IsInvalidInput(HasSubstr("input 'attention_mask' is bool, but what is bound to it is i64")));
  EXPECT_THAT(bind("attention_mask", ir::Tensor::Allocate(ir::DType::kBool, {1, 5})),
              IsInvalidInput(HasSubstr("has shape [1, 6], but what is bound to it has [1, 5]")));

  ir::Graph graph = ParseOrDie(kEncoder);
  EXPECT_THAT(
      BindInputs(graph, OfGrid(2, 4)),
      IsInvalidInput(HasSubstr("a grid of 2x4 = 8 patches does not fit the 6 patch slots")));
  EXPECT_THAT(BindInputs(graph, OfGrid(int64_t{1} << 40, int64_t{1} << 40)),
              IsInvalidInput(HasSubstr("does not fit")));
  EXPECT_THAT(BindInputs(graph, OfGrid(0, 4)), IsInvalidInput(HasSubstr("has no patches")));
  EXPECT_THAT(
      BindInputs(graph, {}),
      IsInvalidInput(AllOf(HasSubstr("'pixel_position_ids' is not bound"), HasSubstr("--grid"),
                           HasSubstr("--profile"), HasSubstr("--bind"))));
  Bindings other = OfGrid(2, 2);
  other.seq_len = 7;
  EXPECT_THAT(BindInputs(graph, other), IsInvalidInput(HasSubstr("a sequence length of 7")));
  Bindings shape;
  shape.shapes = {{"inputs_embeds", {1, 7, 4}}};
  EXPECT_THAT(BindInputs(graph, shape), IsInvalidInput(HasSubstr("declares as [1, 6, 4]")));

  ir::Graph none = ParseOrDie("graph g {\n  in %x: f32[1]\n  out %x\n}");
  EXPECT_THAT(BindInputs(none, OfGrid(2, 2)), IsInvalidInput(HasSubstr("inputs: 'x' f32[1]")));
  EXPECT_OK(BindInputs(none, {}));

  ir::Graph several = ParseOrDie(R"(graph g {
  in %a.pixel_position_ids: i64[1, 6, 2]
  in %b.pixel_position_ids: i64[1, 6, 2]
  out %a.pixel_position_ids
})");
  EXPECT_THAT(BindInputs(several, OfGrid(2, 2)), IsInvalidInput(HasSubstr("several graph inputs")));
}

TEST(BuiltinProfile, NamesAreThoseOfTheDeployments) {
  ASSERT_OK_AND_ASSIGN(const Profile profile, BuiltinProfile("e2b_66x36_264"));
  EXPECT_EQ(profile.grid.height, 36);
  EXPECT_EQ(profile.grid.width, 66);
  EXPECT_EQ(profile.seq_len, 2520);
  EXPECT_THAT(BuiltinProfile("e2b"), IsInvalidInput(HasSubstr("e2b_57x42_266")));
}

}  // namespace
}  // namespace g4c::passes
