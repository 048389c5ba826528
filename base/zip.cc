#include "base/zip.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace g4c {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50;  // "PK\3\4"
constexpr uint32_t kDirectoryHeader = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;
constexpr uint16_t kZip64Extra = 1;
constexpr uint32_t kIn64 = 0xffffffff;  // "see the 64-bit field"
constexpr uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;
constexpr uint16_t kUtf8 = 1 << 11;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kDate1980 = 1 << 5 | 1;  // 1 January 1980
constexpr int kLevel = 6;

uint64_t ReadInt(absl::Span<const uint8_t> bytes, uint64_t offset, int width) {
  uint64_t value = 0;
  for (int i = 0; i < width; ++i) value |= uint64_t{bytes[offset + i]} << (8 * i);
  return value;
}

void AppendInt(std::string* text, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) text->push_back(static_cast<char>(value >> (8 * i) & 255));
}

bool Inside(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

class DirectoryReader {
 public:
  DirectoryReader(absl::Span<const uint8_t> bytes, absl::string_view name)
      : bytes_(bytes), name_(name) {}

  absl::StatusOr<std::vector<ZipEntry>> Read() {
    RETURN_IF_ERROR(FindDirectory());
    // An entry takes at least 46 bytes, which bounds what a wrong count can reserve.
    if (count_ > size_ / 46) return Damaged();
    std::vector<ZipEntry> entries;
    entries.reserve(count_);
    uint64_t at = offset_;
    for (uint64_t i = 0; i < count_; ++i) {
      ASSIGN_OR_RETURN(ZipEntry entry, ReadEntry(&at));
      entries.push_back(std::move(entry));
    }
    if (at != offset_ + size_) return Damaged();
    return entries;
  }

 private:
  uint64_t Get(uint64_t offset, int width) const { return ReadInt(bytes_, offset, width); }
  absl::Status Damaged() const { return InvalidInput(name_, ": is a damaged zip archive"); }

  // The end record is the last thing in the file but for a comment of at most 65535 bytes, whose
  // length it says.
  absl::Status FindDirectory() {
    constexpr uint64_t kEndSize = 22;
    const uint64_t file_size = bytes_.size();
    const uint64_t first = file_size - std::min<uint64_t>(file_size, kEndSize + 65535);
    uint64_t end = file_size;
    for (uint64_t at = file_size; at-- > first;) {
      if (!Inside(at, kEndSize, file_size) || Get(at, 4) != kEnd) continue;
      if (at + kEndSize + Get(at + 20, 2) == file_size) {
        end = at;
        break;
      }
    }
    if (end == file_size) {
      const bool begins_well = file_size >= 4 && Get(0, 4) == kLocalHeader;
      return InvalidInput(
          name_, begins_well ? ": is a zip archive that is cut off" : ": is not a zip archive");
    }
    uint64_t directory_end = end;
    count_ = Get(end + 10, 2);
    size_ = Get(end + 12, 4);
    offset_ = Get(end + 16, 4);
    if (Get(end + 4, 2) != Get(end + 6, 2) || Get(end + 8, 2) != count_) return Split();
    if (count_ == 0xffff || size_ == kIn64 || offset_ == kIn64) {
      if (end < 20 || Get(end - 20, 4) != kEnd64Locator) return Damaged();
      directory_end = Get(end - 12, 8);
      if (!Inside(directory_end, 56, end) || Get(directory_end, 4) != kEnd64) return Damaged();
      count_ = Get(directory_end + 32, 8);
      size_ = Get(directory_end + 40, 8);
      offset_ = Get(directory_end + 48, 8);
      if (Get(directory_end + 24, 8) != count_) return Split();
    }
    if (!Inside(offset_, size_, directory_end)) return Damaged();
    return absl::OkStatus();
  }

  absl::Status Split() const { return InvalidInput(name_, ": is a part of a split zip archive"); }

  absl::StatusOr<ZipEntry> ReadEntry(uint64_t* at) const {
    constexpr uint64_t kFixed = 46;
    const uint64_t header = *at;
    const uint64_t end = offset_ + size_;
    if (!Inside(header, kFixed, end) || Get(header, 4) != kDirectoryHeader) return Damaged();
    const uint64_t flags = Get(header + 8, 2);
    const uint64_t method = Get(header + 10, 2);
    const uint64_t name_length = Get(header + 28, 2);
    const uint64_t extra_length = Get(header + 30, 2);
    const uint64_t length = kFixed + name_length + extra_length + Get(header + 32, 2);
    if (!Inside(header, length, end)) return Damaged();
    *at = header + length;

    ZipEntry entry;
    entry.name = Text(header + kFixed, name_length);
    if (flags & kEncrypted) return InvalidInput(name_, ": member '", entry.name, "' is encrypted");
    if (method != kStored && method != kDeflated) {
      return InvalidInput(name_, ": member '", entry.name, "' is compressed by method ", method,
                          "; save it with np.savez or np.savez_compressed");
    }
    entry.deflated = method == kDeflated;
    entry.crc = static_cast<uint32_t>(Get(header + 16, 4));
    entry.compressed_size = Get(header + 20, 4);
    entry.size = Get(header + 24, 4);
    uint64_t local = Get(header + 42, 4);
    RETURN_IF_ERROR(ReadZip64(header + kFixed + name_length, extra_length,
                              {&entry.size, &entry.compressed_size, &local}));

    if (!Inside(local, 30, offset_) || Get(local, 4) != kLocalHeader) return Damaged();
    const uint64_t local_name_length = Get(local + 26, 2);
    entry.data_offset = local + 30 + local_name_length + Get(local + 28, 2);
    if (!Inside(entry.data_offset, entry.compressed_size, offset_) ||
        Text(local + 30, local_name_length) != entry.name) {
      return Damaged();
    }
    const bool possible = entry.deflated ? entry.size / 1032 <= entry.compressed_size
                                         : entry.size == entry.compressed_size;
    if (!possible) return Damaged();
    return entry;
  }

  std::string Text(uint64_t offset, uint64_t length) const {
    return std::string(reinterpret_cast<const char*>(bytes_.data()) + offset, length);
  }

  // Replaces, in the order that the format gives them, those fields that the extra field at `at`
  // holds in 64 bits.
  absl::Status ReadZip64(uint64_t at, uint64_t length,
                         std::initializer_list<uint64_t*> fields) const {
    const uint64_t end = at + length;
    uint64_t begin = 0;
    uint64_t left = 0;  // of the zip64 field, none where it is missing
    while (end - at >= 4) {
      const uint64_t size = Get(at + 2, 2);
      if (!Inside(at + 4, size, end)) return Damaged();
      if (Get(at, 2) == kZip64Extra) {
        begin = at + 4;
        left = size;
        break;
      }
      at += 4 + size;
    }
    for (uint64_t* field : fields) {
      if (*field != kIn64) continue;
      if (left < 8) return Damaged();
      *field = Get(begin, 8);
      begin += 8;
      left -= 8;
    }
    return absl::OkStatus();
  }

  absl::Span<const uint8_t> bytes_;
  absl::string_view name_;
  uint64_t count_ = 0;
  uint64_t offset_ = 0;
  uint64_t size_ = 0;
};

// The extra field that holds in 64 bits what the 32-bit fields then leave at kIn64.
std::string Zip64Extra(std::initializer_list<uint64_t> fields) {
  std::string extra;
  AppendInt(&extra, kZip64Extra, 2);
  AppendInt(&extra, 8 * fields.size(), 2);
  for (const uint64_t field : fields) AppendInt(&extra, field, 8);
  return extra;
}

// The fields that the local header and the directory share, from "version needed" to the length of
// the extra field.
void AppendShared(std::string* text, const ZipEntry& entry, const std::string& extra) {
  AppendInt(text, extra.empty() ? 20 : 45, 2);
  AppendInt(text, kUtf8, 2);
  AppendInt(text, entry.deflated ? kDeflated : kStored, 2);
  AppendInt(text, 0, 2);
  AppendInt(text, kDate1980, 2);
  AppendInt(text, entry.crc, 4);
  AppendInt(text, extra.empty() ? entry.compressed_size : kIn64, 4);
  AppendInt(text, extra.empty() ? entry.size : kIn64, 4);
  AppendInt(text, entry.name.size(), 2);
  AppendInt(text, extra.size(), 2);
}

}  // namespace

