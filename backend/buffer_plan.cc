#include "backend/buffer_plan.h"

#include "ir/quantize_constant.h"

namespace g4c::backend {
namespace {

template <typename T>
void AppendScalar(std::string& key, T value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
void AppendBytes(std::string& key, absl::Span<const T> values) {
  AppendScalar(key, values.size());
  key.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

std::string ContentKey(const ir::Value& constant, uint64_t size) {
  std::string key(size, '\0');
  ir::ReadStoredBytes(constant, 0, constant.constant->NumElements(),
                      absl::MakeSpan(reinterpret_cast<uint8_t*>(key.data()), size));
  return "c" + key;
}

// Equal keys mean equal bytes: the same elements, quantised alike.
std::string ViewKey(const ir::Value& constant) {
  const ir::Tensor& data = *constant.constant;
  std::string key = "v";
  AppendScalar(key, data.storage());
  AppendScalar(key, data.dtype());
  AppendScalar(key, ir::StoredDType(constant));
  const auto* channels = std::get_if<ir::QuantPerChannel>(&constant.quantization);
  if (channels == nullptr && data.IsContiguous()) {
    AppendScalar(key, data.NumElements());  // the shape is the tensor's matter
  } else {
    AppendBytes<int64_t>(key, data.dims());
    AppendBytes<int64_t>(key, data.strides());
  }
  if (channels != nullptr) {
    AppendScalar(key, channels->axis);
    AppendBytes<float>(key, channels->scales);
    AppendBytes<int64_t>(key, channels->zero_points);
  } else if (const auto* tensor = std::get_if<ir::QuantPerTensor>(&constant.quantization)) {
    AppendScalar(key, tensor->scale);
    AppendScalar(key, tensor->zero_point);
  }
  return key;
}

}  // namespace

int BufferPlan::Add(const ir::Value& constant) {
  const uint64_t size = ir::StoredBytes(constant, constant.constant->NumElements());
  if (size == 0) return 0;
  std::string key = size <= kSmall ? ContentKey(constant, size) : ViewKey(constant);
  const auto [it, inserted] = index_of_.try_emplace(std::move(key), buffers_.size() + 1);
  if (inserted) buffers_.push_back({constant, size});
  return it->second;
}

}  // namespace g4c::backend
