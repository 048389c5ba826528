// From real constants to the integers that a file stores, block by block.
#ifndef IR_QUANTIZE_CONSTANT_H_
#define IR_QUANTIZE_CONSTANT_H_

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::ir {

// q = saturate(round_half_even(x / scale) + zero_point). Up to 16 bits exactly as ONNX Runtime's
// QuantizeLinear: the division is in f32. Wider dtypes (biases, which QuantizeLinear does not know)
// divide in f64. f32 -> any integer dtype of QuantDType; NaN is the caller's error (it gives the
// dtype's smallest integer).
int64_t QuantizeReal(float x, float scale, int64_t zero_point, DType dtype);

// The stored integers of elements [begin, begin + out.size()) of a constant with qparams, in
// row-major order. Data that is already of the qparams' dtype is passed through.
void ReadStoredInts(const Value& value, int64_t begin, absl::Span<int32_t> out);
void ReadStoredInts(const Value& value, int64_t begin, absl::Span<int64_t> out);

// The bytes that a file holds for elements [begin, begin + count) of any constant: stored integers
// for a value with qparams (i4 and u4 packed two a byte, the even element in the low half; begin
// must then be even), else the elements of its logical type. `out` has StoredBytes(value, count)
// bytes.
void ReadStoredBytes(const Value& value, int64_t begin, int64_t count, absl::Span<uint8_t> out);
int64_t StoredBytes(const Value& value, int64_t count);
// The same bytes where the constant already holds them in this form (a view of its data); nullopt
// where they have to be made.
absl::optional<absl::Span<const uint8_t>> StoredInPlace(const Value& value, int64_t begin,
                                                        int64_t count);
// The dtype that a file gives a value: QuantDType with qparams, else its logical dtype.
DType StoredDType(const Value& value);

}  // namespace g4c::ir

#endif  // IR_QUANTIZE_CONSTANT_H_
