#include "passes/bind_inputs.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::DType;
using ir::Graph;
using ir::Tensor;
using ir::ValueId;

constexpr absl::string_view kPositions = "pixel_position_ids";
constexpr absl::string_view kMask = "attention_mask";

std::string InputNames(const Graph& graph) {
  std::vector<std::string> names;
  for (ValueId input : graph.inputs()) {
    const ir::Type& type = graph.value(input).type;
    names.push_back(absl::StrCat("'", graph.value(input).name, "' ", ir::DTypeName(type.dtype),
                                 ir::ShapeText(type.shape)));
  }
  return names.empty() ? "the graph has no inputs left"
                       : absl::StrCat("inputs: ", absl::StrJoin(names, ", "));
}

absl::StatusOr<ValueId> InputByName(const Graph& graph, absl::string_view name) {
  for (ValueId input : graph.inputs()) {
    if (graph.value(input).name == name) return input;
  }
  return InvalidInput("no graph input is called '", name, "'; ", InputNames(graph));
}

// `dims` must agree with every known dim.
bool Agrees(const ir::Shape& shape, const Dims& dims) {
  if (!shape.has_rank()) return true;
  if (shape.rank() != static_cast<int>(dims.size())) return false;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape.dim(axis) != ir::kUnknownDim && shape.dim(axis) != dims[axis]) return false;
  }
  return true;
}

absl::Status SetShape(Graph& graph, const std::string& name, const Dims& dims) {
  ASSIGN_OR_RETURN(const ValueId input, InputByName(graph, name));
  RETURN_IF_ERROR(ir::CheckedNumElements(dims).status());
  ir::Type type = graph.value(input).type;
  if (!Agrees(type.shape, dims)) {
    return InvalidInput("shape ", ir::ShapeText(dims), " for input '", name,
                        "', which the model declares as ", ir::ShapeText(type.shape));
  }
  type.shape = dims;
  graph.SetType(input, std::move(type));
  return absl::OkStatus();
}

absl::Status BindTensor(Graph& graph, ValueId input, Tensor data, std::vector<std::string>& names) {
  const ir::Value& value = graph.value(input);
  if (data.dtype() != value.type.dtype) {
    return InvalidInput("input '", value.name, "' is ", ir::DTypeName(value.type.dtype),
                        ", but what is bound to it is ", ir::DTypeName(data.dtype()),
                        "; convert the file");
  }
  if (!Agrees(value.type.shape, data.dims())) {
    return InvalidInput("input '", value.name, "' has shape ", ir::ShapeText(value.type.shape),
                        ", but what is bound to it has ", ir::ShapeText(data.dims()));
  }
  names.push_back(value.name);
  const ir::Type type{data.dtype(), ir::Shape(data.dims())};
  graph.MakeConstant(input, type, std::move(data));
  return absl::OkStatus();
}

// 1 for the first `patches` of each row of [batch, slots], else 0, in any dtype.
absl::StatusOr<Tensor> MakeMask(DType dtype, int64_t batch, int64_t slots, int64_t patches) {
  const auto fill = [&](auto one) {
    using T = decltype(one);
    Tensor mask = Tensor::Allocate(dtype, {batch, slots});
    T* data = mask.mutable_data<T>();
    for (int64_t b = 0; b < batch; ++b) std::fill_n(data + b * slots, patches, one);
    return mask;
  };
  switch (dtype) {
    case DType::kBool:
    case DType::kU8:
    case DType::kI8:
      return fill(uint8_t{1});
    case DType::kU16:
    case DType::kI16:
      return fill(uint16_t{1});
    case DType::kU32:
    case DType::kI32:
      return fill(uint32_t{1});
    case DType::kU64:
    case DType::kI64:
      return fill(uint64_t{1});
    case DType::kF32:
      return fill(1.0f);
    case DType::kF64:
      return fill(1.0);
    case DType::kF16:
      return fill(uint16_t{0x3C00});
    case DType::kBF16:
      return fill(uint16_t{0x3F80});
    case DType::kU4:
    case DType::kI4:
      break;
  }
  return InvalidInput("an attention_mask of ", ir::DTypeName(dtype),
                      " cannot be made; bind it from a file");
}

absl::StatusOr<Tensor> MakePositions(DType dtype, int64_t batch, int64_t slots, Grid grid) {
  const auto fill = [&](auto minus_one) {
    using T = decltype(minus_one);
    Tensor ids = Tensor::Allocate(dtype, {batch, slots, 2});
    T* out = ids.mutable_data<T>();
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t slot = 0; slot < slots; ++slot) {
        const bool real = slot < grid.height * grid.width;
        *out++ = real ? static_cast<T>(slot % grid.width) : minus_one;
        *out++ = real ? static_cast<T>(slot / grid.width) : minus_one;
      }
    }
    return ids;
  };
  if (dtype == DType::kI64) return fill(int64_t{-1});
  if (dtype == DType::kI32) return fill(int32_t{-1});
  return InvalidInput("it is ", ir::DTypeName(dtype), "; position ids are i64 or i32");
}

