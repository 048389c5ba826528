#include "evaluator/integer_dot.h"

#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "base/status.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace g4c::evaluator {
namespace {

// A block of sums that stays in registers: rows of a by columns (rows of b).
constexpr int kBlockRows = 6;
constexpr int kBlockColumns = 16;
constexpr int64_t kRowTile = 8 * kBlockRows;  // rows of a that one task multiplies

// Sums of `pairs` products of pairs in 32 bits, which the caller makes sure are enough. a: rows of
// int16. panel: for each pair of elements, those of all columns side by side.
using BlockSums = void (*)(const int16_t* const a[kBlockRows], const int16_t* panel, int64_t pairs,
                           int32_t sums[kBlockRows][kBlockColumns]);

void BlockSumsPlain(const int16_t* const a[kBlockRows], const int16_t* panel, int64_t pairs,
                    int32_t sums[kBlockRows][kBlockColumns]) {
  std::memset(sums, 0, sizeof(int32_t) * kBlockRows * kBlockColumns);
  for (int64_t p = 0; p < pairs; ++p) {
    const int16_t* b = panel + p * 2 * kBlockColumns;
    for (int r = 0; r < kBlockRows; ++r) {
      const int32_t first = a[r][2 * p], second = a[r][2 * p + 1];
      for (int c = 0; c < kBlockColumns; ++c) {
        sums[r][c] += first * b[2 * c] + second * b[2 * c + 1];
      }
    }
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void BlockSumsAvx2(const int16_t* const a[kBlockRows],
                                                   const int16_t* panel, int64_t pairs,
                                                   int32_t sums[kBlockRows][kBlockColumns]) {
  __m256i low[kBlockRows], high[kBlockRows];
  for (int r = 0; r < kBlockRows; ++r) low[r] = high[r] = _mm256_setzero_si256();
  for (int64_t p = 0; p < pairs; ++p) {
    const auto* b = reinterpret_cast<const __m256i*>(panel + p * 2 * kBlockColumns);
    const __m256i b0 = _mm256_loadu_si256(b), b1 = _mm256_loadu_si256(b + 1);
#pragma GCC unroll 6
    for (int r = 0; r < kBlockRows; ++r) {
      int32_t pair;
      std::memcpy(&pair, a[r] + 2 * p, sizeof(pair));
      const __m256i x = _mm256_set1_epi32(pair);
      // The sum of two products of 16 bits: exact but for four times -32768, which never meet.
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(x, b0));
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(x, b1));
    }
  }
  for (int r = 0; r < kBlockRows; ++r) {
    auto* out = reinterpret_cast<__m256i*>(sums[r]);
    _mm256_storeu_si256(out, low[r]);
    _mm256_storeu_si256(out + 1, high[r]);
  }
}
#endif

// The same integers either way.
BlockSums ChooseBlockSums() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return BlockSumsAvx2;
#endif
  return BlockSumsPlain;
}

// b in panels of kBlockColumns rows, zeros behind the last one. `part` of an element: all of it, or
// a half of b = 256 high + low with low in [0, 255]: two operands whose products with 16-bit
// integers leave room for sums.
enum class Part { kWhole, kLow, kHigh };

int16_t PartOf(int16_t value, Part part) {
  if (part == Part::kWhole) return value;
  const int16_t low = static_cast<int16_t>(value & 255);
  return part == Part::kLow ? low : static_cast<int16_t>((value - low) / 256);
}

std::vector<int16_t> Panels(const PackedRows& b, Part part) {
  const int64_t panels = (b.rows + kBlockColumns - 1) / kBlockColumns;
  std::vector<int16_t> out(panels * b.stride * kBlockColumns);
  ParallelFor(panels, [&](int64_t panel) {
    int16_t* to = out.data() + panel * b.stride * kBlockColumns;
    const int64_t columns = std::min<int64_t>(kBlockColumns, b.rows - panel * kBlockColumns);
    for (int64_t c = 0; c < columns; ++c) {
      const int16_t* from = b.data.data() + (panel * kBlockColumns + c) * b.stride;
      for (int64_t k = 0; k < b.stride; k += 2) {
        to[k * kBlockColumns + 2 * c] = PartOf(from[k], part);
        to[k * kBlockColumns + 2 * c + 1] = PartOf(from[k + 1], part);
      }
    }
  });
  return out;
}

// Elements, an even number, that a 32-bit sum of products can take: 256 for 16 x 8 bits.
int64_t ChunkFor(int64_t max_a, int64_t max_b) {
  const int64_t chunk = INT32_MAX / (max_a * max_b);
  return std::max<int64_t>(2, chunk / 2 * 2);
}

