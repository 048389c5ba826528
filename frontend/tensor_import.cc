#include "frontend/tensor_import.h"

#include <cstring>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "frontend/wire_scan.h"

namespace g4c::frontend {
namespace {

using ir::DType;
using onnx::TensorProto;

// Elements that protobuf holds in a typed list, narrowed to the tensor's own width.
template <typename Out, typename List>
ir::Tensor FromList(DType dtype, const ir::Dims& dims, const List& list) {
  ir::Tensor tensor = ir::Tensor::Allocate(dtype, dims);
  Out* out = tensor.mutable_data<Out>();
  for (int64_t i = 0; i < tensor.NumElements(); ++i)
    out[i] = static_cast<Out>(list.Get(static_cast<int>(i)));
  return tensor;
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

bool IsNibble(DType dtype) { return dtype == DType::kI4 || dtype == DType::kU4; }

}  // namespace

absl::StatusOr<DType> DTypeOfOnnx(int data_type) {
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
    default:
      break;
  }
  const std::string name =
      TensorProto::DataType_IsValid(data_type)
          ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type))
          : absl::StrCat(data_type);
  return Unsupported("element type ", name, "; export in float32, float16 or bfloat16");
}

DType LogicalDType(DType stored) { return ir::IsFloat(stored) ? DType::kF32 : stored; }

absl::StatusOr<ir::Tensor> TensorImporter::Import(const TensorProto& proto) {
  const std::string prefix = absl::StrCat("initializer '", proto.name(), "': ");
  const auto import = [&]() -> absl::StatusOr<ir::Tensor> {
    ASSIGN_OR_RETURN(const DType dtype, DTypeOfOnnx(proto.data_type()));
    const ir::Dims dims(proto.dims().begin(), proto.dims().end());
    RETURN_IF_ERROR(ir::CheckedNumElements(dims).status());
    if (proto.has_segment()) return Unsupported("a tensor in segments");
    ASSIGN_OR_RETURN(ir::Tensor tensor, ImportData(proto, dtype, dims));
    total_bytes_ += tensor.NumBytes();
    if (LogicalDType(dtype) != dtype) ++converted_[dtype];
    return tensor;
  };
  absl::StatusOr<ir::Tensor> tensor = import();
  if (!tensor.ok()) return Prefixed(tensor.status(), prefix);
  return tensor;
}

absl::StatusOr<ir::Tensor> TensorImporter::ImportData(const TensorProto& proto, DType dtype,
                                                      const ir::Dims& dims) {
  if (proto.data_location() == TensorProto::EXTERNAL) return ImportExternal(proto, dtype, dims);
  const int64_t elements = ir::NumElements(dims);
  if (proto.has_raw_data()) {
    if (const auto index = TokenIndex(proto.raw_data())) {
      if (*index >= spans_.size()) return InvalidInput("damaged data");
      return FromBytes(spans_[*index], model_, dtype, dims);
    }
    auto copy = std::make_shared<std::string>(proto.raw_data());
    const absl::Span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(copy->data()),
                                          copy->size());
    return FromBytes(bytes, copy, dtype, dims);
  }
  const auto check = [&](int64_t present) -> absl::Status {
    const int64_t needed = IsNibble(dtype) ? (elements + 1) / 2 : elements;
    if (present == needed) return absl::OkStatus();
    return InvalidInput(present, " elements of data where ", ir::DTypeName(dtype),
                        ir::ShapeText(dims), " needs ", needed);
  };
  switch (dtype) {
    case DType::kF32:
      RETURN_IF_ERROR(check(proto.float_data_size()));
      return FromList<float>(dtype, dims, proto.float_data());
    case DType::kF64:
      RETURN_IF_ERROR(check(proto.double_data_size()));
      return FromList<double>(dtype, dims, proto.double_data());
    case DType::kI64:
      RETURN_IF_ERROR(check(proto.int64_data_size()));
      return FromList<int64_t>(dtype, dims, proto.int64_data());
    case DType::kU64:
      RETURN_IF_ERROR(check(proto.uint64_data_size()));
      return FromList<uint64_t>(dtype, dims, proto.uint64_data());
    case DType::kU32:
      RETURN_IF_ERROR(check(proto.uint64_data_size()));
      return FromList<uint32_t>(dtype, dims, proto.uint64_data());
    default:
      break;
  }
  RETURN_IF_ERROR(check(proto.int32_data_size()));
  if (IsNibble(dtype)) {
    std::vector<uint8_t> packed(proto.int32_data().begin(), proto.int32_data().end());
    return UnpackNibbles(packed, dtype, dims);
  }
  switch (ir::ByteWidth(dtype)) {
    case 1:
      return FromList<uint8_t>(dtype, dims, proto.int32_data());
    case 2:
      return FromList<uint16_t>(dtype, dims, proto.int32_data());
    default:
      return FromList<int32_t>(dtype, dims, proto.int32_data());
  }
}