// A dim that the graph may know, and what the options say of it.
absl::StatusOr<int64_t> SlotsOf(const Graph& graph, ValueId positions, ValueId mask,
                                absl::optional<int64_t> seq_len) {
  absl::optional<int64_t> slots;
  for (ValueId input : {positions, mask}) {
    if (input == ir::kNoValue) continue;
    const ir::Shape& shape = graph.value(input).type.shape;
    if (!shape.has_rank() || shape.rank() < 2 || shape.dim(1) == ir::kUnknownDim) continue;
    if (slots && *slots != shape.dim(1)) {
      return InvalidInput("input '", graph.value(input).name, "' has ", shape.dim(1),
                          " patch slots, '", graph.value(positions).name, "' has ", *slots);
    }
    slots = shape.dim(1);
  }
  if (slots && seq_len && *slots != *seq_len) {
    return InvalidInput("a sequence length of ", *seq_len, " for input '",
                        graph.value(positions).name, "', which the model declares as ",
                        ir::ShapeText(graph.value(positions).type.shape));
  }
  if (!slots) slots = seq_len;
  if (!slots) {
    return InvalidInput("the number of patch slots of input '", graph.value(positions).name, "' ",
                        ir::ShapeText(graph.value(positions).type.shape),
                        " is not known; give --seq-len S, or --shape ", graph.value(positions).name,
                        "=B,S,2");
  }
  return *slots;
}

absl::Status BindGrid(Graph& graph, Grid grid, absl::optional<int64_t> seq_len,
                      std::vector<std::string>& names) {
  if (grid.height < 1 || grid.width < 1) {
    return InvalidInput("a grid of ", grid.height, "x", grid.width, " has no patches");
  }
  ASSIGN_OR_RETURN(const ValueId positions, InputFor(graph, kPositions));
  ASSIGN_OR_RETURN(const ValueId mask, InputFor(graph, kMask));
  if (positions == ir::kNoValue) {
    return InvalidInput("a grid binds the input '", kPositions,
                        "', which is bound already or does not exist; ", InputNames(graph));
  }
  const std::string name = graph.value(positions).name;
  ASSIGN_OR_RETURN(const int64_t slots, SlotsOf(graph, positions, mask, seq_len));
  // The product cannot overflow once both factors are at most `slots`.
  if (grid.height > slots || grid.width > slots || grid.height * grid.width > slots) {
    const bool countable = grid.height <= slots && grid.width <= slots;
    return InvalidInput("a grid of ", grid.height, "x", grid.width,
                        countable ? absl::StrCat(" = ", grid.height * grid.width) : "",
                        " patches does not fit the ", slots, " patch slots of input '", name, "'");
  }
  const ir::Type& type = graph.value(positions).type;
  int64_t batch =
      type.shape.has_rank() && type.shape.rank() > 0 ? type.shape.dim(0) : ir::kUnknownDim;
  if (mask != ir::kNoValue && batch == ir::kUnknownDim) {
    const ir::Shape& shape = graph.value(mask).type.shape;
    if (shape.has_rank() && shape.rank() > 0) batch = shape.dim(0);
  }
  if (batch == ir::kUnknownDim) {
    return InvalidInput("the batch of input '", name, "' ", ir::ShapeText(type.shape),
                        " is not known; give --shape ", name, "=1,", slots, ",2");
  }
  absl::StatusOr<Tensor> ids = MakePositions(type.dtype, batch, slots, grid);
  if (!ids.ok()) return Prefixed(ids.status(), absl::StrCat("input '", name, "': "));
  RETURN_IF_ERROR(BindTensor(graph, positions, *std::move(ids), names));
  if (mask == ir::kNoValue) return absl::OkStatus();
  ASSIGN_OR_RETURN(Tensor valid,
                   MakeMask(graph.value(mask).type.dtype, batch, slots, grid.height * grid.width));
  return BindTensor(graph, mask, std::move(valid), names);
}