absl::StatusOr<std::vector<ZipEntry>> ReadZipDirectory(absl::Span<const uint8_t> bytes,
                                                       absl::string_view name) {
  return DirectoryReader(bytes, name).Read();
}

uint32_t Crc32(uint32_t crc, absl::Span<const uint8_t> bytes) {
  if (bytes.empty()) return crc;  // zlib takes a null pointer for "begin anew"
  return static_cast<uint32_t>(crc32_z(crc, bytes.data(), bytes.size()));
}

absl::StatusOr<uint64_t> InflateZipEntry(absl::Span<const uint8_t> archive, const ZipEntry& entry,
                                         absl::Span<uint8_t> out, absl::string_view name) {
  absl::Span<const uint8_t> in = archive.subspan(entry.data_offset, entry.compressed_size);
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return InvalidInput(name, ": no memory");
  constexpr size_t kMost = size_t{1} << 30;  // zlib counts in 32 bits
  uint64_t given = 0;
  int result = Z_OK;
  while (result == Z_OK && given < out.size()) {
    const size_t in_size = std::min(in.size(), kMost);
    const size_t out_size = std::min<size_t>(out.size() - given, kMost);
    stream.next_in = const_cast<uint8_t*>(in.data());
    stream.avail_in = static_cast<uInt>(in_size);
    stream.next_out = out.data() + given;
    stream.avail_out = static_cast<uInt>(out_size);
    result = inflate(&stream, Z_NO_FLUSH);
    in.remove_prefix(in_size - stream.avail_in);
    given += out_size - stream.avail_out;
  }
  inflateEnd(&stream);
  if (result != Z_OK && result != Z_STREAM_END) {
    return InvalidInput(name, ": its compressed bytes are damaged");
  }
  return given;
}

