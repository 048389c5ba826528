// TensorProto -> ir::Tensor: inline or external, without copying what is large.
#ifndef FRONTEND_TENSOR_IMPORT_H_
#define FRONTEND_TENSOR_IMPORT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mapped_file.h"
#include "ir/graph.h"
#include "onnx.pb.h"

namespace g4c::frontend {

// The ir dtype of a TensorProto::DataType; Unsupported for strings, complex, floats of 8 bits or
// less and integers of 2 bits, InvalidInput for none.
absl::StatusOr<ir::DType> DTypeOfOnnx(int64_t data_type);
// f16, bf16 and f64 are logically f32; others are what they are.
ir::DType LogicalDType(ir::DType stored);

// InvalidInput where the bytes or strides of a shape overflow, whatever its dims of 0 make of their
// product. Unknown dims count as 1.
absl::Status CheckSize(const ir::Dims& dims);

// Reads the tensors of one model file.
class TensorImporter {
 public:
  // `spans`: what ScanModel cut out of the model.
  TensorImporter(std::string model_path, std::shared_ptr<const MappedFile> model,
                 std::vector<absl::Span<const uint8_t>> spans)
      : model_path_(std::move(model_path)), model_(std::move(model)), spans_(std::move(spans)) {}

  // `what` begins every message, e.g. "initializer 'w'". InvalidInput: dims that are negative or
  // overflow, data of another size than the dims ask for or that does not fit the dtype, external
  // data that is missing, short, or outside of the model's folder (also through a symbolic link).
  absl::StatusOr<ir::Tensor> Import(const onnx::TensorProto& proto, absl::string_view what);

  // Of all tensors imported so far, as the ir holds them.
  int64_t total_bytes() const { return total_bytes_; }
  // How many tensors had a float dtype that is read as f32: f16, bf16, f64.
  const std::map<ir::DType, int>& converted() const { return converted_; }
  // The model and its external data, without repeats.
  std::vector<std::string> Files() const;

 private:
  absl::StatusOr<ir::Tensor> ImportData(const onnx::TensorProto& proto, ir::DType dtype,
                                        const ir::Dims& dims);
  absl::StatusOr<ir::Tensor> ImportExternal(const onnx::TensorProto& proto, ir::DType dtype,
                                            const ir::Dims& dims);
  absl::StatusOr<std::shared_ptr<const MappedFile>> OpenExternal(const std::string& location);

  std::string model_path_;
  std::shared_ptr<const MappedFile> model_;
  std::vector<absl::Span<const uint8_t>> spans_;
  // By location as written: resolving a path costs system calls.
  std::map<std::string, std::shared_ptr<const MappedFile>> by_location_;
  // By resolved path: a file is mapped once.
  std::map<std::string, std::shared_ptr<const MappedFile>> by_path_;
  int64_t total_bytes_ = 0;
  std::map<ir::DType, int> converted_;
};

}  // namespace g4c::frontend

#endif  // FRONTEND_TENSOR_IMPORT_H_
