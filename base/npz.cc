#include "base/npz.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/atomic_file.h"
#include "base/status.h"

namespace g4c {
namespace {

constexpr uint64_t kHeaderBytes = 12 + 65536;  // a .npy header is at most that long

absl::Span<const uint8_t> BytesOf(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace

absl::StatusOr<NpzReader> NpzReader::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  ASSIGN_OR_RETURN(std::vector<ZipEntry> entries, ReadZipDirectory(file->bytes(), path));
  NpzReader reader(std::move(file));
  std::set<absl::string_view> seen;
  for (ZipEntry& entry : entries) {
    absl::string_view name = entry.name;
    if (!absl::ConsumeSuffix(&name, ".npy")) continue;
    reader.names_.emplace_back(name);
    reader.entries_.push_back(std::move(entry));
  }
  for (const std::string& name : reader.names_) {
    if (!seen.insert(name).second) return InvalidInput(path, ": holds '", name, "' twice");
  }
  return reader;
}

bool NpzReader::Has(absl::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

absl::StatusOr<NpyHeader> NpzReader::ReadHeader(absl::string_view name) const {
  ASSIGN_OR_RETURN(const ZipEntry* entry, Find(name));
  return HeaderOf(*entry);
}

absl::StatusOr<NpyArray> NpzReader::Read(absl::string_view name) const {
  ASSIGN_OR_RETURN(const ZipEntry* entry, Find(name));
  ASSIGN_OR_RETURN(const NpyHeader header, HeaderOf(*entry));
  const std::string full_name = NameOf(*entry);
  if (header.data_offset + header.data_size != entry->size) {
    return InvalidInput(full_name, ": the archive says ", entry->size,
                        " bytes, but its .npy header says ", header.data_offset + header.data_size);
  }
  absl::Span<const uint8_t> bytes;
  std::shared_ptr<const void> owner;
  if (entry->deflated) {
    auto inflated = std::make_shared<std::vector<uint8_t>>(entry->size);
    ASSIGN_OR_RETURN(const uint64_t given,
                     InflateZipEntry(file_->bytes(), *entry, absl::MakeSpan(*inflated), full_name));
    if (given != entry->size) {
      return InvalidInput(full_name, ": its compressed bytes end after ", given, " of ",
                          entry->size);
    }
    bytes = *inflated;
    owner = std::move(inflated);
  } else {
    bytes = Stored(*entry);
    owner = file_;
  }
  if (Crc32(0, bytes) != entry->crc) {
    return InvalidInput(full_name, ": its bytes are damaged (wrong checksum)");
  }
  return ParseNpy(bytes, std::move(owner), full_name);
}

absl::StatusOr<const ZipEntry*> NpzReader::Find(absl::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return &entries_[static_cast<size_t>(found - names_.begin())];
  return InvalidInput(file_->path(), ": holds no array '", name, "'; it holds ",
                      names_.empty() ? "none" : absl::StrJoin(names_, ", "));
}

absl::StatusOr<NpyHeader> NpzReader::HeaderOf(const ZipEntry& entry) const {
  const std::string name = NameOf(entry);
  if (!entry.deflated) return ParseNpyHeader(Stored(entry), name);
  std::vector<uint8_t> begin(std::min(entry.size, kHeaderBytes));
  ASSIGN_OR_RETURN(const uint64_t given,
                   InflateZipEntry(file_->bytes(), entry, absl::MakeSpan(begin), name));
  return ParseNpyHeader(absl::MakeConstSpan(begin).first(given), name);
}

std::string NpzReader::NameOf(const ZipEntry& entry) const {
  return absl::StrCat(file_->path(), ": ", entry.name);
}

absl::Span<const uint8_t> NpzReader::Stored(const ZipEntry& entry) const {
  return file_->bytes().subspan(entry.data_offset, entry.size);
}

absl::Status WriteNpz(const std::string& path, absl::Span<const NpzMember> members, bool compress) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  ZipWriter zip(&file);
  std::set<absl::string_view> seen;
  for (const NpzMember& member : members) {
    G4C_CHECK(!member.name.empty() && seen.insert(member.name).second);
    const std::string header = NpyHeaderText(member.descr, member.dims);
    // Reading the header back counts the bytes that descr and dims stand for.
    const absl::StatusOr<NpyHeader> parsed = ParseNpyHeader(BytesOf(header), member.name);
    G4C_CHECK(parsed.ok() && parsed->data_size == member.bytes.size());
    RETURN_IF_ERROR(
        zip.Add(absl::StrCat(member.name, ".npy"), {BytesOf(header), member.bytes}, compress));
  }
  RETURN_IF_ERROR(zip.Finish());
  return file.Commit();
}

}  // namespace g4c
