#include "frontend/tensor_import.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <type_traits>

#include "absl/strings/numbers.h"
#include "frontend/wire_scan.h"

namespace g4c::frontend {
namespace {

using ir::DType;
namespace fs = std::filesystem;
using onnx::TensorProto;

bool IsNibble(DType dtype) { return dtype == DType::kI4 || dtype == DType::kU4; }

// Bytes of raw data, and entries of int32_data for 4-bit elements, which are packed two a byte
// there, too.
uint64_t PackedSize(DType dtype, int64_t elements) {
  return IsNibble(dtype) ? (static_cast<uint64_t>(elements) + 1) / 2
                         : static_cast<uint64_t>(elements) * ir::ByteWidth(dtype);
}

absl::Status WrongSize(uint64_t present, absl::string_view unit, DType dtype, const ir::Dims& dims,
                       uint64_t needed) {
  return InvalidInput(present, " ", unit, " of data, but ", ir::DTypeName(dtype),
                      ir::ShapeText(dims), " needs ", needed);
}

// Two elements a byte, the first in the low half; one element a byte afterwards.
ir::Tensor UnpackNibbles(absl::Span<const uint8_t> packed, DType dtype, const ir::Dims& dims) {
  ir::Tensor tensor = ir::Tensor::Allocate(dtype, dims);
  uint8_t* out = tensor.mutable_data<uint8_t>();
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    const uint8_t nibble = i % 2 == 0 ? packed[i / 2] & 15 : packed[i / 2] >> 4;
    out[i] = dtype == DType::kI4 && nibble > 7 ? static_cast<uint8_t>(nibble | 0xf0) : nibble;
  }
  return tensor;
}

absl::StatusOr<ir::Tensor> FromBytes(absl::Span<const uint8_t> bytes,
                                     std::shared_ptr<const void> owner, DType dtype,
                                     const ir::Dims& dims) {
  const uint64_t needed = PackedSize(dtype, ir::NumElements(dims));
  if (bytes.size() != needed) return WrongSize(bytes.size(), "bytes", dtype, dims, needed);
  if (IsNibble(dtype)) return UnpackNibbles(bytes, dtype, dims);
  return ir::Tensor::View(dtype, dims, bytes, std::move(owner));
}

// One entry of the list an element. Entries of integer lists may be wider than the elements; 16-bit
// floats are lists of their bits.
template <typename Out, typename List>
absl::StatusOr<ir::Tensor> FromList(DType dtype, const ir::Dims& dims, const List& list) {
  const int64_t elements = ir::NumElements(dims);
  if (list.size() != elements) return WrongSize(list.size(), "elements", dtype, dims, elements);
  ir::Tensor tensor = ir::Tensor::Allocate(dtype, dims);
  Out* out = tensor.mutable_data<Out>();
  for (int i = 0; i < list.size(); ++i) {
    out[i] = static_cast<Out>(list.Get(i));
    const bool fits = dtype == DType::kBool
                          ? list.Get(i) == 0 || list.Get(i) == 1
                          : out[i] == list.Get(i) || std::is_floating_point_v<Out>;
    if (!fits) {
      return InvalidInput("element ", i, " is ", list.Get(i), ", which is no ",
                          ir::DTypeName(dtype));
    }
  }
  return tensor;
}

absl::StatusOr<ir::Tensor> FromInt32List(const TensorProto& proto, DType dtype,
                                         const ir::Dims& dims) {
  if (IsNibble(dtype)) {
    const std::vector<uint8_t> packed(proto.int32_data().begin(), proto.int32_data().end());
    return FromBytes(packed, nullptr, dtype, dims);
  }
  switch (dtype) {
    case DType::kI8:
      return FromList<int8_t>(dtype, dims, proto.int32_data());
    case DType::kI16:
      return FromList<int16_t>(dtype, dims, proto.int32_data());
    case DType::kI32:
      return FromList<int32_t>(dtype, dims, proto.int32_data());
    case DType::kBool:
    case DType::kU8:
      return FromList<uint8_t>(dtype, dims, proto.int32_data());
    default:  // u16, f16, bf16
      return FromList<uint16_t>(dtype, dims, proto.int32_data());
  }
}

// How many of the fields that can hold the data do.
int NumStores(const TensorProto& proto) {
  return (proto.data_location() == TensorProto::EXTERNAL) + proto.has_raw_data() +
         !proto.float_data().empty() + !proto.double_data().empty() + !proto.int32_data().empty() +
         !proto.int64_data().empty() + !proto.uint64_data().empty() + !proto.string_data().empty();
}

// The folder of the model and of all its external data, without symbolic links.
absl::StatusOr<fs::path> FolderOf(const std::string& model_path) {
  fs::path folder = fs::path(model_path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code error;
  fs::path resolved = fs::canonical(folder, error);
  if (error)
    return InvalidInput("cannot resolve the folder '", folder.string(), "': ", error.message());
  return resolved;
}

}  // namespace

absl::StatusOr<DType> DTypeOfOnnx(int64_t data_type) {
  switch (data_type) {
    case TensorProto::FLOAT:
      return DType::kF32;
    case TensorProto::UINT8:
      return DType::kU8;
    case TensorProto::INT8:
      return DType::kI8;
    case TensorProto::UINT16:
      return DType::kU16;
    case TensorProto::INT16:
      return DType::kI16;
    case TensorProto::INT32:
      return DType::kI32;
    case TensorProto::INT64:
      return DType::kI64;
    case TensorProto::BOOL:
      return DType::kBool;
    case TensorProto::FLOAT16:
      return DType::kF16;
    case TensorProto::DOUBLE:
      return DType::kF64;
    case TensorProto::UINT32:
      return DType::kU32;
    case TensorProto::UINT64:
      return DType::kU64;
    case TensorProto::BFLOAT16:
      return DType::kBF16;
    case TensorProto::UINT4:
      return DType::kU4;
    case TensorProto::INT4:
      return DType::kI4;
    case TensorProto::UNDEFINED:
      return InvalidInput("no element type is given");
    default:
      break;
  }
  const bool has_name = data_type == static_cast<int>(data_type) &&
                        TensorProto::DataType_IsValid(static_cast<int>(data_type));
  const std::string name =
      has_name ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type))
               : absl::StrCat(data_type);
  return Unsupported("element type ", name,
                     "; export in float32, float16 or bfloat16, and integers up to 64 bits");
}

