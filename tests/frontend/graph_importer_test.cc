#include "frontend/graph_importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/tensor_import.h"
#include "tests/frontend/onnx_model.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::frontend {
namespace {

using onnx::TensorProto;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kContradictionHint[] =
    "\n  onnx.checker.check_model(path, full_check=True) may tell more.";

// One contradiction and nothing else.
template <typename Model>
void ExpectContradiction(const Model& model, const std::string& line) {
  EXPECT_THAT(ImportModel(model),
              IsInvalidInput("1 contradiction (invalid model)\n  " + line + kContradictionHint));
}

template <typename Model>
void ExpectUnsupported(const Model& model, const std::string& line) {
  EXPECT_THAT(ImportModel(model), IsUnsupported("1 part of the model is not supported\n  " + line));
}

std::vector<std::string> NotesOf(const onnx::ModelProto& model) {
  TensorImporter tensors("model.onnx", nullptr, {});
  GraphImporter importer(model, &tensors);
  EXPECT_OK(importer.Import());
  return importer.notes();
}

// ---- Graphs ----

TEST(GraphImporterTest, ImportsNodesInAnyOrder) {
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(Model({Node("Mul", {"a", "w"}, {"y"}), Node("Neg", {"x"}, {"a"})},
                        {Floats("w", {3}, {1, 2, 3})})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    k %w: f32[3] = [1, 2, 3]
    %a = neg(%x): f32[2, 3]
    %y = mul(%a, %w): f32[2, 3]
    out %y as y
  })"));
  EXPECT_EQ(graph.name, "g");
  EXPECT_EQ(graph.value(graph.outputs()[0].value).name, "y");
}

TEST(GraphImporterTest, OutputsKeepTheirNamesAndOrder) {
  onnx::ModelProto model = Model({Node("Neg", {"x"}, {"y"})}, {Floats("k", {1}, {4})});
  for (const char* name : {"x", "k"}) *model.mutable_graph()->add_output() = Untyped(name);
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph, ImportModel(model));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    k %k: f32[1] = [4]
    %y = neg(%x): f32[2, 3]
    out %y as y
    out %x as x
    out %k as k
  })"));
}

TEST(GraphImporterTest, InputTypes) {
  onnx::ModelProto model = Model({Node("Identity", {"x"}, {"y"})});
  auto* input = model.mutable_graph()->mutable_input(0);
  const auto type = [&]() {
    const auto graph = ImportModel(model);
    EXPECT_OK(graph);
    if (!graph.ok()) return std::string();
    const ir::Type& t = graph->value(graph->inputs()[0]).type;
    return absl::StrCat(ir::DTypeName(t.dtype), ir::ShapeText(t.shape));
  };
  *input = ValueInfo("x", {2, -1, 0}, TensorProto::INT64);
  EXPECT_EQ(type(), "i64[2, ?, 0]");
  *input = ValueInfo("x", {}, TensorProto::BOOL);
  EXPECT_EQ(type(), "bool[]");
  input->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_EQ(type(), "bool[*]");
  *input = ValueInfo("x", {1}, TensorProto::BFLOAT16);
  EXPECT_EQ(type(), "f32[1]");
  // A dim with neither a value nor a name.
  *input = ValueInfo("x", {2});
  input->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim();
  EXPECT_EQ(type(), "f32[2, ?]");
}

