// Functions and If: frontend/import_control.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/graph_importer.h"
#include "tests/frontend/onnx_model.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::frontend {
namespace {

using onnx::AttributeProto;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

onnx::ModelProto WithFunctions(onnx::ModelProto model,
                               const std::vector<onnx::FunctionProto>& functions) {
  for (const onnx::FunctionProto& function : functions) *model.add_functions() = function;
  return model;
}

std::vector<std::string> ValueNames(const ir::Graph& graph) {
  std::vector<std::string> names;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    for (ir::ValueId output : graph.node(id).outputs) names.push_back(graph.value(output).name);
  }
  return names;
}

// ---- Functions ----

TEST(FunctionTest, IsInlined) {
  const auto twice =
      Function("twice", {"a"}, {"c"}, {Node("Neg", {"a"}, {"b"}), Node("Abs", {"b"}, {"c"})});
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(WithFunctions(Model({Call("twice", {"x"}, {"m"}), Call("twice", {"m"}, {"y"})}),
                                {twice})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %b = neg(%x): f32[2, 3]
    %m = abs(%b): f32[2, 3]
    %c = neg(%m): f32[2, 3]
    %y = abs(%c): f32[2, 3]
    out %y as y
  })"));
  // Results are called as the call calls them, what lies inside after the call.
  EXPECT_THAT(ValueNames(graph), ::testing::ElementsAre("n_m/b", "m", "n_y/b", "y"));
  // What a body does not tell of itself, the call tells.
  EXPECT_EQ(graph.node(graph.TopologicalOrder()[0]).provenance.Text(), "Neg 'n_m/n_b'");
}

TEST(FunctionTest, CallsInsideFunctionsAndBodiesInAnyOrder) {
  const auto inner = Function("inner", {"a"}, {"b"}, {Node("Neg", {"a"}, {"b"})});
  const auto outer =
      Function("outer", {"a"}, {"b"}, {Node("Abs", {"c"}, {"b"}), Call("inner", {"a"}, {"c"})});
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(WithFunctions(Model({Call("outer", {"x"}, {"y"})}), {outer, inner})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %c = neg(%x): f32[2, 3]
    %y = abs(%c): f32[2, 3]
    out %y as y
  })"));
  EXPECT_EQ(graph.node(graph.TopologicalOrder()[0]).provenance.Text(), "Neg 'n_y/n_c/n_b'");
}

TEST(FunctionTest, OmittedOperandsAndResults) {
  const auto clip =
      Function("clip", {"a", "low", "high"}, {"b", "c"},
               {Node("Clip", {"a", "low", "high"}, {"b"}), Node("Neg", {"a"}, {"c"})});
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(WithFunctions(
          Model({Call("clip", {"x", "", "k"}, {"y"})}, {Floats("k", {}, {6})}), {clip})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    k %k: f32[] = [6]
    %y = minimum(%x, %k): f32[2, 3]
    out %y as y
  })"));
  ASSERT_OK_AND_ASSIGN(const ir::Graph second,
                       ImportModel(WithFunctions(Model({Call("clip", {"x"}, {"", "y"})}), {clip})));
  EXPECT_THAT(second, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %y = neg(%x): f32[2, 3]
    out %y as y
  })"));
}

TEST(FunctionTest, AResultMayBeAnOperand) {
  const auto pass = Function("pass", {"a"}, {"a", "b"}, {Node("Identity", {"a"}, {"b"})});
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(WithFunctions(
          Model({Call("pass", {"x"}, {"p", "q"}), Node("Add", {"p", "q"}, {"y"})}), {pass})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %y = add(%x, %x): f32[2, 3]
    out %y as y
  })"));
  EXPECT_EQ(graph.value(graph.inputs()[0]).name, "x");
}

TEST(FunctionTest, BodiesSeeNoNamesFromOutside) {
  const auto reads_x = Function("f", {"a"}, {"b"}, {Node("Add", {"a", "x"}, {"b"})});
  EXPECT_THAT(ImportModel(WithFunctions(Model({Call("f", {"x"}, {"y"})}), {reads_x})),
              IsInvalidInput(HasSubstr("\n  x   read by Add 'n_y/n_b'\n")));
}