// Gives equal extents to dims of one symbolic name.
absl::Status ShareDims(Graph& graph, const Bindings& bindings) {
  struct Known {
    int64_t extent;
    std::string input;
  };
  std::map<std::string, Known> known;
  std::map<std::string, ValueId> by_name;
  for (ValueId id = 0; id < graph.num_values(); ++id) by_name[graph.value(id).name] = id;
  for (const bool sets : {false, true}) {
    for (const auto& [name, symbols] : bindings.dim_names) {
      const auto input = by_name.find(name);
      if (input == by_name.end()) continue;
      ir::Type type = graph.value(input->second).type;
      if (!type.shape.has_rank() || type.shape.rank() != static_cast<int>(symbols.size())) continue;
      Dims dims = type.shape.dims();
      for (size_t axis = 0; axis < dims.size(); ++axis) {
        if (symbols[axis].empty()) continue;
        const auto found = known.find(symbols[axis]);
        if (dims[axis] == ir::kUnknownDim) {
          if (sets && found != known.end()) dims[axis] = found->second.extent;
        } else if (found == known.end()) {
          known[symbols[axis]] = {dims[axis], name};
        } else if (found->second.extent != dims[axis]) {
          return InvalidInput("dim '", symbols[axis], "' is ", found->second.extent, " in input '",
                              found->second.input, "' and ", dims[axis], " in input '", name, "'");
        }
      }
      if (!sets || dims == type.shape.dims()) continue;
      type.shape = dims;
      graph.SetType(input->second, std::move(type));
    }
  }
  return absl::OkStatus();
}

// true where x >= 0.
Tensor ValidOf(const Tensor& ids) {
  const Tensor x = ids.Sliced(2, 0, 1);
  const std::vector<int64_t> columns = x.Ints();
  Tensor valid = Tensor::Allocate(DType::kBool, {ids.dims()[0], ids.dims()[1]});
  uint8_t* out = valid.mutable_data<uint8_t>();
  for (size_t i = 0; i < columns.size(); ++i) out[i] = columns[i] >= 0;
  return valid;
}

}  // namespace

absl::Span<const Profile> BuiltinProfiles() {
  static const Profile* const kProfiles = new Profile[2]{
      {"e2b_66x36_264", {36, 66}, 2520},
      {"e2b_57x42_266", {42, 57}, 2520},
  };
  return {kProfiles, 2};
}

absl::StatusOr<Profile> BuiltinProfile(absl::string_view name) {
  std::vector<std::string> names;
  for (const Profile& profile : BuiltinProfiles()) {
    if (profile.name == name) return profile;
    names.push_back(profile.name);
  }
  return InvalidInput("no profile is called '", name, "'; there are ", absl::StrJoin(names, ", "),
                      ", and a FILE.json of your own");
}

absl::StatusOr<ValueId> InputFor(const Graph& graph, absl::string_view role) {
  ValueId found = ir::kNoValue;
  int endings = 0;
  for (ValueId input : graph.inputs()) {
    const std::string& name = graph.value(input).name;
    if (name == role) return input;
    if (!absl::EndsWith(name, role)) continue;
    found = input;
    ++endings;
  }
  if (endings > 1) {
    return InvalidInput("several graph inputs end in '", role, "'; bind them by name; ",
                        InputNames(graph));
  }
  return found;
}

absl::StatusOr<BoundInputs> BindInputs(Graph& graph, const Bindings& bindings) {
  BoundInputs bound;
  ASSIGN_OR_RETURN(const ValueId positions, InputFor(graph, kPositions));
  for (const auto& [name, dims] : bindings.shapes) RETURN_IF_ERROR(SetShape(graph, name, dims));
  for (const auto& [name, data] : bindings.tensors) {
    ASSIGN_OR_RETURN(const ValueId input, InputByName(graph, name));
    RETURN_IF_ERROR(BindTensor(graph, input, data, bound.names));
  }
  RETURN_IF_ERROR(ShareDims(graph, bindings));
  if (bindings.grid) {
    RETURN_IF_ERROR(BindGrid(graph, *bindings.grid, bindings.seq_len, bound.names));
    RETURN_IF_ERROR(ShareDims(graph, bindings));
  }
  if (positions == ir::kNoValue) return bound;
  const ir::Value& value = graph.value(positions);
  if (!value.constant && !bindings.require_positions) return bound;
  if (!value.constant) {
    return InvalidInput("input '", value.name,
                        "' is not bound; give --grid HxW, --profile NAME, or --bind ", value.name,
                        "=FILE.npy");
  }
  if (value.constant->rank() == 3 && value.constant->dims()[2] > 0 &&
      ir::IsInteger(value.constant->dtype())) {
    bound.valid = ValidOf(*value.constant);
  }
  return bound;
}

absl::Status RequireStaticInputs(const Graph& graph) {
  std::vector<std::string> unknown;
  for (ValueId input : graph.inputs()) {
    const ir::Value& value = graph.value(input);
    if (value.type.shape.IsStatic()) continue;
    unknown.push_back(absl::StrCat("'", value.name, "' ", ir::ShapeText(value.type.shape)));
  }
  if (unknown.empty()) return absl::OkStatus();
  return InvalidInput("dims of graph inputs are not known: ", absl::StrJoin(unknown, ", "),
                      "; give --shape NAME=D0,D1,... for each");
}

}  // namespace g4c::passes
