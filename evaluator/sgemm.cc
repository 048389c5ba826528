#include "evaluator/sgemm.h"

#include <dnnl.h>
#include <omp.h>

#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// Rows one after the other, at least their length apart.
bool IsPlain(const Tensor& x) {
  const int r = x.rank();
  return (x.dims()[r - 1] == 1 || x.strides()[r - 1] == 1) &&
         (x.dims()[r - 2] == 1 || x.strides()[r - 2] >= x.dims()[r - 1]);
}

// Columns one after the other, at least their length apart.
bool IsSwapped(const Tensor& x) {
  const int r = x.rank();
  return (x.dims()[r - 2] == 1 || x.strides()[r - 2] == 1) &&
         (x.dims()[r - 1] == 1 || x.strides()[r - 1] >= x.dims()[r - 2]);
}

// oneDNN starts OpenMP threads of its own unless the calling thread asks for one.
void UseOneThread() {
  static thread_local const bool done = [] {
    omp_set_num_threads(1);
    return true;
  }();
  (void)done;
}

}  // namespace

Tensor AsMatrices(const Tensor& x) {
  const Tensor wide = WidenedToF32(x);
  return IsPlain(wide) || IsSwapped(wide) ? wide : RowMajor(wide);
}

Tensor BroadcastBatch(const Tensor& x, const Dims& batch) {
  Dims dims = batch;
  dims.insert(dims.end(), x.dims().end() - 2, x.dims().end());
  return x.BroadcastTo(dims);
}

Matrix MatrixAt(const Tensor& x, const Dims& index) {
  const int r = x.rank();
  int64_t offset = 0;
  for (size_t axis = 0; axis < index.size(); ++axis) offset += index[axis] * x.strides()[axis];
  const int64_t rows = x.dims()[r - 2], columns = x.dims()[r - 1];
  Matrix matrix;
  matrix.data =
      reinterpret_cast<const float*>(x.bytes() + offset * static_cast<int64_t>(sizeof(float)));
  matrix.transposed = !IsPlain(x);
  if (matrix.transposed) {
    matrix.leading = columns == 1 ? rows : x.strides()[r - 1];
  } else {
    matrix.leading = rows == 1 ? columns : x.strides()[r - 2];
  }
  return matrix;
}

void Sgemm(const Matrix& a, int64_t row, const Matrix& b, int64_t column, int64_t rows,
           int64_t columns, int64_t depth, float alpha, float beta, float* out, int64_t leading) {
  UseOneThread();
  const dnnl_status_t status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', rows, columns, depth, alpha,
                 a.At(row, 0), a.leading, b.At(0, column), b.leading, beta, out, leading);
  G4C_CHECK(status == dnnl_success);
}

}  // namespace g4c::evaluator
