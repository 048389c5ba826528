#include "backend/model_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "backend/lowering.h"
#include "backend/tensor_encoding.h"
#include "base/status.h"
#include "circle_generated.h"
#include "ir/quantize_constant.h"

namespace g4c::backend {
namespace {

using flatbuffers::Offset;
using flatbuffers::uoffset_t;

// Circle's readers do not look at it; LiteRT wants 3, so that the same bytes under its identifier
// load there.
constexpr uint32_t kSchemaVersion = 3;
constexpr char kDescription[] = "gemma4-circle-export";
constexpr char kSignatureKey[] = "serving_default";

constexpr uint64_t kAlignment = 16;

// Where bytes can begin at or after `position`; a vector's length comes in the 4 bytes before.
uint64_t AlignedAfter(uint64_t position, bool inline_data) {
  if (inline_data) position += sizeof(uoffset_t);
  return (position + kAlignment - 1) / kAlignment * kAlignment;
}

// A Buffer table whose fields Place fills in. Its data field refers to bytes behind the FlatBuffer,
// so that no builder call could make it: any number but 0, which would leave the field out, keeps
// its place.
Offset<circle::Buffer> PlaceholderBuffer(flatbuffers::FlatBufferBuilder& builder,
                                         bool inline_data) {
  const uoffset_t start = builder.StartTable();
  if (inline_data) {
    builder.AddElement<uoffset_t>(circle::Buffer::VT_DATA, 1, 0);
  } else {
    builder.AddElement<uint64_t>(circle::Buffer::VT_OFFSET, 1, 0);
    builder.AddElement<uint64_t>(circle::Buffer::VT_SIZE, 1, 0);
  }
  return Offset<circle::Buffer>(builder.EndTable(start));
}

// Puts the constants behind the tables and points the Buffer tables to them. Returns the size of
// the file.
uint64_t Place(std::vector<uint8_t>& tables, std::vector<PlannedBuffer>& planned) {
  const auto& buffers = *flatbuffers::GetRoot<circle::Model>(tables.data())->buffers();
  uint64_t end = tables.size();
  // Inline ones first: the FlatBuffer's offsets reach 2 GiB.
  std::vector<size_t> order(planned.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(),
                        [&](size_t i) { return planned[i].inline_data; });
  for (size_t i : order) {
    PlannedBuffer& buffer = planned[i];
    buffer.offset = AlignedAfter(end, buffer.inline_data);
    end = buffer.offset + buffer.size;
    const auto* table =
        reinterpret_cast<const flatbuffers::Table*>(buffers.Get(static_cast<uoffset_t>(i + 1)));
    const auto place_of = [&](flatbuffers::voffset_t field) {
      return static_cast<uint64_t>(table->GetAddressOf(field) - tables.data());
    };
    if (buffer.inline_data) {
      const uint64_t field = place_of(circle::Buffer::VT_DATA);
      const uint64_t vector = buffer.offset - sizeof(uoffset_t);
      flatbuffers::WriteScalar(&tables[field], static_cast<uoffset_t>(vector - field));
    } else {
      flatbuffers::WriteScalar(&tables[place_of(circle::Buffer::VT_OFFSET)], buffer.offset);
      flatbuffers::WriteScalar(&tables[place_of(circle::Buffer::VT_SIZE)], buffer.size);
    }
  }
  return end;
}

class ModelBuilder {
 public:
  ModelBuilder(const ir::Graph& graph, const std::string& identifier)
      : graph_(graph), identifier_(identifier) {}

  absl::StatusOr<BuiltModel> Build(uint64_t max_inline_bytes) {
    NameTensors();
    for (ir::ValueId id : graph_.inputs()) inputs_.push_back(TensorOf(id));
    for (ir::NodeId id : graph_.TopologicalOrder()) AddOperator(graph_.node(id));
    for (const ir::GraphOutput& output : graph_.outputs()) {
      outputs_.push_back(TensorOf(output.value));
    }
    if (!problems_.empty()) return Unsupported(absl::StrJoin(problems_, "\n"));
    Finish(max_inline_bytes);
    BuiltModel built;
    built.tables.assign(builder_.GetBufferPointer(),
                        builder_.GetBufferPointer() + builder_.GetSize());
    built.buffers = std::move(plan_.buffers());
    built.file_size = Place(built.tables, built.buffers);
    return built;
  }

 private:
  // Graph inputs and outputs have the first right to their names.
  void NameTensors() {
    for (ir::ValueId id : graph_.inputs()) names_[id] = Unique(graph_.value(id).name);
    for (const ir::GraphOutput& output : graph_.outputs()) {
      names_[output.value] = Unique(output.name);
    }
  }

