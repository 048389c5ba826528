#include "quantization/match_float.h"

#include <gmock/gmock.h>

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

TEST(FloatMatch, EqualInputsLeaveWeightsAlone) {
  const std::vector<double> gram = {3, 1, 1, 2};
  EXPECT_THAT(FloatMatch(gram, std::vector<double>(4), 2, 1.0).Match({1, -2, 3, 4}),
              ElementsAre(1, -2, 3, 4));
}

TEST(FloatMatch, UndoesAShrunkenInput) {
  // x = y / 2 in the first column: C = sum x (y - x)^T = sum x x^T, so that its weight doubles;
  // rows are independent. A damping of 1e-9 of the diagonal is far below f32's resolution.
  const std::vector<double> gram = {4, 0, 0, 9};
  const std::vector<double> cross = {4, 0, 0, 0};
  EXPECT_THAT(FloatMatch(gram, cross, 2, 1e-9).Match({1, 5, -3, 7}), ElementsAre(2, 5, -6, 7));
}

TEST(FloatMatch, DampingHoldsBack) {
  // v = w + w C^T (H + 1 * 4)^-1 = 1 + 4 / 8.
  EXPECT_THAT(FloatMatch({4}, {4}, 1, 1.0).Match({1}), ElementsAre(FloatNear(1.5f, 1e-6f)));
}

TEST(FloatMatch, SilentInputsAreHarmless) {
  EXPECT_THAT(FloatMatch(std::vector<double>(4), std::vector<double>(4), 2, 5).Match({1, 2}),
              ElementsAre(1, 2));
}

}  // namespace
}  // namespace g4c::quantization