TEST(FunctionTest, AttributesByReference) {
  onnx::FunctionProto norm = Function(
      "soft", {"a"}, {"b"},
      {Node("Softmax", {"a"}, {"b"}, {RefAttr("axis", "dim", AttributeProto::INT)})}, {"dim"});
  const auto imported = [&](const Attributes& attributes) {
    return ImportModel(WithFunctions(Model({Call("soft", {"x"}, {"y"}, attributes)}), {norm}));
  };
  const auto softmax_of = [](int axis) {
    return IsGraph(absl::StrCat("graph {\nin %x: f32[2, 3]\n%y = softmax_axis(%x) {axis: ", axis,
                                "}: f32[2, 3]\nout %y as y\n}"));
  };
  ASSERT_OK_AND_ASSIGN(ir::Graph graph, imported({IntAttr("dim", 0)}));
  EXPECT_THAT(graph, softmax_of(0));
  // Left out: the operator's own default.
  ASSERT_OK_AND_ASSIGN(graph, imported({}));
  EXPECT_THAT(graph, softmax_of(-1));
  // A default of the function.
  norm.clear_attribute();
  *norm.add_attribute_proto() = IntAttr("dim", 1);
  ASSERT_OK_AND_ASSIGN(graph, imported({}));
  EXPECT_THAT(graph, softmax_of(1));
  ASSERT_OK_AND_ASSIGN(graph, imported({IntAttr("dim", 0)}));
  EXPECT_THAT(graph, softmax_of(0));
  // Handed on by a function around it.
  const auto outer = Function(
      "outer", {"a"}, {"b"},
      {Call("soft", {"a"}, {"b"}, {RefAttr("dim", "which", AttributeProto::INT)})}, {"which"});
  ASSERT_OK_AND_ASSIGN(
      graph, ImportModel(WithFunctions(Model({Call("outer", {"x"}, {"y"}, {IntAttr("which", 0)})}),
                                       {norm, outer})));
  EXPECT_THAT(graph, softmax_of(0));
  ASSERT_OK_AND_ASSIGN(
      graph, ImportModel(WithFunctions(Model({Call("outer", {"x"}, {"y"})}), {norm, outer})));
  EXPECT_THAT(graph, softmax_of(1));

  EXPECT_THAT(
      imported({FloatAttr("dim", 0)}),
      IsInvalidInput(HasSubstr("attribute 'axis' is not of the type that Softmax gives it")));
  EXPECT_THAT(imported({IntAttr("other", 0)}),
              IsUnsupported(HasSubstr("\n  'other' of function 'soft'   soft 'n_y'\n")));
}

TEST(FunctionTest, GraphAttributesByReference) {
  // The branches of an If inside a function.
  const auto pick =
      Function("pick", {"c", "a"}, {"b"},
               {Node("If", {"c"}, {"b"},
                     {RefAttr("then_branch", "yes", AttributeProto::GRAPH),
                      GraphAttr("else_branch", Graph({Node("Neg", {"a"}, {"n"})}, {"n"}))})},
               {"yes"});
  const auto call = Call(
      "pick", {"t", "x"}, {"y"},
      {GraphAttr("yes", Graph({Node("Constant", {}, {"k"}, {IntAttr("value_int", 3)})}, {"k"}))});
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ImportModel(WithFunctions(Model({call}, {Bool("t", true)}), {pick})));
  EXPECT_THAT(graph, IsGraph("graph {\nin %x: f32[2, 3]\nk %y: i64[] = [3]\nout %y as y\n}"));
}

TEST(FunctionTest, DomainsAndOverloads) {
  onnx::FunctionProto elsewhere = Function("f", {"a"}, {"b"}, {Node("Neg", {"a"}, {"b"})});
  elsewhere.set_domain("elsewhere");
  onnx::FunctionProto overload = Function("f", {"a"}, {"b"}, {Node("Abs", {"a"}, {"b"})});
  overload.set_overload("other");
  const auto plain = Function("f", {"a"}, {"b"}, {Node("Exp", {"a"}, {"b"})});
  onnx::NodeProto other = Call("f", {"p"}, {"q"});
  other.set_overload("other");
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ImportModel(WithFunctions(Model({Call("f", {"x"}, {"p"}), other,
                                                        Node("f", {"q"}, {"y"}, {}, "elsewhere")}),
                                                 {elsewhere, overload, plain})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %p = exp(%x): f32[2, 3]
    %q = abs(%p): f32[2, 3]
    %y = neg(%q): f32[2, 3]
    out %y as y
  })"));
  EXPECT_THAT(ImportModel(WithFunctions(Model({Call("f", {"x"}, {"y"})}), {plain, plain})),
              IsInvalidInput(HasSubstr("\n  'f'   by two functions of domain 'local'\n")));
  onnx::NodeProto unknown = Call("f", {"x"}, {"y"});
  unknown.set_overload("third");
  EXPECT_THAT(ImportModel(WithFunctions(Model({unknown}), {plain})),
              IsUnsupported(HasSubstr("1 operator is not supported\n  local.f   f 'n_y'\n")));
}