template <typename T>
void PackRow(const T* from, int64_t step, int64_t count, int32_t offset, int16_t* to,
             int64_t* sum) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<int16_t>(from[i * step] - offset);
  }
  for (int64_t i = 0; i < count; ++i) total += to[i];
  *sum = total;
}

template <typename T>
void PackTyped(const ir::Tensor& matrix, int32_t offset, PackedRows& packed) {
  const T* data = matrix.data<T>();
  const int64_t row_step = matrix.strides()[0], step = matrix.strides()[1];
  ParallelForRange(packed.rows, kRowTile, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      int16_t* out = packed.data.data() + r * packed.stride;
      const T* from = data + r * row_step;
      // Two calls, so that the one for neighbours is compiled for them.
      if (step == 1) {
        PackRow(from, 1, packed.depth, offset, out, &packed.sums[r]);
      } else {
        PackRow(from, step, packed.depth, offset, out, &packed.sums[r]);
      }
    }
  });
}

}  // namespace

PackedRows PackRows(const ir::Tensor& given) {
  G4C_CHECK(given.rank() == 2 && ir::BitWidth(given.dtype()) <= 16);
  const bool aligned =
      reinterpret_cast<uintptr_t>(given.bytes()) % ir::ByteWidth(given.dtype()) == 0;
  const ir::Tensor matrix = aligned ? given : given.Contiguous();
  const int64_t offset = Offset(matrix.dtype());
  const int64_t depth = matrix.dims()[1];
  PackedRows packed{matrix.dims()[0], depth, (depth + 1) / 2 * 2, 0, {}, {}};
  packed.max_abs =
      std::max(-(ir::MinOf(matrix.dtype()) - offset), ir::MaxOf(matrix.dtype()) - offset);
  packed.data.resize(packed.rows * packed.stride);
  packed.sums.resize(packed.rows);
  const int32_t shift = static_cast<int32_t>(offset);
  const bool is_signed = ir::MinOf(matrix.dtype()) < 0;
  if (ir::ByteWidth(matrix.dtype()) == 2) {
    is_signed ? PackTyped<int16_t>(matrix, shift, packed)
              : PackTyped<uint16_t>(matrix, shift, packed);
  } else {
    is_signed ? PackTyped<int8_t>(matrix, shift, packed)
              : PackTyped<uint8_t>(matrix, shift, packed);
  }
  return packed;
}

void MultiplyRows(const PackedRows& a, const PackedRows& b,
                  absl::FunctionRef<void(int64_t, int64_t, absl::Span<int64_t>)> finish) {
  G4C_CHECK(a.depth == b.depth && a.depth < (int64_t{1} << 31));
  static_assert(kMaxSums % kBlockColumns == 0);
  const BlockSums block_sums = ChooseBlockSums();
  const bool split = a.max_abs > 255 && b.max_abs > 255;
  const std::vector<int16_t> low = Panels(b, split ? Part::kLow : Part::kWhole);
  const std::vector<int16_t> high = split ? Panels(b, Part::kHigh) : std::vector<int16_t>{};
  const int64_t depth = a.stride;
  const int64_t chunk = ChunkFor(a.max_abs, split ? 255 : b.max_abs);

  ParallelForRange(a.rows, kRowTile, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> sums(kRowTile * kMaxSums);
    for (int64_t first = 0; first < b.rows; first += kMaxSums) {
      const int64_t columns = std::min(kMaxSums, b.rows - first);
      std::fill(sums.begin(), sums.end(), 0);
      for (int64_t column = 0; column < columns; column += kBlockColumns) {
        for (int64_t row = begin; row < end; row += kBlockRows) {
          for (int64_t k = 0; k < depth; k += chunk) {
            const int64_t pairs = std::min(chunk, depth - k) / 2;
            const int64_t at = (first + column) * depth + k * kBlockColumns;
            const int16_t* rows[kBlockRows];
            for (int r = 0; r < kBlockRows; ++r) {  // a last block of fewer rows repeats its last
              rows[r] = a.data.data() + std::min(row + r, end - 1) * depth + k;
            }
            const int64_t used = std::min<int64_t>(kBlockRows, end - row);
            int32_t block[kBlockRows][kBlockColumns];
            const auto add = [&](int64_t factor) {
              for (int64_t r = 0; r < used; ++r) {
                int64_t* to = sums.data() + (row - begin + r) * kMaxSums + column;
                for (int c = 0; c < kBlockColumns; ++c) to[c] += factor * block[r][c];
              }
            };
            block_sums(rows, low.data() + at, pairs, block);
            add(1);
            if (!split) continue;
            block_sums(rows, high.data() + at, pairs, block);
            add(256);
          }
        }
      }
      for (int64_t row = begin; row < end; ++row) {
        finish(row, first, absl::MakeSpan(sums).subspan((row - begin) * kMaxSums, columns));
      }
    }
  });
}

}  // namespace g4c::evaluator
