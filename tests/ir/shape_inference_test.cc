#include "ir/shape_inference.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ir/text.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

using ::testing::HasSubstr;

// One application of an operator.
struct Case {
  const char* op;                     // "add", "reduce_sum {axes: [1]}"
  std::vector<std::string> operands;  // "f32[2, 3]", a constant "i64[2] = [0, -1]", or "-"
  // "f32[2, 3]", "f32[1], f32[2]", or a part of the error after "!" ("2!" where the node has two
  // results).
  std::string expected;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.op << "(" << absl::StrJoin(c.operands, "; ") << ") -> " << c.expected;
}

std::string Infer(const Case& c) {
  std::string text = "graph {\n";
  std::vector<std::string> names;
  for (const std::string& operand : c.operands) {
    const std::string name = operand == "-" ? "-" : absl::StrCat("%", names.size());
    if (operand != "-")
      absl::StrAppend(&text, absl::StrContains(operand, "=") ? "k " : "in ", name, ": ", operand,
                      "\n");
    names.push_back(name);
  }
  // Results: as many as are expected.
  size_t results = 1;
  for (size_t at = 0; (at = c.expected.find("], ", at)) != std::string::npos; ++at) ++results;
  const bool fails = c.expected[0] == '!' || c.expected[0] == '2';
  if (fails) results = c.expected[0] == '2' ? 2 : 1;
  std::vector<std::string> result_names, types;
  for (size_t i = 0; i < results; ++i) {
    result_names.push_back(absl::StrCat("%r", i));
    types.push_back("f32[*]");
  }
  const std::vector<std::string> op = absl::StrSplit(c.op, absl::MaxSplits(' ', 1));
  absl::StrAppend(&text, absl::StrJoin(result_names, ", "), " = ", op[0], "(",
                  absl::StrJoin(names, ", "), ") ", op.size() > 1 ? op[1] : "", ": ",
                  absl::StrJoin(types, ", "), "\n}");
  const Graph graph = ParseOrDie(text);
  const Node& node = graph.node(0);
  const auto inferred =
      InferNode(graph, node.op, node.inputs, static_cast<int>(node.outputs.size()));
  if (!inferred.ok()) return absl::StrCat("!", inferred.status().message());
  return absl::StrJoin(*inferred, ", ", [](std::string* out, const Type& type) {
    absl::StrAppend(out, DTypeName(type.dtype), ShapeText(type.shape));
  });
}

class ShapeRule : public ::testing::TestWithParam<Case> {};

