#include "frontend/load_onnx.h"

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
  coded.SetRecursionLimit(kMaxNesting + 16);
  if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    return InvalidInput("not an ONNX model: protobuf cannot parse it");
  }
  if (!model.has_graph()) return InvalidInput("not an ONNX model: it has no graph");
  return absl::OkStatus();
}

absl::StatusOr<LoadedModel> Load(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  ASSIGN_OR_RETURN(ScannedModel scanned, ScanModel(file->bytes()));
  onnx::ModelProto model;
  RETURN_IF_ERROR(ParseModel(scanned.reduced, model));
  LoadedModel loaded;
  ir::Digest digest;
  digest.Update({reinterpret_cast<const uint8_t*>(scanned.reduced.data()), scanned.reduced.size()});
  loaded.graph_hash = digest.Hex();
  scanned.reduced = std::string();
  TensorImporter tensors(path, file, std::move(scanned.spans));
  ASSIGN_OR_RETURN(loaded.graph, GraphImporter(model, &tensors).Import());
  loaded.weight_bytes = tensors.total_bytes();
  loaded.files = tensors.Files();
  for (const auto& [dtype, count] : tensors.converted()) {
    loaded.notes.push_back(
        absl::StrCat(count, " tensors are ", ir::DTypeName(dtype), ", read as f32"));
  }
  return loaded;
}

}  // namespace

absl::StatusOr<LoadedModel> LoadOnnx(const std::string& path) {
  absl::StatusOr<LoadedModel> loaded = Load(path);
  if (loaded.ok()) return loaded;
  // Errors of the file itself name it already.
  const bool named = loaded.status().message().find(path) != absl::string_view::npos;
  return named ? loaded.status() : Prefixed(loaded.status(), absl::StrCat("'", path, "': "));
}

}  // namespace g4c::frontend
