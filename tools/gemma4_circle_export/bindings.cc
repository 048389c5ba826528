#include "gemma4_circle_export/bindings.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "base/mapped_file.h"
#include "base/npy.h"
#include "ir/npy_type.h"

namespace g4c::tools {
namespace {

// A profile of the user's own: {"schema_version": 1, "grid": [H, W], "seq_len": S}.
absl::StatusOr<passes::Profile> ReadProfile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  const auto bytes = file->bytes();
  const auto json =
      nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, /*allow_exceptions=*/false);
  const auto wrong = [&](absl::string_view what) {
    return InvalidInput("profile '", path, "': ", what,
                        "; it needs {\"schema_version\": 1, \"grid\": [H, W], \"seq_len\": S}");
  };
  if (!json.is_object()) return wrong("not a JSON object");
  for (const auto& item : json.items()) {
    if (item.key() != "schema_version" && item.key() != "grid" && item.key() != "seq_len") {
      return wrong(absl::StrCat("unknown key '", item.key(), "'"));
    }
  }
  const auto positive = [](const nlohmann::json& number) {
    return number.is_number_integer() && number.get<int64_t>() > 0;
  };
  if (!json.contains("schema_version") || json["schema_version"] != 1)
    return wrong("schema_version is not 1");
  if (!json.contains("grid") || !json["grid"].is_array() || json["grid"].size() != 2 ||
      !positive(json["grid"][0]) || !positive(json["grid"][1])) {
    return wrong("grid is no pair of positive numbers");
  }
  if (!json.contains("seq_len") || !positive(json["seq_len"]))
    return wrong("seq_len is no positive number");
  return passes::Profile{path,
                         {json["grid"][0].get<int64_t>(), json["grid"][1].get<int64_t>()},
                         json["seq_len"].get<int64_t>()};
}

}  // namespace

absl::StatusOr<ir::Tensor> ReadTensor(const std::string& path) {
  ASSIGN_OR_RETURN(const NpyArray array, ReadNpy(path));
  const absl::optional<ir::DType> dtype = ir::DTypeOfDescr(array.descr);
  if (!dtype)
    return InvalidInput("'", path, "' has elements of type ", array.descr,
                        ", which no graph input has");
  return ir::Tensor::View(*dtype, array.dims, array.bytes, array.owner);
}

absl::StatusOr<passes::Bindings> ReadBindings(const InputOptions& options,
                                              std::vector<std::string>* files) {
  passes::Bindings bindings;
  bindings.shapes = options.shapes;
  for (const auto& [name, path] : options.bind) {
    ASSIGN_OR_RETURN(ir::Tensor tensor, ReadTensor(path));
    bindings.tensors.emplace_back(name, std::move(tensor));
    if (files != nullptr) files->push_back(path);
  }
  if (options.grid) bindings.grid = passes::Grid{options.grid->first, options.grid->second};
  bindings.seq_len = options.seq_len;
  if (options.profile.empty()) return bindings;
  const bool is_file = absl::EndsWith(options.profile, ".json");
  ASSIGN_OR_RETURN(const passes::Profile profile, is_file
                                                      ? ReadProfile(options.profile)
                                                      : passes::BuiltinProfile(options.profile));
  if (is_file && files != nullptr) files->push_back(options.profile);
  bindings.grid = profile.grid;
  bindings.seq_len = profile.seq_len;
  return bindings;
}

}  // namespace g4c::tools
