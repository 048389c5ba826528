#include "quantization/hessian_file.h"

#include <gmock/gmock.h>

#include "ir/seeded.h"
#include "quantization/gather_hessians.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::quantization {
namespace {

using ::testing::HasSubstr;

class HessianFileTest : public ::testing::Test {
 protected:
  // Sums of one seeded sample for each input.
  GramSums Sums(ir::ValueId input, uint64_t seed) const {
    const int64_t columns = graph_.value(input).type.shape.dims().back();
    GramSums sums(columns);
    sums.Add(ir::SeededTensor(ir::DType::kF32, {6, columns}, seed + static_cast<uint64_t>(input)));
    return sums;
  }
  std::shared_ptr<const MappedFile> Written(const std::string& text, uint64_t seed) const {
    const std::string path = folder_.File("stats.json");
    AtomicFile file = *AtomicFile::Create(path);
    EXPECT_OK(file.Write(text));
    EXPECT_OK(BeginHessians(file));
    for (ir::ValueId input : HessianInputs(graph_)) {
      EXPECT_OK(WriteHessian(file, Sums(input, seed)));
    }
    EXPECT_OK(file.Commit());
    return *MappedFile::Open(path);
  }

  TempDir folder_;
  ir::Graph graph_ = ParseOrDie(R"(graph g {
  in  %x: f32[3, 4]
  k   %w: f32[7, 4] = seeded(1)
  k   %v: f32[4, 7] = seeded(2)
  %a = fully_connected(%x, %w, -): f32[3, 7]
  %b = fully_connected(%a, %v, -): f32[3, 4]
  out %b
})");
};

TEST_F(HessianFileTest, ReadsBackAndMergesWhatItWrites) {
  // Texts of any length, one of which ends at a multiple of 16.
  SavedHessians one(graph_), two(graph_);
  ASSERT_OK(one.Add(Written("0123456789abcdef", 1)));
  ASSERT_OK(two.Add(Written("012", 1)));
  ASSERT_OK(two.Add(Written("0123456789abcdefg", 2)));
  for (ir::ValueId input : HessianInputs(graph_)) {
    ASSERT_TRUE(two.Has(input));
    GramSums sums = Sums(input, 1);
    EXPECT_EQ(one.Of(input).lower(), sums.lower());
    sums.Merge(Sums(input, 2).lower());
    EXPECT_EQ(two.Of(input).lower(), sums.lower());
  }
  EXPECT_FALSE(two.Has(ValueNamed(graph_, "b")));
  EXPECT_FALSE(SavedHessians(graph_).Has(ValueNamed(graph_, "x")));
}

TEST_F(HessianFileTest, SaysThatSomethingIsMissing) {
  const std::string whole(Written("{}", 1)->text());
  // 10 and 28 entries.
  for (const size_t size : {whole.size() - 1, size_t{20}, size_t{2}}) {
    ASSERT_OK_AND_ASSIGN(const auto cut,
                         MappedFile::Open(folder_.Write("cut.json", whole.substr(0, size))));
    EXPECT_THAT(SavedHessians(graph_).Add(cut), IsInvalidInput(HasSubstr("not 608"))) << size;
  }
}

}  // namespace
}  // namespace g4c::quantization
