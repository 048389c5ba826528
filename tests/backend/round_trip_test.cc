// Every operator that is written: text -> graph -> file -> graph. The same checks run on the graph
// and on the graph read back from its file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "backend/canonical_op.h"
#include "backend/circle_reader.h"
#include "backend/circle_verifier.h"
#include "backend/circle_writer.h"
#include "backend/inspect.h"
#include "ir/circle_name.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::backend {
namespace {

struct Case {
  std::string name;       // of the test
  std::string body;       // of the graph; its last result is %y
  std::string operators;  // the Circle operators, in order
};

std::string Unary(const std::string& op) {
  return absl::StrCat("in %x: f32[2, 3]  %y = ", op, "(%x): f32[2, 3]");
}
std::string Binary(const std::string& op) {
  return absl::StrCat("in %a: f32[2, 3]  in %b: f32[3]  %y = ", op, "(%a, %b): f32[2, 3]");
}
std::string Comparison(const std::string& op) {
  return absl::StrCat("in %a: f32[2, 3]  in %b: f32[3]  %y = ", op, "(%a, %b): bool[2, 3]");
}
std::string Logical(const std::string& op) {
  return absl::StrCat("in %a: bool[2, 3]  in %b: bool[3]  %y = ", op, "(%a, %b): bool[2, 3]");
}
std::string Reduce(const std::string& op) {
  return absl::StrCat("in %x: f32[2, 3, 4]  %y = ", op, "(%x) {axes: [0, 2]}: f32[1, 3, 1]");
}

const Case kCases[] = {
    {"Abs", Unary("abs"), "ABS"},
    {"Ceil", Unary("ceil"), "CEIL"},
    {"Cos", Unary("cos"), "COS"},
    {"Exp", Unary("exp"), "EXP"},
    {"Floor", Unary("floor"), "FLOOR"},
    {"Log", Unary("log"), "LOG"},
    {"Logistic", Unary("logistic"), "LOGISTIC"},
    {"Neg", Unary("neg"), "NEG"},
    {"Relu", Unary("relu"), "RELU"},
    {"Round", Unary("round"), "ROUND"},
    {"Rsqrt", Unary("rsqrt"), "RSQRT"},
    {"Sign", Unary("sign"), "SIGN"},
    {"Sin", Unary("sin"), "SIN"},
    {"Sqrt", Unary("sqrt"), "SQRT"},
    {"Square", Unary("square"), "SQUARE"},
    {"Tanh", Unary("tanh"), "TANH"},
    {"Softmax", "in %x: f32[2, 3]  %y = softmax(%x) {beta: 0.5}: f32[2, 3]", "SOFTMAX"},
    {"L2Norm", Unary("l2_norm"), "L2_NORMALIZATION"},
    {"GeluExact", Unary("gelu"), "GELU"},
    {"GeluTanh", "in %x: f32[2, 3]  %y = gelu(%x) {approximate: true}: f32[2, 3]", "GELU"},
    {"Add", Binary("add"), "ADD"},
    {"AddRelu", "in %a: f32[2]  in %b: f32[2]  %y = add(%a, %b) {activation: relu}: f32[2]", "ADD"},
    {"AddI32", "in %a: i32[2]  in %b: i32[1]  %y = add(%a, %b): i32[2]", "ADD"},
    {"Sub", Binary("sub"), "SUB"},
    {"SubRelu6", "in %a: f32[2]  in %b: f32[2]  %y = sub(%a, %b) {activation: relu6}: f32[2]",
     "SUB"},
    {"Mul", Binary("mul"), "MUL"},
    {"Div", Binary("div"), "DIV"},
    {"Pow", Binary("pow"), "POW"},
    {"Mod", Binary("mod"), "FLOOR_MOD"},
    {"Maximum", Binary("maximum"), "MAXIMUM"},
    {"Minimum", Binary("minimum"), "MINIMUM"},
    {"SquaredDifference", Binary("squared_difference"), "SQUARED_DIFFERENCE"},
    {"Equal", Comparison("equal"), "EQUAL"},
    {"NotEqual", Comparison("not_equal"), "NOT_EQUAL"},
    {"Greater", Comparison("greater"), "GREATER"},
    {"GreaterEqual", Comparison("greater_equal"), "GREATER_EQUAL"},
    {"Less", Comparison("less"), "LESS"},
    {"LessEqual", Comparison("less_equal"), "LESS_EQUAL"},
    {"LogicalAnd", Logical("logical_and"), "LOGICAL_AND"},
    {"LogicalOr", Logical("logical_or"), "LOGICAL_OR"},
    {"LogicalNot", "in %a: bool[2]  %y = logical_not(%a): bool[2]", "LOGICAL_NOT"},
    {"Select", "in %c: bool[3]  in %a: f32[2, 3]  in %b: f32[]  %y = select(%c, %a, %b): f32[2, 3]",
     "SELECT_V2"},
    {"CastToI32", "in %x: f32[2]  %y = cast(%x) {to: i32}: i32[2]", "CAST"},
    {"CastFromBool", "in %x: bool[2]  %y = cast(%x) {to: f32}: f32[2]", "CAST"},
    {"ReduceMean", Reduce("reduce_mean"), "MEAN"},
    {"ReduceSum", Reduce("reduce_sum"), "SUM"},
    {"ReduceMax", Reduce("reduce_max"), "REDUCE_MAX"},
    {"ReduceMin", Reduce("reduce_min"), "REDUCE_MIN"},
    {"ReduceProd", Reduce("reduce_prod"), "REDUCE_PROD"},
    {"ReduceToScalar",
     "in %x: f32[2, 3]  %y = reduce_mean(%x) {axes: [0, 1], keep_dims: false}: f32[]", "MEAN"},
    {"RmsNorm",
     "in %x: f32[1, 2, 4]  k %g: f32[4] = [1, 2, 3, 4]  %y = rms_norm(%x, %g) {epsilon: 1e-05}: "
     "f32[1, 2, 4]",
     "RMS_NORM"},
    {"BatchMatMul",
     "in %a: f32[2, 1, 3, 4]  in %b: f32[5, 4, 6]  %y = batch_matmul(%a, %b): f32[2, 5, 3, 6]",
     "BATCH_MATMUL"},
    {"BatchMatMulAdjoint",
     "in %a: f32[2, 4, 3]  in %b: f32[2, 6, 4]  "
     "%y = batch_matmul(%a, %b) {adj_x: true, adj_y: true}: f32[2, 3, 6]",
     "BATCH_MATMUL"},
    {"FullyConnected",
     "in %x: f32[2, 5, 4]  k %w: f32[3, 4] = seeded(1)  %y = fully_connected(%x, %w): f32[2, 5, 3]",
     "FULLY_CONNECTED"},
    {"FullyConnectedBias",
     "in %x: f32[5, 4]  k %w: f32[3, 4] = seeded(1)  k %b: f32[3] = seeded(2)  "
     "%y = fully_connected(%x, %w, %b) {activation: relu}: f32[5, 3]",
     "FULLY_CONNECTED"},
    {"Reshape", "in %x: f32[2, 3, 4]  %y = reshape(%x) {shape: [6, 1, 4]}: f32[6, 1, 4]",
     "RESHAPE"},
    {"ReshapeToScalar", "in %x: f32[1, 1]  %y = reshape(%x): f32[]", "SQUEEZE"},
    {"ReshapeFromScalar", "in %x: f32[]  %y = reshape(%x) {shape: [1, 1]}: f32[1, 1]", "RESHAPE"},
    {"ReshapeEmpty", "in %x: f32[0, 3]  %y = reshape(%x) {shape: [3, 0]}: f32[3, 0]", "RESHAPE"},
    {"Transpose", "in %x: f32[2, 3, 4]  %y = transpose(%x) {perm: [2, 0, 1]}: f32[4, 2, 3]",
     "TRANSPOSE"},
    {"Slice",
     "in %x: f32[4, 5]  %y = slice(%x) {begin: [1, 2], size: [2, 3], stride: [1, 1]}: f32[2, 3]",
     "SLICE"},
    {"SliceOfIntegers",
     "in %x: i32[4, 5]  %y = slice(%x) {begin: [1, 2], size: [2, 3], stride: [1, 1]}: i32[2, 3]",
     "STRIDED_SLICE"},
    {"SliceOfRank5",
     "in %x: f32[4, 1, 1, 1, 5]  %y = slice(%x) {begin: [1, 0, 0, 0, 2], size: [2, 1, 1, 1, 3], "
     "stride: [1, 1, 1, 1, 1]}: f32[2, 1, 1, 1, 3]",
     "STRIDED_SLICE"},
    {"SliceStrided",
     "in %x: f32[4, 7]  %y = slice(%x) {begin: [1, 1], size: [2, 3], stride: [1, 2]}: f32[2, 3]",
     "STRIDED_SLICE"},
    {"SliceBackwardsToTheStart",
     "in %x: f32[4, 7]  %y = slice(%x) {begin: [3, 6], size: [4, 3], stride: [-1, -3]}: f32[4, 3]",
     "STRIDED_SLICE"},
    {"SliceBackwardsInside",
     "in %x: f32[7]  %y = slice(%x) {begin: [5], size: [2], stride: [-2]}: f32[2]",
     "STRIDED_SLICE"},
    {"SliceToNothing",
     "in %x: f32[4, 7]  %y = slice(%x) {begin: [0, 0], size: [4, 0], stride: [1, 1]}: f32[4, 0]",
     "SLICE"},
    {"SplitEqual",
     "in %x: f32[2, 6]  %p, %y = split(%x) {axis: 1, sizes: [3, 3]}: f32[2, 3], f32[2, 3]",
     "SPLIT"},
    {"SplitUnequal",
     "in %x: f32[2, 6]  %p, %y = split(%x) {axis: 1, sizes: [2, 4]}: f32[2, 2], f32[2, 4]",
     "SPLIT_V"},
    {"Concat", "in %a: f32[2, 1]  in %b: f32[2, 3]  %y = concat(%a, %b) {axis: 1}: f32[2, 4]",
     "CONCATENATION"},
    {"Pack", "in %a: f32[2]  in %b: f32[2]  %y = pack(%a, %b) {axis: 1}: f32[2, 2]", "PACK"},
    {"Unpack", "in %x: f32[2, 3]  %p, %y = unpack(%x): f32[3], f32[3]", "UNPACK"},
    {"BroadcastTo", "in %x: f32[1, 3]  %y = broadcast_to(%x) {shape: [2, 5, 3]}: f32[2, 5, 3]",
     "BROADCAST_TO"},
    {"Tile", "in %x: f32[1, 3]  %y = tile(%x) {multiples: [2, 3]}: f32[2, 9]", "TILE"},
    {"Pad", "in %x: f32[1, 3]  %y = pad(%x) {before: [0, 1], after: [2, 0]}: f32[3, 4]", "PAD"},
    {"PadValue",
     "in %x: f32[1, 3]  %y = pad(%x) {before: [0, 1], after: [2, 0], value: -1.5}: f32[3, 4]",
     "PADV2"},
    {"PadReflect",
     "in %x: f32[2, 3]  %y = pad(%x) {before: [0, 1], after: [1, 0], mode: reflect}: f32[3, 4]",
     "MIRROR_PAD"},
    {"Gather", "in %x: f32[4, 3]  in %i: i32[2]  %y = gather(%x, %i) {axis: 1}: f32[4, 2]",
     "GATHER"},
    {"GatherConstantI64", "in %x: f32[4, 3]  k %i: i64[2] = [3, 0]  %y = gather(%x, %i): f32[2, 3]",
     "GATHER"},
    {"GatherNd", "in %x: f32[4, 3]  in %i: i32[5, 2]  %y = gather_nd(%x, %i): f32[5]", "GATHER_ND"},
    {"Quantize", "in %x: f32[2]  %y = quantize(%x): f32[2] q(u8 0.5:3)", "QUANTIZE"},
    {"Requantise", "in %x: f32[2] q(u8 0.5:3)  %y = quantize(%x): f32[2] q(i8 0.25:-4)",
     "QUANTIZE"},
    {"Dequantize", "in %x: f32[2] q(i16 0.5:0)  %y = dequantize(%x): f32[2]", "DEQUANTIZE"},
    {"QuantisedFullyConnected",
     R"(in %x: f32[2, 4] q(u8 0.5:128)
        k %w: f32[3, 4] q(u8 per_channel 0 [0.25, 0.5, 1] [1, 2, 3]) =
            u8 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]
        k %b: f32[3] q(i32 per_channel 0 [0.125, 0.25, 0.5] [0, 0, 0]) = i32 [-7, 0, 100000]
        %y = fully_connected(%x, %w, %b): f32[2, 3] q(u8 0.1:7))",
     "FULLY_CONNECTED"},
    {"PackedWeights",
     R"(in %x: f32[2, 3] q(i16 0.5:0)
        k %w: f32[3, 3] q(i4 per_channel 0 [0.25, 0.5, 1] [0, 0, 0]) = i4 [-8, 7, -1, 0, 1, 2, 3, 4, 5]
        %y = fully_connected(%x, %w): f32[2, 3] q(i16 0.1:0))",
     "FULLY_CONNECTED"},
    {"PackedUnsignedWeights",
     R"(in %x: f32[2, 3] q(u8 0.5:0)
        k %w: f32[1, 3] q(u4 0.25:8) = u4 [0, 15, 8]
        %y = fully_connected(%x, %w): f32[2, 1] q(u8 0.1:0))",
     "FULLY_CONNECTED"},
    {"QuantisedPadValue",
     "in %x: f32[3] q(u8 0.5:10)  %y = pad(%x) {before: [1], after: [0], value: -2}: f32[4] q(u8 "
     "0.5:10)",
     "PADV2"},
    {"QuantisedU16", "in %x: f32[3] q(u16 0.5:10)  %y = neg(%x): f32[3] q(u16 0.5:10)", "NEG"},
    {"Chain",
     R"(in %x: f32[1, 4, 6] q(u8 0.1:0)
        %a, %b = split(%x) {axis: 2, sizes: [3, 3]}: f32[1, 4, 3] q(u8 0.1:0), f32[1, 4, 3] q(u8 0.1:0)
        %n = neg(%b): f32[1, 4, 3] q(u8 0.1:255)
        %m = quantize(%n): f32[1, 4, 3] q(u8 0.1:0)
        %y = concat(%m, %a) {axis: 2}: f32[1, 4, 6] q(u8 0.1:0))",
     "SPLIT NEG QUANTIZE CONCATENATION"},
};

