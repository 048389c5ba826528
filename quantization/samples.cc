#include "quantization/samples.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "base/npy.h"
#include "base/npz.h"
#include "base/text.h"
#include "ir/npy_type.h"

namespace g4c::quantization {
namespace {

// The arrays of one file, one for each graph input, all with the same number of samples.
struct Stack {
  std::string file;
  std::vector<ir::Tensor> arrays;  // [N, *input shape]; none where the file is read when needed
  int64_t count = 0;
};

// Sees an array as [N, *shape of the input].
absl::StatusOr<ir::Tensor> AsStack(const NpyArray& array, const ir::Value& input,
                                   absl::string_view where) {
  const absl::optional<ir::DType> dtype = ir::DTypeOfDescr(array.descr);
  if (dtype != input.type.dtype) {
    return InvalidInput(where, " is ", array.descr, ", but input '", input.name, "' needs ",
                        ir::DTypeName(input.type.dtype), "; convert it with numpy's astype()");
  }
  const ir::Dims& shape = input.type.shape.dims();
  ir::Dims stacked = array.dims;
  const ir::Dims tail(shape.empty() ? shape.begin() : shape.begin() + 1, shape.end());
  if (array.dims == shape && (shape.empty() || shape[0] != 1)) {
    stacked.insert(stacked.begin(), 1);
  } else if (!shape.empty() && shape[0] == 1 && array.dims.size() == shape.size() &&
             std::equal(tail.begin(), tail.end(), array.dims.begin() + 1)) {
    stacked.insert(stacked.begin() + 1, 1);
  } else if (array.dims.size() != shape.size() + 1 ||
             !std::equal(shape.begin(), shape.end(), array.dims.begin() + 1)) {
    return InvalidInput(where, " has shape ", DimsText(array.dims), ", but input '", input.name,
                        "' needs (N, ", absl::StrJoin(shape, ", "), ")");
  }
  return ir::Tensor::View(*dtype, std::move(stacked), array.bytes, array.owner);
}

// Adds the array of the next input.
absl::Status AddArray(const NpyArray& array, const ir::Value& input, absl::string_view where,
                      Stack& stack) {
  ASSIGN_OR_RETURN(ir::Tensor tensor, AsStack(array, input, where));
  const int64_t count = tensor.dims()[0];
  if (!stack.arrays.empty() && count != stack.count) {
    return InvalidInput(where, " holds ", count, " samples, the inputs before it ", stack.count);
  }
  stack.count = count;
  stack.arrays.push_back(std::move(tensor));
  return absl::OkStatus();
}

absl::StatusOr<Stack> OpenNpy(const std::string& path, const ir::Graph& graph) {
  if (graph.inputs().size() != 1) {
    return InvalidInput("'", path, "' is one array, but the model has ", graph.inputs().size(),
                        " inputs; give an .npz with one member for each");
  }
  Stack stack{path, {}, 0};
  ASSIGN_OR_RETURN(const NpyArray array, ReadNpy(path));
  RETURN_IF_ERROR(
      AddArray(array, graph.value(graph.inputs()[0]), absl::StrCat("'", path, "'"), stack));
  return stack;
}

absl::StatusOr<Stack> OpenNpz(const std::string& path, const ir::Graph& graph,
                              const SampleOptions& options) {
  Stack stack{path, {}, 0};
  ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(path));
  std::vector<std::string> used;
  for (ir::ValueId input : graph.inputs()) {
    const std::string& name = graph.value(input).name;
    const auto picked = options.keys.find(name);
    const std::string& key = picked == options.keys.end() ? name : picked->second;
    if (!reader.Has(key)) {
      return InvalidInput("'", path, "' has no member '", key, "' for input '", name, "'; it has ",
                          absl::StrJoin(reader.names(), ", "));
    }
    used.push_back(key);
    ASSIGN_OR_RETURN(const NpyArray array, reader.Read(key));
    RETURN_IF_ERROR(AddArray(array, graph.value(input),
                             absl::StrCat("'", path, "' member '", key, "'"), stack));
  }
  if (!options.keys.empty() || options.allow_extra) return stack;
  for (const std::string& name : reader.names()) {
    if (std::find(used.begin(), used.end(), name) != used.end()) continue;
    return InvalidInput("'", path, "' has a member '", name,
                        "' that is no unbound input of the model; say which members to use with "
                        "--calibration-key NAME=KEY");
  }
  return stack;
}

absl::StatusOr<Stack> OpenFile(const std::string& path, const ir::Graph& graph,
                               const SampleOptions& options) {
  if (absl::EndsWith(path, ".npy")) return OpenNpy(path, graph);
  if (absl::EndsWith(path, ".npz")) return OpenNpz(path, graph, options);
  return InvalidInput("'", path, "' is no .npz, .npy or folder of them");
}

class FileSamples : public Samples {
 public:
  FileSamples(const ir::Graph& graph, std::vector<Stack> stacks, const SampleOptions& options)
      : stacks_(std::move(stacks)), options_(options) {
    for (ir::ValueId input : graph.inputs()) {
      inputs_.AddInput(graph.value(input).name, graph.value(input).type);
      names_.push_back(graph.value(input).name);
      shapes_.push_back(graph.value(input).type.shape.dims());
    }
    for (const Stack& stack : stacks_) size_ += stack.count;
  }