TEST(GraphImporterTest, InputsThatAreRefused) {
  onnx::ModelProto model = Model({Node("Identity", {"x"}, {"y"})});
  auto* input = model.mutable_graph()->mutable_input(0);
  *input = ValueInfo("x", {-2, 3});
  ExpectContradiction(model, "its shape has the dimension -2   graph input 'x'");
  constexpr int64_t k62 = int64_t{1} << 62;
  *input = ValueInfo("x", {k62, k62, 0});
  ExpectContradiction(model,
                      "the size of shape [4611686018427387904, 4611686018427387904, 0] overflows   "
                      "graph input 'x'");
  *input = ValueInfo("x", {k62, -1, k62});
  ExpectContradiction(model,
                      "the size of shape [4611686018427387904, ?, 4611686018427387904] overflows   "
                      "graph input 'x'");
  *input = ValueInfo("x", {2}, TensorProto::STRING);
  ExpectUnsupported(model,
                    "element type STRING; export in float32, float16 or bfloat16, and integers up "
                    "to 64 bits   graph input 'x'");
  *input = ValueInfo("x", {2}, TensorProto::UNDEFINED);
  ExpectContradiction(model, "no element type is given   graph input 'x'");
  *input = Untyped("x");
  ExpectContradiction(model, "it has no type   graph input 'x'");
  input->mutable_type()->mutable_sequence_type();
  ExpectUnsupported(model, "it is no tensor (a sequence, map or optional)   graph input 'x'");
  *input = ValueInfo("", {2});
  EXPECT_THAT(ImportModel(model), IsInvalidInput(HasSubstr("it has no name   graph input ''\n")));
}

TEST(GraphImporterTest, AnInitializerIsTheDefaultOfAnInput) {
  onnx::ModelProto model = Model({Node("Add", {"x", "w"}, {"y"})}, {Floats("w", {3}, {1, 2, 3})});
  *model.mutable_graph()->add_input() = ValueInfo("w", {3});
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph, ImportModel(model));
  EXPECT_THAT(graph.inputs(), ElementsAre(graph.inputs()[0]));
}

TEST(GraphImporterTest, FloatsAreLogicallyF32) {
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(Model({Node("Mul", {"x", "w"}, {"y"})},
                        {Raw("w", TensorProto::FLOAT16, {1}, std::string("\x00\x3c", 2))})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    k %w: f32[1] = f16 [1]
    %y = mul(%x, %w): f32[2, 3]
    out %y as y
  })"));
}

TEST(GraphImporterTest, NoOutputs) {
  onnx::ModelProto model = Model({});
  model.mutable_graph()->clear_output();
  ExpectContradiction(model, "the graph has no outputs");
}

TEST(GraphImporterTest, DeclaredOutputTypes) {
  onnx::ModelProto model = Model({Node("Neg", {"x"}, {"y"})});
  auto* output = model.mutable_graph()->mutable_output(0);
  *output = ValueInfo("y", {2, -1});
  EXPECT_THAT(NotesOf(model), IsEmpty());
  *output = ValueInfo("y", {2, 3}, TensorProto::FLOAT16);
  EXPECT_THAT(NotesOf(model), IsEmpty());
  // Tools that change a graph leave old shapes behind.
  *output = ValueInfo("y", {2, 4});
  EXPECT_THAT(NotesOf(model), ElementsAre("output 'y' is declared [2, 4], but computed as [2, 3]"));
  *output = ValueInfo("y", {2, 3}, TensorProto::INT64);
  ExpectContradiction(model, "output 'y' is declared i64, but computed as f32");
}

TEST(GraphImporterTest, ValueInfoGivesARankThatInferenceCannot) {
  onnx::ModelProto model =
      Model({Node("Reshape", {"x", "s"}, {"a"}), Node("Transpose", {"a"}, {"y"})});
  *model.mutable_graph()->add_input() = ValueInfo("s", {-1}, TensorProto::INT64);
  ExpectUnsupported(model,
                    "the rank of its operand is not known; run onnx.shape_inference on the model   "
                    "Transpose 'n_y'");
  *model.mutable_graph()->add_value_info() = ValueInfo("a", {3, 2, 1});
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph, ImportModel(model));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    in %s: i64[?]
    %a = dynamic_reshape(%x, %s): f32[?, ?, ?]
    %y = transpose(%a) {perm: [2, 1, 0]}: f32[?, ?, ?]
    out %y as y
  })"));
}

