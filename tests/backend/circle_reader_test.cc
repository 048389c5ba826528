#include "backend/circle_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "file_maker.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::backend {
namespace {

using namespace circle;  // NOLINT: the operators' and types' numbers
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Read {
  absl::StatusOr<ir::Graph> graph;
  std::vector<std::string> notes;  // of kind kNotModelled
  std::vector<std::string> contradictions;
};

Read ReadBytes(const std::string& bytes) {
  const TempDir dir;
  std::vector<ReadNote> notes;
  Read read{ReadCircle(dir.Write("m.circle", bytes), &notes), {}, {}};
  for (const ReadNote& note : notes) {
    (note.kind == ReadNote::Kind::kNotModelled ? read.notes : read.contradictions)
        .push_back(note.text);
  }
  return read;
}

// A file of one operator over %x [shape], read as `expected`.
void ExpectReads(FileMaker& maker, const std::string& expected) {
  const Read read = ReadBytes(maker.Finish());
  ASSERT_OK(read.graph);
  EXPECT_THAT(read.notes, IsEmpty());
  EXPECT_THAT(read.contradictions, IsEmpty());
  EXPECT_OK(ir::VerifyGraph(*read.graph));
  EXPECT_THAT(*read.graph, IsGraph(absl::StrCat("graph {", expected, "}")));
}

struct StridedCase {
  std::vector<int> begin, end, strides;
  int begin_mask, end_mask, shrink_mask;
  bool offset;
  std::vector<int> shape;  // of the result, of an operand of [5, 7]
  std::string expected;
};

TEST(CircleReader, ResolvesStridedSlices) {
  const StridedCase cases[] = {
      {{1, 2},
       {3, 7},
       {1, 2},
       0,
       0,
       0,
       false,
       {2, 3},
       "%y = slice(%x) {begin: [1, 2], size: [2, 3], stride: [1, 2]}: f32[2, 3]"},
      {{-4, 2},
       {-1, 99},
       {1, 1},
       0,
       0,
       0,
       false,
       {3, 5},
       "%y = slice(%x) {begin: [1, 2], size: [3, 5], stride: [1, 1]}: f32[3, 5]"},
      {{9, 9},
       {9, 9},
       {1, -2},
       3,
       3,
       0,
       false,
       {5, 4},
       "%y = slice(%x) {begin: [0, 6], size: [5, 4], stride: [1, -2]}: f32[5, 4]"},
      {{2},
       {2},
       {1},
       0,
       1,
       0,
       false,
       {3, 7},
       "%y = slice(%x) {begin: [2, 0], size: [3, 7], stride: [1, 1]}: f32[3, 7]"},
      {{-1, 0},
       {0, 7},
       {1, 1},
       0,
       0,
       1,
       false,
       {7},
       "%s = slice(%x) {begin: [4, 0], size: [1, 7], stride: [1, 1]}: f32[1, 7]  "
       "%y = reshape(%s) {shape: [7]}: f32[7]"},
      {{1, 2},
       {2, 3},
       {1, 1},
       0,
       0,
       0,
       true,
       {2, 3},
       "%y = slice(%x) {begin: [1, 2], size: [2, 3], stride: [1, 1]}: f32[2, 3]"},
  };
  for (const StridedCase& test : cases) {
    SCOPED_TRACE(test.expected);
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {5, 7})};
    const std::vector<int> operands = {0, maker.Ints("begin", test.begin),
                                       maker.Ints("end", test.end),
                                       maker.Ints("strides", test.strides)};
    maker.outputs = {maker.Tensor("y", test.shape)};
    maker.Op(BuiltinOperator_STRIDED_SLICE, operands, maker.outputs,
             BuiltinOptions_StridedSliceOptions,
             CreateStridedSliceOptions(maker.fbb, test.begin_mask, test.end_mask, 0, 0,
                                       test.shrink_mask, test.offset)
                 .Union());
    ExpectReads(maker, absl::StrCat("in %x: f32[5, 7]  ", test.expected, "  out %y"));
  }
}

