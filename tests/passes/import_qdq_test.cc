#include "passes/import_qdq.h"

#include <gmock/gmock.h>

#include "ir/text.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* what;
  const char* before;
  const char* after;
};

const Case kCases[] = {
    {"a pair becomes the qparams of the value before it, a repeated pair is one", R"(graph g {
  in  %x: f32[2]
  k   %s: f32[] = [0.5]
  k   %z: u8[] = [3]
  %q1 = quantize_linear(%x, %s, %z): u8[2]
  %d1 = dequantize_linear(%q1, %s, %z): f32[2]
  %q2 = quantize_linear(%d1, %s, %z): u8[2]
  %d2 = dequantize_linear(%q2, %s, %z): f32[2]
  %y = exp(%d2): f32[2]
  out %y
})",
     R"(graph g {
  in  %x: f32[2] q(u8 0.5:3)
  %y = exp(%x): f32[2]
  out %y
})"},
    {"a second, different pair is a requantisation", R"(graph g {
  in  %x: f32[2]
  k   %s: f32[] = [0.5]
  k   %z: i8[] = [3]
  k   %t: f32[] = [0.25]
  %q1 = quantize_linear(%x, %s, %z) {to: i8}: i8[2]
  %d1 = dequantize_linear(%q1, %s, %z): f32[2]
  %q2 = quantize_linear(%d1, %t, %z) {to: i8}: i8[2]
  %d2 = dequantize_linear(%q2, %t, %z): f32[2]
  out %d2 as y
})",
     R"(graph g {
  in  %x: f32[2] q(i8 0.5:3)
  %d2_1 = quantize(%x): f32[2] q(i8 0.25:3)
  out %d2_1 as y
})"},
    {"a weight keeps its real data, per channel", R"(graph g {
  in  %x: f32[1, 2]
  k   %w: f32[2, 2] = [1, 2, 3, 4]
  k   %s: f32[2] = [0.5, 0.25]
  k   %z: i8[2] = [0, 0]
  %q = quantize_linear(%w, %s, %z) {axis: 0, to: i8}: i8[2, 2]
  %d = dequantize_linear(%q, %s, %z) {axis: 0}: f32[2, 2]
  %y = fully_connected(%x, %d, -): f32[1, 2]
  out %y
})",
     R"(graph g {
  in  %x: f32[1, 2]
  k   %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = [1, 2, 3, 4]
  %y = fully_connected(%x, %w, -): f32[1, 2]
  out %y
})"},
    {"integers of an initializer are kept as they are", R"(graph g {
  in  %x: f32[1, 2]
  k   %w: i8[2, 2] = [1, 2, 3, 4]
  k   %s: f32[] = [0.5]
  %d = dequantize_linear(%w, %s): f32[2, 2]
  %y = fully_connected(%x, %d, -): f32[1, 2]
  out %y
})",
     R"(graph g {
  in  %x: f32[1, 2]
  k   %w_1: f32[2, 2] q(i8 0.5:0) = i8 [1, 2, 3, 4]
  %y = fully_connected(%x, %w_1, -): f32[1, 2]
  out %y
})"},
    {"different pairs on one constant make a constant for each", R"(graph g {
  k   %w: f32[2] = [1, 2]
  k   %s: f32[] = [0.5]
  k   %t: f32[] = [0.25]
  k   %z: u8[] = [0]
  %q1 = quantize_linear(%w, %s, %z): u8[2]
  %d1 = dequantize_linear(%q1, %s, %z): f32[2]
  %q2 = quantize_linear(%w, %t, %z): u8[2]
  %d2 = dequantize_linear(%q2, %t, %z): f32[2]
  %y = add(%d1, %d2): f32[2]
  out %y
})",
     R"(graph g {
  k   %w: f32[2] q(u8 0.5:0) = [1, 2]
  k   %w_1: f32[2] q(u8 0.25:0) = [1, 2]
  %y = add(%w, %w_1): f32[2]
  out %y
})"},
};

// What the outputs need, without constants that nothing reads any more.
std::string LiveText(const ir::Graph& graph) { return ir::PrintGraph(graph); }

TEST(ImportQdq, TurnsPairsIntoQparams) {
  for (const Case& c : kCases) {
    ir::Graph graph = ParseOrDie(c.before);
    Report report;
    ASSERT_OK_AND_ASSIGN(const bool changed, ImportQdq().Run(graph, report));
    EXPECT_TRUE(changed) << c.what;
    EXPECT_EQ(LiveText(graph), LiveText(ParseOrDie(c.after))) << c.what;
    ASSERT_OK_AND_ASSIGN(const bool again, ImportQdq().Run(graph, report));
    EXPECT_FALSE(again) << c.what;
  }
}

TEST(ImportQdq, RefusesByName) {
  const struct {
    const char* graph;
    absl::StatusCode code;
    const char* message;
  } kRefused[] = {
      {R"(graph g {
  in  %x: f32[2]
  in  %s: f32[]
  %q = quantize_linear(%x, %s): u8[2]
  %d = dequantize_linear(%q, %s): f32[2]
  out %d
})",
       absl::StatusCode::kUnimplemented, "scale or zero point is not a constant"},
      {R"(graph g {
  in  %x: f32[2]
  k   %s: f32[] = [0.5]
  %q = quantize_linear(%x, %s): u8[2]
  %d = dequantize_linear(%q, %s): f32[2]
  %y = mul(%q, %q): u8[2]
  out %d
  out %y
})",
       absl::StatusCode::kUnimplemented, "used without DequantizeLinear"},
      {R"(graph g {
  in  %x: f32[2]
  k   %s: f32[] = [0]
  %q = quantize_linear(%x, %s): u8[2]
  %d = dequantize_linear(%q, %s): f32[2]
  out %d
})",
       absl::StatusCode::kInvalidArgument, "scale 0 is not a positive finite number"},
      {R"(graph g {
  in  %x: f32[2]
  k   %s: f32[] = [0.5]
  k   %t: f32[] = [0.25]
  %q = quantize_linear(%x, %s): u8[2]
  %d = dequantize_linear(%q, %t): f32[2]
  out %d
})",
       absl::StatusCode::kInvalidArgument, "qparams differ from those of the QuantizeLinear"},
      {R"(graph g {
  in  %q: u8[2]
  k   %s: f32[] = [0.5]
  %d = dequantize_linear(%q, %s): f32[2]
  out %d
})",
       absl::StatusCode::kUnimplemented, "no QuantizeLinear made"},
  };
  for (const auto& c : kRefused) {
    ir::Graph graph = ParseOrDie(c.graph);
    Report report;
    EXPECT_THAT(ImportQdq().Run(graph, report).status(), StatusIs(c.code, HasSubstr(c.message)));
  }
}

TEST(DropQdq, LeavesRealNumbers) {
  ir::Graph graph = ParseOrDie(kCases[0].before);
  Report report;
  ASSERT_OK(DropQdq().Run(graph, report).status());
  EXPECT_EQ(LiveText(graph), LiveText(ParseOrDie(R"(graph g {
  in  %x: f32[2]
  %y = exp(%x): f32[2]
  out %y
})")));
  ir::Graph integers = ParseOrDie(kCases[3].before);
  ASSERT_OK(DropQdq().Run(integers, report).status());
  EXPECT_EQ(LiveText(integers), LiveText(ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %w_1: f32[2, 2] = [0.5, 1, 1.5, 2]
  %y = fully_connected(%x, %w_1, -): f32[1, 2]
  out %y
})")));
}

}  // namespace
}  // namespace g4c::passes
