#include "passes/insert_conversions.h"

#include <gmock/gmock.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

struct Case {
  const char* what;
  const char* before;
  const char* after;  // null: unchanged
};

template <typename PassType>
void Check(absl::Span<const Case> cases) {
  for (const Case& c : cases) {
    ir::Graph graph = ParseOrDie(c.before);
    Report report;
    ASSERT_OK_AND_ASSIGN(const bool changed, PassType().Run(graph, report));
    EXPECT_EQ(changed, c.after != nullptr) << c.what;
    EXPECT_OK(ir::VerifyGraph(graph)) << c.what;
    EXPECT_EQ(ir::PrintGraph(graph),
              ir::PrintGraph(ParseOrDie(c.after == nullptr ? c.before : c.after)))
        << c.what;
    ASSERT_OK_AND_ASSIGN(const bool again, PassType().Run(graph, report));
    EXPECT_FALSE(again) << c.what;
  }
}

TEST(InsertRequantise, MakesBothSidesOfADataMoverAgree) {
  const Case kCases[] = {
      {"behind one result of a split; the name stays with its qparams", R"(graph g {
  in  %x: f32[2, 4] q(u8 0.5:3)
  %a, %b = split(%x) {axis: 1, sizes: [2, 2]}: f32[2, 2] q(u8 0.25:0), f32[2, 2] q(u8 0.5:3)
  %y = add(%a, %b): f32[2, 2] q(u8 1:0)
  out %y
})",
       R"(graph g {
  in  %x: f32[2, 4] q(u8 0.5:3)
  %a_raw, %b = split(%x) {axis: 1, sizes: [2, 2]}: f32[2, 2] q(u8 0.5:3), f32[2, 2] q(u8 0.5:3)
  %a = quantize(%a_raw): f32[2, 2] q(u8 0.25:0)
  %y = add(%a, %b): f32[2, 2] q(u8 1:0)
  out %y
})"},
      {"in front of a concat's operand that differs, once for two readers", R"(graph g {
  in  %a: f32[2, 2] q(u8 0.5:3)
  in  %b: f32[2, 2] q(u8 0.25:0)
  %c = concat(%a, %b) {axis: 0}: f32[4, 2] q(u8 0.25:0)
  %d = concat(%b, %a) {axis: 0}: f32[4, 2] q(u8 0.25:0)
  out %c
  out %d
})",
       R"(graph g {
  in  %a: f32[2, 2] q(u8 0.5:3)
  in  %b: f32[2, 2] q(u8 0.25:0)
  %a_requantised = quantize(%a): f32[2, 2] q(u8 0.25:0)
  %c = concat(%a_requantised, %b) {axis: 0}: f32[4, 2] q(u8 0.25:0)
  %d = concat(%b, %a_requantised) {axis: 0}: f32[4, 2] q(u8 0.25:0)
  out %c
  out %d
})"},
      {"a real constant is quantised anew instead", R"(graph g {
  in  %a: f32[2] q(u8 0.5:3)
  k   %k: f32[2] q(u8 0.25:0) = [1, 2]
  %c = concat(%a, %k) {axis: 0}: f32[4] q(u8 0.5:3)
  out %c
})",
       R"(graph g {
  in  %a: f32[2] q(u8 0.5:3)
  k   %k_1: f32[2] q(u8 0.5:3) = [1, 2]
  %c = concat(%a, %k_1) {axis: 0}: f32[4] q(u8 0.5:3)
  out %c
})"},
      {"not where both sides agree, nor around an operator that computes", R"(graph g {
  in  %x: f32[2, 4] q(u8 0.5:3)
  %y = reshape(%x) {shape: [8]}: f32[8] q(u8 0.5:3)
  %z = exp(%y): f32[8] q(u8 0.25:3)
  out %z
})",
       nullptr},
      {"not where one side has no qparams", R"(graph g {
  in  %x: f32[2, 4]
  %y = reshape(%x) {shape: [8]}: f32[8] q(u8 0.5:3)
  out %y
})",
       nullptr},
  };
  Check<InsertRequantise>(kCases);
}

TEST(InsertFloatIslands, ComputesInFloatAroundMissingQparams) {
  const Case kCases[] = {
      {"operands are dequantised, results quantised, the missing value stays", R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 0.5] [0, 0]) = [1, 2, 3, 4]
  %y = fully_connected(%x, %w, -): f32[1, 2]
  %z = gelu(%y): f32[1, 2] q(u8 1:0)
  %u = add(%z, %x): f32[1, 2] q(u8 1:0)
  out %u
})",
       R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 0.5] [0, 0]) = [1, 2, 3, 4]
  %x_float = dequantize(%x): f32[1, 2] q(none: float)
  %w_float = dequantize(%w): f32[2, 2] q(none: float)
  %y = fully_connected(%x_float, %w_float, -): f32[1, 2]
  %z_raw = gelu(%y): f32[1, 2] q(none: float)
  %z = quantize(%z_raw): f32[1, 2] q(u8 1:0)
  %u = add(%z, %x): f32[1, 2] q(u8 1:0)
  out %u
})"},
      {"not in a graph without qparams", R"(graph g {
  in  %x: f32[1, 2]
  %z = gelu(%x): f32[1, 2]
  out %z
})",
       nullptr},
      {"not for index operands", R"(graph g {
  in  %x: f32[2, 2] q(u8 0.5:3)
  k   %i: i64[1] = [1]
  %a = gather(%x, %i) {axis: 0}: f32[1, 2] q(u8 0.5:3)
  out %a
})",
       nullptr},
  };
  Check<InsertFloatIslands>(kCases);
}

TEST(FloatIo, ConvertsAtTheEdges) {
  const Case kCases[] = {
      {"both edges", R"(graph g {
  in  %x: f32[2] q(u8 0.5:3)
  %y = exp(%x): f32[2] q(u8 1:0)
  out %y
})",
       R"(graph g {
  in  %x: f32[2] q(none: float)
  %x_quantised = quantize(%x): f32[2] q(u8 0.5:3)
  %y = exp(%x_quantised): f32[2] q(u8 1:0)
  %y_float = dequantize(%y): f32[2] q(none: float)
  out %y_float as y
})"},
      {"a float graph stays", "graph g {\n  in %x: f32[2]\n  %y = exp(%x): f32[2]\n  out %y\n}",
       nullptr},
  };
  Check<FloatIo>(kCases);
}

}  // namespace
}  // namespace g4c::passes