TEST(GraphImporterTest, OmittedOperands) {
  ASSERT_OK_AND_ASSIGN(
      const ir::Graph graph,
      ImportModel(Model({Node("Clip", {"x", "", "m"}, {"y"})}, {Floats("m", {}, {6})})));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    k %m: f32[] = [6]
    %y = minimum(%x, %m): f32[2, 3]
    out %y as y
  })"));
  ExpectContradiction(Model({Node("Add", {"x", ""}, {"y"})}),
                      "operand 1 is missing; it takes 2 or more   Add 'n_y'");
  ExpectContradiction(Model({Node("Add", {"x"}, {"y"})}),
                      "operand 1 is missing; it takes 2 or more   Add 'n_y'");
}

TEST(GraphImporterTest, SurplusOperands) {
  ExpectContradiction(Model({Node("Neg", {"x", "x"}, {"y"})}),
                      "input 1 ('x') is one too many for Neg in opset 18   Neg 'n_y'");
  EXPECT_OK(ImportModel(Model({Node("Neg", {"x", "", ""}, {"y"})})));
}

TEST(GraphImporterTest, SurplusResultsAreRefusedWhereTheyAreRead) {
  EXPECT_OK(ImportModel(Model({Node("Neg", {"x"}, {"y", "more"})})));
  ExpectUnsupported(Model({Node("Neg", {"x"}, {"a", "more"}), Node("Abs", {"more"}, {"y"})}),
                    "result 1 ('more') of Neg 'n_a' is not computed here   read by Abs 'n_y'");
}

TEST(GraphImporterTest, ANodeWithoutWantedResultsIsLeftOut) {
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ImportModel(Model({Node("Neg", {"x"}, {""}), Node("Abs", {"x"}, {"y"})})));
  EXPECT_EQ(graph.num_nodes(), 1);
}

// ---- Opsets and domains ----

TEST(GraphImporterTest, OpsetBounds) {
  const auto model = [](int64_t opset) { return Model({Node("Relu", {"x"}, {"y"})}, {}, opset); };
  for (int64_t opset = 13; opset <= 24; ++opset) EXPECT_OK(ImportModel(model(opset)));
  for (int64_t opset : {-1, 0, 12, 25, 1000}) {
    EXPECT_THAT(ImportModel(model(opset)),
                IsUnsupported(absl::StrCat("1 opset is not supported\n  ai.onnx opset ", opset,
                                           "   of the model; 13 to 24 are read\n"
                                           "  export with an opset_version from 13 to 24.")));
  }
}

TEST(GraphImporterTest, AWrongOpsetHidesNoOtherProblem) {
  EXPECT_THAT(ImportModel(Model({Node("LSTM", {"x"}, {"a"}), Node("Add", {"gone", "a"}, {"b"}),
                                 Node("Squeeze", {"b"}, {"y"}, {IntsAttr("axes", {0})})},
                                {}, 11)),
              IsInvalidInput(AllOf(
                  HasSubstr("\n  gone   read by Add 'n_b'\n"), HasSubstr("\n  LSTM   LSTM 'n_a'\n"),
                  HasSubstr("\n  ai.onnx opset 11   of the model; "), Not(HasSubstr("axes")))));
}

TEST(GraphImporterTest, OpsetsThatAreMissingOrContradict) {
  onnx::ModelProto model = Model({Node("Relu", {"x"}, {"y"})});
  auto* again = model.add_opset_import();
  again->set_domain("ai.onnx");
  again->set_version(18);
  EXPECT_OK(ImportModel(model));
  again->set_version(19);
  ExpectContradiction(model, "the model imports the opsets 18 and 19 of ai.onnx");
  model.clear_opset_import();
  EXPECT_THAT(ImportModel(model),
              IsInvalidInput("the model imports no opset of ai.onnx (is the file complete?)"));
}

