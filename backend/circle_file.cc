#include "backend/circle_file.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "backend/tensor_encoding.h"
#include "base/status.h"
#include "base/text.h"

namespace g4c::backend {
namespace {

using flatbuffers::Vector;

constexpr size_t kIdentifierEnd = 8;
constexpr size_t kReported = 20;

// Collects what is wrong; Unsupported only where nothing is worse.
class Findings {
 public:
  template <typename... Parts>
  void Invalid(const Parts&... parts) {
    invalid_ = true;
    lines_.push_back(absl::StrCat(parts...));
  }
  template <typename... Parts>
  void NotSupported(const Parts&... parts) {
    lines_.push_back(absl::StrCat(parts...));
  }
  void Add(const absl::Status& status, absl::string_view where) {
    if (status.ok()) return;
    invalid_ |= absl::IsInvalidArgument(status);
    lines_.push_back(absl::StrCat(where, ": ", status.message()));
  }
  bool empty() const { return lines_.empty(); }

  absl::Status ToStatus(absl::string_view path) const {
    if (lines_.empty()) return absl::OkStatus();
    std::vector<std::string> shown(lines_.begin(),
                                   lines_.begin() + std::min(lines_.size(), kReported));
    if (lines_.size() > kReported) {
      shown.push_back(absl::StrCat("and ", lines_.size() - kReported, " more"));
    }
    const std::string text = absl::StrCat(
        path, ": ",
        shown.size() == 1 ? shown[0] : absl::StrCat("\n  ", absl::StrJoin(shown, "\n  ")));
    return invalid_ ? InvalidInput(text) : Unsupported(text);
  }

