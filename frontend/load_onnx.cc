#include "frontend/load_onnx.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/mapped_file.h"
#include "frontend/graph_importer.h"
#include "frontend/tensor_import.h"
#include "frontend/wire_scan.h"
#include "ir/digest.h"

namespace g4c::frontend {
namespace {

absl::Status ParseModel(const std::string& bytes, onnx::ModelProto& model) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(kMaxMessageDepth);
  if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    return InvalidInput("not an ONNX model: protobuf cannot parse it");
  }
  if (!model.has_graph()) return InvalidInput("not an ONNX model: it has no graph");
  return absl::OkStatus();
}

std::map<std::string, std::vector<std::string>> DimNames(const onnx::GraphProto& graph) {
  std::map<std::string, std::vector<std::string>> names;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    std::vector<std::string> dims;
    bool any = false;
    for (const auto& dim : input.type().tensor_type().shape().dim()) {
      dims.push_back(dim.dim_param());
      any = any || !dim.dim_param().empty();
    }
    if (any) names[input.name()] = std::move(dims);
  }
  return names;
}

absl::StatusOr<LoadedModel> Load(const std::string& path, std::shared_ptr<const MappedFile> file) {
  ASSIGN_OR_RETURN(ScannedModel scanned, ScanModel(file->bytes()));
  // Its many small messages are given back at once.
  google::protobuf::Arena arena;
  onnx::ModelProto& model = *google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  RETURN_IF_ERROR(ParseModel(scanned.reduced, model));
  LoadedModel loaded;
  ir::Digest digest;
  digest.Update({reinterpret_cast<const uint8_t*>(scanned.reduced.data()), scanned.reduced.size()});
  loaded.graph_hash = digest.Hex();
  scanned.reduced = std::string();
  TensorImporter tensors(path, std::move(file), std::move(scanned.spans));
  GraphImporter graph(model, &tensors);
  ASSIGN_OR_RETURN(loaded.graph, graph.Import());
  loaded.dim_names = DimNames(model.graph());
  loaded.weight_bytes = tensors.total_bytes();
  loaded.files = tensors.Files();
  for (const auto& [dtype, count] : tensors.converted()) {
    loaded.notes.push_back(absl::StrCat(count, count == 1 ? " tensor is " : " tensors are ",
                                        ir::DTypeName(dtype), ", read as f32"));
  }
  loaded.notes.insert(loaded.notes.end(), graph.notes().begin(), graph.notes().end());
  return loaded;
}

}  // namespace

absl::StatusOr<LoadedModel> LoadOnnx(const std::string& path) {
  // Its errors begin with the path.
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  absl::StatusOr<LoadedModel> loaded = Load(path, std::move(file));
  if (!loaded.ok()) return Prefixed(loaded.status(), absl::StrCat(path, ": "));
  return loaded;
}

}  // namespace g4c::frontend
