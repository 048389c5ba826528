// A digest of content: tells dumped constants apart. Not for security.
#ifndef IR_DIGEST_H_
#define IR_DIGEST_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "ir/tensor.h"

namespace g4c::ir {

// 128 bits over a stream of bytes (MurmurHash3_x64_128, Appleby 2011). How the stream is cut does
// not matter.
class Digest {
 public:
  void Update(absl::Span<const uint8_t> bytes);
  // 32 hexadecimal digits.
  std::string Hex() const;

 private:
  void Block(const uint8_t* block);

  uint64_t h1_ = 0, h2_ = 0;
  uint64_t size_ = 0;
  uint8_t tail_[16] = {};
};

// The bytes of the elements in row-major order, block by block, without a copy of the whole; stops
// when fn returns false.
void VisitBytes(const Tensor& tensor, absl::FunctionRef<bool(absl::Span<const uint8_t>)> fn);

// The digest of an opaque tensor is the one it was made with.
std::string ContentDigest(const Tensor& tensor);

}  // namespace g4c::ir

#endif  // IR_DIGEST_H_
