// Kernels on contiguous f32 rows: what softmax, norms and the transcendental functions need.
// Results are the same bits on every machine (evaluator/vector.h); out may be in.
#ifndef EVALUATOR_FAST_ROWS_H_
#define EVALUATOR_FAST_ROWS_H_

#include <cstdint>

namespace g4c::evaluator {

// out = exp(beta x - max(beta x)) / sum. Relative error below 5e-7 for rows of a few thousand, and
// what rounding the exponents adds: 2^-24 of |beta x| (unless beta is 1) and of their difference.
void SoftmaxRow(const float* in, float* out, int64_t count, float beta);

// Its three passes. row = (row + bias) beta, bias null or `count` elements; returns the largest.
float BiasedMaxRow(float* row, const float* bias, int64_t count, float beta);
// row = exp(row - max), max being at least the largest; returns the sum.
double ExpSumRow(float* row, int64_t count, float max);
// row = row * factor.
void ScaleRow(float* row, int64_t count, float factor);

// out = in / sqrt(mean(in^2) + epsilon) * gain. gain: null, or `count` elements. Relative error
// below 1e-6.
void RmsNormRow(const float* in, const float* gain, float* out, int64_t count, float epsilon);

// Element by element, |error| <= 3e-7 * max(1, |exact|).
void ExpRun(const float* in, float* out, int64_t count);
void TanhRun(const float* in, float* out, int64_t count);
void LogisticRun(const float* in, float* out, int64_t count);
// The tanh form of GELU and the erf form.
void GeluTanhRun(const float* in, float* out, int64_t count);
void GeluErfRun(const float* in, float* out, int64_t count);
void ErfRun(const float* in, float* out, int64_t count);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_ROWS_H_