// A model may define an operator of the standard domain itself.
TEST(FunctionTest, GoesBeforeAnOperatorOfTheSameName) {
  onnx::FunctionProto relu = Function("Relu", {"a"}, {"b"}, {Node("Neg", {"a"}, {"b"})});
  relu.set_domain("ai.onnx");
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ImportModel(WithFunctions(Model({Node("Relu", {"x"}, {"y"})}), {relu})));
  EXPECT_THAT(graph, IsGraph("graph {\nin %x: f32[2, 3]\n%y = neg(%x): f32[2, 3]\nout %y as y\n}"));
}

TEST(FunctionTest, OwnOpsets) {
  // Squeeze has its axes as an attribute before opset 13, ReduceMax before 18.
  onnx::FunctionProto reduce =
      Function("f", {"a"}, {"b"}, {Node("ReduceMax", {"a"}, {"b"}, {IntsAttr("axes", {1})})});
  reduce.mutable_opset_import(0)->set_version(17);
  const onnx::ModelProto model = Model({Call("f", {"x"}, {"y"})});
  EXPECT_OK(ImportModel(WithFunctions(model, {reduce})));
  reduce.mutable_opset_import(0)->set_version(18);
  EXPECT_THAT(ImportModel(WithFunctions(model, {reduce})),
              IsUnsupported(HasSubstr("'axes' of ReduceMax in opset 18   ReduceMax 'n_y/n_b'\n")));
  reduce.mutable_opset_import(0)->set_version(12);
  EXPECT_THAT(
      ImportModel(WithFunctions(model, {reduce})),
      IsUnsupported(HasSubstr("\n  ai.onnx opset 12   of function 'f'; 13 to 24 are read\n")));
  reduce.mutable_opset_import()->DeleteSubrange(0, 1);
  EXPECT_THAT(ImportModel(WithFunctions(model, {reduce})),
              IsInvalidInput(HasSubstr(
                  "\n  function 'f' imports no opset of ai.onnx   ReduceMax 'n_y/n_b'\n")));
  reduce.clear_opset_import();  // none at all: the model's
  EXPECT_THAT(ImportModel(WithFunctions(model, {reduce})),
              IsUnsupported(HasSubstr("'axes' of ReduceMax")));
  // A function that nothing calls is not looked at.
  EXPECT_OK(ImportModel(WithFunctions(Model({Node("Neg", {"x"}, {"y"})}),
                                      {Function("bad", {}, {"b"}, {Node("LSTM", {}, {"b"})})})));
}

TEST(FunctionTest, CallsThatDoNotFit) {
  const auto f = Function("f", {"a"}, {"b"}, {Node("Neg", {"a"}, {"b"})});
  EXPECT_THAT(ImportModel(WithFunctions(Model({Call("f", {"x", "x"}, {"y"})}), {f})),
              IsInvalidInput(HasSubstr(
                  "\n  function 'f' has 1 inputs and 1 outputs, its call 2 and 1   f 'n_y'\n")));
  EXPECT_THAT(ImportModel(WithFunctions(Model({Call("f", {"x"}, {"y", "z"})}), {f})),
              IsInvalidInput(HasSubstr("its call 1 and 2   f 'n_y'\n")));
  EXPECT_THAT(
      ImportModel(
          WithFunctions(Model({Call("f", {"x"}, {"y"})}), {Function("f", {"a"}, {"gone"}, {})})),
      IsInvalidInput(HasSubstr("\n  function 'f' never computes its output 'gone'   f 'n_y'\n")));
  EXPECT_THAT(
      ImportModel(WithFunctions(Model({Call("f", {}, {"y"})}), {f})),
      IsInvalidInput(HasSubstr("\n  operand 0 is missing; it takes 1 or more   Neg 'n_y/n_b'\n")));
}

// A function that is called often has each of its problems told once.
TEST(FunctionTest, ProblemsOfABody) {
  onnx::NodeProto lstm = Node("LSTM", {"a"}, {"b"});
  auto* scopes = lstm.add_metadata_props();
  scopes->set_key("pkg.torch.onnx.name_scopes");
  scopes->set_value("['', 'rnn', 'lstm']");
  const auto f = Function("f", {"a"}, {"b"}, {lstm});
  EXPECT_THAT(
      ImportModel(WithFunctions(Model({Call("f", {"x"}, {"m"}), Call("f", {"m"}, {"y"})}), {f})),
      IsUnsupported(HasSubstr("1 operator is not supported\n  LSTM   LSTM 'n_b' in rnn\n")));
}

