// Writing to a place of an open file, whole.
#ifndef BASE_WRITE_ALL_H_
#define BASE_WRITE_ALL_H_

#include <cstdint>

#include "absl/types/span.h"

namespace g4c {

// Writes all bytes from `offset` on, however the system cuts them up or is interrupted. Returns 0,
// or errno.
int WriteAll(int descriptor, uint64_t offset, absl::Span<const uint8_t> bytes);

}  // namespace g4c

#endif  // BASE_WRITE_ALL_H_