  int64_t size() const override { return size_; }

  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    int64_t local = index;
    const Stack* stack = stacks_.data();
    while (local >= stack->count) local -= (stack++)->count;
    if (stack->arrays.empty() && !names_.empty()) {
      // Only one such file is held at a time: a compressed one is in memory as a whole.
      if (stack->file != opened_.file) {
        opened_ = Stack();
        ASSIGN_OR_RETURN(opened_, OpenFile(stack->file, inputs_, options_));
        if (opened_.count != stack->count) {
          return InvalidInput("'", stack->file, "' changed while it was used");
        }
      }
      stack = &opened_;
    }
    std::vector<ir::Tensor> inputs;
    for (size_t i = 0; i < stack->arrays.size(); ++i) {
      ir::Tensor sample = stack->arrays[i].Sliced(0, local, 1).Reshaped(shapes_[i]).Contiguous();
      if (options_.check_finite && ir::IsFloat(sample.dtype())) {
        const std::vector<float> elements = sample.Floats();
        for (size_t k = 0; k < elements.size(); ++k) {
          if (std::isfinite(elements[k])) continue;
          ir::Dims place(sample.rank());
          size_t rest = k;
          for (int axis = sample.rank() - 1; axis >= 0; --axis) {
            place[axis] = static_cast<int64_t>(rest) % sample.dims()[axis];
            rest /= sample.dims()[axis];
          }
          return InvalidInput("'", stack->file, "': sample ", local, " of input '", names_[i],
                              "' is ", FormatFloat(elements[k]), " at ", DimsText(place));
        }
      }
      inputs.push_back(std::move(sample));
    }
    return inputs;
  }

 private:
  std::vector<Stack> stacks_;
  SampleOptions options_;
  ir::Graph inputs_;  // nothing but the graph's inputs
  std::vector<std::string> names_;
  std::vector<ir::Dims> shapes_;
  int64_t size_ = 0;
  mutable Stack opened_;  // the file that was read last
};

class NormalSamples : public Samples {
 public:
  NormalSamples(const ir::Graph& graph, int64_t count) : count_(count) {
    for (ir::ValueId input : graph.inputs())
      shapes_.push_back(graph.value(input).type.shape.dims());
  }

