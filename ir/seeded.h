// Numbers from a seed: test constants and made-up samples. The same on every machine.
#ifndef IR_SEEDED_H_
#define IR_SEEDED_H_

#include <cstdint>

#include "ir/tensor.h"

namespace g4c::ir {

// The 64-bit number `counter` of a sequence (SplitMix64: Steele, Lea, Flood 2014).
uint64_t SeededBits(uint64_t seed, uint64_t counter);

// Near standard normal: the sum of eight uniform numbers, scaled to variance 1; within +-4.9. Only
// exact operations, so that no mathematical library decides a bit.
float SeededNormal(uint64_t seed, uint64_t counter);

// Floats: SeededNormal. Signed integers: -8..7, unsigned ones: 0..15. Bool: either.
Tensor SeededTensor(DType dtype, Dims dims, uint64_t seed);

}  // namespace g4c::ir

#endif  // IR_SEEDED_H_
