#include "passes/computed_weights.h"

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "base/spill_file.h"

namespace g4c::passes {
namespace {

using ir::Tensor;

// Elements between neighbours of an axis.
int64_t InnerOf(const Tensor& data, int axis) {
  int64_t inner = 1;
  for (int i = axis + 1; i < data.rank(); ++i) inner *= data.dims()[i];
  return inner;
}

class TakenRows : public ir::TensorSource {
 public:
  // Rows are read one by one: what makes several at a time is computed once.
  TakenRows(const Tensor& data, const ir::Ints& order)
      : row_(InnerOf(data, 0)),
        data_(data.ReadUnit() > row_ ? data.Contiguous() : data),
        order_(order) {}

  void Read(int64_t begin, int64_t count, uint8_t* out) const override {
    const int width = ir::ByteWidth(data_.dtype());
    while (count > 0) {
      const int64_t column = begin % row_;
      const int64_t n = std::min(count, row_ - column);
      data_.ReadElements(order_[begin / row_] * row_ + column, n, out);
      out += n * width;
      begin += n;
      count -= n;
    }
  }

 private:
  int64_t row_;
  Tensor data_;
  ir::Ints order_;
};

class ScaledAxis : public ir::TensorSource {
 public:
  ScaledAxis(const Tensor& data, int axis, std::vector<float> factors)
      : data_(data),
        factors_(std::move(factors)),
        inner_(factors_.size() == 1 ? std::max<int64_t>(data.NumElements(), 1)
                                    : InnerOf(data, axis)) {}

  void Read(int64_t begin, int64_t count, uint8_t* out) const override {
    float* x = reinterpret_cast<float*>(out);
    data_.ReadFloats(begin, {x, static_cast<size_t>(count)});
    const int64_t channels = static_cast<int64_t>(factors_.size());
    for (int64_t done = 0; done < count;) {
      const int64_t channel = (begin + done) / inner_ % channels;
      int64_t n;
      if (inner_ == 1) {
        n = std::min(count - done, channels - channel);
        const float* factors = factors_.data() + channel;
        for (int64_t i = 0; i < n; ++i) x[done + i] *= factors[i];
      } else {
        n = std::min(count - done, inner_ - (begin + done) % inner_);
        const float factor = factors_[channel];
        for (int64_t i = 0; i < n; ++i) x[done + i] *= factor;
      }
      done += n;
    }
  }
  int64_t unit() const override { return data_.ReadUnit(); }

 private:
  Tensor data_;
  std::vector<float> factors_;
  int64_t inner_;
};

Tensor Stored(const Tensor& data, SpillFile* file) {
  if (file == nullptr) return data;
  const absl::StatusOr<SpillFile::Place> place = file->Write(data.ContiguousBytes());
  if (!place.ok()) return data;
  const absl::StatusOr<std::shared_ptr<const uint8_t>> bytes = file->Map(*place);
  if (!bytes.ok()) return data;
  return *Tensor::View(data.dtype(), data.dims(), {bytes->get(), place->size}, *bytes);
}

}  // namespace

Tensor Computed(ir::DType dtype, const ir::Dims& dims,
                std::shared_ptr<const ir::TensorSource> source) {
  Tensor data = Tensor::Computed(dtype, dims, std::move(source));
  return data.NumBytes() <= kComputedAtOnce ? data.Contiguous() : data;
}

Tensor TakeRows(const Tensor& data, const ir::Ints& order) {
  ir::Dims dims = data.dims();
  dims[0] = static_cast<int64_t>(order.size());
  return Computed(data.dtype(), dims, std::make_shared<TakenRows>(data, order));
}

Tensor ScaleAxis(const Tensor& data, int axis, std::vector<float> factors) {
  return Computed(ir::DType::kF32, data.dims(),
                  std::make_shared<ScaledAxis>(data, axis, std::move(factors)));
}

void StoreComputed(ir::Graph& graph) {
  std::unique_ptr<SpillFile> file;
  absl::flat_hash_map<const void*, Tensor> stored;
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    if (!graph.IsConstant(id) || !graph.value(id).constant->IsComputed()) continue;
    const Tensor computed = *graph.value(id).constant;
    if (file == nullptr && stored.empty()) {
      absl::StatusOr<std::unique_ptr<SpillFile>> made = SpillFile::Create();
      if (made.ok()) file = *std::move(made);
    }
    Tensor& data = stored[computed.storage()];
    if (data.NumElements() == 0) data = Stored(computed.Contiguous(), file.get());
    graph.SetConstant(id, data.Reshaped(computed.dims()).Retyped(computed.dtype()));
  }
}

}  // namespace g4c::passes