DType LogicalDType(DType stored) { return ir::IsFloat(stored) ? DType::kF32 : stored; }

absl::Status CheckSize(const ir::Dims& dims) {
  ir::Dims without_zeros;
  for (int64_t dim : dims) without_zeros.push_back(std::max<int64_t>(dim, 1));
  const absl::StatusOr<int64_t> elements = ir::CheckedNumElements(without_zeros);
  if (elements.ok() && *elements <= std::numeric_limits<int64_t>::max() / 8) {
    return absl::OkStatus();
  }
  return InvalidInput("the size of shape ", ir::ShapeText(dims), " overflows");
}

absl::StatusOr<ir::Tensor> TensorImporter::Import(const TensorProto& proto,
                                                  absl::string_view what) {
  const auto import = [&]() -> absl::StatusOr<ir::Tensor> {
    ASSIGN_OR_RETURN(const DType dtype, DTypeOfOnnx(proto.data_type()));
    const ir::Dims dims(proto.dims().begin(), proto.dims().end());
    for (int64_t dim : dims) {
      if (dim < 0) return InvalidInput("its shape has the dimension ", dim);
    }
    RETURN_IF_ERROR(CheckSize(dims));
    if (proto.has_segment()) return Unsupported("it is cut into segments; save it whole");
    if (NumStores(proto) > 1) {
      return InvalidInput("it has data in more than one place: raw, typed or external");
    }
    ASSIGN_OR_RETURN(ir::Tensor tensor, ImportData(proto, dtype, dims));
    total_bytes_ += tensor.NumBytes();
    if (LogicalDType(dtype) != dtype) ++converted_[dtype];
    return tensor;
  };
  absl::StatusOr<ir::Tensor> tensor = import();
  if (!tensor.ok()) return Prefixed(tensor.status(), absl::StrCat(what, ": "));
  return tensor;
}

