#include "ir/digest.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"

namespace g4c::ir {
namespace {

constexpr uint64_t kC1 = 0x87c37b91114253d5;
constexpr uint64_t kC2 = 0x4cf5ad432745937f;

uint64_t MixK1(uint64_t k) { return std::rotl(k * kC1, 31) * kC2; }
uint64_t MixK2(uint64_t k) { return std::rotl(k * kC2, 33) * kC1; }

uint64_t Finish(uint64_t k) {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
  return k ^ (k >> 33);
}

}  // namespace

void Digest::Block(const uint8_t* block) {
  uint64_t k[2];
  std::memcpy(k, block, sizeof(k));
  h1_ = (std::rotl(h1_ ^ MixK1(k[0]), 27) + h2_) * 5 + 0x52dce729;
  h2_ = (std::rotl(h2_ ^ MixK2(k[1]), 31) + h1_) * 5 + 0x38495ab5;
}

void Digest::Update(absl::Span<const uint8_t> bytes) {
  const uint8_t* p = bytes.data();
  size_t left = bytes.size();
  const size_t pending = size_ % 16;
  size_ += left;
  if (pending != 0) {
    const size_t taken = std::min(left, 16 - pending);
    std::memcpy(tail_ + pending, p, taken);
    p += taken;
    left -= taken;
    if (pending + taken < 16) return;
    Block(tail_);
  }
  for (; left >= 16; p += 16, left -= 16) Block(p);
  if (left > 0) std::memcpy(tail_, p, left);
}

std::string Digest::Hex() const {
  uint64_t h1 = h1_, h2 = h2_;
  const size_t pending = size_ % 16;
  if (pending > 0) {
    uint64_t k[2] = {};
    std::memcpy(k, tail_, pending);
    h1 ^= MixK1(k[0]);
    if (pending > 8) h2 ^= MixK2(k[1]);
  }
  h1 ^= size_;
  h2 ^= size_;
  h1 += h2;
  h2 += h1;
  h1 = Finish(h1);
  h2 = Finish(h2);
  h1 += h2;
  h2 += h1;
  return absl::StrFormat("%016x%016x", h1, h2);
}

void VisitBytes(const Tensor& tensor, absl::FunctionRef<bool(absl::Span<const uint8_t>)> fn) {
  if (tensor.NumElements() == 0) return;
  if (tensor.IsContiguous() || tensor.IsComputed()) {
    fn(tensor.Contiguous().ContiguousBytes());
    return;
  }
  // Blocks of whole rows behind `axis`, a few indices of `axis` at a time.
  constexpr int64_t kBlock = 1 << 16;
  int axis = tensor.rank() - 1;
  int64_t inner = 1;
  while (axis > 0 && inner * tensor.dims()[axis] <= kBlock) inner *= tensor.dims()[axis--];
  if (tensor.rank() == 0) {
    fn(tensor.Contiguous().ContiguousBytes());
    return;
  }
  const int64_t step = std::max<int64_t>(1, kBlock / inner);
  const Dims outer(tensor.dims().begin(), tensor.dims().begin() + axis);
  const Dims strides(axis, 0);
  for (StridedIndex index(outer, strides); !index.AtEnd(); index.Next()) {
    Tensor row = tensor;
    for (int i = 0; i < axis; ++i) row = row.Sliced(i, index.index()[i], 1);
    for (int64_t begin = 0; begin < tensor.dims()[axis]; begin += step) {
      const Tensor block =
          row.Sliced(axis, begin, std::min(step, tensor.dims()[axis] - begin)).Contiguous();
      if (!fn(block.ContiguousBytes())) return;
    }
  }
}

std::string ContentDigest(const Tensor& tensor) {
  if (tensor.opaque_digest() != nullptr) return *tensor.opaque_digest();
  Digest digest;
  VisitBytes(tensor, [&digest](absl::Span<const uint8_t> bytes) {
    digest.Update(bytes);
    return true;
  });
  return digest.Hex();
}

}  // namespace g4c::ir
