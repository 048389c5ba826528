#include "evaluator/integer_dot.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/status.h"

namespace g4c::evaluator {
namespace {

constexpr int64_t kRowTile = 32;     // rows of a that one task multiplies
constexpr int64_t kColumnTile = 64;  // rows of b whose sums are finished together

// s[r] = sum a[r][i] b[i] in 32 bits, which the caller makes sure are enough. gcc turns the loop
// into multiply-add instructions of 16-bit pairs.
inline __attribute__((always_inline)) void DotFourBody(const int16_t* const a[4], const int16_t* b,
                                                       int64_t n, int32_t s[4]) {
  const int16_t* const a0 = a[0];
  const int16_t* const a1 = a[1];
  const int16_t* const a2 = a[2];
  const int16_t* const a3 = a[3];
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t x = b[i];
    s0 += a0[i] * x;
    s1 += a1[i] * x;
    s2 += a2[i] * x;
    s3 += a3[i] * x;
  }
  s[0] = s0;
  s[1] = s1;
  s[2] = s2;
  s[3] = s3;
}

using DotFour = void (*)(const int16_t* const a[4], const int16_t* b, int64_t n, int32_t s[4]);

void DotFourPlain(const int16_t* const a[4], const int16_t* b, int64_t n, int32_t s[4]) {
  DotFourBody(a, b, n, s);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void DotFourAvx2(const int16_t* const a[4], const int16_t* b,
                                                 int64_t n, int32_t s[4]) {
  DotFourBody(a, b, n, s);
}
#endif

// The same integers either way.
DotFour ChooseDotFour() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return DotFourAvx2;
#endif
  return DotFourPlain;
}

// b as 256 high + low with low in [0, 255]: two operands whose products with 16-bit integers leave
// room for sums.
struct Halves {
  std::vector<int16_t> high;
  std::vector<int16_t> low;
};

Halves SplitBytes(const std::vector<int16_t>& data) {
  Halves halves{std::vector<int16_t>(data.size()), std::vector<int16_t>(data.size())};
  for (size_t i = 0; i < data.size(); ++i) {
    halves.low[i] = static_cast<int16_t>(data[i] & 255);
    halves.high[i] = static_cast<int16_t>((data[i] - halves.low[i]) / 256);
  }
  return halves;
}

// Elements that a 32-bit sum of products can take: 256 for 16 x 8 bits.
int64_t ChunkFor(int64_t max_a, int64_t max_b) {
  const int64_t chunk = INT32_MAX / (max_a * max_b);
  return chunk >= 16 ? chunk / 16 * 16 : chunk;
}

}  // namespace

PackedRows PackRows(const ir::Tensor& matrix) {
  G4C_CHECK(matrix.rank() == 2 && ir::BitWidth(matrix.dtype()) <= 16);
  const int64_t offset = Offset(matrix.dtype());
  PackedRows packed{matrix.dims()[0], matrix.dims()[1], 0, {}, {}};
  packed.max_abs =
      std::max(-(ir::MinOf(matrix.dtype()) - offset), ir::MaxOf(matrix.dtype()) - offset);
  packed.data.resize(packed.rows * packed.depth);
  packed.sums.resize(packed.rows);
  ParallelForRange(packed.rows, kRowTile, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> row(packed.depth);
    for (int64_t r = begin; r < end; ++r) {
      matrix.ReadInts(r * packed.depth, absl::MakeSpan(row));
      int16_t* out = packed.data.data() + r * packed.depth;
      int64_t sum = 0;
      for (int64_t i = 0; i < packed.depth; ++i) {
        out[i] = static_cast<int16_t>(row[i] - offset);
        sum += out[i];
      }
      packed.sums[r] = sum;
    }
  });
  return packed;
}

void MultiplyRows(const PackedRows& a, const PackedRows& b,
                  absl::FunctionRef<void(int64_t, int64_t, absl::Span<int64_t>)> finish) {
  const int64_t depth = a.depth;
  G4C_CHECK(depth == b.depth && depth < (int64_t{1} << 31));
  const DotFour dot = ChooseDotFour();
  const bool split = a.max_abs > 255 && b.max_abs > 255;
  const Halves halves = split ? SplitBytes(b.data) : Halves{};
  const int64_t chunk = ChunkFor(a.max_abs, split ? 255 : b.max_abs);

  ParallelForRange(a.rows, kRowTile, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> sums(kRowTile * kColumnTile);
    for (int64_t column = 0; column < b.rows; column += kColumnTile) {
      const int64_t columns = std::min(kColumnTile, b.rows - column);
      for (int64_t c = 0; c < columns; ++c) {
        for (int64_t row = begin; row < end; row += 4) {
          int64_t total[4] = {};
          for (int64_t k = 0; k < depth; k += chunk) {
            const int64_t n = std::min(chunk, depth - k);
            const int64_t at = (column + c) * depth + k;
            const int16_t* rows[4];
            for (int r = 0; r < 4; ++r) {  // a last group of fewer rows repeats its last one
              rows[r] = a.data.data() + std::min(row + r, end - 1) * depth + k;
            }
            int32_t low[4];
            int32_t high[4] = {};
            dot(rows, split ? halves.low.data() + at : b.data.data() + at, n, low);
            if (split) dot(rows, halves.high.data() + at, n, high);
            for (int r = 0; r < 4; ++r) total[r] += low[r] + int64_t{256} * high[r];
          }
          for (int64_t r = row; r < std::min(row + 4, end); ++r) {
            sums[(r - begin) * kColumnTile + c] = total[r - row];
          }
        }
      }
      for (int64_t row = begin; row < end; ++row) {
        finish(row, column, absl::MakeSpan(sums).subspan((row - begin) * kColumnTile, columns));
      }
    }
  });
}

}  // namespace g4c::evaluator
