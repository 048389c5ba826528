#include "frontend/node_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"
#include "tests/support/status_matchers.h"

namespace g4c::frontend {
namespace {

using onnx::AttributeProto;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A node "y", "z" = Any("a", "", "s") whose first operand is a value and last a sequence.
class NodeContextTest : public ::testing::Test {
 protected:
  NodeContextTest() : tensors_("model.onnx", nullptr, {}) {
    a_ = graph_.AddInput("a", {ir::DType::kF32, ir::Shape{2}});
    k_ = graph_.AddConstant("k", ir::Tensor::ScalarF32(5));
  }

  NodeContext Context(const Attributes& attributes, const CallAttributes* call = nullptr) {
    node_ = Node("Any", {"a", "", "s"}, {"y", "", "z"}, attributes);
    std::vector<Ref> inputs(3);
    inputs[0].value = a_;
    inputs[2].sequence = std::make_shared<const Sequence>();
    return NodeContext(node_, 18, inputs, {"y", "", "z"}, provenance_, call, &graph_, &tensors_);
  }

  ir::Graph graph_;
  ir::ValueId a_, k_;
  TensorImporter tensors_;
  ir::Provenance provenance_;
  onnx::NodeProto node_;
};

TEST_F(NodeContextTest, Inputs) {
  NodeContext context = Context({});
  EXPECT_EQ(context.num_inputs(), 3);
  EXPECT_EQ(context.UnknownInput(), 0);
  EXPECT_EQ(context.Input(0), a_);
  EXPECT_EQ(context.UnknownInput(), 2);
  EXPECT_EQ(context.Input(1), ir::kNoValue);
  EXPECT_EQ(context.Input(7), ir::kNoValue);
  EXPECT_EQ(context.InputSequence(0), nullptr);
  EXPECT_NE(context.InputSequence(2), nullptr);
  EXPECT_EQ(context.UnknownInput(), -1);
  EXPECT_EQ(context.misread_sequence(), -1);
  EXPECT_THAT(context.Inputs(2), ElementsAre(a_));
  EXPECT_THAT(context.AllInputs(), ElementsAre(a_, ir::kNoValue, ir::kNoValue));
  EXPECT_EQ(context.misread_sequence(), 2);
  EXPECT_EQ(context.Constant(0), nullptr);
}

TEST_F(NodeContextTest, Attributes) {
  NodeContext context = Context({IntAttr("i", 3), FloatAttr("f", 0.5f), StringAttr("s", "text"),
                                 IntsAttr("l", {1, 2}), IntAttr("left", 1), IntAttr("ignored", 1)});
  EXPECT_EQ(context.Int("i", 7), 3);
  EXPECT_EQ(context.Int("none", 7), 7);
  EXPECT_TRUE(context.Flag("i", false));
  EXPECT_EQ(context.Float("f", 1), 0.5f);
  EXPECT_EQ(context.String("s", ""), "text");
  EXPECT_THAT(context.Ints("l"), ElementsAre(1, 2));
  EXPECT_THAT(context.Ints("none"), IsEmpty());
  EXPECT_THAT(context.RequiredInt("i"), IsOkAndHolds(3));
  EXPECT_THAT(context.RequiredInt("gone"), IsInvalidInput("the attribute 'gone' is missing"));
  context.Ignore("ignored");
  EXPECT_THAT(context.UnknownAttributes(), ElementsAre("left"));
  EXPECT_THAT(context.mistyped(), IsEmpty());
}

TEST_F(NodeContextTest, AttributesOfAnotherType) {
  NodeContext context = Context({IntAttr("i", 3), IntAttr("twice", 1), IntAttr("twice", 1),
                                 RefAttr("loose", "outer", AttributeProto::INT)});
  context.Float("i", 0);
  context.Int("twice", 0);
  EXPECT_EQ(context.Int("loose", 9), 9);
  EXPECT_THAT(context.mistyped(), ElementsAre("i", "loose", "twice"));
}

TEST_F(NodeContextTest, AttributesOfTheCall) {
  const AttributeProto outer = IntAttr("outer", 4);
  const CallAttributes call{{"outer", &outer}};
  NodeContext context = Context(
      {RefAttr("i", "outer", AttributeProto::INT), RefAttr("f", "outer", AttributeProto::FLOAT),
       RefAttr("left_out", "other", AttributeProto::INT)},
      &call);
  EXPECT_EQ(context.Int("i", 7), 4);
  EXPECT_EQ(context.Int("left_out", 7), 7);
  EXPECT_THAT(context.mistyped(), IsEmpty());
  context.Float("f", 0);
  EXPECT_THAT(context.mistyped(), ElementsAre("f"));
}

TEST_F(NodeContextTest, Results) {
  NodeContext context = Context({});
  EXPECT_TRUE(context.Wants(0));
  EXPECT_FALSE(context.Wants(1));
  EXPECT_FALSE(context.Wants(3));
  ASSERT_OK(context.Return(ir::Neg{}, {a_}));
  ASSERT_OK(context.Return(ir::Neg{}, {a_}, 1));  // not wanted
  ASSERT_OK(context.Forward(k_, 2));
  ASSERT_OK_AND_ASSIGN(const ir::ValueId inner, context.Emit(ir::Abs{}, {a_}));
  EXPECT_EQ(graph_.value(context.results()[0].value).name, "y");
  EXPECT_EQ(context.results()[1].value, ir::kNoValue);
  EXPECT_EQ(context.results()[2].value, k_);
  EXPECT_EQ(graph_.value(inner).name, "y_abs");
  EXPECT_EQ(graph_.num_nodes(), 2);
  EXPECT_THAT(context.Forward(ir::kNoValue), IsInvalidInput("operand 0 is missing"));
  EXPECT_THAT(context.Return(ir::LogicalNot{}, {a_}),
              IsInvalidInput("operand 0 must be bool, is f32"));
}

TEST_F(NodeContextTest, Constants) {
  NodeContext context = Context({});
  ASSERT_OK_AND_ASSIGN(const ir::ValueId scalar, context.ScalarLike(2, a_));
  EXPECT_EQ(graph_.value(scalar).type, (ir::Type{ir::DType::kF32, ir::Shape(ir::Dims{})}));
  EXPECT_THAT(context.CastTo(a_, ir::DType::kF32), IsOkAndHolds(a_));
  ASSERT_OK_AND_ASSIGN(const ir::ValueId cast, context.CastTo(a_, ir::DType::kBool));
  EXPECT_THAT(context.ScalarLike(2, cast), IsInvalidInput("a number is needed, not a bool"));
  // Logically f32.
  const ir::ValueId half = context.AddConstant(ir::Tensor::FromDoubles(ir::DType::kF16, {}, {1}));
  EXPECT_EQ(graph_.value(half).type.dtype, ir::DType::kF32);
  EXPECT_EQ(graph_.value(half).constant->dtype(), ir::DType::kF16);
}

}  // namespace
}  // namespace g4c::frontend
