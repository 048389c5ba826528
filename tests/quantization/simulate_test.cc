#include "quantization/simulate.h"

#include <gtest/gtest.h>

namespace g4c::quantization {
namespace {

std::vector<float> Simulated(std::vector<float> x, const ir::QuantPerTensor& q) {
  return Simulate(ir::Tensor::Of<float>(ir::DType::kF32, {static_cast<int64_t>(x.size())}, x), q)
      .Floats();
}

TEST(Simulate, RoundsHalfToEvenAndSaturates) {
  const ir::QuantPerTensor u8{ir::DType::kU8, 0.5f, 2};
  EXPECT_EQ(Simulated({0, 0.25f, 0.75f, -0.25f, 100, 1000, -1, -7}, u8),
            (std::vector<float>{0, 0, 1, 0, 100, 126.5f, -1, -1}));
  const ir::QuantPerTensor i16{ir::DType::kI16, 1.0f, 0};
  EXPECT_EQ(Simulated({40000, -40000, 1.5f, 2.5f}, i16), (std::vector<float>{32767, -32768, 2, 2}));
}

TEST(Simulate, InPlaceIsTheSame) {
  const ir::QuantPerTensor q{ir::DType::kU8, 0.3f, 7};
  std::vector<float> x = {0, 0.1f, -5, 3.14f, 1000};
  const std::vector<float> want = Simulated(x, q);
  SimulateRun(absl::MakeSpan(x), q);
  EXPECT_EQ(x, want);
}

TEST(Simulate, ReadsAnyStrides) {
  const ir::Tensor x = ir::Tensor::Of<float>(ir::DType::kF32, {2, 2}, {1, 2, 3, 4});
  const ir::Tensor y = Simulate(x.Transposed({1, 0}), {ir::DType::kI8, 2.0f, 0});
  EXPECT_EQ(y.Floats(), (std::vector<float>{0, 4, 2, 4}));
}

}  // namespace
}  // namespace g4c::quantization
