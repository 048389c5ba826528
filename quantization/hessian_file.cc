#include "quantization/hessian_file.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/status.h"
#include "quantization/gather_hessians.h"

namespace g4c::quantization {
namespace {

static_assert(std::endian::native == std::endian::little, "entries are written as they are");
constexpr uint64_t kAlignment = sizeof(Int128);

// Where the Hessians begin behind a text of `size` bytes.
uint64_t BehindText(uint64_t size) { return (size / kAlignment + 1) * kAlignment; }

uint64_t BytesOf(int64_t columns) {
  return static_cast<uint64_t>(columns * (columns + 1) / 2) * sizeof(Int128);
}

}  // namespace

absl::Status BeginHessians(AtomicFile& file) {
  return file.Write(std::string(BehindText(file.Position()) - file.Position(), '\0'));
}

absl::Status WriteHessian(AtomicFile& file, const GramSums& sums) {
  return file.Write({reinterpret_cast<const uint8_t*>(sums.lower().data()),
                     static_cast<size_t>(BytesOf(sums.columns()))});
}

SavedHessians::SavedHessians(const ir::Graph& graph) {
  for (ir::ValueId input : HessianInputs(graph)) {
    const int64_t columns = graph.value(input).type.shape.dims().back();
    places_.push_back({input, columns, size_});
    size_ += BytesOf(columns);
  }
}

absl::Status SavedHessians::Add(std::shared_ptr<const MappedFile> file) {
  const uint64_t begin = BehindText(std::min(file->text().find('\0'), file->text().size()));
  if (file->size() != begin + size_) {
    return InvalidInput("statistics file: of Hessians it has ",
                        file->size() < begin ? 0 : file->size() - begin, " bytes, not ", size_);
  }
  files_.push_back({std::move(file), begin});
  return absl::OkStatus();
}

bool SavedHessians::Has(ir::ValueId input) const { return !empty() && Find(input) != nullptr; }

GramSums SavedHessians::Of(ir::ValueId input) const {
  const Place* place = Find(input);
  G4C_CHECK(place != nullptr);
  GramSums sums(place->columns);
  for (const File& file : files_) {
    const uint64_t begin = file.begin + place->begin;
    // Mappings begin at pages, Hessians at multiples of 16.
    const auto* lower = reinterpret_cast<const Int128*>(file.bytes->bytes().data() + begin);
    sums.Merge({lower, sums.lower().size()});
    file.bytes->ReleaseRange(begin, BytesOf(place->columns));
  }
  return sums;
}

const SavedHessians::Place* SavedHessians::Find(ir::ValueId input) const {
  for (const Place& place : places_) {
    if (place.input == input) return &place;
  }
  return nullptr;
}

}  // namespace g4c::quantization