  int64_t size() const override { return count_; }
  bool synthetic() const override { return true; }

  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    // The engine's output is fixed by the standard; its distributions are not, so the normal
    // numbers are made here (Box-Muller): the same on every machine up to the math library.
    std::mt19937 engine(static_cast<uint32_t>(0x67346300 + index));
    const auto uniform = [&engine] { return (static_cast<double>(engine()) + 0.5) / 4294967296.0; };
    std::vector<ir::Tensor> inputs;
    for (const ir::Dims& shape : shapes_) {
      ir::Tensor tensor = ir::Tensor::Allocate(ir::DType::kF32, shape);
      float* out = tensor.mutable_data<float>();
      for (int64_t i = 0; i < tensor.NumElements(); ++i) {
        const double radius = std::sqrt(-2 * std::log(uniform()));
        out[i] = static_cast<float>(radius * std::cos(2 * M_PI * uniform()));
      }
      inputs.push_back(std::move(tensor));
    }
    return inputs;
  }

 private:
  int64_t count_;
  std::vector<ir::Dims> shapes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Samples>> OpenSamples(const std::string& path,
                                                     const ir::Graph& graph,
                                                     const SampleOptions& options) {
  for (const auto& [name, key] : options.keys) {
    const bool known =
        std::any_of(graph.inputs().begin(), graph.inputs().end(),
                    [&](ir::ValueId input) { return graph.value(input).name == name; });
    if (!known)
      return InvalidInput("--calibration-key '", name, "=", key,
                          "': the model has no such unbound input");
  }
  std::vector<std::string> files;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      const std::string file = entry.path().string();
      if (absl::EndsWith(file, ".npz") || absl::EndsWith(file, ".npy")) files.push_back(file);
    }
    if (error) return InvalidInput("cannot read folder '", path, "': ", error.message());
    std::sort(files.begin(), files.end());
    if (files.empty()) return InvalidInput("folder '", path, "' has no .npz or .npy file");
  } else {
    files.push_back(path);
  }
  std::vector<Stack> stacks;
  int64_t total = 0;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(Stack stack, OpenFile(file, graph, options));
    total += stack.count;
    if (files.size() > 1) stack.arrays.clear();  // all have been checked
    stacks.push_back(std::move(stack));
  }
  if (total == 0) {
    return InvalidInput(
        "'", path, "' holds no samples",
        graph.inputs().empty()
            ? ""
            : absl::StrCat(" of input '", graph.value(graph.inputs()[0]).name, "'"));
  }
  return std::make_unique<FileSamples>(graph, std::move(stacks), options);
}

absl::StatusOr<std::unique_ptr<Samples>> OpenNamedSamples(
    const std::map<std::string, std::string>& files, const ir::Graph& graph,
    const SampleOptions& options) {
  Stack stack;
  size_t used = 0;
  for (ir::ValueId input : graph.inputs()) {
    const auto file = files.find(graph.value(input).name);
    if (file == files.end())
      return InvalidInput("no samples for input '", graph.value(input).name, "'");
    ASSIGN_OR_RETURN(const NpyArray array, ReadNpy(file->second));
    RETURN_IF_ERROR(
        AddArray(array, graph.value(input), absl::StrCat("'", file->second, "'"), stack));
    stack.file = file->second;
    ++used;
  }
  if (used != files.size()) {
    std::vector<std::string> names;
    for (ir::ValueId input : graph.inputs()) names.push_back(graph.value(input).name);
    return InvalidInput("samples for an input that the model does not have; its inputs are ",
                        absl::StrJoin(names, ", "));
  }
  if (stack.count == 0 && !files.empty())
    return InvalidInput("'", stack.file, "' holds no samples");
  if (files.empty()) stack.count = 1;
  std::vector<Stack> stacks;
  stacks.push_back(std::move(stack));
  return std::make_unique<FileSamples>(graph, std::move(stacks), options);
}

absl::StatusOr<std::unique_ptr<Samples>> SyntheticSamples(const ir::Graph& graph, int64_t count) {
  for (ir::ValueId input : graph.inputs()) {
    const ir::Value& value = graph.value(input);
    if (value.type.dtype == ir::DType::kF32) continue;
    return Unsupported("cannot make up samples for the ", ir::DTypeName(value.type.dtype),
                       " input '", value.name,
                       "'; bind it with --bind, or give samples with --calibration");
  }
  return std::make_unique<NormalSamples>(graph, count);
}

}  // namespace g4c::quantization