TEST(GraphImporterTest, TheTwoNamesOfTheStandardDomain) {
  onnx::ModelProto model =
      Model({Node("Relu", {"x"}, {"a"}, {}, "ai.onnx"), Node("Neg", {"a"}, {"y"})});
  model.mutable_opset_import(0)->set_domain("ai.onnx");
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph, ImportModel(model));
  EXPECT_EQ(graph.num_nodes(), 2);
}

TEST(GraphImporterTest, MicrosoftOperatorsNeedNoImport) {
  onnx::ModelProto model = Model({Node("FastGelu", {"x"}, {"y"}, {}, "com.microsoft")});
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph, ImportModel(model));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %y = gelu(%x) {approximate: true}: f32[2, 3]
    out %y as y
  })"));
  model.mutable_opset_import()->DeleteSubrange(1, 1);
  EXPECT_THAT(ImportModel(model), IsOk());
}

TEST(GraphImporterTest, UnknownOperators) {
  EXPECT_THAT(
      ImportModel(
          Model({Node("LSTM", {"x"}, {"a"}), Node("Relu", {"a"}, {"b"}, {}, "com.example"),
                 Node("Softmax", {"b"}, {"c"}, {IntAttr("axis", 5)}), Node("Neg", {"c"}, {"y"})})),
      IsUnsupported("2 operators are not supported\n"
                    "  LSTM               LSTM 'n_a'\n"
                    "  com.example.Relu   Relu 'n_b'\n"
                    "  docs/operators.md lists those that are; export with another opset or "
                    "exporter, or replace the module."));
}

// ---- Attributes ----

TEST(GraphImporterTest, Attributes) {
  EXPECT_THAT(ImportModel(Model({Node("Softmax", {"x"}, {"y"}, {FloatAttr("temperature", 2)})})),
              IsUnsupported("1 attribute is not supported\n"
                            "  'temperature' of Softmax in opset 18   Softmax 'n_y'\n"
                            "  an attribute that this tool does not know may change the result, so "
                            "it is not ignored."));
  constexpr char kWrong[] =
      "attribute 'axis' is not of the type that Softmax gives it, or is given twice   Softmax "
      "'n_y'";
  ExpectContradiction(Model({Node("Softmax", {"x"}, {"y"}, {FloatAttr("axis", 1)})}), kWrong);
  ExpectContradiction(
      Model({Node("Softmax", {"x"}, {"y"}, {IntAttr("axis", 1), IntAttr("axis", 1)})}), kWrong);
  ExpectContradiction(
      Model({Node("Softmax", {"x"}, {"y"}, {RefAttr("axis", "a", onnx::AttributeProto::INT)})}),
      kWrong);
}

// ---- What is wrong ----

TEST(GraphImporterTest, DanglingInputs) {
  EXPECT_THAT(
      ImportModel(Model({Node("Max", {"x", "mul_4_min_1"}, {"a"}),
                         Node("Add", {"a", "gone"}, {"b"}), Node("Add", {"b", "gone"}, {"y"})})),
      IsInvalidInput("2 inputs that nothing produces (invalid model)\n"
                     "  mul_4_min_1   read by Max 'n_a'\n"
                     "  gone          read by Add 'n_b'\n"
                     "  torch's exporter leaves these behind when it fuses Clip; export "
                     "with optimize=False."));
  EXPECT_THAT(ImportModel(Model({Node("Neg", {"x"}, {"z"})})),
              IsInvalidInput(HasSubstr("\n  y   is an output of the graph\n")));
}

