#include "evaluator/fast_matmul.h"

#include <dnnl.h>
#include <omp.h>

#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// Rows and columns of a tile of the result: large enough for a product near the machine's peak,
// small enough that one linear layer of an image gives every core of a large machine some.
constexpr int64_t kTileRows = 256;
constexpr int64_t kTileColumns = 768;

// One matrix of an operand as BLAS takes it.
struct Matrix {
  const float* data;  // may be misaligned: oneDNN's loads are unaligned ones
  bool transposed;
  int64_t leading;

  const float* At(int64_t row, int64_t column) const {
    const int64_t offset = transposed ? column * leading + row : row * leading + column;
    return reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(data) +
                                          offset * sizeof(float));
  }
};

// Whether BLAS can read the last two axes: one of them contiguous, the other one's stride at least
// its length.
bool IsBlas(const Tensor& x) {
  const int r = x.rank();
  const int64_t rows = x.dims()[r - 2], columns = x.dims()[r - 1];
  const int64_t row_stride = x.strides()[r - 2], column_stride = x.strides()[r - 1];
  const bool plain = (columns == 1 || column_stride == 1) && (rows == 1 || row_stride >= columns);
  const bool swapped = (rows == 1 || row_stride == 1) && (columns == 1 || column_stride >= rows);
  return plain || swapped;
}

Matrix MatrixAt(const Tensor& x, const Dims& index) {
  const int r = x.rank();
  int64_t offset = 0;
  for (size_t axis = 0; axis < index.size(); ++axis) offset += index[axis] * x.strides()[axis];
  const int64_t rows = x.dims()[r - 2], columns = x.dims()[r - 1];
  const int64_t row_stride = x.strides()[r - 2], column_stride = x.strides()[r - 1];
  const bool plain = (columns == 1 || column_stride == 1) && (rows == 1 || row_stride >= columns);
  Matrix matrix;
  matrix.data =
      reinterpret_cast<const float*>(x.bytes() + offset * static_cast<int64_t>(sizeof(float)));
  matrix.transposed = !plain;
  matrix.leading =
      plain ? (rows == 1 ? columns : row_stride) : (columns == 1 ? rows : column_stride);
  return matrix;
}

// oneDNN starts OpenMP threads of its own unless the calling thread asks for one.
void UseOneThread() {
  static thread_local const bool done = [] {
    omp_set_num_threads(1);
    return true;
  }();
  (void)done;
}

Tensor Prepared(const Tensor& x) {
  const Tensor wide = WidenedToF32(x);
  return IsBlas(wide) ? wide : RowMajor(wide);
}

Tensor Broadcast(const Tensor& x, const Dims& batch) {
  Dims dims = batch;
  dims.insert(dims.end(), x.dims().end() - 2, x.dims().end());
  return x.BroadcastTo(dims);
}

}  // namespace

Tensor FastMatMul(const Tensor& given_a, const Tensor& given_b, const Dims& dims,
                  const MatMulOptions& options) {
  Tensor a = given_a;
  const Tensor b = Prepared(given_b);
  const int64_t k = a.dims().back();
  const int64_t n = b.dims().back();
  const auto lead = [](const Tensor& x) { return Dims(x.dims().begin(), x.dims().end() - 2); };
  Dims batch = ir::BroadcastShapes(ir::Shape(lead(a)), ir::Shape(lead(b)))->dims();
  if (a.rank() > 2 && ir::NumElements(lead(b)) == 1 && batch == lead(a)) {
    // One matrix on the right: the left one has all rows.
    a = ReshapedTo(a, {ir::NumElements(batch) * a.dims()[a.rank() - 2], k});
    batch.clear();
  }
  a = Prepared(a);
  const int64_t m = a.dims()[a.rank() - 2];
  const Tensor wide_a = Broadcast(a, batch);
  const Tensor wide_b = batch.empty() ? b : Broadcast(b, batch);

  Tensor out = Tensor::Allocate(ir::DType::kF32, dims);
  if (out.NumElements() == 0) return out;
  float* to = out.mutable_data<float>();
  std::vector<float> bias;
  if (options.bias != nullptr) bias = options.bias->Floats();
  const int64_t row_tiles = (m + kTileRows - 1) / kTileRows;
  const int64_t column_tiles = (n + kTileColumns - 1) / kTileColumns;
  const Dims batch_strides = ir::RowMajorStrides(batch);
  ParallelFor(ir::NumElements(batch) * row_tiles * column_tiles, [&](int64_t tile) {
    const int64_t column = tile % column_tiles * kTileColumns;
    const int64_t row = tile / column_tiles % row_tiles * kTileRows;
    const int64_t matrix = tile / column_tiles / row_tiles;
    const ir::StridedIndex at(batch, batch_strides, matrix);
    const Matrix left = MatrixAt(wide_a, at.index());
    const Matrix right = MatrixAt(wide_b, at.index());
    const int64_t rows = std::min(kTileRows, m - row);
    const int64_t columns = std::min(kTileColumns, n - column);
    float* result = to + (matrix * m + row) * n + column;
    if (!bias.empty() || k == 0) {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j)
          result[i * n + j] = bias.empty() ? 0 : bias[column + j];
      }
    }
    if (k > 0) {
      UseOneThread();
      const dnnl_status_t status =
          dnnl_sgemm(left.transposed ? 'T' : 'N', right.transposed ? 'T' : 'N', rows, columns, k,
                     options.alpha, left.At(row, 0), left.leading, right.At(0, column),
                     right.leading, bias.empty() ? 0.0f : 1.0f, result, n);
      G4C_CHECK(status == dnnl_success);
    }
    if (options.low == -__builtin_inff() && options.high == __builtin_inff()) return;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        float& value = result[i * n + j];
        value = value < options.low ? options.low : value > options.high ? options.high : value;
      }
    }
  });
  return out;
}

}  // namespace g4c::evaluator
