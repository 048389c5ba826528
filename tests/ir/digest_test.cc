#include "ir/digest.h"

#include <gtest/gtest.h>

#include "ir/seeded.h"

namespace g4c::ir {
namespace {

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string DigestOf(absl::string_view text) {
  Digest digest;
  digest.Update(BytesOf(text));
  return digest.Hex();
}

// Published values of MurmurHash3_x64_128 with seed 0.
TEST(Digest, IsMurmurHash3) {
  EXPECT_EQ(DigestOf(""), "00000000000000000000000000000000");
  EXPECT_EQ(DigestOf("hello"), "cbd8a7b341bd9b025b1e906a48ae1d19");
  EXPECT_EQ(DigestOf("The quick brown fox jumps over the lazy dog"),
            "e34bbc7bbc071b6c7a433ca9c49a9347");
}

TEST(Digest, DoesNotDependOnTheCuts) {
  const std::string text = "The quick brown fox jumps over the lazy dog, twice over the lazy dog.";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    for (size_t second = cut; second <= text.size(); second += 5) {
      Digest digest;
      digest.Update(BytesOf(absl::string_view(text).substr(0, cut)));
      digest.Update(BytesOf(absl::string_view(text).substr(cut, second - cut)));
      digest.Update(BytesOf(absl::string_view(text).substr(second)));
      EXPECT_EQ(digest.Hex(), DigestOf(text)) << cut << " " << second;
    }
  }
}

TEST(ContentDigest, IsThatOfTheRowMajorCopy) {
  const Tensor base = SeededTensor(DType::kF32, {7, 300, 90}, 1);
  const int perm[] = {2, 0, 1};
  const int swap[] = {1, 0};
  const Tensor views[] = {base,
                          base.Transposed(perm),
                          base.Sliced(1, 299, 100, -3),
                          base.Sliced(2, 1, 1),
                          Tensor::ScalarF32(3).BroadcastTo({100000}),
                          Tensor::ScalarF32(3).BroadcastTo({2, 100000}).Transposed(swap),
                          base.Sliced(0, 0, 0),
                          Tensor::ScalarI64(4)};
  for (const Tensor& view : views) {
    Digest expected;
    const Tensor copy = view.Contiguous();
    expected.Update(copy.ContiguousBytes());
    EXPECT_EQ(ContentDigest(view), expected.Hex()) << ShapeText(Shape(view.dims()));
  }
  EXPECT_NE(ContentDigest(base), ContentDigest(base.Transposed(perm)));
  EXPECT_EQ(ContentDigest(Tensor::Opaque(DType::kF32, {3}, "abc")), "abc");
}

}  // namespace
}  // namespace g4c::ir