absl::StatusOr<ir::Tensor> TensorImporter::FromBytes(absl::Span<const uint8_t> bytes,
                                                     std::shared_ptr<const void> owner, DType dtype,
                                                     const ir::Dims& dims) {
  if (!IsNibble(dtype)) return ir::Tensor::View(dtype, dims, bytes, std::move(owner));
  const int64_t needed = (ir::NumElements(dims) + 1) / 2;
  if (static_cast<int64_t>(bytes.size()) != needed) {
    return InvalidInput(bytes.size(), " bytes of data where ", ir::DTypeName(dtype),
                        ir::ShapeText(dims), " needs ", needed);
  }
  return UnpackNibbles(bytes, dtype, dims);
}

absl::StatusOr<std::shared_ptr<const MappedFile>> TensorImporter::OpenExternal(
    const std::string& location) {
  namespace fs = std::filesystem;
  const auto known = external_.find(location);
  if (known != external_.end()) return known->second;
  const fs::path relative(location);
  if (location.empty() || relative.is_absolute()) {
    return InvalidInput("external data location '", location,
                        "' is no path inside the model's folder");
  }
  std::error_code error;
  fs::path folder = fs::path(model_path_).parent_path();
  if (folder.empty()) folder = ".";
  // Symbolic links are resolved on both sides before they are compared.
  const fs::path base = fs::canonical(folder, error);
  if (error)
    return InvalidInput("cannot resolve the model's folder '", folder.string(),
                        "': ", error.message());
  const fs::path target = fs::weakly_canonical(base / relative, error);
  if (error)
    return InvalidInput("cannot resolve external data '", location, "': ", error.message());
  const fs::path inside = target.lexically_relative(base);
  if (inside.empty() || *inside.begin() == "..") {
    return InvalidInput("external data '", location, "' lies outside of the model's folder");
  }
  ASSIGN_OR_RETURN(auto file, MappedFile::Open(target.string()));
  external_[location] = file;
  return file;
}

absl::StatusOr<ir::Tensor> TensorImporter::ImportExternal(const TensorProto& proto, DType dtype,
                                                          const ir::Dims& dims) {
  std::string location;
  uint64_t offset = 0;
  absl::optional<uint64_t> length;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    uint64_t number = 0;
    if (entry.key() != "offset" && entry.key() != "length") continue;
    if (!absl::SimpleAtoi(entry.value(), &number)) {
      return InvalidInput("external data ", entry.key(), " '", entry.value(), "' is no number");
    }
    if (entry.key() == "offset") offset = number;
    if (entry.key() == "length") length = number;
  }
  ASSIGN_OR_RETURN(const auto file, OpenExternal(location));
  const uint64_t size = file->bytes().size();
  const int64_t elements = ir::NumElements(dims);
  const uint64_t needed =
      static_cast<uint64_t>(IsNibble(dtype) ? (elements + 1) / 2 : elements * ir::ByteWidth(dtype));
  if (length && *length != needed) {
    return InvalidInput("external data length ", *length, " where ", ir::DTypeName(dtype),
                        ir::ShapeText(dims), " needs ", needed, " bytes");
  }
  if (offset > size || needed > size - offset) {
    return InvalidInput("external data '", location, "' is too short: bytes ", offset, " to ",
                        offset + needed, " of a file of ", size);
  }
  return FromBytes(file->bytes().subspan(offset, needed), file, dtype, dims);
}

std::vector<std::string> TensorImporter::Files() const {
  std::vector<std::string> files{model_path_};
  for (const auto& [location, file] : external_) files.push_back(file->path());
  return files;
}

}  // namespace g4c::frontend
