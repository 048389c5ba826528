#include "backend/circle_writer.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/strings/str_join.h"
#include "backend/model_builder.h"
#include "backend/read_back.h"
#include "base/atomic_file.h"
#include "base/parallel.h"
#include "base/status.h"
#include "base/text.h"
#include "ir/quantize_constant.h"
#include "ir/verifier.h"

namespace g4c::backend {
namespace {

// About as many elements as a tile has. Tiles begin where a computed constant is read without waste
// and at an even element, so that packed 4-bit elements begin on a byte.
constexpr int64_t kTileElements = int64_t{1} << 20;

int64_t TileElements(const ir::Tensor& data) {
  const int64_t step = 2 * data.ReadUnit();
  return std::max<int64_t>(kTileElements / step, 1) * step;
}

// A node computes on integers or on floats. Quantize and dequantize stand between the two.
absl::Status CheckNotMixed(const ir::Graph& graph) {
  std::vector<std::string> problems;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (std::holds_alternative<ir::Quantize>(node.op) ||
        std::holds_alternative<ir::Dequantize>(node.op)) {
      continue;
    }
    const ir::Value* quantised = nullptr;
    const ir::Value* real = nullptr;
    const auto look = [&](ir::ValueId value) {
      if (value == ir::kNoValue || graph.value(value).type.dtype != ir::DType::kF32) return;
      (ir::HasQparams(graph.value(value).quantization) ? quantised : real) = &graph.value(value);
    };
    for (ir::ValueId input : node.inputs) look(input);
    for (ir::ValueId output : node.outputs) look(output);
    if (quantised != nullptr && real != nullptr) {
      problems.push_back(absl::StrCat(ir::Describe(graph, id), ": '", quantised->name,
                                      "' has qparams, '", real->name, "' has none"));
    } else if (quantised != nullptr && std::holds_alternative<ir::Cast>(node.op)) {
      problems.push_back(absl::StrCat(ir::Describe(graph, id), ": casts '", quantised->name,
                                      "', which is stored as integers"));
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return Unsupported(absl::StrJoin(problems, "\n"));
}

struct Tile {
  const PlannedBuffer* buffer;
  int64_t begin;
  int64_t count;
};

// Every constant cut into tiles: which thread writes one does not show in the file.
std::vector<Tile> TilesOf(const std::vector<PlannedBuffer>& buffers) {
  std::vector<Tile> tiles;
  for (const PlannedBuffer& buffer : buffers) {
    const int64_t elements = buffer.value.constant->NumElements();
    const int64_t tile = TileElements(*buffer.value.constant);
    for (int64_t begin = 0; begin < elements; begin += tile) {
      tiles.push_back({&buffer, begin, std::min(tile, elements - begin)});
    }
  }
  return tiles;
}

absl::Status WriteTile(const AtomicFile& file, const Tile& tile) {
  const ir::Value& value = tile.buffer->value;
  const uint64_t place = tile.buffer->offset + ir::StoredBytes(value, tile.begin);
  if (const auto stored = ir::StoredInPlace(value, tile.begin, tile.count))
    return file.WriteAt(place, *stored);
  const size_t size = ir::StoredBytes(value, tile.count);
  const auto bytes = std::make_unique_for_overwrite<uint8_t[]>(size);
  ir::ReadStoredBytes(value, tile.begin, tile.count, {bytes.get(), size});
  return file.WriteAt(place, {bytes.get(), size});
}

absl::Status WriteConstants(const AtomicFile& file, const std::vector<PlannedBuffer>& buffers) {
  for (const PlannedBuffer& buffer : buffers) {
    if (!buffer.inline_data) continue;
    uint8_t length[sizeof(uint32_t)];
    for (size_t i = 0; i < sizeof(length); ++i) length[i] = buffer.size >> (8 * i) & 0xff;
    RETURN_IF_ERROR(file.WriteAt(buffer.offset - sizeof(length), length));
  }
  const std::vector<Tile> tiles = TilesOf(buffers);
  std::mutex mutex;
  absl::Status failure;
  ParallelFor(static_cast<int64_t>(tiles.size()), [&](int64_t i) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!failure.ok()) return;
    }
    absl::Status status = WriteTile(file, tiles[i]);
    if (status.ok()) return;
    std::lock_guard<std::mutex> lock(mutex);
    if (failure.ok()) failure = std::move(status);
  });
  return failure;
}

}  // namespace

absl::Status WriteCircle(const ir::Graph& source, const WriteOptions& options,
                         const std::string& path) {
  RETURN_IF_ERROR(ir::VerifyStatic(source));
  RETURN_IF_ERROR(CheckNotMixed(source));
  ir::Graph graph = source;
  MakeOutputsDistinct(graph);
  ASSIGN_OR_RETURN(const BuiltModel model,
                   BuildModel(graph, options.max_inline_bytes, options.identifier));
  const bool has_offsets =
      std::any_of(model.buffers.begin(), model.buffers.end(),
                  [](const PlannedBuffer& buffer) { return !buffer.inline_data; });
  if (has_offsets && !options.allow_offset_buffers) {
    return Unsupported("the file would have ", HumanBytes(model.file_size), ": constants beyond ",
                       HumanBytes(options.max_inline_bytes),
                       " lie outside the FlatBuffer, which the target does not read");
  }
  if (options.max_file_bytes && model.file_size > *options.max_file_bytes) {
    return Unsupported("the file would have ", HumanBytes(model.file_size), "; the target takes ",
                       HumanBytes(*options.max_file_bytes));
  }
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Write(model.tables));
  RETURN_IF_ERROR(WriteConstants(file, model.buffers));
  if (options.read_back) {
    const absl::Status status = CheckReadBack(graph, file.temporary());
    if (!status.ok()) {
      return WriteFailed(path, ": what was written does not read back: ", status.message());
    }
  }
  return file.Commit();
}

}  // namespace g4c::backend