std::string OperatorsOf(const std::string& path) {
  const absl::StatusOr<Inspection> inspection = InspectCircle(path);
  EXPECT_OK(inspection);
  if (!inspection.ok()) return "";
  std::string names;
  for (const InspectedOperator& op : inspection->operators) {
    absl::StrAppend(&names, names.empty() ? "" : " ", op.name);
  }
  return names;
}

// What target files call the operators of a graph.
std::string CircleNamesOf(const ir::Graph& graph) {
  std::string names;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    absl::StrAppend(&names, names.empty() ? "" : " ", ir::CircleName(graph, graph.node(id)));
  }
  return names;
}

class RoundTrip : public ::testing::TestWithParam<Case> {
 protected:
  ir::Graph Source() const {
    return ParseOrDie(absl::StrCat("graph g {\n", GetParam().body, "\nout %y as result\n}"));
  }

  // What must hold of the file of a graph; gives the graph read back.
  void Check(const ir::Graph& graph, const std::string& path, ir::Graph* read) {
    ASSERT_OK(ir::VerifyGraph(graph));
    ASSERT_OK(WriteCircle(graph, {}, path));
    EXPECT_EQ(OperatorsOf(path), GetParam().operators);
    EXPECT_EQ(CircleNamesOf(graph), GetParam().operators);
    ASSERT_OK_AND_ASSIGN(const std::vector<Problem> problems, VerifyCircleFile(path));
    for (const Problem& problem : problems) ADD_FAILURE() << problem.text;
    std::vector<ReadNote> notes;
    ASSERT_OK_AND_ASSIGN(*read, ReadCircle(path, &notes));
    for (const ReadNote& note : notes) ADD_FAILURE() << note.text;
    EXPECT_OK(ir::VerifyGraph(*read));
    EXPECT_EQ(read->outputs()[0].name, "result");
    EXPECT_THAT(*read, EqualsGraph(graph));
  }

