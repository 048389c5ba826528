#include "passes/fold_constants.h"

#include <gmock/gmock.h>

#include "ir/text.h"
#include "passes/fold_position_embeddings.h"
#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_PASS_TEST(FoldConstants,
                      {
                          {"shape arithmetic becomes a static reshape", R"(graph g {
  in %x: f32[2, 3, 4]
  k %two: i64[] = [2]
  k %minus: i64[1] = [-1]
  k %axis: i64[1] = [0]
  %s = shape(%x): i64[3]
  %d = gather(%s, %two): i64[]
  %u = dynamic_unsqueeze(%d, %axis): i64[1]
  %c = concat(%minus, %u): i64[2]
  %y = dynamic_reshape(%x, %c): f32[6, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4]
  %y = reshape(%x) {shape: [6, 4]}: f32[6, 4]
  out %y
})",
                           0, /*evaluate=*/false},
                          {"dynamic operators become static", R"(graph g {
  in %x: f32[1, 3, 4]
  k %a0: i64[1] = [0]
  k %a2: i64[1] = [2]
  k %one: i64[1] = [1]
  k %big: i64[1] = [9223372036854775807]
  k %minus: i64[1] = [-1]
  k %sizes: i64[2] = [1, 2]
  k %shape: i64[3] = [2, 1, 1]
  k %reps: i64[3] = [1, 1, 2]
  k %pads: i64[6] = [0, 0, 1, 0, 0, 0]
  %sq = dynamic_squeeze(%x, %a0): f32[3, 4]
  %un = dynamic_unsqueeze(%sq, %a2): f32[3, 4, 1]
  %sl = dynamic_slice(%un, %one, %big, %minus, -): f32[3, 4, 0]
  %sm = dynamic_slice(%un, %one, %big, %a0, %one): f32[2, 4, 1]
  %ti = dynamic_tile(%sm, %reps): f32[2, 4, 2]
  %ex = dynamic_expand(%x, %shape): f32[2, 3, 4]
  %pa = dynamic_pad(%ti, %pads, -, -): f32[2, 4, 3]
  %p, %q = dynamic_split(%pa, %sizes) {axis: -1}: f32[2, 4, 1], f32[2, 4, 2]
  %re = dynamic_reduce(%ex, %minus) {kind: mean, keep_dims: false}: f32[2, 3]
  out %p
  out %q
  out %re
  out %sl
})",
                           R"(graph g {
  in %x: f32[1, 3, 4]
  %sq = reshape(%x) {shape: [3, 4]}: f32[3, 4]
  %un = reshape(%sq) {shape: [3, 4, 1]}: f32[3, 4, 1]
  %sl = slice(%un) {begin: [0, 0, 0], size: [3, 4, 0], stride: [1, 1, 1]}: f32[3, 4, 0]
  %sm = slice(%un) {begin: [1, 0, 0], size: [2, 4, 1], stride: [1, 1, 1]}: f32[2, 4, 1]
  %ti = tile(%sm) {multiples: [1, 1, 2]}: f32[2, 4, 2]
  %ex = broadcast_to(%x) {shape: [2, 3, 4]}: f32[2, 3, 4]
  %pa = pad(%ti) {before: [0, 0, 1], after: [0, 0, 0]}: f32[2, 4, 3]
  %p, %q = split(%pa) {axis: 2, sizes: [1, 2]}: f32[2, 4, 1], f32[2, 4, 2]
  %re = reduce_mean(%ex) {axes: [2], keep_dims: false}: f32[2, 3]
  out %p
  out %q
  out %re
  out %sl
})",
                           0, /*evaluate=*/false},
                          {"a pad that crops is a slice first", R"(graph g {
  in %x: f32[4]
  k %pads: i64[2] = [-1, 2]
  k %v: f32[] = [7]
  %y = dynamic_pad(%x, %pads, %v, -): f32[5]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  %s = slice(%x) {begin: [1], size: [3], stride: [1]}: f32[3]
  %y = pad(%s) {before: [0], after: [2], value: 7}: f32[5]
  out %y
})",
                           0},
                          {"a piece of a sequence is a slice", R"(graph g {
  in %x: f32[2, 6]
  k %sizes: i64[2] = [2, 4]
  k %i: i64[] = [1]
  %y = split_item(%x, %sizes, %i) {axis: -1}: f32[2, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 6]
  %y = slice(%x) {begin: [0, 2], size: [2, 4], stride: [1, 1]}: f32[2, 4]
  out %y
})",
                           0},
                          {"only the chosen branch is looked at", R"(graph g {
  in %x: f32[2, 3]
  k %c: bool[] = [true]
  k %bad: i64[1] = [7]
  %n = neg(%x): f32[2, 3]
  %never = reshape(%x) {shape: [3, 2]}: f32[3, 2]
  %y = choose(%c, %n, %never): f32[*]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  %n = neg(%x): f32[2, 3]
  out %n as y
})",
                           0, /*evaluate=*/false},
                          {"weights are moved as views, with their qparams", R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = [1, 2, 3, 4]
  %t = transpose(%w) {perm: [1, 0]}: f32[2, 2]
  %y = batch_matmul(%x, %t): f32[3, 2] q(u8 0.2:5)
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %t: f32[2, 2] q(i8 per_channel 1 [0.5, 0.25] [0, 0]) = [1, 3, 2, 4]
  %y = batch_matmul(%x, %t): f32[3, 2] q(u8 0.2:5)
  out %y
})",
                           0},
                          {"what computes on qparams reads the stored numbers", R"(graph g {
  in %x: f32[2]
  k %w: f32[2] q(u8 0.5:0) = [0.6, 1.9]
  %t = neg(%w): f32[2]
  %y = add(%x, %t): f32[2]
  out %y
})",
                           R"(graph g {
  in %x: f32[2]
  k %t: f32[2] = [-0.5, -2]
  %y = add(%x, %t): f32[2]
  out %y
})",
                           0, /*evaluate=*/false},
                          {"data-dependent shapes become static", R"(graph g {
  in %x: f32[1, 3, 2]
  k %used: bool[1, 3] = [true, false, true]
  %n = non_zero(%used): i64[2, ?]
  %i = transpose(%n) {perm: [1, 0]}: i64[?, 2]
  %y = gather_nd(%x, %i): f32[?, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 2]
  k %i: i64[2, 2] = [0, 0, 0, 2]
  %y = gather_nd(%x, %i): f32[2, 2]
  out %y
})",
                           0, /*evaluate=*/false},
                          {"pairs and what depends on inputs stay", R"(graph g {
  in %x: f32[2]
  k %w: f32[2] = [1, 2]
  k %s: f32[] = [0.5]
  k %z: u8[] = [3]
  %q = quantize_linear(%w, %s, %z): u8[2]
  %d = dequantize_linear(%q, %s, %z): f32[2]
  %y = add(%x, %d): f32[2]
  out %y
})",
                           kUnchanged},
                      });

