#include "quantization/tensor_store.h"

namespace g4c::quantization {

using ir::Tensor;

absl::StatusOr<TensorStore::Held> TensorStore::Hold(const Tensor& tensor) {
  const Tensor whole = tensor.Contiguous();
  if (whole.NumBytes() <= memory_left_) {
    memory_left_ -= whole.NumBytes();
    return Held(this, whole);
  }
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, SpillFile::Create());
  }
  ASSIGN_OR_RETURN(const SpillFile::Place place, file_->Write(whole.ContiguousBytes()));
  return Held(this, whole, place);
}

TensorStore::Held& TensorStore::Held::operator=(Held&& other) noexcept {
  if (this == &other) return *this;
  Release();
  store_ = std::exchange(other.store_, nullptr);
  bytes_ = other.bytes_;
  in_memory_ = std::exchange(other.in_memory_, absl::nullopt);
  dtype_ = other.dtype_;
  dims_ = std::move(other.dims_);
  place_ = other.place_;
  return *this;
}

absl::StatusOr<Tensor> TensorStore::Held::Load() const {
  if (in_memory_) return *in_memory_;
  ASSIGN_OR_RETURN(std::shared_ptr<const uint8_t> mapped, store_->file_->Map(place_));
  const absl::Span<const uint8_t> bytes(mapped.get(), place_.size);
  return Tensor::View(dtype_, dims_, bytes, std::move(mapped));
}

void TensorStore::Held::Release() {
  if (store_ == nullptr) return;
  if (in_memory_) {
    store_->memory_left_ += bytes_;
  } else {
    store_->file_->Free(place_);
  }
  store_ = nullptr;
}

}  // namespace g4c::quantization