TEST_P(ShapeRule, Infers) {
  const Case& c = GetParam();
  const size_t mark = c.expected.find('!');
  if (mark == std::string::npos) {
    EXPECT_EQ(Infer(c), c.expected);
  } else {
    EXPECT_THAT(Infer(c), ::testing::AllOf(::testing::StartsWith("!"),
                                           HasSubstr(c.expected.substr(mark + 1))));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Elementwise, ShapeRule,
    ::testing::Values(
        Case{"sqrt", {"f32[2, ?]"}, "f32[2, ?]"}, Case{"sqrt", {"f32[*]"}, "f32[*]"},
        Case{"sqrt", {"i64[2]"}, "!operand 0 must be a float, is i64"},
        Case{"abs", {"i64[2]"}, "i64[2]"}, Case{"neg", {"bool[2]"}, "!must be a number"},
        Case{"is_nan", {"f32[3]"}, "bool[3]"}, Case{"logical_not", {"bool[3]"}, "bool[3]"},
        Case{"logical_not", {"f32[3]"}, "!must be bool"},
        Case{"add", {"f32[2, 1, 4]", "f32[3, 1]"}, "f32[2, 3, 4]"},
        Case{"add", {"f32[]", "f32[0]"}, "f32[0]"},
        Case{"add", {"f32[?, 4]", "f32[1, 4]"}, "f32[?, 4]"},
        Case{"add", {"f32[?]", "f32[5]"}, "f32[5]"}, Case{"add", {"f32[*]", "f32[5]"}, "f32[*]"},
        Case{"add", {"f32[2]", "f32[3]"}, "!shapes [2] and [3] do not broadcast"},
        Case{"add", {"f32[2]", "i64[2]"}, "!differ in dtype: f32 and i64"},
        Case{"add", {"f32[2]"}, "!add takes 2 operands, has 1"},
        Case{"add", {"f32[2]", "-"}, "!operand 1 of add is missing"},
        Case{"mod", {"i64[4]", "i64[]"}, "i64[4]"},
        Case{"less", {"i64[2, 1]", "i64[3]"}, "bool[2, 3]"},
        Case{"equal", {"bool[2]", "bool[2]"}, "bool[2]"},
        Case{"logical_and", {"bool[2]", "bool[1]"}, "bool[2]"},
        Case{"logical_and", {"i64[2]", "i64[1]"}, "!must be bool"},
        Case{"select", {"bool[2, 1]", "f32[1, 3]", "f32[]"}, "f32[2, 3]"},
        Case{"select", {"bool[1]", "f32[3]", "i64[3]"}, "!operands 1 and 2 differ in dtype"},
        Case{"select", {"f32[1]", "f32[3]", "f32[3]"}, "!operand 0 must be bool"},
        Case{"clamp {min: -1, max: inf}", {"f32[3]"}, "f32[3]"},
        Case{"clamp {min: 2, max: 1}", {"f32[3]"}, "!clamp from 2 to 1"},
        Case{"cast {to: i64}", {"bool[2, ?]"}, "i64[2, ?]"}, Case{"quantize", {"f32[2]"}, "f32[2]"},
        Case{"dequantize", {"u8[2]"}, "!must be f32"}));

INSTANTIATE_TEST_SUITE_P(
    Reduction, ShapeRule,
    ::testing::Values(
        Case{"reduce_sum {axes: [0, 2]}", {"f32[2, 3, 4]"}, "f32[1, 3, 1]"},
        Case{"reduce_mean {axes: [1], keep_dims: false}", {"f32[2, 3, ?]"}, "f32[2, ?]"},
        Case{"reduce_max", {"f32[2]"}, "f32[2]"},
        Case{"reduce_max {axes: [2, 0]}", {"f32[2, 3, 4]"}, "!bad axes"},
        Case{"reduce_max {axes: [3]}", {"f32[2, 3, 4]"}, "!bad axes [3] of [2, 3, 4]"},
        Case{"reduce_min {axes: [0]}", {"f32[*]"}, "f32[*]"},
        Case{"dynamic_reduce {kind: mean}", {"f32[2, 3]", "i64[1] = [-1]"}, "f32[2, 1]"},
        Case{"dynamic_reduce {keep_dims: false}", {"f32[2, 3]"}, "f32[]"},
        Case{"dynamic_reduce {noop_with_empty_axes: true}",
             {"f32[2, 3]", "i64[0] = []"},
             "f32[2, 3]"},
        Case{"dynamic_reduce", {"f32[2, 3]", "i64[0] = []"}, "f32[1, 1]"},
        Case{"dynamic_reduce", {"f32[2, 3]", "i64[1]"}, "f32[?, ?]"},
        Case{"dynamic_reduce {keep_dims: false}", {"f32[2, 3]", "i64[1]"}, "f32[*]"},
        Case{"dynamic_reduce", {"f32[2, 3]", "i64[2] = [1, -1]"}, "!axis 1 is given twice"},
        Case{"softmax", {"f32[2, 3]"}, "f32[2, 3]"}, Case{"softmax", {"f32[]"}, "!is a scalar"},
        Case{"softmax_axis {axis: 2}", {"f32[2, 3]"}, "!axis 2 is outside of rank 2"},
        Case{"rms_norm", {"f32[2, 3]", "f32[3]"}, "f32[2, 3]"},
        Case{"rms_norm", {"f32[2, 3]"}, "f32[2, 3]"},
        Case{"rms_norm", {"f32[2, 3]", "f32[1]"}, "f32[2, 3]"},
        Case{"rms_norm", {"f32[2, 3]", "f32[4]"}, "!the gain's length differ: 3 and 4"},
        Case{"layer_norm {axis: 1}", {"f32[2, 3, 4]", "f32[3, 4]", "f32[4]"}, "f32[2, 3, 4]"},
        Case{"layer_norm", {"f32[2, 4]", "f32[5]"}, "!do not broadcast"},
        Case{"layer_norm", {"f32[1, 4]", "f32[2, 4]"}, "!widens"},
        Case{"rms_norm_axes {axis: -2}", {"f32[2, 3]", "-"}, "f32[2, 3]"},
        Case{"cumsum", {"i64[2, 3]", "i64[] = [-1]"}, "i64[2, 3]"},
        Case{"cumsum", {"i64[2, 3]", "i64[] = [2]"}, "!axis 2 is outside"}));

INSTANTIATE_TEST_SUITE_P(
    Movement, ShapeRule,
    ::testing::Values(
        Case{"reshape {shape: [6]}", {"f32[2, 3]"}, "f32[6]"},
        Case{"reshape {shape: [0, 5]}", {"f32[3, 0]"}, "f32[0, 5]"},
        Case{"reshape {shape: [7]}", {"f32[2, 3]"}, "!cannot reshape [2, 3] to [7]"},
        Case{"reshape {shape: [-1]}", {"f32[2, 3]"}, "!dimension -1"},
        Case{"reshape {shape: [7]}", {"f32[?, 3]"}, "f32[7]"},
        Case{"transpose {perm: [2, 0, 1]}", {"f32[2, 3, ?]"}, "f32[?, 2, 3]"},
        Case{"transpose {perm: [0, 0]}", {"f32[2, 3]"}, "!no permutation"},
        Case{"transpose {perm: [1, 0]}", {"f32[2]"}, "!perm has 2 entries for the shape [2]"},
        Case{"transpose {perm: [1, 0]}", {"f32[*]"}, "f32[?, ?]"},
        Case{"slice {begin: [1, 5], size: [1, 3], stride: [1, -2]}", {"f32[2, 6]"}, "f32[1, 3]"},
        Case{"slice {begin: [1, 5], size: [1, 4], stride: [1, -2]}",
             {"f32[2, 6]"},
             "!leaves axis 1 of [2, 6]"},
        Case{"slice {begin: [9223372036854775807], size: [2], stride: [9223372036854775807]}",
             {"f32[6]"},
             "!leaves axis 0"},
        Case{"slice {begin: [0], size: [2], stride: [0]}", {"f32[6]"}, "!stride 0"},
        Case{"split {axis: 1, sizes: [2, 3]}", {"f32[4, 5]"}, "f32[4, 2], f32[4, 3]"},
        Case{"split {axis: -1, sizes: [2, 4]}",
             {"f32[4, 5]"},
             "2!the split sizes [2, 4] add to 6, not to 5"},
        Case{"split {sizes: [2]}", {"f32[4, 5]"}, "2!1 split sizes for 2 results"},
        Case{"concat {axis: -1}", {"f32[2, 3]", "f32[2, 0]", "f32[?, 4]"}, "f32[2, 7]"},
        Case{"concat {axis: 0}", {"f32[2, 3]", "f32[?, 3]"}, "f32[?, 3]"},
        Case{"concat {axis: 0}", {"f32[*]", "f32[2, 3]"}, "f32[?, 3]"},
        Case{"concat {axis: 0}",
             {"f32[2, 3]", "f32[2, 4]"},
             "!operand 1 of [2, 4] does not concatenate along axis 0"},
        Case{"concat {axis: 0}", {"f32[2, 3]", "i32[2, 3]"}, "!differ in dtype"},
        Case{"pack {axis: -1}", {"f32[2, 3]", "f32[2, ?]"}, "f32[2, 3, 2]"},
        Case{"pack", {"f32[2]", "f32[3]"}, "!shapes [2] and [3] differ"},
        Case{"unpack {axis: 1}", {"f32[3, 2]"}, "f32[3], f32[3]"},
        Case{"unpack", {"f32[3, 2]"}, "2!the unpacked dimension and the results differ: 3 and 2"},
        Case{"broadcast_to {shape: [2, 3]}", {"f32[3]"}, "f32[2, 3]"},
        Case{"broadcast_to {shape: [3]}", {"f32[2, 3]"}, "!cannot broadcast [2, 3] to [3]"},
        Case{"broadcast_to {shape: [1]}", {"f32[3]"}, "!cannot broadcast"},
        Case{"tile {multiples: [2, 0]}", {"f32[3, ?]"}, "f32[6, 0]"},
        Case{"tile {multiples: [2]}", {"f32[3, 4]"}, "!1 repeats for the shape [3, 4]"},
        Case{"pad {before: [1, 0], after: [0, 2]}", {"f32[3, ?]"}, "f32[4, ?]"},
        Case{"pad {before: [3], after: [0], mode: reflect}",
             {"f32[3]"},
             "!cannot pad axis 0 of [3] by 3"},
        Case{"pad {before: [3], after: [0], mode: edge}", {"f32[0]"}, "!cannot pad axis 0"},
        Case{"pad {before: [-1], after: [0]}", {"f32[3]"}, "!a negative pad"},
        Case{"trilu", {"f32[2, 3]", "i64[] = [1]"}, "f32[2, 3]"},
        Case{"trilu", {"f32[3]"}, "!trilu of [3]"}));

INSTANTIATE_TEST_SUITE_P(
    Gather, ShapeRule,
    ::testing::Values(
        Case{"gather {axis: 1}", {"f32[2, 3, 4]", "i64[5, 6]"}, "f32[2, 5, 6, 4]"},
        Case{"gather", {"f32[3]", "i32[]"}, "f32[]"},
        Case{"gather {axis: -2}", {"f32[2, 3]", "i64[*]"}, "f32[*]"},
        Case{"gather", {"f32[3]", "f32[1]"}, "!operand 1 must be i32 or i64"},
        Case{"gather {axis: 1}", {"f32[3]", "i64[1]"}, "!axis 1 is outside"},
        Case{"gather_nd", {"f32[2, 3, 4]", "i64[5, 2]"}, "f32[5, 4]"},
        Case{"gather_nd {batch_dims: 1}", {"f32[2, 3, 4]", "i64[2, 5, 1]"}, "f32[2, 5, 4]"},
        Case{"gather_nd", {"f32[2, 3]", "i64[?, 2]"}, "f32[?]"},
        Case{"gather_nd", {"f32[2, 3]", "i64[5, ?]"}, "f32[*]"},
        Case{"gather_nd", {"f32[2, 3]", "i64[5, 3]"}, "!indices of 3 coordinates into [2, 3]"},
        Case{"gather_nd {batch_dims: 1}",
             {"f32[2, 3]", "i64[4, 1]"},
             "!batch dimensions differ: 4 and 2"},
        Case{"gather_nd {batch_dims: 2}", {"f32[2, 3]", "i64[2, 1]"}, "!2 batch dimensions"},
        Case{"gather_elements {axis: 1}", {"f32[2, 3]", "i64[2, 9]"}, "f32[2, 9]"},
        Case{"gather_elements", {"f32[2, 3]", "i64[2]"}, "!indices of [2] into [2, 3]"},
        Case{"scatter_nd", {"f32[4, 3]", "i64[2, 1]", "f32[2, 3]"}, "f32[4, 3]"},
        Case{"scatter_nd",
             {"f32[4, 3]", "i64[2, 1]", "f32[2, 4]"},
             "!updates: shapes [2, 3] and [2, 4] differ"},
        Case{"scatter_elements", {"f32[4, 3]", "i64[2, 3]", "f32[2, 3]"}, "f32[4, 3]"},
        Case{"scatter_elements",
             {"f32[4, 3]", "i64[2, 3]", "i64[2, 3]"},
             "!operands 0 and 2 differ in dtype"},
        Case{"one_hot", {"i64[2, 3]", "i64[] = [5]", "f32[2]"}, "f32[2, 3, 5]"},
        Case{"one_hot {axis: 0}", {"i64[2]", "f32[1] = [4]", "i64[2]"}, "i64[4, 2]"},
        Case{"one_hot", {"i64[2]", "i64[]", "f32[2]"}, "f32[2, ?]"},
        Case{"one_hot", {"i64[2]", "i64[] = [3]", "f32[3]"}, "!the values' length and 2 differ"},
        Case{"one_hot",
             {"i64[2]", "f32[] = [2.5]", "f32[2]"},
             "!a whole number is needed, got 2.5"}));

INSTANTIATE_TEST_SUITE_P(
    Product, ShapeRule,
    ::testing::Values(
        Case{"batch_matmul", {"f32[5, 1, 2, 3]", "f32[4, 3, 6]"}, "f32[5, 4, 2, 6]"},
        Case{"batch_matmul {adj_x: true, adj_y: true}", {"f32[3, 2]", "f32[6, 3]"}, "f32[2, 6]"},
        Case{"batch_matmul", {"f32[?, 2, ?]", "f32[1, 3, 6]"}, "f32[?, 2, 6]"},
        Case{"batch_matmul", {"f32[*]", "f32[3, 6]"}, "f32[*]"},
        Case{"batch_matmul", {"f32[2, 3]", "f32[2, 3]"}, "!cannot multiply [2, 3] by [2, 3]"},
        Case{"batch_matmul", {"f32[2, 2, 3]", "f32[3, 3, 1]"}, "!cannot multiply"},
        Case{"batch_matmul", {"f32[3]", "f32[3, 2]"}, "!batch_matmul of [3] and [3, 2]"},
        Case{"matmul", {"f32[3]", "f32[3]"}, "f32[]"},
        Case{"matmul", {"f32[3]", "f32[5, 3, 2]"}, "f32[5, 2]"},
        Case{"matmul", {"f32[5, 2, 3]", "f32[3]"}, "f32[5, 2]"},
        Case{"matmul", {"i32[2, 3]", "i32[3, 4]"}, "i32[2, 4]"},
        Case{"matmul", {"f32[]", "f32[3]"}, "!scalar operand"},
        Case{"fused_matmul {trans_a: true}", {"f32[3, 2]", "f32[3, 4]"}, "f32[2, 4]"},
        Case{
            "fused_matmul {trans_batch_a: true}", {"f32[2, 7, 3]", "f32[7, 3, 4]"}, "f32[7, 2, 4]"},
        Case{"fused_matmul {trans_b: true, trans_batch_b: true}",
             {"f32[7, 2, 3]", "f32[4, 7, 3]"},
             "f32[7, 2, 4]"},
        Case{"fully_connected", {"f32[2, 5, 3]", "f32[4, 3]", "f32[4]"}, "f32[2, 5, 4]"},
        Case{"fully_connected", {"f32[?, 3]", "f32[4, 3]"}, "f32[?, 4]"},
        Case{"fully_connected", {"f32[2, 3]", "f32[*]", "f32[4]"}, "f32[2, 4]"},
        Case{"fully_connected",
             {"f32[2, 3]", "f32[3, 4]"},
             "!cannot multiply [2, 3] by the weight [3, 4]"},
        Case{"fully_connected",
             {"f32[2, 3]", "f32[4, 3]", "f32[3]"},
             "!the bias' channels differ: 4 and 3"},
        Case{"fully_connected", {"f32[2, 3]", "f32[2, 4, 3]"}, "!a weight of [2, 4, 3]"}));

INSTANTIATE_TEST_SUITE_P(
    Dynamic, ShapeRule,
    ::testing::Values(
        Case{"dynamic_reshape", {"f32[2, 3, 4]", "i64[3] = [0, -1, 2]"}, "f32[2, 6, 2]"},
        Case{"dynamic_reshape", {"f32[?, 3, 4]", "i64[2] = [0, -1]"}, "f32[?, 12]"},
        Case{"dynamic_reshape", {"f32[?, 3, 4]", "i64[2] = [-1, 12]"}, "f32[?, 12]"},
        Case{"dynamic_reshape", {"f32[*]", "i64[2] = [0, 5]"}, "f32[?, 5]"},
        Case{"dynamic_reshape", {"f32[2, 3]", "i64[3]"}, "f32[?, ?, ?]"},
        Case{"dynamic_reshape", {"f32[2, 3]", "i64[?]"}, "f32[*]"},
        Case{"dynamic_reshape {allow_zero: true}", {"f32[0, 3]", "i64[2] = [7, 0]"}, "f32[7, 0]"},
        Case{"dynamic_reshape {allow_zero: true}",
             {"f32[0, 3]", "i64[2] = [-1, 0]"},
             "!both 0 and -1"},
        Case{"dynamic_reshape", {"f32[0, 3]", "i64[2] = [0, -1]"}, "f32[0, 3]"},
        Case{"dynamic_reshape",
             {"f32[2, 3]", "i64[2] = [4, -1]"},
             "!cannot reshape [2, 3] to [4, -1]"},
        Case{"dynamic_reshape", {"f32[2, 3]", "i64[2] = [-1, -1]"}, "!more than one -1"},
        Case{"dynamic_reshape", {"f32[2, 3]", "i64[3] = [6, 1, 0]"}, "!copies dimension 2"},
        Case{"dynamic_reshape", {"f32[2, 3]", "i64[1] = [-2]"}, "!bad dimension -2"},
        Case{"dynamic_reshape",
             {"f32[2, 3]", "f32[1] = [6]"},
             "!operand 1 must be an integer, is f32"},
        Case{"dynamic_reshape", {"f32[2]", "i64[2] = [4611686018427387904, 2]"}, "!overflows"},
        Case{"dynamic_expand", {"f32[3, 1]", "i64[3] = [2, 1, 6]"}, "f32[2, 3, 6]"},
        Case{"dynamic_expand", {"f32[3, 4]", "i64[1] = [1]"}, "f32[3, 4]"},
        Case{"dynamic_expand", {"f32[3, 1]", "i64[3]"}, "f32[?, 3, ?]"},
        Case{"dynamic_expand", {"f32[3]", "i64[1] = [2]"}, "!do not broadcast"},
        Case{"dynamic_expand", {"f32[3]", "i64[1] = [-1]"}, "!negative dimension -1"},
        Case{"dynamic_slice",
             {"f32[5, 6]", "i64[1] = [-2]", "i64[1] = [9223372036854775807]", "i64[1] = [-1]"},
             "f32[5, 2]"},
        Case{"dynamic_slice",
             {"f32[5, 6]", "i64[2] = [4, 0]", "i64[2] = [-100, 3]", "-", "i64[2] = [-2, 2]"},
             "f32[3, 2]"},
        Case{"dynamic_slice",
             {"f32[?, 6]", "i64[1] = [1]", "i64[1] = [3]", "i64[1] = [1]"},
             "f32[?, 2]"},
        Case{"dynamic_slice", {"f32[?, 6]", "i64[1] = [0]", "i64[1] = [3]"}, "f32[?, 6]"},
        Case{"dynamic_slice", {"f32[4, 6]", "i64[1]", "i64[1] = [3]", "i64[1] = [1]"}, "f32[4, ?]"},
        Case{"dynamic_slice", {"f32[4, 6]", "i64[1]", "i64[1]"}, "f32[?, ?]"},
        Case{"dynamic_slice",
             {"f32[4]", "i64[1] = [0]", "i64[1] = [2]", "i64[1] = [0]", "i64[1] = [0]"},
             "!slice step 0"},
        Case{"dynamic_slice", {"f32[4]", "i64[1] = [0]", "i64[2] = [2, 3]"}, "!1 starts, 2 ends"},
        Case{"dynamic_slice",
             {"f32[4, 4]", "i64[2] = [0, 0]", "i64[2] = [2, 3]", "i64[2] = [0, -2]"},
             "!axis 0 is sliced twice"},
        Case{"dynamic_squeeze", {"f32[1, 3, 1]", "i64[1] = [-1]"}, "f32[1, 3]"},
        Case{"dynamic_squeeze", {"f32[1, 3, 1]"}, "f32[3]"},
        Case{"dynamic_squeeze", {"f32[1, ?]"}, "f32[*]"},
        Case{"dynamic_squeeze", {"f32[1, 3, 1]", "i64[2]"}, "f32[?]"},
        Case{"dynamic_squeeze", {"f32[1, 3]", "i64[1] = [1]"}, "!cannot squeeze axis 1 of [1, 3]"},
        Case{"dynamic_unsqueeze", {"f32[3]", "i64[2] = [-1, 0]"}, "f32[1, 3, 1]"},
        Case{"dynamic_unsqueeze", {"f32[3]", "i64[2]"}, "f32[?, ?, ?]"},
        Case{"dynamic_unsqueeze", {"f32[3]", "i64[2] = [0, -3]"}, "!axis 0 is given twice"},
        Case{"dynamic_unsqueeze", {"f32[3]", "i64[1] = [2]"}, "!axis 2 is outside of rank 2"},
        Case{"dynamic_tile", {"f32[2, 3]", "i64[2] = [1, 4]"}, "f32[2, 12]"},
        Case{"dynamic_tile", {"f32[2, 3]", "i64[2]"}, "f32[?, ?]"},
        Case{"dynamic_tile", {"f32[2]", "i64[1] = [-1]"}, "!negative repeat -1"},
        Case{"dynamic_pad", {"f32[2, 3]", "i64[4] = [0, -1, 1, 2]"}, "f32[3, 4]"},
        Case{
            "dynamic_pad", {"f32[2, 3]", "i64[2] = [1, 1]", "f32[]", "i64[1] = [-1]"}, "f32[2, 5]"},
        Case{"dynamic_pad", {"f32[2, 3]", "i64[2] = [1, 1]", "-", "i64[1]"}, "f32[?, ?]"},
        Case{"dynamic_pad", {"f32[2]", "i64[2] = [-2, -1]"}, "!do not fit [2]"},
        Case{"dynamic_pad", {"f32[2, 3]", "i64[2] = [1, 1]"}, "!2 pads for 2 axes"},
        Case{"dynamic_pad",
             {"f32[2]", "i64[2] = [1, 1]", "i64[]"},
             "!operands 0 and 2 differ in dtype"},
        Case{"dynamic_split {axis: 1}", {"f32[2, 5]", "i64[2] = [1, 4]"}, "f32[2, 1], f32[2, 4]"},
        Case{"dynamic_split {axis: 1}", {"f32[2, 5]"}, "f32[2, 3], f32[2, 2]"},
        Case{"dynamic_split {axis: 1}", {"f32[2, ?]"}, "f32[2, ?], f32[2, ?]"},
        Case{"dynamic_split {axis: 1}", {"f32[2, 5]", "i64[2]"}, "f32[2, ?], f32[2, ?]"},
        Case{"dynamic_split {axis: 1}", {"f32[2, 0]"}, "f32[2, 0], f32[2, 0]"},
        Case{"dynamic_split", {"f32[7]"}, "f32[2], f32[2], f32[2], f32[1]"},
        Case{"dynamic_split", {"f32[2]", "i64[2] = [3, -1]"}, "2!a split size of -1"},
        Case{"split_item {axis: 1}", {"f32[2, 5]", "i64[] = [2]", "i64[] = [-1]"}, "f32[2, 1]"},
        Case{"split_item {axis: 1}", {"f32[2, 5]", "i64[2] = [2, 3]", "i64[] = [1]"}, "f32[2, 3]"},
        Case{"split_item {axis: 1, keep_dims: false}", {"f32[2, 5]", "-", "i64[] = [4]"}, "f32[2]"},
        Case{"split_item {axis: 1, keep_dims: false}", {"f32[2, ?]", "-", "i64[]"}, "f32[2]"},
        Case{"split_item {axis: 1, keep_dims: false}",
             {"f32[2, 5]", "i64[] = [2]", "i64[] = [0]"},
             "f32[2, 2]"},
        Case{"split_item", {"f32[5]", "i64[]", "i64[] = [1]"}, "f32[?]"},
        Case{"split_item", {"f32[5]", "i64[] = [2]", "i64[] = [3]"}, "!item 3 of a sequence of 3"},
        Case{"sequence_item", {"i64[] = [-1]", "f32[2]", "i64[3]"}, "i64[3]"},
        Case{"sequence_item", {"i64[]", "f32[2, 3]", "f32[2, 4]"}, "f32[2, ?]"},
        Case{"sequence_item", {"i64[] = [2]", "f32[2]", "f32[3]"}, "!item 2 of a sequence of 2"},
        Case{"choose", {"bool[]", "f32[2, 3]", "f32[2]"}, "f32[*]"},
        Case{"choose", {"bool[]", "f32[2, 3]", "f32[5, 3]"}, "f32[?, 3]"},
        Case{"choose", {"bool[1] = [false]", "f32[2, 3]", "i64[2]"}, "i64[2]"},
        Case{"choose", {"bool[]", "f32[2]", "i64[2]"}, "!operands 1 and 2 differ in dtype"},
        Case{"choose", {"bool[2]", "f32[2]", "f32[2]"}, "!operand 0 must be a scalar"},
        Case{"range", {"i64[] = [2]", "i64[] = [9]", "i64[] = [3]"}, "i64[3]"},
        Case{"range", {"i64[] = [9]", "i64[] = [2]", "i64[] = [-3]"}, "i64[3]"},
        Case{"range", {"i64[] = [9]", "i64[] = [2]", "i64[] = [3]"}, "i64[0]"},
        Case{"range", {"f32[] = [0]", "f32[] = [1]", "f32[] = [0.25]"}, "f32[4]"},
        Case{"range", {"i64[] = [0]", "i64[]", "i64[] = [1]"}, "i64[?]"},
        Case{"range", {"i64[] = [0]", "i64[] = [1]", "i64[] = [0]"}, "!step of 0"},
        Case{"range", {"f32[] = [0]", "f32[] = [1]", "f32[] = [0]"}, "!range from 0 to 1 by 0"},
        Case{"range", {"i64[] = [0]", "i32[] = [1]", "i64[] = [1]"}, "!differ in dtype"},
        Case{"shape", {"f32[2, ?, 3]"}, "i64[3]"},
        Case{"shape {start: -2}", {"f32[2, ?, 3]"}, "i64[2]"},
        Case{"shape {start: 2, end: 1}", {"f32[2, ?, 3]"}, "i64[0]"},
        Case{"shape", {"f32[*]"}, "i64[?]"}, Case{"non_zero", {"bool[2, 3]"}, "i64[2, ?]"},
        Case{"non_zero", {"bool[]"}, "i64[0, ?]"}));

INSTANTIATE_TEST_SUITE_P(
    Composite, ShapeRule,
    ::testing::Values(
        Case{"quantize_linear {to: i8}", {"f32[2, 3]", "f32[]", "i8[]"}, "i8[2, 3]"},
        Case{"quantize_linear {axis: 1}", {"f32[2, 3]", "f32[3]", "u8[3]"}, "u8[2, 3]"},
        Case{"quantize_linear {axis: 1}",
             {"f32[2, 3]", "f32[2]"},
             "!the number of scales and of channels differ: 2 and 3"},
        Case{"quantize_linear", {"f32[2, 3]", "f32[]", "i8[]"}, "!operand 2 must be u8"},
        Case{"quantize_linear", {"f32[2, 3]", "f32[3]"}, "!the number of scales and 1 differ"},
        Case{"dequantize_linear {axis: 0}", {"i4[2, 3]", "f32[2]"}, "f32[2, 3]"},
        Case{"dequantize_linear", {"u8[2]", "f32[]", "i8[]"}, "!operand 2 must be u8"},
        Case{
            "dequantize_linear", {"f32[2]", "f32[]"}, "!quantised data is f32, must be an integer"},
        Case{"attention",
             {"f32[2, 8, 5, 16]", "f32[2, 4, 7, 16]", "f32[2, 4, 7, 32]"},
             "f32[2, 8, 5, 32]"},
        Case{"attention {q_num_heads: 8, kv_num_heads: 4}",
             {"f32[2, 5, 128]", "f32[2, 7, 64]", "f32[2, 7, 32]", "bool[5, 7]"},
             "f32[2, 5, 64]"},
        Case{"attention", {"f32[?, 8, ?, 16]", "f32[2, 4, 7, 16]", "f32[*]"}, "f32[*]"},
        Case{"attention",
             {"f32[?, 8, ?, 16]", "f32[2, 4, 7, 16]", "f32[2, 4, 7, ?]"},
             "f32[2, 8, ?, ?]"},
        Case{"attention",
             {"f32[2, 5, 128]", "f32[2, 7, 64]", "f32[2, 7, 32]"},
             "!needs q_num_heads and kv_num_heads"},
        Case{"attention",
             {"f32[2, 8, 5, 16]", "f32[2, 3, 7, 16]", "f32[2, 3, 7, 16]"},
             "!8 query heads do not divide among 3 key heads"},
        Case{"attention",
             {"f32[2, 8, 5, 16]", "f32[2, 8, 7, 8]", "f32[2, 8, 7, 8]"},
             "!head sizes of query and key differ: 16 and 8"},
        Case{"attention",
             {"f32[2, 8, 5, 16]", "f32[2, 8, 7, 16]", "f32[2, 8, 7, 16]", "f32[6, 7]"},
             "!a mask of [6, 7]"},
        Case{"attention",
             {"f32[2, 8, 5, 16]", "f32[2, 8, 7, 16]", "f32[2, 8, 7, 16]", "f32[2, 1, 5, 8]"},
             "!a mask of"},
        Case{"attention", {"f32[2, 8, 5, 16]", "f32[2, 5, 8]", "f32[2, 5, 8]"}, "!need one rank"},
        Case{"rotary_embedding",
             {"f32[2, 4, 5, 16]", "f32[9, 8]", "f32[9, 8]", "i64[2, 5]"},
             "f32[2, 4, 5, 16]"},
        Case{"rotary_embedding {num_heads: 4}",
             {"f32[2, 5, 64]", "f32[2, 5, 8]", "f32[2, 5, 8]"},
             "f32[2, 5, 64]"},
        Case{"rotary_embedding {rotary_dim: 4}",
             {"f32[2, 4, 5, 16]", "f32[9, 2]", "f32[9, 2]", "i64[2, 5]"},
             "f32[2, 4, 5, 16]"},
        Case{"rotary_embedding",
             {"f32[2, 5, 64]", "f32[2, 5, 8]", "f32[2, 5, 8]"},
             "!needs num_heads"},
        Case{"rotary_embedding",
             {"f32[2, 4, 5, 16]", "f32[9, 7]", "f32[9, 7]", "i64[2, 5]"},
             "!half the rotary dimension differ: 7 and 8"},
        Case{"rotary_embedding",
             {"f32[2, 4, 5, 16]", "f32[9, 8]", "f32[9, 8]"},
             "!a cache of [9, 8] without position ids"},
        Case{"einsum {equation: \"bij,bjk->bik\"}",
             {"f32[2, 3, 4]", "f32[2, 4, 5]"},
             "f32[2, 3, 5]"},
        Case{"einsum {equation: \"...ij, ...jk\"}",
             {"f32[7, 1, 3, 4]", "f32[6, 4, 5]"},
             "f32[7, 6, 3, 5]"},
        Case{"einsum {equation: \"ij->\"}", {"f32[3, ?]"}, "f32[]"},
        Case{"einsum {equation: \"ba\"}", {"f32[3, 4]"}, "f32[4, 3]"},
        Case{"einsum {equation: \"ii->i\"}", {"f32[3, ?]"}, "f32[3]"},
        Case{"einsum {equation: \"ij,jk->ik\"}",
             {"f32[3, 4]", "f32[5, 6]"},
             "!axis 0 of operand 1 of [5, 6] meets 4"},
        Case{"einsum {equation: \"ij\"}", {"f32[3]"}, "!einsum term 'ij' for an operand of rank 1"},
        Case{"einsum {equation: \"ij->ik\"}", {"f32[3, 4]"}, "!the output's 'k' is in no operand"},
        Case{"einsum {equation: \"ij->ii\"}", {"f32[3, 4]"}, "!is there twice"},
        Case{"einsum {equation: \"i,j\"}", {"f32[3]"}, "!has 2 terms for 1 operands"},
        Case{"einsum {equation: \"i+\"}", {"f32[3]"}, "!bad einsum term 'i+'"},
        Case{"conv {strides: [2, 2], pads: [1, 1, 1, 1]}",
             {"f32[1, 3, 8, 9]", "f32[4, 3, 3, 3]", "f32[4]"},
             "f32[1, 4, 4, 5]"},
        Case{"conv {auto_pad: \"SAME_UPPER\", strides: [2]}",
             {"f32[1, 3, 7]", "f32[4, 3, 2]"},
             "f32[1, 4, 4]"},
        Case{"conv {auto_pad: \"VALID\", dilations: [2]}",
             {"f32[1, 4, 7]", "f32[4, 2, 3]"},
             "!in 1 groups"},
        Case{"conv {dilations: [2], group: 2}", {"f32[1, 4, 7]", "f32[4, 2, 3]"}, "f32[1, 4, 3]"},
        Case{"conv", {"f32[1, 3, ?]", "f32[4, 3, 3]"}, "f32[1, 4, ?]"},
        Case{"conv", {"f32[1, 3, 7]", "f32[*]"}, "f32[?, ?, ?]"},
        Case{"conv", {"f32[1, 3, 2]", "f32[4, 3, 3]"}, "!a kernel of 3 on 2 padded elements"},
        Case{"conv {auto_pad: \"SAME\"}",
             {"f32[1, 3, 7]", "f32[4, 3, 3]"},
             "!auto_pad is 'SAME', none of"},
        Case{"conv",
             {"f32[1, 3, 7]", "f32[4, 3, 3]", "f32[5]"},
             "!the bias' channels differ: 4 and 5"}));

TEST(InferShapes, StoresTypesInOrderAndKeepsForeignOnes) {
  Graph graph = ParseOrDie(R"(graph {
    in  %x: f32[2, 6]
    k   %to: i64[2] = [0, -1]
    %b = foreign(%a) {code: "FOO"}: i8[7]
    %a = dynamic_reshape(%x, %to): f32[*]
    %c = shape(%b): i64[?]
    out %c
  })");
  ASSERT_OK(InferShapes(graph));
  EXPECT_TRUE(TextsEqual(R"(graph {
  in  %x: f32[2, 6]
  k   %to: i64[2] = [0, -1]
  %a = dynamic_reshape(%x, %to): f32[2, 6]
  %b = foreign(%a) {code: "FOO"}: i8[7]
  %c = shape(%b): i64[1]
  out %c
}
)",
                         PrintGraph(graph)));
}

TEST(InferShapes, NamesTheNodeAndItsModule) {
  Graph graph = ParseOrDie(R"(graph {
    in  %x: f32[2, 6]
    %a = add(%x, %b): f32[2, 6]  @layers.0.mlp
    %b = transpose(%x) {perm: [1, 0]}: f32[6, 2]
    out %a
  })");
  EXPECT_THAT(InferShapes(graph),
              IsInvalidInput("in layers.0.mlp: shapes [2, 6] and [6, 2] do not broadcast"));
}

}  // namespace
}  // namespace g4c::ir