TEST(CircleReader, ReadsOtherSpellings) {
  {
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {1, 3, 1})};
    maker.outputs = {maker.Tensor("y", {1, 3})};
    const std::vector<int> dims = {-1};
    maker.Op(BuiltinOperator_SQUEEZE, {0}, {1}, BuiltinOptions_SqueezeOptions,
             CreateSqueezeOptionsDirect(maker.fbb, &dims).Union());
    ExpectReads(maker, "in %x: f32[1, 3, 1]  %y = reshape(%x) {shape: [1, 3]}: f32[1, 3]  out %y");
  }
  {
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {3})};
    maker.Ints("axis", {-1});
    maker.outputs = {maker.Tensor("y", {3, 1})};
    maker.Op(BuiltinOperator_EXPAND_DIMS, {0, 1}, {2});
    ExpectReads(maker, "in %x: f32[3]  %y = reshape(%x) {shape: [3, 1]}: f32[3, 1]  out %y");
  }
  {
    FileMaker maker;  // the shape in the options only, with a -1
    maker.inputs = {maker.Tensor("x", {2, 3})};
    maker.outputs = {maker.Tensor("y", {3, 2})};
    const std::vector<int> shape = {-1, 2};
    maker.Op(BuiltinOperator_RESHAPE, {0}, {1}, BuiltinOptions_ReshapeOptions,
             CreateReshapeOptionsDirect(maker.fbb, &shape).Union());
    ExpectReads(maker, "in %x: f32[2, 3]  %y = reshape(%x) {shape: [3, 2]}: f32[3, 2]  out %y");
  }
  {
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {5})};
    maker.Ints("begin", {2});
    maker.Ints("size", {-1});
    maker.outputs = {maker.Tensor("y", {3})};
    maker.Op(BuiltinOperator_SLICE, {0, 1, 2}, {3});
    ExpectReads(
        maker,
        "in %x: f32[5]  %y = slice(%x) {begin: [2], size: [3], stride: [1]}: f32[3]  out %y");
  }
  {
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {2, 5})};
    maker.Ints("sizes", {2, -1});
    maker.Ints("axis", {-1});
    maker.Tensor("p", {2, 2});
    maker.outputs = {maker.Tensor("y", {2, 3})};
    maker.Op(BuiltinOperator_SPLIT_V, {0, 1, 2}, {3, 4});
    ExpectReads(
        maker,
        "in %x: f32[2, 5]  %p, %y = split(%x) {axis: 1, sizes: [2, 3]}: f32[2, 2], f32[2, 3]"
        "  out %y");
  }
  {
    FileMaker maker;  // axes unsorted, negative, repeated under another sign
    maker.inputs = {maker.Tensor("x", {2, 3, 4})};
    maker.Ints("axes", {-1, 0});
    maker.outputs = {maker.Tensor("y", {3})};
    maker.Op(BuiltinOperator_MEAN, {0, 1}, {2});
    ExpectReads(maker,
                "in %x: f32[2, 3, 4]  %y = reduce_mean(%x) {axes: [0, 2], keep_dims: false}: f32[3]"
                "  out %y");
  }
  {
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {2})};
    maker.outputs = {maker.Tensor("y", {2})};
    maker.Op(BuiltinOperator_RELU6, {0}, {1});
    ExpectReads(maker, "in %x: f32[2]  %y = clamp(%x) {min: 0, max: 6}: f32[2]  out %y");
  }
  {
    FileMaker maker;  // two inputs only, no keep_num_dims: the leading dims are one
    maker.inputs = {maker.Tensor("x", {2, 3, 4}, TensorType_UINT8, {{0.5f}, {1}})};
    maker.Floats("w", {1, 4}, {1, 2, 3, 4});
    maker.outputs = {maker.Tensor("y", {6, 1})};
    maker.Op(BuiltinOperator_FULLY_CONNECTED, {0, 1}, {2});
    ExpectReads(maker,
                "in %x: f32[2, 3, 4] q(u8 0.5:1)  k %w: f32[1, 4] = [1, 2, 3, 4]  "
                "%f = reshape(%x) {shape: [6, 4]}: f32[6, 4] q(u8 0.5:1)  "
                "%y = fully_connected(%f, %w): f32[6, 1]  out %y");
  }
  {
    FileMaker maker;  // half floats have no qparams
    const int buffer = maker.Buffer(std::vector<uint16_t>{0x3c00, 0xc000});
    maker.Tensor("h", {2}, TensorType_FLOAT16, {}, buffer);
    maker.outputs = {maker.Tensor("y", {2})};
    maker.Op(BuiltinOperator_DEQUANTIZE, {0}, {1});
    ExpectReads(maker, "k %h: f16[2] = [1, -2]  %y = cast(%h) {to: f32}: f32[2]  out %y");
  }
}

