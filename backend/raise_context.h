// What the functions behind RaiseOperator share; for this folder only.
#ifndef BACKEND_RAISE_CONTEXT_H_
#define BACKEND_RAISE_CONTEXT_H_

#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backend/circle_file.h"
#include "backend/raising.h"
#include "base/status.h"

namespace g4c::backend {

using Raised = absl::StatusOr<RaisedOperator>;

// A table without fields: all of them read as their defaults.
alignas(8) inline constexpr uint8_t kNoFields[] = {4, 0, 4, 0, 4, 0, 0, 0};

// What a file says of one operator of subgraph 0.
class RaiseContext {
 public:
  RaiseContext(const CircleFile& file, const circle::Operator& op) : file_(file), op_(op) {
    if (op.inputs() != nullptr) inputs_ = {op.inputs()->data(), op.inputs()->size()};
    if (op.outputs() != nullptr) outputs_ = {op.outputs()->data(), op.outputs()->size()};
  }

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  // Null for an omitted input, and beyond the last.
  const CircleTensor* input(int i) const {
    if (i >= num_inputs() || inputs_[i] < 0) return nullptr;
    return &file_.tensors()[inputs_[i]];
  }
  const CircleTensor& output(int i) const { return file_.tensors()[outputs_[i]]; }
  int rank() const { return static_cast<int>(input(0)->dims.size()); }

  // `first` inputs that must be there, and one result at least.
  absl::Status Need(int first) const {
    for (int i = 0; i < first; ++i) {
      if (input(i) == nullptr) return InvalidInput("input ", i, " is missing");
    }
    if (num_outputs() == 0) return InvalidInput("it has no result");
    return absl::OkStatus();
  }

  template <typename Options>
  absl::StatusOr<const Options*> OptionsOf() const {
    const circle::BuiltinOptions type = op_.builtin_options_type();
    if (type == circle::BuiltinOptions_NONE || op_.builtin_options() == nullptr) {
      return reinterpret_cast<const Options*>(kNoFields + 4);
    }
    if (type != circle::BuiltinOptionsTraits<Options>::enum_value) {
      return InvalidInput("its options are ", circle::EnumNameBuiltinOptions(type));
    }
    return static_cast<const Options*>(op_.builtin_options());
  }

  // The elements of a constant i32 or i64 input.
  absl::StatusOr<ir::Ints> ConstantInts(int i, absl::string_view what) const {
    const CircleTensor* tensor = input(i);
    if (tensor == nullptr) return InvalidInput("input ", i, " (", what, ") is missing");
    if ((tensor->stored != ir::DType::kI32 && tensor->stored != ir::DType::kI64) ||
        ir::HasQparams(tensor->quantization)) {
      return InvalidInput("input ", i, " (", what, ") is no plain i32 or i64");
    }
    const int64_t count = ir::NumElements(tensor->dims);
    if (tensor->bytes.empty() && count != 0) {
      return Unsupported("input ", i, " (", what, ") is not constant");
    }
    ir::Ints values(count);
    for (int64_t k = 0; k < count; ++k) {
      if (tensor->stored == ir::DType::kI32) {
        int32_t value;
        std::memcpy(&value, tensor->bytes.data() + k * sizeof(value), sizeof(value));
        values[k] = value;
      } else {
        std::memcpy(&values[k], tensor->bytes.data() + k * sizeof(int64_t), sizeof(int64_t));
      }
    }
    return values;
  }
  absl::StatusOr<int64_t> ConstantInt(int i, absl::string_view what) const {
    ASSIGN_OR_RETURN(const ir::Ints values, ConstantInts(i, what));
    if (values.size() != 1) return InvalidInput("input ", i, " (", what, ") has not one element");
    return values[0];
  }
  // One entry an axis of input 0.
  absl::StatusOr<ir::Ints> ConstantIntsOfRank(int i, absl::string_view what) const {
    ASSIGN_OR_RETURN(ir::Ints values, ConstantInts(i, what));
    if (static_cast<int>(values.size()) != rank()) {
      return InvalidInput("input ", i, " (", what, ") has ", values.size(), " entries for rank ",
                          rank());
    }
    return values;
  }

  // The node with all inputs as operands.
  Raised All(ir::Op op) const {
    std::vector<int> operands(num_inputs());
    std::iota(operands.begin(), operands.end(), 0);
    return RaisedOperator{std::move(op), std::move(operands)};
  }

 private:
  const CircleFile& file_;
  const circle::Operator& op_;
  absl::Span<const int32_t> inputs_;
  absl::Span<const int32_t> outputs_;
};

absl::Status NeedNoActivation(circle::ActivationFunctionType type);

// raising_movement.cc: operators that move data.
Raised RaiseReshape(const RaiseContext& c);
Raised RaiseSqueeze(const RaiseContext& c);
Raised RaiseExpandDims(const RaiseContext& c);
Raised RaiseTranspose(const RaiseContext& c);
Raised RaiseSlice(const RaiseContext& c);
Raised RaiseStridedSlice(const RaiseContext& c);
Raised RaiseSplit(const RaiseContext& c);
Raised RaiseSplitV(const RaiseContext& c);
Raised RaiseConcat(const RaiseContext& c);
Raised RaisePack(const RaiseContext& c);
Raised RaiseUnpack(const RaiseContext& c);
Raised RaiseBroadcastTo(const RaiseContext& c);
Raised RaiseTile(const RaiseContext& c);
Raised RaisePad(const RaiseContext& c);
Raised RaisePadV2(const RaiseContext& c);
Raised RaiseMirrorPad(const RaiseContext& c);
Raised RaiseGather(const RaiseContext& c);

}  // namespace g4c::backend

#endif  // BACKEND_RAISE_CONTEXT_H_