// f0 -> f1 -> ... of the given number of functions.
onnx::ModelProto Chain(int count) {
  onnx::ModelProto model = Model({Call("f0", {"x"}, {"y"})});
  for (int i = 0; i < count; ++i) {
    *model.add_functions() = Function(
        absl::StrCat("f", i), {"a"}, {"b"},
        {i + 1 < count ? Call(absl::StrCat("f", i + 1), {"a"}, {"b"}) : Node("Neg", {"a"}, {"b"})});
  }
  return model;
}

TEST(FunctionTest, Depth) {
  EXPECT_OK(ImportModel(Chain(64)));
  EXPECT_THAT(ImportModel(Chain(65)),
              IsInvalidInput("functions are nested deeper than 64 levels, at the call of 'f64'; "
                             "inline them first (onnx.inliner)"));
  EXPECT_THAT(ImportModel(Chain(5000)), IsInvalidInput(HasSubstr("nested deeper than 64 levels")));
}

TEST(FunctionTest, Recursion) {
  const auto f = Function("f", {"a"}, {"b"}, {Call("g", {"a"}, {"b"})});
  const auto g = Function("g", {"a"}, {"b"}, {Call("f", {"a"}, {"b"})});
  EXPECT_THAT(ImportModel(WithFunctions(Model({Call("f", {"x"}, {"y"})}), {f, g})),
              IsInvalidInput("function 'f' calls itself: f -> g -> f; ONNX has no recursion"));
  // Through a branch.
  const auto h =
      Function("h", {"c", "a"}, {"b"},
               {If("c", {"b"}, Graph({Call("h", {"c", "a"}, {"r"})}, {"r"}), Graph({}, {"a"}))});
  EXPECT_THAT(
      ImportModel(WithFunctions(Model({Call("h", {"t", "x"}, {"y"})}, {Bool("t", true)}), {h})),
      IsInvalidInput("function 'h' calls itself: h -> h; ONNX has no recursion"));
}

// Each level calls the next one twice: 2^40 nodes.
TEST(FunctionTest, Explosion) {
  onnx::ModelProto model = Model({Call("f0", {"x"}, {"y"})});
  for (int i = 0; i < 40; ++i) {
    const std::string next = absl::StrCat("f", i + 1);
    *model.add_functions() = Function(absl::StrCat("f", i), {"a"}, {"b"},
                                      {Call(next, {"a"}, {"m"}), Call(next, {"m"}, {"b"})});
  }
  *model.add_functions() = Function("f40", {"a"}, {"b"}, {Node("Neg", {"a"}, {"b"})});
  EXPECT_THAT(ImportModel(model),
              IsUnsupported("the model has more than 300000 nodes with functions inlined"));
}

// ---- If ----

onnx::GraphProto NegBranch() { return Graph({Node("Neg", {"x"}, {"n"})}, {"n"}); }
onnx::GraphProto AbsBranch() { return Graph({Node("Abs", {"x"}, {"a"})}, {"a"}); }

TEST(IfTest, AConstantConditionTakesOneBranch) {
  for (const bool condition : {true, false}) {
    ASSERT_OK_AND_ASSIGN(
        const ir::Graph graph,
        ImportModel(Model({If("c", {"y"}, NegBranch(), AbsBranch())}, {Bool("c", condition)})));
    EXPECT_THAT(graph,
                IsGraph(absl::StrCat("graph {\nin %x: f32[2, 3]\n%y = ", condition ? "neg" : "abs",
                                     "(%x): f32[2, 3]\nout %y as y\n}")));
  }
}

TEST(IfTest, TheOtherBranchIsNotLookedAt) {
  const onnx::GraphProto bad = Graph(
      {Node("LSTM", {"x"}, {"n"}), Node("Add", {"x", "n"}, {"m"}, {IntAttr("odd", 1)})}, {"m"});
  EXPECT_OK(ImportModel(Model({If("c", {"y"}, bad, AbsBranch())}, {Bool("c", false)})));
  EXPECT_THAT(ImportModel(Model({If("c", {"y"}, bad, AbsBranch())}, {Bool("c", true)})),
              IsUnsupported(AllOf(HasSubstr("LSTM"), HasSubstr("'odd' of Add"))));
}

