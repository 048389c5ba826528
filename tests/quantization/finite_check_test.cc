#include "quantization/finite_check.h"

#include <gmock/gmock.h>

#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

TEST(FiniteCheck, NamesTheConstantAndItsReader) {
  const char* kGraph = R"(graph g {
  in  %x: f32[1, 2]
  k   %w: f32[2, 2] = [1, 2, nan, 4]
  %y = fully_connected(%x, %w, -): f32[1, 2]
  out %y
})";
  EXPECT_THAT(FiniteCheck(ParseOrDie(kGraph)).Run(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(::testing::HasSubstr("'w'"),
                                        ::testing::HasSubstr("nan at element 2"),
                                        ::testing::HasSubstr("fully_connected 'y'"))));
}

TEST(FiniteCheck, AllowsInfiniteMasksAndBounds) {
  EXPECT_OK(FiniteCheck(ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %mask: f32[2] = [0, -inf]
  k   %top: f32[] = [inf]
  %a = add(%x, %mask): f32[1, 2]
  %y = minimum(%a, %top): f32[1, 2]
  out %y
})"))
                .Run());
  EXPECT_FALSE(FiniteCheck(ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %c: f32[2] = [0, inf]
  %a = add(%x, %c): f32[1, 2]
  out %a
})"))
                   .Run()
                   .ok());
}

}  // namespace
}  // namespace g4c::quantization
