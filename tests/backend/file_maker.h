// Model files as our writer never makes them.
#ifndef TESTS_BACKEND_FILE_MAKER_H_
#define TESTS_BACKEND_FILE_MAKER_H_

#include <cstring>
#include <string>
#include <vector>

#include "circle_generated.h"

namespace g4c::backend {

struct FileQuant {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int axis = 0;
};

// Builds one subgraph. Fields are public, so that a test can break them before Finish().
class FileMaker {
 public:
  flatbuffers::FlatBufferBuilder fbb;
  std::vector<flatbuffers::Offset<circle::Tensor>> tensors;
  std::vector<flatbuffers::Offset<circle::Operator>> operators;
  std::vector<flatbuffers::Offset<circle::OperatorCode>> codes;
  std::vector<flatbuffers::Offset<circle::Buffer>> buffers = {circle::CreateBuffer(fbb)};
  std::vector<flatbuffers::Offset<circle::SignatureDef>> signatures;
  std::vector<int> inputs, outputs;
  int extra_subgraphs = 0;

  using Quant = FileQuant;

  int Tensor(const char* name, std::vector<int> shape,
             circle::TensorType type = circle::TensorType_FLOAT32, const Quant& quant = {},
             int buffer = 0) {
    flatbuffers::Offset<circle::QuantizationParameters> q;
    if (!quant.scales.empty()) {
      q = circle::CreateQuantizationParametersDirect(
          fbb, nullptr, nullptr, &quant.scales, &quant.zero_points,
          circle::QuantizationDetails_NONE, 0, quant.axis);
    }
    tensors.push_back(circle::CreateTensorDirect(fbb, &shape, type, buffer, name, q));
    return static_cast<int>(tensors.size()) - 1;
  }

  template <typename T>
  int Buffer(const std::vector<T>& values) {
    std::vector<uint8_t> bytes(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    buffers.push_back(circle::CreateBufferDirect(fbb, &bytes));
    return static_cast<int>(buffers.size()) - 1;
  }

  // A rank-1 constant.
  int Ints(const char* name, const std::vector<int32_t>& values) {
    return Tensor(name, {static_cast<int>(values.size())}, circle::TensorType_INT32, {},
                  Buffer(values));
  }
  int Floats(const char* name, std::vector<int> shape, const std::vector<float>& values) {
    return Tensor(name, std::move(shape), circle::TensorType_FLOAT32, {}, Buffer(values));
  }

  void Op(circle::BuiltinOperator code, const std::vector<int>& in, const std::vector<int>& out,
          circle::BuiltinOptions type = circle::BuiltinOptions_NONE,
          flatbuffers::Offset<void> options = 0, const char* custom = nullptr) {
    const int narrow = code > 127 ? 127 : code;
    codes.push_back(circle::CreateOperatorCodeDirect(fbb, narrow, custom, 1, code));
    operators.push_back(
        circle::CreateOperatorDirect(fbb, codes.size() - 1, &in, &out, type, options));
  }

  std::string Finish(const char* identifier = "CIR0") {
    std::vector<flatbuffers::Offset<circle::SubGraph>> subgraphs = {
        circle::CreateSubGraphDirect(fbb, &tensors, &inputs, &outputs, &operators, "main")};
    for (int i = 0; i < extra_subgraphs; ++i)
      subgraphs.push_back(circle::CreateSubGraphDirect(fbb));
    fbb.Finish(circle::CreateModelDirect(fbb, 0, &codes, &subgraphs, "by hand", &buffers, nullptr,
                                         nullptr, &signatures),
               identifier);
    return std::string(reinterpret_cast<const char*>(fbb.GetBufferPointer()), fbb.GetSize());
  }
};

}  // namespace g4c::backend

#endif  // TESTS_BACKEND_FILE_MAKER_H_