onnx::ModelProto WithCondition(const onnx::NodeProto& node,
                               std::vector<onnx::TensorProto> initializers = {}) {
  onnx::ModelProto model = Model({node}, initializers);
  *model.mutable_graph()->add_input() = ValueInfo("c", {}, onnx::TensorProto::BOOL);
  return model;
}

TEST(IfTest, AnOpenConditionKeepsBoth) {
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ImportModel(WithCondition(If("c", {"y"}, NegBranch(), AbsBranch()))));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    in %c: bool[]
    %n = neg(%x): f32[2, 3]
    %a = abs(%x): f32[2, 3]
    %y = choose(%c, %n, %a): f32[2, 3]
    out %y as y
  })"));
}

TEST(IfTest, BranchesSeeOuterScopesAndHideTheirOwn) {
  // Both branches have a local 'v', and the inner If reads names of two graphs around it.
  onnx::GraphProto inner = Graph({Node("Add", {"v", "w"}, {"r"})}, {"r"});
  onnx::GraphProto outer =
      Graph({Node("Neg", {"x"}, {"v"}), If("t", {"s"}, inner, Graph({}, {"v"}))}, {"s"});
  *outer.add_initializer() = Bool("t", true);
  onnx::GraphProto other = Graph({Node("Exp", {"x"}, {"v"})}, {"v"});
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(WithCondition(If("c", {"y"}, outer, other), {Floats("w", {1}, {2})})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    in %c: bool[]
    k %w: f32[1] = [2]
    %v = neg(%x): f32[2, 3]
    %r = add(%v, %w): f32[2, 3]
    %e = exp(%x): f32[2, 3]
    %y = choose(%c, %r, %e): f32[2, 3]
    out %y as y
  })"));
  // Not the other way round.
  onnx::ModelProto model = Model(
      {If("c", {"m"}, NegBranch(), AbsBranch()), Node("Abs", {"n"}, {"y"})}, {Bool("c", true)});
  EXPECT_THAT(ImportModel(model), IsInvalidInput(HasSubstr("\n  n   read by Abs 'n_y'\n")));
}

TEST(IfTest, SeveralResultsAndUnusedOnes) {
  const auto branch = [](const char* op) {
    return Graph({Node(op, {"x"}, {"p"}), Node(op, {"p"}, {"q"})}, {"p", "q"});
  };
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(WithCondition(If("c", {"", "y"}, branch("Neg"), branch("Abs")))));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    in %c: bool[]
    %a = neg(%x): f32[2, 3]
    %b = neg(%a): f32[2, 3]
    %d = abs(%x): f32[2, 3]
    %e = abs(%d): f32[2, 3]
    %y = choose(%c, %b, %e): f32[2, 3]
    out %y as y
  })"));
}

// What only one branch contradicts or cannot be read is a problem only where it is taken.
TEST(IfTest, ABranchThatMayNeverRunMayBeWrong) {
  const onnx::GraphProto mismatch = Graph({Node("Add", {"x", "w"}, {"m"})}, {"m"});
  const onnx::GraphProto unknown = Graph({Node("LSTM", {"x"}, {"m"})}, {"m"});
  const std::vector<onnx::TensorProto> weights{Floats("w", {4}, {1, 2, 3, 4})};
  for (const onnx::GraphProto& bad : {mismatch, unknown}) {
    ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                         ImportModel(WithCondition(If("c", {"y"}, bad, AbsBranch()), weights)));
    const ir::Node* choose = graph.Producer(graph.outputs()[0].value);
    EXPECT_EQ(graph.value(choose->outputs[0]).type.dtype, ir::DType::kF32);
    const auto* foreign = graph.ProducedBy<ir::Foreign>(choose->inputs[1]);
    ASSERT_NE(foreign, nullptr);
    EXPECT_THAT(foreign->code,
                AnyOf("shapes [2, 3] and [4] do not broadcast", "operator LSTM is not supported"));
    EXPECT_THAT(ir::Describe(graph, graph.value(choose->inputs[1]).producer),
                AnyOf("Add 'n_m'", "LSTM 'n_m'"));
  }
}