TEST(CircleReader, ReadsTfliteFiles) {
  FileMaker maker;
  maker.inputs = {maker.Tensor("x", {1, 2}, TensorType_UINT8, {{0.5f}, {1}})};
  const int packed = maker.Buffer(std::vector<uint8_t>{0xf1});
  // TFLite's own number for UINT4.
  maker.Tensor("w", {1, 2}, static_cast<TensorType>(20), {{0.25f}, {8}}, packed);
  maker.outputs = {maker.Tensor("y", {1, 1}, TensorType_UINT8, {{0.5f}, {0}})};
  maker.Op(BuiltinOperator_FULLY_CONNECTED, {0, 1, -1}, {2});
  const Read read = ReadBytes(maker.Finish("TFL3"));
  ASSERT_OK(read.graph);
  EXPECT_THAT(
      *read.graph,
      IsGraph("graph { in %x: f32[1, 2] q(u8 0.5:1)  k %w: f32[1, 2] q(u4 0.25:8) = u4 [1, 15]"
              "  %y = fully_connected(%x, %w): f32[1, 1] q(u8 0.5:0)  out %y }"));
}

// Numbers of operators beyond 127 stand in two fields; old files have the narrow one only, negative
// for Circle's own.
TEST(CircleReader, TakesTheCodeFromEitherField) {
  FileMaker maker;
  maker.inputs = {maker.Tensor("x", {1, 2})};
  maker.Floats("g", {2}, {1, 1});
  maker.outputs = {maker.Tensor("y", {1, 2})};
  maker.Op(BuiltinOperator_RMS_NORM, {0, 1}, {2}, BuiltinOptions_RmsNormOptions,
           CreateRmsNormOptions(maker.fbb, 0.5f).Union());
  maker.codes = {CreateOperatorCode(maker.fbb, -6)};
  ExpectReads(maker,
              "in %x: f32[1, 2]  k %g: f32[2] = [1, 1]  "
              "%y = rms_norm(%x, %g) {epsilon: 0.5}: f32[1, 2]  out %y");
}

TEST(CircleReader, NamesInputsAndOutputsAsTheSignatureDoes) {
  FileMaker maker;
  maker.inputs = {maker.Tensor("serving_x:0", {2})};
  maker.outputs = {maker.Tensor("call:0", {2})};
  maker.Op(BuiltinOperator_ABS, {0}, {1});
  const std::vector<flatbuffers::Offset<TensorMap>> ins = {
      CreateTensorMapDirect(maker.fbb, "x", 0)};
  const std::vector<flatbuffers::Offset<TensorMap>> outs = {
      CreateTensorMapDirect(maker.fbb, "y", 1)};
  maker.signatures = {CreateSignatureDefDirect(maker.fbb, &ins, &outs, "serving_default")};
  const Read read = ReadBytes(maker.Finish());
  ASSERT_OK(read.graph);
  EXPECT_EQ(read.graph->value(read.graph->inputs()[0]).name, "x");
  EXPECT_EQ(read.graph->outputs()[0].name, "y");
  EXPECT_EQ(read.graph->node(0).provenance.lead().node, "operator 0");
  EXPECT_EQ(read.graph->node(0).provenance.lead().op_type, "ABS");
}

TEST(CircleReader, KeepsWhatItDoesNotModelByName) {
  FileMaker maker;
  maker.inputs = {maker.Tensor("x", {2})};
  maker.Tensor("a", {2});
  maker.outputs = {maker.Tensor("y", {2})};
  maker.Op(BuiltinOperator_HARD_SWISH, {0}, {1});
  maker.Op(BuiltinOperator_CUSTOM, {1, -1}, {2}, BuiltinOptions_NONE, 0, "MyOp");
  maker.extra_subgraphs = 2;
  const Read read = ReadBytes(maker.Finish());
  ASSERT_OK(read.graph);
  EXPECT_THAT(*read.graph,
              IsGraph("graph { in %x: f32[2]  %a = foreign(%x) {code: \"HARD_SWISH\"}: f32[2]  "
                      "%y = foreign(%a, -) {code: \"MyOp\"}: f32[2]  out %y }"));
  EXPECT_THAT(read.notes, ElementsAre("operator 0 HARD_SWISH: the operator is not modelled",
                                      "operator 1 MyOp: the operator is not modelled",
                                      "subgraphs 1 to 2 are not read"));
  EXPECT_THAT(read.contradictions, IsEmpty());
}

