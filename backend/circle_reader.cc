#include "backend/circle_reader.h"

#include "backend/circle_file.h"
#include "backend/raising.h"
#include "base/status.h"
#include "ir/shape_inference.h"

namespace g4c::backend {
namespace {

ir::Type TypeOf(const CircleTensor& tensor) {
  const bool quantised = ir::HasQparams(tensor.quantization);
  return {quantised ? ir::DType::kF32 : tensor.stored, ir::Shape(tensor.dims)};
}

std::string TypeText(const ir::Type& type) {
  return absl::StrCat(ir::DTypeName(type.dtype), ir::ShapeText(type.shape));
}

// Two elements a byte, the even one in the low half -> one a byte.
class Unpacked : public ir::TensorSource {
 public:
  Unpacked(const CircleTensor& tensor, std::shared_ptr<const void> owner)
      : bytes_(tensor.bytes),
        is_signed_(tensor.stored == ir::DType::kI4),
        owner_(std::move(owner)) {}

  void Read(int64_t begin, int64_t count, uint8_t* out) const override {
    for (int64_t i = begin; i < begin + count; ++i) {
      const uint8_t nibble = bytes_[i / 2] >> (i % 2 * 4) & 0xf;
      *out++ = is_signed_ && nibble > 7 ? nibble | 0xf0 : nibble;
    }
  }

 private:
  absl::Span<const uint8_t> bytes_;
  bool is_signed_;
  std::shared_ptr<const void> owner_;
};

class Reader {
 public:
  Reader(const CircleFile& file, std::vector<ReadNote>* notes)
      : file_(file), notes_(notes), value_of_(file.tensors().size(), ir::kNoValue) {}

  absl::StatusOr<ir::Graph> Read() {
    const circle::SubGraph& in = file_.subgraph();
    graph_.name = in.name() == nullptr ? "" : in.name()->str();
    for (size_t i = 0; i < file_.input_names().size(); ++i) {
      const int t = in.inputs()->Get(i);
      Set(t, graph_.AddInput(file_.input_names()[i], TypeOf(file_.tensors()[t])));
    }
    const int operators = in.operators() == nullptr ? 0 : in.operators()->size();
    for (int i = 0; i < operators; ++i) RETURN_IF_ERROR(ReadOperator(i));
    for (size_t i = 0; i < file_.output_names().size(); ++i) {
      ASSIGN_OR_RETURN(const ir::ValueId value, ValueOf(in.outputs()->Get(i)));
      graph_.AddOutput(file_.output_names()[i], value);
    }
    const int subgraphs = file_.model().subgraphs()->size();
    if (subgraphs > 1) {
      Note(ReadNote::Kind::kNotModelled,
           absl::StrCat("subgraphs 1 to ", subgraphs - 1, " are not read"));
    }
    return std::move(graph_);
  }

 private:
  void Note(ReadNote::Kind kind, std::string text) {
    if (notes_ != nullptr) notes_->push_back({kind, std::move(text)});
  }

  void SetQparams(ir::ValueId value, int tensor) {
    const ir::Quantization& quantization = file_.tensors()[tensor].quantization;
    if (ir::HasQparams(quantization)) {
      graph_.SetQuantization(value, quantization, ir::QuantOrigin::kCircle);
    }
  }

  // Binds a tensor to its value, which gets the tensor's qparams.
  void Set(int tensor, ir::ValueId value) {
    value_of_[tensor] = value;
    SetQparams(value, tensor);
  }

  // CircleFile has seen to it that an operand is an input, a result of an earlier operator, a
  // constant or a variable.
  absl::StatusOr<ir::ValueId> ValueOf(int index) {
    if (index < 0) return ir::kNoValue;
    if (value_of_[index] != ir::kNoValue) return value_of_[index];
    const CircleTensor& tensor = file_.tensors()[index];
    if (tensor.is_variable && tensor.bytes.empty()) {
      Note(ReadNote::Kind::kNotModelled, absl::StrCat("variable '", tensor.name, "'"));
      const ir::NodeId node =
          graph_.AddNode(ir::Foreign{"VARIABLE"}, {}, {tensor.name}, {TypeOf(tensor)},
                         ir::Provenance({absl::StrCat("tensor ", index), "VARIABLE", "", {}}));
      Set(index, graph_.node(node).outputs[0]);
      return value_of_[index];
    }
    ir::Tensor data;
    if (ir::BitWidth(tensor.stored) == 4) {
      data = ir::Tensor::Computed(tensor.stored, tensor.dims,
                                  std::make_shared<Unpacked>(tensor, file_.mapping()));
    } else {
      ASSIGN_OR_RETURN(data,
                       ir::Tensor::View(tensor.stored, tensor.dims, tensor.bytes, file_.mapping()));
    }
    Set(index, graph_.AddConstant(tensor.name, TypeOf(tensor), std::move(data)));
    return value_of_[index];
  }

  absl::Status ReadOperator(int index) {
    const circle::Operator& op = *file_.subgraph().operators()->Get(index);
    const ir::Provenance provenance(
        {absl::StrCat("operator ", index), file_.OperatorName(op), "", {}});
    absl::StatusOr<RaisedOperator> raised = RaiseOperator(file_, op);
    if (raised.ok()) {
      const absl::Status status = AddRaised(op, *raised, provenance);
      if (status.ok()) return status;
      raised = status;
    }
    const bool contradiction = absl::IsInvalidArgument(raised.status()) && !IsDynamic(op);
    Note(contradiction ? ReadNote::Kind::kContradiction : ReadNote::Kind::kNotModelled,
         absl::StrCat(file_.Describe(index), ": ", raised.status().message()));
    return AddForeign(op, provenance);
  }