// What follows from it keeps the reason.
TEST(IfTest, WhatFollowsInABranchThatMayNeverRun) {
  const onnx::GraphProto bad = Graph({Node("LSTM", {"x"}, {"h"}), Node("Not", {"h"}, {"m"}),
                                      If("m", {"r"}, NegBranch(), AbsBranch())},
                                     {"r"});
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ImportModel(WithCondition(If("c", {"y"}, bad, AbsBranch()))));
  const ir::Node* choose = graph.Producer(graph.outputs()[0].value);
  const auto* foreign = graph.ProducedBy<ir::Foreign>(choose->inputs[1]);
  ASSERT_NE(foreign, nullptr);
  EXPECT_EQ(foreign->code, "operator LSTM is not supported");
}

TEST(IfTest, Contradictions) {
  const struct {
    onnx::ModelProto model;
    const char* line;
  } cases[] = {
      {Model({Node("If", {"c"}, {"y"}, {GraphAttr("then_branch", NegBranch())})},
             {Bool("c", true)}),
       "it needs one condition, a then_branch and an else_branch   If 'n_y'"},
      {Model(
           {Node("If", {}, {"y"},
                 {GraphAttr("then_branch", NegBranch()), GraphAttr("else_branch", NegBranch())})}),
       "it needs one condition, a then_branch and an else_branch   If 'n_y'"},
      {Model({Node("If", {"c"}, {"y"},
                   {IntAttr("then_branch", 1), GraphAttr("else_branch", NegBranch())})},
             {Bool("c", true)}),
       "it needs one condition, a then_branch and an else_branch   If 'n_y'"},
      {Model({If("x", {"y"}, NegBranch(), AbsBranch())}),
       "its condition is f32, not bool   If 'n_y'"},
      {Model({If("c", {"y"}, NegBranch(), AbsBranch())},
             {Raw("c", onnx::TensorProto::BOOL, {2}, "\1\1")}),
       "its condition has 2 elements   If 'n_y'"},
      {Model({If("", {"y"}, NegBranch(), AbsBranch())}), "its condition is missing   If 'n_y'"},
      {Model({If("c", {"y", "z"}, NegBranch(), AbsBranch())}, {Bool("c", true)}),
       "it has 2 results, a branch of it 1   If 'n_y'"},
      {WithCondition(If("c", {"y", "z"}, NegBranch(), AbsBranch())),
       "it has 2 results, a branch of it 1   If 'n_y'"},
      {Model({If("c", {"y"}, Graph({}, {"gone"}), AbsBranch())}, {Bool("c", true)}),
       "a branch never computes its output 'gone'   If 'n_y'"},
      {WithCondition(If("c", {"y"}, NegBranch(), Graph({Node("Equal", {"x", "x"}, {"e"})}, {"e"}))),
       "operands 1 and 2 differ in dtype: f32 and bool   If 'n_y'"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ImportModel(c.model),
                IsInvalidInput(HasSubstr(absl::StrCat("\n  ", c.line, "\n"))));
  }
  onnx::NodeProto odd = If("c", {"y"}, NegBranch(), AbsBranch());
  *odd.add_attribute() = IntAttr("odd", 1);
  EXPECT_THAT(ImportModel(Model({odd}, {Bool("c", true)})),
              IsUnsupported(HasSubstr("\n  'odd' of If   If 'n_y'\n")));
}

TEST(IfTest, SequencesNeedAKnownCondition) {
  const auto branch = Graph({Node("SequenceConstruct", {"x"}, {"s"})}, {"s"});
  const auto at = Node("SequenceAt", {"s", "i"}, {"y"});
  onnx::ModelProto model =
      Model({If("c", {"s"}, branch, branch), at}, {Int64s("i", {}, {0}), Bool("c", true)});
  EXPECT_OK(ImportModel(model));
  model = WithCondition(If("c", {"s"}, branch, branch), {Int64s("i", {}, {0})});
  *model.mutable_graph()->add_node() = at;
  EXPECT_THAT(ImportModel(model),
              IsUnsupported(HasSubstr(
                  "its result 0 is a sequence, and its condition not yet known   If 'n_s'")));
}

// Ifs in Ifs; each level is built into the one around it.
TEST(IfTest, Depth) {
  const auto nested = [](int depth) {
    onnx::GraphProto graph = NegBranch();
    for (int i = 1; i < depth; ++i) graph = Graph({If("c", {"n"}, graph, AbsBranch())}, {"n"});
    return WithCondition(If("c", {"y"}, graph, AbsBranch()));
  };
  EXPECT_OK(ImportModel(nested(64)));
  EXPECT_THAT(ImportModel(nested(65)),
              IsInvalidInput("branches and functions are nested deeper than 64 levels"));
}

}  // namespace
}  // namespace g4c::frontend