TEST(FoldConstants, ComputesWhatRepeatsOnce) {
  // The mask of 4096 queries and 4096 keys is one row of keys, seen 4096 times.
  FoldConstants pass(FoldOptions{1 << 16});
  Report report;
  const std::string text = RunOnText(pass, R"(graph g {
  in %x: f32[1, 1, 4096, 4096]
  k %q: bool[1, 1, 4096, 1] = splat(true)
  k %k: bool[1, 1, 1, 4096] = seeded(1)
  k %zero: f32[] = [0]
  k %low: f32[] = [-1e+09]
  %a = logical_and(%q, %k): bool[1, 1, 4096, 4096]
  %m = select(%a, %zero, %low): f32[1, 1, 4096, 4096]
  %y = add(%x, %m): f32[1, 1, 4096, 4096]
  out %y
})",
                                     report);
  EXPECT_TRUE(report.declined().empty());
  ASSERT_EQ(report.folded().size(), 1u);
  EXPECT_EQ(report.folded()[0].name, "m");
  EXPECT_EQ(report.folded()[0].bytes, 4 * 4096);
}

TEST(FoldConstants, DeclinesWhatIsOverItsBudget) {
  FoldConstants pass(FoldOptions{64});
  Report report;
  RunOnText(pass, R"(graph g {
  in %x: f32[8, 8]
  k %a: f32[8, 1] = seeded(1)
  k %b: f32[1, 8] = seeded(2)
  %m = mul(%a, %b): f32[8, 8]
  %y = add(%x, %m): f32[8, 8]
  out %y
})",
            report);
  EXPECT_TRUE(report.folded().empty());
  ASSERT_EQ(report.declined().size(), 1u);
  EXPECT_EQ(report.declined()[0].where, "mul 'm'");
  EXPECT_THAT(report.declined()[0].reason, HasSubstr("192 bytes; 64 of 64 are left"));
}

