#include "passes/drop_idle_clamps.h"

#include "absl/strings/str_replace.h"
#include "tests/passes/float_rewrite_testing.h"

namespace g4c::passes {
namespace {

// Normal numbers of three samples lie within +-5.
std::string Clamped(const std::string& bounds) {
  return absl::StrReplaceAll(R"(graph g {
  in %x: f32[4, 6]
  %r = reshape(%x) {shape: [4, 2, 3]}: f32[4, 2, 3]
  %c = clamp(%r) {BOUNDS}: f32[4, 2, 3]
  %y = rms_norm(%c): f32[4, 2, 3]
  out %y
})",
                             {{"BOUNDS", bounds}});
}

TEST(DropIdleClamps, DropsBoundsThatNothingCameNear) {
  for (const char* bounds : {"min: -100, max: 100", "min: -inf, max: 8", "min: -8, max: inf"}) {
    EXPECT_EQ(CheckRewrite<DropIdleClamps>(Clamped(bounds), 0),
              (std::vector<quantization::AppliedRewrite>{{"idle-clamps", "c", {}}}))
        << bounds;
  }
}

TEST(DropIdleClamps, KeepsBoundsThatBiteOnEitherSide) {
  ExpectNoPlace<DropIdleClamps>(Clamped("min: -1, max: 100"));
  ExpectNoPlace<DropIdleClamps>(Clamped("min: -100, max: 1"));
}

TEST(DropIdleClamps, KeepsWhatIsAnOutput) {
  ExpectNoPlace<DropIdleClamps>(
      absl::StrReplaceAll(Clamped("min: -100, max: 100"), {{"out %y", "out %y\n  out %c"}}));
}

}  // namespace
}  // namespace g4c::passes