  std::string Unique(const std::string& wanted) {
    std::string name = wanted;
    int& suffix = suffixes_[wanted];
    while (!taken_.insert(name).second) name = absl::StrCat(wanted, "_", ++suffix);
    return name;
  }

  int AddTensor(const ir::Value& value, const std::string& name) {
    std::vector<int32_t> shape;
    for (int64_t dim : value.type.shape.dims()) {
      if (dim > std::numeric_limits<int32_t>::max()) {
        problems_.push_back(absl::StrCat("value '", name, "' of ", ir::ShapeText(value.type.shape),
                                         ": Circle's dims are at most 2147483647"));
        dim = 0;
      }
      shape.push_back(static_cast<int32_t>(dim));
    }
    const int buffer = value.constant.has_value() && problems_.empty() ? plan_.Add(value) : 0;
    const auto shape_offset = builder_.CreateVector(shape);
    const auto name_offset = builder_.CreateString(name);
    const auto quantization = EncodeQuantization(builder_, value.quantization);
    circle::TensorBuilder tensor(builder_);
    tensor.add_shape(shape_offset);
    tensor.add_type(EncodeDType(ir::StoredDType(value), identifier_ == "TFL3"));
    tensor.add_buffer(buffer);
    tensor.add_name(name_offset);
    tensor.add_quantization(quantization);
    tensor.add_has_rank(true);
    tensors_.push_back(tensor.Finish());
    return static_cast<int>(tensors_.size()) - 1;
  }

  int TensorOf(ir::ValueId id) {
    if (id == ir::kNoValue) return -1;
    const auto it = tensor_of_.find(id);
    if (it != tensor_of_.end()) return it->second;
    const ir::Value& value = graph_.value(id);
    if (!names_.contains(id)) names_[id] = Unique(value.name);
    const int tensor = AddTensor(value, names_[id]);
    tensor_of_[id] = tensor;
    return tensor;
  }

  // Constants of equal shape, content and qparams are one tensor, named after its first reader.
  int TensorOfOwn(const ir::Value& own, const std::string& reader) {
    const std::string key =
        absl::StrCat(ir::DTypeName(ir::StoredDType(own)), ir::ShapeText(own.type.shape), " ",
                     plan_.Add(own), " ", QuantKey(own.quantization));
    const auto it = own_tensor_of_.find(key);
    if (it != own_tensor_of_.end()) return it->second;
    const int tensor = AddTensor(own, Unique(absl::StrCat(reader, "/", own.name)));
    own_tensor_of_[key] = tensor;
    return tensor;
  }

  static std::string QuantKey(const ir::Quantization& quantization) {
    const auto* q = std::get_if<ir::QuantPerTensor>(&quantization);
    if (q == nullptr) return "";
    std::string scale(sizeof(q->scale), '\0');
    std::memcpy(scale.data(), &q->scale, sizeof(q->scale));
    return absl::StrCat(scale, q->zero_point);
  }

  uint32_t CodeOf(circle::BuiltinOperator code, int version) {
    const auto [it, inserted] = code_of_.try_emplace({code, version}, codes_.size());
    if (inserted) {
      // Codes above 127 do not fit the old field and say so; Circle's own negative ones do fit.
      const int narrow =
          std::min<int>(code, circle::BuiltinOperator_PLACEHOLDER_FOR_GREATER_OP_CODES);
      codes_.push_back(
          circle::CreateOperatorCode(builder_, static_cast<int8_t>(narrow), 0, version, code));
    }
    return it->second;
  }

  void AddOperator(const ir::Node& node) {
    absl::StatusOr<LoweredOperator> lowered = LowerNode(graph_, node, builder_);
    if (!lowered.ok()) {
      problems_.emplace_back(lowered.status().message());
      return;
    }
    // Operands first, so that tensors are numbered in the order in which they come to be.
    for (ir::ValueId input : node.inputs) TensorOf(input);
    std::vector<int32_t> outputs;
    for (ir::ValueId output : node.outputs) outputs.push_back(TensorOf(output));
    std::vector<int32_t> inputs;
    for (const LoweredOperand& operand : lowered->operands) {
      inputs.push_back(operand.own.has_value() ? TensorOfOwn(*operand.own, names_[node.outputs[0]])
                                               : TensorOf(operand.value));
    }
    const uint32_t code = CodeOf(lowered->code, lowered->version);
    operators_.push_back(circle::CreateOperatorDirect(builder_, code, &inputs, &outputs,
                                                      lowered->options_type, lowered->options));
  }