TEST(GraphImporterTest, ProblemsNameModuleAndSource) {
  onnx::NodeProto node = Node("Max", {"x", "gone"}, {"y"});
  node.set_name("node_Max_131");
  for (const auto& [key, value] :
       {std::pair("pkg.torch.onnx.name_scopes", "['', 'layers.0.mlp.gate_proj', 'clamp']"),
        std::pair("pkg.torch.onnx.stack_trace",
                  "File \"/x/modeling.py\", line 118, in forward\n")}) {
    auto* entry = node.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  EXPECT_THAT(ImportModel(Model({node})),
              IsInvalidInput(HasSubstr("\n  gone   read by Max 'node_Max_131' in "
                                       "layers.0.mlp.gate_proj (modeling.py:118)\n")));
  node.clear_name();
  EXPECT_THAT(ImportModel(Model({node})),
              IsInvalidInput(HasSubstr(
                  "\n  gone   read by Max of 'y' in layers.0.mlp.gate_proj (modeling.py:118)\n")));
}

TEST(GraphImporterTest, Duplicates) {
  onnx::ModelProto model = Model({Node("Neg", {"x"}, {"y"}), Node("Abs", {"x"}, {"y"}),
                                  Node("Relu", {"x"}, {"x"}), Node("Exp", {"x"}, {"w"})},
                                 {Floats("w", {1}, {1}), Floats("w", {2}, {1, 2})});
  *model.mutable_graph()->add_input() = ValueInfo("x", {2, 3});
  *model.mutable_graph()->add_output() = Untyped("y");
  EXPECT_THAT(ImportModel(model),
              IsInvalidInput("6 names that are defined twice (invalid model)\n"
                             "  'w'   by two initializers\n"
                             "  'x'   by two graph inputs\n"
                             "  'y'   by Neg 'n_y' and by Abs 'n_y'\n"
                             "  'x'   by an input or initializer and by Relu 'n_x'\n"
                             "  'w'   by an input or initializer and by Exp 'n_w'\n"
                             "  'y'   by two graph outputs\n"
                             "  every value of a graph needs a name of its own; export the model "
                             "again."));
}

TEST(GraphImporterTest, Cycles) {
  EXPECT_THAT(ImportModel(Model({Node("Add", {"x", "b"}, {"a"}), Node("Relu", {"a"}, {"b"}),
                                 Node("Neg", {"b"}, {"y"})})),
              IsInvalidInput("1 cycle (invalid model)\n"
                             "  Add 'n_a' -> Relu 'n_b' -> back to the first\n"
                             "  no node may need its own result; export the model again."));
  std::vector<onnx::NodeProto> ring;
  for (int i = 0; i < 12; ++i) {
    ring.push_back(Node("Neg", {absl::StrCat("v", i)}, {absl::StrCat("v", (i + 1) % 12)}));
  }
  ring.push_back(Node("Neg", {"v0"}, {"y"}));
  EXPECT_THAT(ImportModel(Model(ring)),
              IsInvalidInput(HasSubstr("Neg 'n_v8' -> 4 more -> back to the first\n")));
}

TEST(GraphImporterTest, ShapesAndTypesThatContradict) {
  ExpectContradiction(Model({Node("Add", {"x", "w"}, {"y"})}, {Floats("w", {4}, {1, 2, 3, 4})}),
                      "shapes [2, 3] and [4] do not broadcast   Add 'n_y'");
  ExpectContradiction(Model({Node("Add", {"x", "w"}, {"y"})}, {Int64s("w", {1}, {1})}),
                      "operands 0 and 1 differ in dtype: f32 and i64   Add 'n_y'");
}

// What follows from a problem is no problem of its own.
TEST(GraphImporterTest, OneProblemIsToldOnce) {
  ExpectContradiction(Model({Node("Add", {"x", "w"}, {"a"}), Node("And", {"a", "a"}, {"b"}),
                             Node("MatMul", {"b", "a"}, {"y"})},
                            {Floats("w", {4}, {1, 2, 3, 4})}),
                      "shapes [2, 3] and [4] do not broadcast   Add 'n_a'");
}

TEST(GraphImporterTest, EverythingAtOnce) {
  EXPECT_THAT(
      ImportModel(
          Model({Node("LSTM", {"x"}, {"a"}), Node("Add", {"x", "gone"}, {"b"}),
                 Node("Softmax", {"x"}, {"c"}, {IntAttr("odd", 1)}), Node("Gelu", {"x"}, {"d"}),
                 Node("Mul", {"x", "w"}, {"e"}), Node("Neg", {"f"}, {"f"}),
                 Node("Abs", {"x"}, {"x"}), Node("Identity", {"s"}, {"y"})},
                {Floats("w", {2, 2}, {1}), Raw("s", TensorProto::STRING, {1}, "x")})),
      IsInvalidInput("1 input that nothing produces (invalid model)\n"
                     "  gone   read by Add 'n_b'\n"
                     "  torch's exporter leaves these behind when it fuses Clip; export "
                     "with optimize=False.\n"
                     "1 name that is defined twice (invalid model)\n"
                     "  'x'   by an input or initializer and by Abs 'n_x'\n"
                     "  every value of a graph needs a name of its own; export the model "
                     "again.\n"
                     "1 cycle (invalid model)\n"
                     "  Neg 'n_f' -> back to the first\n"
                     "  no node may need its own result; export the model again.\n"
                     "1 contradiction (invalid model)\n"
                     "  initializer 'w': 1 elements of data, but f32[2, 2] needs 4\n"
                     "  onnx.checker.check_model(path, full_check=True) may tell more.\n"
                     "1 operator is not supported\n"
                     "  LSTM   LSTM 'n_a'\n"
                     "  docs/operators.md lists those that are; export with another opset "
                     "or exporter, or replace the module.\n"
                     "1 opset is not supported\n"
                     "  Gelu in opset 18   Gelu 'n_d': it exists since opset 20 of ai.onnx\n"
                     "  export with an opset_version from 13 to 24.\n"
                     "1 attribute is not supported\n"
                     "  'odd' of Softmax in opset 18   Softmax 'n_c'\n"
                     "  an attribute that this tool does not know may change the result, "
                     "so it is not ignored.\n"
                     "1 part of the model is not supported\n"
                     "  initializer 's': element type STRING; export in float32, float16 "
                     "or bfloat16, and integers up to 64 bits   read by Identity 'n_y'"));
}

// ---- What is not read ----

TEST(GraphImporterTest, InitializersThatNothingReadsMayBeOfAnyType) {
  const TensorProto strings = TensorOf("s", TensorProto::STRING, {0});
  EXPECT_OK(ImportModel(Model({Node("Neg", {"x"}, {"y"})}, {strings})));
  onnx::ModelProto model = Model({Node("Neg", {"x"}, {"z"})}, {strings});
  *model.mutable_graph()->mutable_output(0) = Untyped("s");
  EXPECT_THAT(ImportModel(model), IsUnsupported(HasSubstr("initializer 's': element type STRING")));
}

TEST(GraphImporterTest, SparseInitializers) {
  onnx::ModelProto model = Model({Node("Add", {"x", "sparse"}, {"y"})});
  *model.mutable_graph()->add_sparse_initializer()->mutable_values() = Floats("sparse", {1}, {1});
  ExpectUnsupported(model,
                    "initializer 'sparse': it is sparse; store it densely   read by Add 'n_y'");
  *model.mutable_graph()->mutable_node(0) = Node("Neg", {"x"}, {"y"});
  EXPECT_OK(ImportModel(model));
}

TEST(GraphImporterTest, NotesSayWhatIsNotRead) {
  onnx::ModelProto model = Model({Node("Neg", {"x"}, {"y"})});
  EXPECT_THAT(NotesOf(model), IsEmpty());
  model.add_training_info()->mutable_algorithm()->add_node()->set_op_type("Gradient");
  model.mutable_graph()->add_quantization_annotation()->set_tensor_name("x");
  *model.mutable_graph()->mutable_input(0) = ValueInfo("x", {1}, TensorProto::FLOAT16);
  EXPECT_THAT(NotesOf(model),
              ElementsAre("quantization_annotation is not read; only QuantizeLinear and "
                          "DequantizeLinear say how values are quantised",
                          "training_info is not read; only the inference graph is exported",
                          "graph input 'x' is f16 in the model, f32 here"));
}

}  // namespace
}  // namespace g4c::frontend
