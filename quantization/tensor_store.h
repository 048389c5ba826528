// Tensors that wait for their next use, in bounded memory.
#ifndef QUANTIZATION_TENSOR_STORE_H_
#define QUANTIZATION_TENSOR_STORE_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/spill_file.h"
#include "ir/tensor.h"

namespace g4c::quantization {

// What is kept in memory of the activations of all samples, unless the user says otherwise.
inline constexpr int64_t kActivationMemoryBytes = int64_t{1} << 30;

// Not for several threads at once; must outlive what it holds.
class TensorStore {
 public:
  // Of the tensors that are held at a time, those past `memory_bytes` lie in a temporary file
  // (base/spill_file.h), which is made when the first one does.
  explicit TensorStore(int64_t memory_bytes) : memory_left_(memory_bytes) {}

  // A tensor that is held until this is gone.
  class Held {
   public:
    Held(Held&& other) noexcept { *this = std::move(other); }
    Held& operator=(Held&& other) noexcept;
    ~Held() { Release(); }

    // The same elements; a spilled tensor is mapped while the result lives, which must not outlive
    // this.
    absl::StatusOr<ir::Tensor> Load() const;

   private:
    friend class TensorStore;
    Held(TensorStore* store, ir::Tensor in_memory)
        : store_(store), bytes_(in_memory.NumBytes()), in_memory_(std::move(in_memory)) {}
    Held(TensorStore* store, const ir::Tensor& tensor, SpillFile::Place place)
        : store_(store), dtype_(tensor.dtype()), dims_(tensor.dims()), place_(place) {}
    void Release();

    TensorStore* store_ = nullptr;  // null: nothing is held
    int64_t bytes_ = 0;             // of memory
    absl::optional<ir::Tensor> in_memory_;
    ir::DType dtype_ = ir::DType::kF32;  // this and below: of a spilled tensor
    ir::Dims dims_;
    SpillFile::Place place_;
  };

  // WriteFailed where the temporary file cannot be made or written.
  absl::StatusOr<Held> Hold(const ir::Tensor& tensor);

  // How far the temporary file reached; 0 without one.
  int64_t spilled_bytes() const {
    return file_ == nullptr ? 0 : static_cast<int64_t>(file_->size());
  }

 private:
  int64_t memory_left_;
  std::unique_ptr<SpillFile> file_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_TENSOR_STORE_H_