  // Shapes of dynamic tensors say nothing certain.
  bool IsDynamic(const circle::Operator& op) const {
    for (const auto* indices : {op.inputs(), op.outputs()}) {
      for (size_t i = 0; indices != nullptr && i < indices->size(); ++i) {
        if (indices->Get(i) >= 0 && file_.tensors()[indices->Get(i)].is_dynamic) return true;
      }
    }
    return false;
  }

  // Leaves the graph without the node where its types contradict the rule.
  absl::Status AddRaised(const circle::Operator& op, const RaisedOperator& raised,
                         const ir::Provenance& provenance) {
    std::vector<ir::ValueId> inputs;
    for (int position : raised.operands) {
      ASSIGN_OR_RETURN(const ir::ValueId value, ValueOf(op.inputs()->Get(position)));
      inputs.push_back(value);
    }
    std::vector<std::string> names;
    std::vector<ir::Type> declared;
    for (int t : *op.outputs()) {
      names.push_back(file_.tensors()[t].name);
      declared.push_back(TypeOf(file_.tensors()[t]));
    }
    RETURN_IF_ERROR(CheckTypes(raised, inputs, declared));
    if (raised.operand_dims.has_value()) {
      inputs[0] =
          AddReshape(inputs[0], *raised.operand_dims, absl::StrCat(names[0], "/flat"), provenance);
      SetQparams(inputs[0], op.inputs()->Get(raised.operands[0]));
    }
    if (raised.result_dims.has_value()) {
      ASSIGN_OR_RETURN(
          const ir::ValueId full,
          graph_.AddInferred(raised.op, inputs, absl::StrCat(names[0], "/full"), provenance));
      const int t = op.outputs()->Get(0);
      SetQparams(full, t);
      Set(t, AddReshape(full, *raised.result_dims, names[0], provenance));
      return absl::OkStatus();
    }
    const ir::NodeId node = graph_.AddNode(raised.op, inputs, names, declared, provenance);
    for (size_t i = 0; i < names.size(); ++i) {
      Set(op.outputs()->Get(i), graph_.node(node).outputs[i]);
    }
    return absl::OkStatus();
  }

  absl::Status CheckTypes(const RaisedOperator& raised, const std::vector<ir::ValueId>& inputs,
                          const std::vector<ir::Type>& declared) const {
    ir::ShapeContext context;
    std::vector<ir::Type> types;
    types.reserve(inputs.size());
    for (ir::ValueId input : inputs) {
      types.push_back(input == ir::kNoValue ? ir::Type() : graph_.value(input).type);
      context.inputs.push_back(input == ir::kNoValue ? nullptr : &types.back());
      context.constants.push_back(nullptr);
    }
    if (raised.operand_dims.has_value()) types[0].shape = ir::Shape(*raised.operand_dims);
    context.outputs.resize(declared.size());
    RETURN_IF_ERROR(ir::InferShape(raised.op, context));
    if (raised.result_dims.has_value()) context.outputs[0].shape = ir::Shape(*raised.result_dims);
    for (size_t i = 0; i < declared.size(); ++i) {
      if (context.outputs[i] == declared[i]) continue;
      return InvalidInput("result ", i, " is declared as ", TypeText(declared[i]),
                          ", its operands give ", TypeText(context.outputs[i]));
    }
    return absl::OkStatus();
  }

  ir::ValueId AddReshape(ir::ValueId value, const ir::Dims& dims, const std::string& name,
                         const ir::Provenance& provenance) {
    const ir::DType dtype = graph_.value(value).type.dtype;
    const ir::NodeId node =
        graph_.AddNode(ir::Reshape{dims}, {value}, {name}, {{dtype, ir::Shape(dims)}}, provenance);
    return graph_.node(node).outputs[0];
  }

  absl::Status AddForeign(const circle::Operator& op, const ir::Provenance& provenance) {
    std::vector<ir::ValueId> inputs;
    for (size_t i = 0; op.inputs() != nullptr && i < op.inputs()->size(); ++i) {
      ASSIGN_OR_RETURN(const ir::ValueId value, ValueOf(op.inputs()->Get(i)));
      inputs.push_back(value);
    }
    std::vector<std::string> names;
    std::vector<ir::Type> types;
    for (size_t i = 0; op.outputs() != nullptr && i < op.outputs()->size(); ++i) {
      const CircleTensor& tensor = file_.tensors()[op.outputs()->Get(i)];
      names.push_back(tensor.name);
      types.push_back(TypeOf(tensor));
    }
    const ir::NodeId node = graph_.AddNode(ir::Foreign{file_.OperatorName(op)}, std::move(inputs),
                                           names, std::move(types), provenance);
    for (size_t i = 0; i < names.size(); ++i) {
      Set(op.outputs()->Get(i), graph_.node(node).outputs[i]);
    }
    return absl::OkStatus();
  }

  const CircleFile& file_;
  std::vector<ReadNote>* notes_;
  ir::Graph graph_;
  std::vector<ir::ValueId> value_of_;  // by tensor
};

}  // namespace

absl::StatusOr<ir::Graph> ReadCircle(const std::string& path, std::vector<ReadNote>* notes) {
  ASSIGN_OR_RETURN(const CircleFile file, CircleFile::Open(path));
  return Reader(file, notes).Read();
}

}  // namespace g4c::backend