  std::vector<Offset<circle::TensorMap>> SignatureOf(const std::vector<std::string>& names,
                                                     const std::vector<int32_t>& tensors) {
    std::vector<Offset<circle::TensorMap>> maps;
    for (size_t i = 0; i < names.size(); ++i) {
      maps.push_back(circle::CreateTensorMapDirect(builder_, names[i].c_str(), tensors[i]));
    }
    return maps;
  }

  void Finish(uint64_t max_inline_bytes) {
    std::vector<std::string> input_names;
    for (ir::ValueId id : graph_.inputs()) input_names.push_back(graph_.value(id).name);
    std::vector<std::string> output_names;
    for (const ir::GraphOutput& output : graph_.outputs()) output_names.push_back(output.name);
    const auto signature_inputs = SignatureOf(input_names, inputs_);
    const auto signature_outputs = SignatureOf(output_names, outputs_);
    const std::vector<Offset<circle::SignatureDef>> signatures = {circle::CreateSignatureDefDirect(
        builder_, &signature_inputs, &signature_outputs, kSignatureKey, 0)};
    const std::vector<Offset<circle::SubGraph>> subgraphs = {
        circle::CreateSubGraphDirect(builder_, &tensors_, &inputs_, &outputs_, &operators_,
                                     graph_.name.empty() ? "main" : graph_.name.c_str())};
    ChooseInline(max_inline_bytes);
    std::vector<Offset<circle::Buffer>> buffers = {circle::CreateBuffer(builder_)};
    for (const PlannedBuffer& buffer : plan_.buffers()) {
      buffers.push_back(PlaceholderBuffer(builder_, buffer.inline_data));
    }
    builder_.Finish(
        circle::CreateModelDirect(builder_, kSchemaVersion, &codes_, &subgraphs, kDescription,
                                  &buffers, nullptr, nullptr, &signatures),
        identifier_.c_str());
  }

  // A Buffer table takes at most 32 bytes and its place in the list 4; the rest of what is still to
  // be built is small.
  void ChooseInline(uint64_t max_inline_bytes) {
    uint64_t end = builder_.GetSize() + 4096;
    for (const PlannedBuffer& buffer : plan_.buffers()) {
      end += 64 + AlignedAfter(buffer.size, /*inline_data=*/true);
    }
    if (end <= max_inline_bytes) return;
    for (PlannedBuffer& buffer : plan_.buffers()) {
      buffer.inline_data = buffer.size <= BufferPlan::kSmall;
    }
  }

  const ir::Graph& graph_;
  const std::string& identifier_;
  flatbuffers::FlatBufferBuilder builder_;
  BufferPlan plan_;
  std::vector<std::string> problems_;

  absl::flat_hash_map<ir::ValueId, std::string> names_;
  absl::flat_hash_set<std::string> taken_;
  absl::flat_hash_map<std::string, int> suffixes_;

  std::vector<Offset<circle::Tensor>> tensors_;
  std::vector<Offset<circle::Operator>> operators_;
  std::vector<Offset<circle::OperatorCode>> codes_;
  std::vector<int32_t> inputs_;
  std::vector<int32_t> outputs_;
  absl::flat_hash_map<ir::ValueId, int> tensor_of_;
  absl::flat_hash_map<std::string, int> own_tensor_of_;
  absl::flat_hash_map<std::pair<int, int>, uint32_t> code_of_;
};

}  // namespace

absl::StatusOr<BuiltModel> BuildModel(const ir::Graph& graph, uint64_t max_inline_bytes,
                                      const std::string& identifier) {
  return ModelBuilder(graph, identifier).Build(max_inline_bytes);
}

void MakeOutputsDistinct(ir::Graph& graph) {
  absl::flat_hash_set<ir::ValueId> taken(graph.inputs().begin(), graph.inputs().end());
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const ir::GraphOutput output = graph.outputs()[i];
    if (!graph.IsConstant(output.value) && taken.insert(output.value).second) continue;
    const ir::Value source = graph.value(output.value);
    const ir::NodeId copy = graph.AddNode(ir::Reshape{source.type.shape.dims()}, {output.value},
                                          {output.name}, {source.type}, ir::Provenance());
    const ir::ValueId result = graph.node(copy).outputs[0];
    graph.SetQuantization(result, source.quantization, source.quant_origin);
    graph.SetOutput(static_cast<int>(i), result);
    taken.insert(result);
  }
}

}  // namespace g4c::backend
