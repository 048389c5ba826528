#include "quantization/constants.h"

#include <gmock/gmock.h>

#include "ir/text.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

struct Case {
  const char* what;
  ConstantOptions options;
  const char* before;
  const char* after;
};

const Case kCases[] = {
    {"weights per channel, biases from input and weight",
     {ir::DType::kU8, ir::DType::kI8},
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %w: f32[2, 2] = [127, 0, -63.5, 1]
  k   %b: f32[2] = [1, 2]
  %y = fully_connected(%x, %w, %b): f32[1, 2] q(u8 1:0)
  out %y
})",
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 0.5] [0, 0]) = [127, 0, -63.5, 1]
  k   %b: f32[2] q(i32 per_channel 0 [0.5, 0.25] [0, 0]) = [1, 2]
  %y = fully_connected(%x, %w, %b): f32[1, 2] q(u8 1:0)
  out %y
})"},
    {"i64 biases for i16 activations, without options too",
     {},
     R"(graph g {
  in  %x: f32[1, 2] q(i16 0.5:0)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 0.5] [0, 0]) = [127, 0, -63.5, 1]
  k   %b: f32[2] = [1, 2]
  %y = fully_connected(%x, %w, %b): f32[1, 2] q(i16 1:0)
  out %y
})",
     R"(graph g {
  in  %x: f32[1, 2] q(i16 0.5:0)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 0.5] [0, 0]) = [127, 0, -63.5, 1]
  k   %b: f32[2] q(i64 per_channel 0 [0.5, 0.25] [0, 0]) = [1, 2]
  %y = fully_connected(%x, %w, %b): f32[1, 2] q(i16 1:0)
  out %y
})"},
    {"a weight without options is not invented",
     {},
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %w: f32[2, 2] = [127, 0, -63.5, 1]
  %y = fully_connected(%x, %w, -): f32[1, 2] q(u8 1:0)
  out %y
})",
     nullptr},
    {"one number is exact; a clamp's bound takes the other side's qparams",
     {},
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %half: f32[] = [0.5]
  k   %low: f32[] = [-1]
  %y = mul(%x, %half): f32[1, 2] q(u8 0.25:3)
  %z = maximum(%y, %low): f32[1, 2] q(u8 0.25:3)
  out %z
})",
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  k   %half: f32[] q(u8 0.00390625:0) = [0.5]
  k   %low: f32[] q(u8 0.25:3) = [-1]
  %y = mul(%x, %half): f32[1, 2] q(u8 0.25:3)
  %z = maximum(%y, %low): f32[1, 2] q(u8 0.25:3)
  out %z
})"},
    {"readers that disagree get a value each",
     {},
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  in  %u: f32[1, 2] q(u8 0.25:3)
  k   %low: f32[] = [-1]
  %a = maximum(%x, %low): f32[1, 2] q(u8 0.5:3)
  %b = maximum(%u, %low): f32[1, 2] q(u8 0.25:3)
  out %a
  out %b
})",
     R"(graph g {
  in  %x: f32[1, 2] q(u8 0.5:3)
  in  %u: f32[1, 2] q(u8 0.25:3)
  k   %low: f32[] q(u8 0.5:3) = [-1]
  k   %low_1: f32[] q(u8 0.25:3) = [-1]
  %a = maximum(%x, %low): f32[1, 2] q(u8 0.5:3)
  %b = maximum(%u, %low_1): f32[1, 2] q(u8 0.25:3)
  out %a
  out %b
})"},
};

TEST(QuantizeConstants, FillsWhatIsKnown) {
  for (const Case& c : kCases) {
    ir::Graph graph = ParseOrDie(c.before);
    ASSERT_OK(QuantizeConstants(graph, c.options)) << c.what;
    const ir::Graph wanted = ParseOrDie(c.after == nullptr ? c.before : c.after);
    EXPECT_EQ(ir::PrintGraph(graph), ir::PrintGraph(wanted)) << c.what;
  }
}

}  // namespace
}  // namespace g4c::quantization
