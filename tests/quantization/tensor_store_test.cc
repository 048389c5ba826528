#include "quantization/tensor_store.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <vector>

#include "ir/seeded.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ir::Tensor;

Tensor Seeded(uint64_t seed) { return ir::SeededTensor(ir::DType::kF32, {30, 40}, seed); }
constexpr int64_t kBytes = 30 * 40 * 4;

TEST(TensorStore, HoldsTheSameInMemoryAndInTheFile) {
  TensorStore store(2 * kBytes);
  std::vector<TensorStore::Held> held;
  for (uint64_t i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(TensorStore::Held one, store.Hold(Seeded(i)));
    held.push_back(std::move(one));
    EXPECT_EQ(store.spilled_bytes() > 0, i >= 2) << i;
  }
  for (uint64_t i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(const Tensor loaded, held[i].Load());
    EXPECT_TRUE(loaded.SameContent(Seeded(i)));
  }
}

TEST(TensorStore, TakesMemoryAndPlacesAgain) {
  TensorStore store(kBytes);
  ASSERT_OK_AND_ASSIGN(TensorStore::Held memory, store.Hold(Seeded(0)));
  ASSERT_OK_AND_ASSIGN(TensorStore::Held disk, store.Hold(Seeded(1)));
  const int64_t spilled = store.spilled_bytes();
  for (uint64_t i = 2; i < 8; ++i) {
    TensorStore::Held gone = std::move(i % 2 == 0 ? memory : disk);
    { const TensorStore::Held gone_now = std::move(gone); }
    ASSERT_OK_AND_ASSIGN(TensorStore::Held next, store.Hold(Seeded(i)));
    (i % 2 == 0 ? memory : disk) = std::move(next);
  }
  EXPECT_EQ(store.spilled_bytes(), spilled);
  ASSERT_OK_AND_ASSIGN(const Tensor even, memory.Load());
  ASSERT_OK_AND_ASSIGN(const Tensor odd, disk.Load());
  EXPECT_TRUE(even.SameContent(Seeded(6)));
  EXPECT_TRUE(odd.SameContent(Seeded(7)));
}

TEST(TensorStore, HoldsViewsAndOtherDtypes) {
  const std::vector<int64_t> numbers = {1, 2, 3, 4, 5, 6};
  const Tensor view = Tensor::Of<int64_t>(ir::DType::kI64, {2, 3}, numbers).Transposed({1, 0});
  for (const int64_t memory : {0, 1000}) {
    TensorStore store(memory);
    ASSERT_OK_AND_ASSIGN(const TensorStore::Held held, store.Hold(view));
    ASSERT_OK_AND_ASSIGN(const Tensor loaded, held.Load());
    EXPECT_TRUE(loaded.SameContent(view)) << memory;
  }
}

TEST(TensorStore, NeedsNoFolderWhileEverythingFits) {
  setenv("TMPDIR", "/absent", 1);
  TensorStore store(kBytes);
  ASSERT_OK_AND_ASSIGN(const TensorStore::Held held, store.Hold(Seeded(0)));
  EXPECT_THAT(store.Hold(Seeded(1)).status(), IsWriteFailed(::testing::HasSubstr("/absent")));
  unsetenv("TMPDIR");
}

}  // namespace
}  // namespace g4c::quantization