TEST(CircleReader, KeepsOperatorsWithRuntimeIndicesByName) {
  FileMaker maker;
  maker.inputs = {maker.Tensor("x", {2, 3}), maker.Tensor("shape", {2}, TensorType_INT32)};
  maker.outputs = {maker.Tensor("y", {3, 2})};
  maker.Op(BuiltinOperator_RESHAPE, {0, 1}, {2});
  const Read read = ReadBytes(maker.Finish());
  ASSERT_OK(read.graph);
  EXPECT_THAT(read.notes, ElementsAre("operator 0 RESHAPE: input 1 (shape) is not constant"));
}

TEST(CircleReader, SaysWhichOperatorContradictsItself) {
  struct Case {
    BuiltinOperator code;
    std::vector<int> in;
    BuiltinOptions type;
    std::string text;
  };
  const Case cases[] = {
      {BuiltinOperator_ADD,
       {0, 0},
       BuiltinOptions_NONE,
       "operator 0 ADD: result 0 is declared as f32[4], its operands give f32[3]"},
      {BuiltinOperator_ADD,
       {0},
       BuiltinOptions_NONE,
       "operator 0 ADD: add takes 2 operands, has 1"},
      {BuiltinOperator_ADD,
       {0, -1},
       BuiltinOptions_NONE,
       "operator 0 ADD: operand 1 of add is missing"},
      {BuiltinOperator_ADD, {0, 1}, BuiltinOptions_NONE, "operator 0 ADD: operands 0 and 1 differ"},
      {BuiltinOperator_ABS,
       {0},
       BuiltinOptions_AddOptions,
       "operator 0 ABS: its options are AddOptions"},
      {BuiltinOperator_TRANSPOSE,
       {0, 1},
       BuiltinOptions_NONE,
       "operator 0 TRANSPOSE: input 1 (perm) has 2 entries for rank 1"},
      {BuiltinOperator_RESHAPE, {0}, BuiltinOptions_NONE, "operator 0 RESHAPE: it has no shape"},
      {BuiltinOperator_MEAN, {0, 1}, BuiltinOptions_NONE, "operator 0 MEAN: "},
      {BuiltinOperator_CONCATENATION,
       {},
       BuiltinOptions_NONE,
       "operator 0 CONCATENATION: input 0 is missing"},
      {BuiltinOperator_SPLIT,
       {1, 0},
       BuiltinOptions_NONE,
       "operator 0 SPLIT: input 0 (axis) has not one element"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.text);
    FileMaker maker;
    maker.inputs = {maker.Tensor("x", {3})};
    maker.Ints("i", {7, 0});
    maker.outputs = {maker.Tensor("y", {4})};
    maker.Op(test.code, test.in, {2}, test.type,
             test.type == BuiltinOptions_NONE ? 0 : CreateAddOptions(maker.fbb).Union());
    const Read read = ReadBytes(maker.Finish());
    ASSERT_OK(read.graph);
    EXPECT_THAT(read.contradictions, ElementsAre(HasSubstr(test.text)));
    EXPECT_NE(std::get_if<ir::Foreign>(&read.graph->node(0).op), nullptr);
  }
}

TEST(CircleReader, ReadsWhatTicoWrites) {
  std::vector<ReadNote> notes;
  ASSERT_OK_AND_ASSIGN(const ir::Graph graph,
                       ReadCircle(TestData("models/encoder_tico_u8.q.circle"), &notes));
  EXPECT_THAT(notes, IsEmpty());
  EXPECT_EQ(graph.num_nodes(), 238);
  EXPECT_OK(ir::VerifyGraph(graph));
  std::map<std::string, int> counts;
  for (ir::NodeId id = 0; id < graph.num_nodes(); ++id) {
    ++counts[std::string(ir::OpName(graph.node(id).op))];
  }
  EXPECT_EQ(counts["rms_norm"], 14);
  EXPECT_EQ(counts["fully_connected"], 14);
  EXPECT_EQ(counts["softmax"], 8);
  EXPECT_EQ(counts["gelu"], 2);
}

}  // namespace
}  // namespace g4c::backend
