// A model file as bytes that may be trusted: mapped, verified, every index checked. Reader,
// verifier and inspect start from it. (FlatBuffers' own check knows offsets only, not what numbers
// refer to.)
#ifndef BACKEND_CIRCLE_FILE_H_
#define BACKEND_CIRCLE_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/mapped_file.h"
#include "circle_generated.h"
#include "ir/dtype.h"
#include "ir/quantization.h"
#include "ir/shape.h"

namespace g4c::backend {

// A tensor of subgraph 0.
struct CircleTensor {
  std::string name;  // "tensor_12" where the file has none
  ir::DType stored;
  ir::Dims dims;
  ir::Quantization quantization;  // QuantUnknown without qparams
  // A constant's bytes as stored, views of the mapping; empty for all others.
  absl::Span<const uint8_t> bytes;
  bool is_variable = false;
  bool is_dynamic =
      false;  // shape_signature has a -1, or no rank is known: dims hold for one choice only
};

class CircleFile {
 public:
  // Takes Circle ("CIR0") and TFLite ("TFL3") files. InvalidInput, naming the file and each culprit
  // with its index and name: not readable, no such file type, FlatBuffers violations, indices of
  // tensors, buffers, operator codes and subgraphs that name nothing, negative or overflowing dims,
  // buffers that leave the file or contradict a shape, bad qparams, a tensor that is produced twice
  // or read before it is produced. Unsupported: element types and encodings (sparse, compressed,
  // block-wise) that the ir lacks.
  static absl::StatusOr<CircleFile> Open(const std::string& path);

  const circle::Model& model() const { return *model_; }
  const circle::SubGraph& subgraph() const { return *model_->subgraphs()->Get(0); }
  const std::vector<CircleTensor>& tensors() const { return tensors_; }
  bool is_tflite() const { return is_tflite_; }
  const std::shared_ptr<const MappedFile>& mapping() const { return mapping_; }

  circle::BuiltinOperator Code(const circle::Operator& op) const;
  // "RESHAPE"; of a custom operator its own name.
  std::string OperatorName(const circle::Operator& op) const;
  // "operator 12 RESHAPE"
  std::string Describe(int op) const;
  // The names that the first signature of subgraph 0 gives its inputs and outputs, else the
  // tensors'.
  const std::vector<std::string>& input_names() const { return input_names_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  // Empty without a signature.
  const std::string& signature_key() const { return signature_key_; }

 private:
  absl::Status Check();

  std::shared_ptr<const MappedFile> mapping_;
  const circle::Model* model_ = nullptr;
  std::vector<CircleTensor> tensors_;
  std::vector<std::string> input_names_;
  std::vector<std::string> output_names_;
  std::string signature_key_;
  bool is_tflite_ = false;
};

// The stored bytes of a buffer: inline data, or the file's bytes at offset. InvalidInput where they
// leave the file.
absl::StatusOr<absl::Span<const uint8_t>> BufferBytes(const circle::Buffer& buffer,
                                                      absl::Span<const uint8_t> file);

// Files from here on keep constants outside the FlatBuffer, whose offsets are signed 32-bit
// numbers.
inline constexpr uint64_t kMaxFlatBuffer = 0x7ffffffe;

}  // namespace g4c::backend

#endif  // BACKEND_CIRCLE_FILE_H_