TEST(FoldConstants, NamesTheNodeOfAContradiction) {
  FoldConstants pass;
  EXPECT_THAT(ErrorOnText(pass, R"(graph g {
  in %x: f32[2, 3]
  k %s: i64[2] = [4, 4]
  %y = dynamic_reshape(%x, %s): f32[4, 4]
  out %y
})"),
              IsInvalidInput(HasSubstr("dynamic_reshape 'y': ")));
}

TEST(FoldConstants, DeepChainsNeedNoStack) {
  ir::Graph graph = ParseOrDie("graph g {\n  in %x: f32[1]\n  out %x\n}");
  ir::ValueId value = graph.inputs()[0];
  for (int i = 0; i < 100000; ++i) {
    const ir::NodeId node = graph.AddNode(ir::Neg{}, {value}, {"v"}, {graph.value(value).type}, {});
    value = graph.node(node).outputs[0];
  }
  graph.SetOutput(0, value);
  FoldConstants pass;
  Report report;
  EXPECT_THAT(pass.Run(graph, report), IsOkAndHolds(false));
}

constexpr char kTables[] = R"(graph g {
  in %x: f32[1, 3, 4]
  k %ids: f32[1, 3, 1] = [0, 1, 2]
  k %freq: f32[4] = [1, 0.5, 0.25, 0.125]
  k %table: f32[4, 4] = seeded(1)
  k %rows: i64[1, 3] = [2, 0, 1]
  %a = mul(%ids, %freq): f32[1, 3, 4]
  %c = cos(%a): f32[1, 3, 4]
  %d = neg(%c): f32[1, 3, 4]
  %e = gather(%table, %rows): f32[1, 3, 4]
  %p = mul(%x, %d): f32[1, 3, 4]
  %y = add(%p, %e): f32[1, 3, 4]
  out %y
})";

TEST(FoldPositionEmbeddings, FoldsTablesAndWhatIsComputedOfThem) {
  ir::Graph graph = ParseOrDie(kTables);
  Report report;
  FoldOptions options;
  options.leave_position_tables = true;
  FoldConstants generic(options);
  ASSERT_OK(generic.Run(graph, report));
  EXPECT_THAT(ir::PrintGraph(graph), HasSubstr("cos(%a)"));

  FoldPositionEmbeddings pass;
  Report tables;
  EXPECT_THAT(pass.Run(graph, tables), IsOkAndHolds(true));
  ASSERT_EQ(tables.folded().size(), 2u);
  EXPECT_EQ(tables.folded()[0].name, "d");
  EXPECT_EQ(tables.folded()[0].bytes, 48);
  EXPECT_EQ(tables.folded()[1].name, "e");
  EXPECT_THAT(pass.Run(graph, tables), IsOkAndHolds(false));
}

TEST(FoldPositionEmbeddings, LeavesWhatDependsOnInputs) {
  FoldPositionEmbeddings pass;
  Report report;
  RunOnText(pass, R"(graph g {
  in %x: f32[1, 3, 1]
  k %freq: f32[4] = [1, 0.5, 0.25, 0.125]
  %a = mul(%x, %freq): f32[1, 3, 4]
  %y = cos(%a): f32[1, 3, 4]
  out %y
})",
            report);
  EXPECT_TRUE(report.folded().empty());
}

TEST(FoldPositionEmbeddings, KeepsToItsBudget) {
  FoldPositionEmbeddings pass(FoldOptions{16});
  Report report;
  RunOnText(pass, kTables, report);
  EXPECT_FALSE(report.declined().empty());
}

}  // namespace
}  // namespace g4c::passes