absl::StatusOr<ir::Tensor> TensorImporter::ImportData(const TensorProto& proto, DType dtype,
                                                      const ir::Dims& dims) {
  if (proto.data_location() == TensorProto::EXTERNAL) return ImportExternal(proto, dtype, dims);
  if (proto.has_raw_data()) {
    if (const auto index = TokenIndex(proto.raw_data())) {
      G4C_CHECK(*index < spans_.size());
      return FromBytes(spans_[*index], model_, dtype, dims);
    }
    auto copy = std::make_shared<std::string>(proto.raw_data());
    const absl::Span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(copy->data()),
                                          copy->size());
    return FromBytes(bytes, copy, dtype, dims);
  }
  switch (dtype) {
    case DType::kF32:
      return FromList<float>(dtype, dims, proto.float_data());
    case DType::kF64:
      return FromList<double>(dtype, dims, proto.double_data());
    case DType::kI64:
      return FromList<int64_t>(dtype, dims, proto.int64_data());
    case DType::kU64:
      return FromList<uint64_t>(dtype, dims, proto.uint64_data());
    case DType::kU32:
      return FromList<uint32_t>(dtype, dims, proto.uint64_data());
    default:
      return FromInt32List(proto, dtype, dims);
  }
}

absl::StatusOr<std::shared_ptr<const MappedFile>> TensorImporter::OpenExternal(
    const std::string& location) {
  const auto known = by_location_.find(location);
  if (known != by_location_.end()) return known->second;
  const fs::path relative(location);
  if (location.empty()) return InvalidInput("its external data has no location");
  if (relative.is_absolute() || location.find('\0') != std::string::npos) {
    return InvalidInput("external data '", location,
                        "' is no relative path inside the model's folder");
  }
  ASSIGN_OR_RETURN(const fs::path folder, FolderOf(model_path_));
  std::error_code error;
  const fs::path target = fs::weakly_canonical(folder / relative, error);
  if (error)
    return InvalidInput("cannot resolve external data '", location, "': ", error.message());
  const fs::path inside = target.lexically_relative(folder);
  if (inside.empty() || *inside.begin() == "..") {
    return InvalidInput("external data '", location,
                        "' lies outside of the model's folder; copy it next to the model");
  }
  std::shared_ptr<const MappedFile>& file = by_path_[target.string()];
  if (file == nullptr) {
    absl::StatusOr<std::shared_ptr<const MappedFile>> opened = MappedFile::Open(target.string());
    if (!opened.ok()) {
      by_path_.erase(target.string());
      return Prefixed(opened.status(), absl::StrCat("external data '", location, "': "));
    }
    file = *std::move(opened);
  }
  by_location_[location] = file;
  return file;
}

absl::StatusOr<ir::Tensor> TensorImporter::ImportExternal(const TensorProto& proto, DType dtype,
                                                          const ir::Dims& dims) {
  std::string location;
  uint64_t offset = 0;
  const uint64_t needed = PackedSize(dtype, ir::NumElements(dims));
  uint64_t length = needed;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    uint64_t& number = entry.key() == "offset" ? offset : length;
    if (!absl::SimpleAtoi(entry.value(), &number)) {
      return InvalidInput("external data ", entry.key(), " '", entry.value(),
                          "' is no size in bytes");
    }
  }
  if (length != needed) {
    return InvalidInput("external data of ", length, " bytes, but ", ir::DTypeName(dtype),
                        ir::ShapeText(dims), " needs ", needed);
  }
  ASSIGN_OR_RETURN(const auto file, OpenExternal(location));
  if (offset > file->size() || needed > file->size() - offset) {
    return InvalidInput("external data '", location, "' is too short: ", needed,
                        " bytes from byte ", offset, " are needed, the file has ", file->size());
  }
  return FromBytes(file->bytes().subspan(offset, needed), file, dtype, dims);
}

std::vector<std::string> TensorImporter::Files() const {
  std::vector<std::string> files{model_path_};
  for (const auto& [path, file] : by_path_) files.push_back(path);
  return files;
}

}  // namespace g4c::frontend