  TempDir dir_;
};

TEST_P(RoundTrip, Holds) {
  const ir::Graph source = Source();
  ir::Graph once, twice;
  ASSERT_NO_FATAL_FAILURE(Check(source, dir_.File("1.circle"), &once));
  ASSERT_NO_FATAL_FAILURE(Check(once, dir_.File("2.circle"), &twice));
  EXPECT_TRUE(ReadFile(dir_.File("1.circle")) == ReadFile(dir_.File("2.circle")));
}

INSTANTIATE_TEST_SUITE_P(Operators, RoundTrip, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

// What changes its spelling: written and read as another operator, then stable.
struct Respelled {
  std::string name;
  std::string body;
  std::string read;
};

class Respelling : public ::testing::TestWithParam<Respelled> {};

TEST_P(Respelling, ReadsBackAs) {
  TempDir dir;
  const std::string path = dir.File("y.circle");
  ASSERT_OK(
      WriteCircle(ParseOrDie(absl::StrCat("graph {\n", GetParam().body, "\nout %y\n}")), {}, path));
  ASSERT_OK_AND_ASSIGN(const ir::Graph read, ReadCircle(path));
  EXPECT_THAT(read, IsGraph(absl::StrCat("graph {\n", GetParam().read, "\nout %y\n}")));
}

INSTANTIATE_TEST_SUITE_P(
    Operators, Respelling,
    ::testing::Values(
        Respelled{"LogicalXorIsNotEqual",
                  "in %a: bool[2]  in %b: bool[2]  %y = logical_xor(%a, %b): bool[2]",
                  "in %a: bool[2]  in %b: bool[2]  %y = not_equal(%a, %b): bool[2]"},
        Respelled{"AxesCountFromTheFront",
                  "in %a: f32[2, 1]  %y = concat(%a, %a) {axis: -1}: f32[2, 2]",
                  "in %a: f32[2, 1]  %y = concat(%a, %a) {axis: 1}: f32[2, 2]"},
        Respelled{"OneElementHasStrideOne",
                  "in %x: f32[5]  %y = slice(%x) {begin: [3], size: [1], stride: [-2]}: f32[1]",
                  "in %x: f32[5]  %y = slice(%x) {begin: [3], size: [1], stride: [1]}: f32[1]"},
        Respelled{"RmsNormHasAGain", "in %x: f32[1, 4]  %y = rms_norm(%x): f32[1, 4]",
                  "in %x: f32[1, 4]  k %g: f32[1] = [1]  %y = rms_norm(%x, %g): f32[1, 4]"},
        Respelled{"QuantisedRmsNormHasAGain",
                  "in %x: f32[1, 4] q(u8 0.5:128)  %y = rms_norm(%x): f32[1, 4] q(u8 0.1:128)",
                  "in %x: f32[1, 4] q(u8 0.5:128)  k %g: f32[1] q(u8 1:0) = u8 [1]  "
                  "%y = rms_norm(%x, %g): f32[1, 4] q(u8 0.1:128)"},
        Respelled{"RealWeightsAreIntegers",
                  "in %x: f32[1, 2] q(u8 0.5:0)  k %w: f32[1, 2] q(i8 0.5:0) = [-1, 100]  "
                  "%y = fully_connected(%x, %w): f32[1, 1] q(u8 0.5:0)",
                  "in %x: f32[1, 2] q(u8 0.5:0)  k %w: f32[1, 2] q(i8 0.5:0) = i8 [-2, 127]  "
                  "%y = fully_connected(%x, %w): f32[1, 1] q(u8 0.5:0)"},
        Respelled{"HalfDataAreWidened",
                  "in %x: f32[2]  k %c: f32[2] = bf16 [1, 2.5]  %y = add(%x, %c): f32[2]",
                  "in %x: f32[2]  k %c: f32[2] = [1, 2.5]  %y = add(%x, %c): f32[2]"},
        Respelled{"PadValueIsQuantised",
                  "in %x: f32[1] q(u8 0.5:10)  %y = pad(%x) {before: [1], after: [0], value: 0.8}: "
                  "f32[2] q(u8 0.5:10)",
                  "in %x: f32[1] q(u8 0.5:10)  %y = pad(%x) {before: [1], after: [0], value: 1}: "
                  "f32[2] q(u8 0.5:10)"},
        Respelled{
            "OneChannelIsPerTensor",
            "in %x: f32[1, 2] q(u8 0.5:0)  k %w: f32[1, 2] q(i8 per_channel 0 [0.5] [0]) = i8 "
            "[1, 2]  %y = fully_connected(%x, %w): f32[1, 1] q(u8 0.5:0)",
            "in %x: f32[1, 2] q(u8 0.5:0)  k %w: f32[1, 2] q(i8 0.5:0) = i8 [1, 2]  "
            "%y = fully_connected(%x, %w): f32[1, 1] q(u8 0.5:0)"},
        Respelled{"InputAsOutputIsCopied", "in %y: f32[2]",
                  "in %x: f32[2]  %y = reshape(%x) {shape: [2]}: f32[2]"},
        Respelled{"ConstantAsOutputIsCopied", "k %y: f32[2] = [1, 2]",
                  "k %x: f32[2] = [1, 2]  %y = reshape(%x) {shape: [2]}: f32[2]"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace g4c::backend