 private:
  std::vector<std::string> lines_;
  bool invalid_ = false;
};

template <typename T>
int64_t SizeOf(const Vector<T>* vector) {
  return vector == nullptr ? 0 : static_cast<int64_t>(vector->size());
}

std::string NameOf(const circle::SubGraph& graph, int tensor) {
  const auto* name = graph.tensors()->Get(tensor)->name();
  if (name == nullptr || name->size() == 0) return absl::StrCat("tensor_", tensor);
  return name->str();
}

std::string TensorText(const circle::SubGraph& graph, int tensor) {
  return absl::StrCat("tensor ", tensor, " '", NameOf(graph, tensor), "'");
}

void CheckTensorIndices(const Vector<int32_t>* indices, int64_t tensors, bool optional,
                        const std::string& where, Findings& findings) {
  for (int64_t i = 0; i < SizeOf(indices); ++i) {
    const int index = indices->Get(i);
    if (index >= 0 && index < tensors) continue;
    if (index == -1 && optional) continue;
    findings.Invalid(where, " ", i, " is tensor ", index, ", there are ", tensors);
  }
}

// Every number that refers to something, in every subgraph.
void CheckIndices(const circle::Model& model, Findings& findings) {
  const int64_t codes = SizeOf(model.operator_codes());
  const int64_t buffers = SizeOf(model.buffers());
  const int64_t subgraphs = SizeOf(model.subgraphs());
  if (subgraphs == 0) findings.Invalid("the model has no subgraph");
  for (int64_t g = 0; g < subgraphs; ++g) {
    const circle::SubGraph& graph = *model.subgraphs()->Get(g);
    const std::string prefix = subgraphs == 1 ? "" : absl::StrCat("subgraph ", g, ": ");
    const int64_t tensors = SizeOf(graph.tensors());
    for (int64_t t = 0; t < tensors; ++t) {
      const uint32_t buffer = graph.tensors()->Get(t)->buffer();
      if (buffer != 0 && buffer >= buffers) {
        findings.Invalid(prefix, TensorText(graph, t), " has buffer ", buffer, ", there are ",
                         buffers);
      }
    }
    CheckTensorIndices(graph.inputs(), tensors, false, absl::StrCat(prefix, "input"), findings);
    CheckTensorIndices(graph.outputs(), tensors, false, absl::StrCat(prefix, "output"), findings);
    for (int64_t o = 0; o < SizeOf(graph.operators()); ++o) {
      const circle::Operator& op = *graph.operators()->Get(o);
      const std::string where = absl::StrCat(prefix, "operator ", o);
      if (op.opcode_index() >= codes) {
        findings.Invalid(where, " has operator code ", op.opcode_index(), ", there are ", codes);
      }
      CheckTensorIndices(op.inputs(), tensors, true, where + ": input", findings);
      CheckTensorIndices(op.outputs(), tensors, false, where + ": output", findings);
    }
  }
  for (int64_t s = 0; s < SizeOf(model.signature_defs()); ++s) {
    const circle::SignatureDef& signature = *model.signature_defs()->Get(s);
    if (signature.subgraph_index() >= subgraphs) {
      findings.Invalid("signature ", s, " has subgraph ", signature.subgraph_index(),
                       ", there are ", subgraphs);
      continue;
    }
    const int64_t tensors = SizeOf(model.subgraphs()->Get(signature.subgraph_index())->tensors());
    for (const auto* maps : {signature.inputs(), signature.outputs()}) {
      for (int64_t i = 0; i < SizeOf(maps); ++i) {
        if (maps->Get(i)->tensor_index() < tensors) continue;
        findings.Invalid("signature ", s, " names tensor ", maps->Get(i)->tensor_index(),
                         ", there are ", tensors);
      }
    }
  }
}

// Bytes that a file holds for `count` elements: u4 and i4 are packed.
uint64_t PackedBytes(ir::DType dtype, int64_t count) {
  return (static_cast<uint64_t>(count) * ir::BitWidth(dtype) + 7) / 8;
}

absl::StatusOr<CircleTensor> DecodeTensor(const circle::Model& model, int index, bool is_tflite,
                                          absl::Span<const uint8_t> file) {
  const circle::SubGraph& graph = *model.subgraphs()->Get(0);
  const circle::Tensor& in = *graph.tensors()->Get(index);
  CircleTensor out;
  out.name = NameOf(graph, index);
  for (int64_t i = 0; i < SizeOf(in.shape()); ++i) out.dims.push_back(in.shape()->Get(i));
  for (int64_t i = 0; i < SizeOf(in.shape_signature()); ++i) {
    out.is_dynamic |= in.shape_signature()->Get(i) < 0;
  }
  out.is_variable = in.is_variable();
  RETURN_IF_ERROR(ir::CheckedNumElements(out.dims).status());
  const absl::optional<ir::DType> dtype = DecodeDType(in.type(), is_tflite);
  if (!dtype.has_value()) {
    return Unsupported("its elements are ", TensorTypeText(in.type()), ", which cannot be read");
  }
  out.stored = *dtype;
  if (in.sparsity() != nullptr) return Unsupported("it is sparse; only dense data can be read");
  if (in.compression_type() != circle::CompressionType_NONE) {
    return Unsupported("its data are compressed, which cannot be read");
  }
  if (ir::IsInteger(out.stored)) {
    ASSIGN_OR_RETURN(out.quantization, DecodeQuantization(in.quantization(), out.stored, out.dims));
  }
  if (in.buffer() != 0 && SizeOf(model.buffers()) > 0) {
    ASSIGN_OR_RETURN(out.bytes, BufferBytes(*model.buffers()->Get(in.buffer()), file));
  }
  const uint64_t expected = PackedBytes(out.stored, ir::NumElements(out.dims));
  if (!out.bytes.empty() && out.bytes.size() != expected) {
    return InvalidInput("its shape ", DimsText(out.dims), " of ", ir::DTypeName(out.stored),
                        " needs ", expected, " bytes, its buffer has ", out.bytes.size());
  }
  return out;
}

// Tensors have one source each, which comes before whatever reads them.
void CheckOrder(const CircleFile& file, Findings& findings) {
  const circle::SubGraph& graph = file.subgraph();
  const std::vector<CircleTensor>& tensors = file.tensors();
  std::vector<bool> has_source(tensors.size());
  std::vector<bool> is_result(tensors.size());
  for (int64_t o = 0; o < SizeOf(graph.operators()); ++o) {
    const auto* outputs = graph.operators()->Get(o)->outputs();
    for (int64_t i = 0; i < SizeOf(outputs); ++i) is_result[outputs->Get(i)] = true;
  }
  for (size_t t = 0; t < tensors.size(); ++t) {
    const bool empty = ir::NumElements(tensors[t].dims) == 0;
    has_source[t] = !tensors[t].bytes.empty() || tensors[t].is_variable || (empty && !is_result[t]);
  }
  const auto produce = [&](int t, const std::string& by) {
    if (has_source[t]) {
      findings.Invalid(TensorText(graph, t), " is given by ", by,
                       ", but has data or another source");
    }
    has_source[t] = true;
  };
  for (int64_t i = 0; i < SizeOf(graph.inputs()); ++i) {
    const int t = graph.inputs()->Get(i);
    if (ir::NumElements(tensors[t].dims) == 0) has_source[t] = false;
    produce(t, absl::StrCat("graph input ", i));
  }
  for (int64_t o = 0; o < SizeOf(graph.operators()); ++o) {
    const circle::Operator& op = *graph.operators()->Get(o);
    for (int64_t i = 0; i < SizeOf(op.inputs()); ++i) {
      const int t = op.inputs()->Get(i);
      if (t == -1 || has_source[t]) continue;
      findings.Invalid(file.Describe(o), " reads ", TensorText(graph, t),
                       is_result[t] ? " before it is produced" : ", which nothing produces");
    }
    for (int64_t i = 0; i < SizeOf(op.outputs()); ++i) {
      produce(op.outputs()->Get(i), file.Describe(o));
    }
  }
  for (int64_t i = 0; i < SizeOf(graph.outputs()); ++i) {
    const int t = graph.outputs()->Get(i);
    if (!has_source[t]) {
      findings.Invalid("output ", i, " is ", TensorText(graph, t), ", which nothing produces");
    }
  }
}

// The names of a subgraph's inputs or outputs: those of the signature where it has them, else the
// tensors'.
std::vector<std::string> InterfaceNames(const Vector<int32_t>* indices,
                                        const Vector<flatbuffers::Offset<circle::TensorMap>>* maps,
                                        const std::vector<CircleTensor>& tensors) {
  absl::flat_hash_map<uint32_t, std::string> signed_names;
  for (int64_t i = 0; i < SizeOf(maps); ++i) {
    const circle::TensorMap& map = *maps->Get(i);
    if (map.name() != nullptr) signed_names.try_emplace(map.tensor_index(), map.name()->str());
  }
  std::vector<std::string> names;
  for (int64_t i = 0; i < SizeOf(indices); ++i) {
    const auto it = signed_names.find(indices->Get(i));
    names.push_back(it == signed_names.end() ? tensors[indices->Get(i)].name : it->second);
  }
  return names;
}

}  // namespace

absl::StatusOr<absl::Span<const uint8_t>> BufferBytes(const circle::Buffer& buffer,
                                                      absl::Span<const uint8_t> file) {
  if (buffer.data() != nullptr) {
    return absl::Span<const uint8_t>(buffer.data()->data(), buffer.data()->size());
  }
  if (buffer.size() == 0) return absl::Span<const uint8_t>();
  if (buffer.offset() > file.size() || buffer.size() > file.size() - buffer.offset()) {
    return InvalidInput("its buffer is ", buffer.size(), " bytes at offset ", buffer.offset(),
                        ", the file has ", file.size());
  }
  return file.subspan(buffer.offset(), buffer.size());
}

absl::StatusOr<CircleFile> CircleFile::Open(const std::string& path) {
  CircleFile file;
  ASSIGN_OR_RETURN(file.mapping_, MappedFile::Open(path));
  const absl::Span<const uint8_t> bytes = file.mapping_->bytes();
  const bool has_identifier = bytes.size() >= kIdentifierEnd;
  file.is_tflite_ = has_identifier && flatbuffers::BufferHasIdentifier(bytes.data(), "TFL3");
  if (!file.is_tflite_ &&
      !(has_identifier && flatbuffers::BufferHasIdentifier(bytes.data(), "CIR0"))) {
    return InvalidInput(path, ": not a .circle or .tflite file (no CIR0 or TFL3 at byte 4)");
  }
  // Tables lie within the first 2 GiB also where constants behind them make the file larger.
  flatbuffers::Verifier::Options limits;
  limits.max_depth = 64;
  limits.max_tables = 10'000'000;
  flatbuffers::Verifier verifier(bytes.data(), std::min<uint64_t>(bytes.size(), kMaxFlatBuffer),
                                 limits);
  if (!verifier.VerifyBuffer<circle::Model>(nullptr)) {
    return InvalidInput(path, ": damaged: an offset or a length leaves the file's ", bytes.size(),
                        " bytes (truncated?)");
  }
  file.model_ = flatbuffers::GetRoot<circle::Model>(bytes.data());
  RETURN_IF_ERROR(file.Check());
  return file;
}

absl::Status CircleFile::Check() {
  const std::string& path = mapping_->path();
  Findings findings;
  CheckIndices(*model_, findings);
  if (!findings.empty()) return findings.ToStatus(path);
  for (int64_t t = 0; t < SizeOf(subgraph().tensors()); ++t) {
    absl::StatusOr<CircleTensor> tensor =
        DecodeTensor(*model_, static_cast<int>(t), is_tflite_, mapping_->bytes());
    if (tensor.ok()) {
      tensors_.push_back(*std::move(tensor));
    } else {
      findings.Add(tensor.status(), TensorText(subgraph(), static_cast<int>(t)));
    }
  }
  if (!findings.empty()) return findings.ToStatus(path);
  CheckOrder(*this, findings);
  const circle::SignatureDef* signature = nullptr;
  for (int64_t s = 0; s < SizeOf(model_->signature_defs()) && signature == nullptr; ++s) {
    const circle::SignatureDef* candidate = model_->signature_defs()->Get(s);
    if (candidate->subgraph_index() == 0) signature = candidate;
  }
  input_names_ = InterfaceNames(subgraph().inputs(),
                                signature == nullptr ? nullptr : signature->inputs(), tensors_);
  output_names_ = InterfaceNames(subgraph().outputs(),
                                 signature == nullptr ? nullptr : signature->outputs(), tensors_);
  if (signature != nullptr && signature->signature_key() != nullptr) {
    signature_key_ = signature->signature_key()->str();
  }
  return findings.ToStatus(path);
}

circle::BuiltinOperator CircleFile::Code(const circle::Operator& op) const {
  const circle::OperatorCode& code = *model_->operator_codes()->Get(op.opcode_index());
  // Files from before the wide field have the narrow one only; 0 means ADD in both.
  if (code.builtin_code() != circle::BuiltinOperator_ADD) return code.builtin_code();
  return static_cast<circle::BuiltinOperator>(code.deprecated_builtin_code());
}

std::string CircleFile::OperatorName(const circle::Operator& op) const {
  const circle::BuiltinOperator code = Code(op);
  if (code == circle::BuiltinOperator_CUSTOM) {
    const auto* custom = model_->operator_codes()->Get(op.opcode_index())->custom_code();
    return custom == nullptr ? "CUSTOM" : custom->str();
  }
  const std::string name = circle::EnumNameBuiltinOperator(code);
  return name.empty() ? absl::StrCat("builtin ", static_cast<int>(code)) : name;
}

std::string CircleFile::Describe(int op) const {
  return absl::StrCat("operator ", op, " ", OperatorName(*subgraph().operators()->Get(op)));
}

}  // namespace g4c::backend