absl::Status ZipWriter::Add(absl::string_view name,
                            absl::Span<const absl::Span<const uint8_t>> parts, bool deflate) {
  G4C_CHECK(name.size() <= 0xffff);
  ZipEntry entry;
  entry.name = std::string(name);
  entry.deflated = deflate;
  entry.data_offset = file_->Position();
  for (const absl::Span<const uint8_t> part : parts) {
    entry.size += part.size();
    entry.crc = Crc32(entry.crc, part);
  }
  entry.compressed_size = entry.size;

  // Deflated bytes may be a little more than the contents: near 4 GiB the 64-bit fields are there
  // in any case.
  const bool large = entry.size >= 0xf0000000;
  const auto header = [&] {
    const std::string extra = large ? Zip64Extra({entry.size, entry.compressed_size}) : "";
    std::string text;
    AppendInt(&text, kLocalHeader, 4);
    AppendShared(&text, entry, extra);
    return text + entry.name + extra;
  };
  RETURN_IF_ERROR(file_->Write(header()));
  const uint64_t begin = file_->Position();
  if (deflate) {
    RETURN_IF_ERROR(WriteDeflated(parts));
    entry.compressed_size = file_->Position() - begin;
    const std::string final_header = header();
    RETURN_IF_ERROR(
        file_->WriteAt(entry.data_offset,
                       absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(final_header.data()),
                                           final_header.size())));
  } else {
    for (const absl::Span<const uint8_t> part : parts) RETURN_IF_ERROR(file_->Write(part));
  }
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status ZipWriter::WriteDeflated(absl::Span<const absl::Span<const uint8_t>> parts) {
  z_stream stream = {};
  G4C_CHECK(deflateInit2(&stream, kLevel, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::vector<uint8_t> out(256 << 10);
  absl::Status status;
  const auto run = [&](int flush) {
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<uInt>(out.size());
      deflate(&stream, flush);
      status = file_->Write(absl::MakeConstSpan(out).first(out.size() - stream.avail_out));
    } while (status.ok() && stream.avail_out == 0);
  };
  for (absl::Span<const uint8_t> part : parts) {
    while (status.ok() && !part.empty()) {
      const size_t size = std::min(part.size(), size_t{1} << 30);
      stream.next_in = const_cast<uint8_t*>(part.data());
      stream.avail_in = static_cast<uInt>(size);
      run(Z_NO_FLUSH);
      part.remove_prefix(size);
    }
  }
  if (status.ok()) run(Z_FINISH);
  deflateEnd(&stream);
  return status;
}

absl::Status ZipWriter::Finish() {
  const uint64_t offset = file_->Position();
  std::string text;
  for (const ZipEntry& entry : entries_) {
    const bool large = std::max({entry.size, entry.compressed_size, entry.data_offset}) >= kIn64;
    const std::string extra =
        large ? Zip64Extra({entry.size, entry.compressed_size, entry.data_offset}) : "";
    AppendInt(&text, kDirectoryHeader, 4);
    AppendInt(&text, 45, 2);  // version made by
    AppendShared(&text, entry, extra);
    AppendInt(&text, 0, 2);  // comment
    AppendInt(&text, 0, 2);  // disk
    AppendInt(&text, 0, 2);  // attributes
    AppendInt(&text, 0, 4);
    AppendInt(&text, large ? kIn64 : entry.data_offset, 4);
    text += entry.name + extra;
  }
  const uint64_t size = text.size();
  const uint64_t count = entries_.size();
  if (count >= 0xffff || size >= kIn64 || offset >= kIn64) {
    const uint64_t end64 = offset + size;
    AppendInt(&text, kEnd64, 4);
    AppendInt(&text, 44, 8);  // bytes that follow
    AppendInt(&text, 45, 2);
    AppendInt(&text, 45, 2);
    AppendInt(&text, 0, 8);  // disks
    AppendInt(&text, count, 8);
    AppendInt(&text, count, 8);
    AppendInt(&text, size, 8);
    AppendInt(&text, offset, 8);
    AppendInt(&text, kEnd64Locator, 4);
    AppendInt(&text, 0, 4);
    AppendInt(&text, end64, 8);
    AppendInt(&text, 1, 4);
  }
  AppendInt(&text, kEnd, 4);
  AppendInt(&text, 0, 4);  // disks
  AppendInt(&text, std::min<uint64_t>(count, 0xffff), 2);
  AppendInt(&text, std::min<uint64_t>(count, 0xffff), 2);
  AppendInt(&text, std::min<uint64_t>(size, kIn64), 4);
  AppendInt(&text, std::min<uint64_t>(offset, kIn64), 4);
  AppendInt(&text, 0, 2);  // comment
  return file_->Write(text);
}

}  // namespace g4c
