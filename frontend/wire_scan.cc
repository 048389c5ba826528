#include "frontend/wire_scan.h"

#include <cstring>
#include <limits>

#include "base/status.h"

namespace g4c::frontend {
namespace {

// Raw data up to this size stays in the message.
constexpr uint64_t kSmallTensor = 64;
constexpr absl::string_view kMagic = "\xff\x01g4cview";
constexpr size_t kTokenSize = kMagic.size() + sizeof(uint64_t);  // magic and an index

bool IsToken(absl::string_view raw_data) {
  return raw_data.size() == kTokenSize && raw_data.substr(0, kMagic.size()) == kMagic;
}

enum class Message : uint8_t {
  kLeaf,
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kFunction,
  kTraining,
  kValueInfo,
  kType,
  kTypeElement,
  kTypeMap,
};

// The message type of a length-delimited field; kLeaf for strings, packed numbers and messages that
// cannot nest.
Message ChildOf(Message parent, uint64_t field) {
  switch (parent) {
    case Message::kModel:
      return field == 7    ? Message::kGraph
             : field == 25 ? Message::kFunction
             : field == 20 ? Message::kTraining
                           : Message::kLeaf;
    case Message::kGraph:
      if (field == 1) return Message::kNode;
      if (field == 5) return Message::kTensor;
      if (field == 15) return Message::kSparse;
      return field >= 11 && field <= 13 ? Message::kValueInfo : Message::kLeaf;
    case Message::kNode:
      return field == 5 ? Message::kAttribute : Message::kLeaf;
    case Message::kAttribute:
      if (field == 5 || field == 10) return Message::kTensor;
      if (field == 6 || field == 11) return Message::kGraph;
      if (field == 22 || field == 23) return Message::kSparse;
      return field == 14 || field == 15 ? Message::kType : Message::kLeaf;
    case Message::kSparse:
      return field <= 2 ? Message::kTensor : Message::kLeaf;
    case Message::kFunction:
      return field == 7    ? Message::kNode
             : field == 11 ? Message::kAttribute
             : field == 12 ? Message::kValueInfo
                           : Message::kLeaf;
    case Message::kTraining:
      return field <= 2 ? Message::kGraph : Message::kLeaf;
    case Message::kValueInfo:
      return field == 2 ? Message::kType : Message::kLeaf;
    case Message::kType:
      return field == 4 || field == 9 ? Message::kTypeElement
             : field == 5             ? Message::kTypeMap
                                      : Message::kLeaf;
    case Message::kTypeElement:
      return field == 1 ? Message::kType : Message::kLeaf;
    case Message::kTypeMap:
      return field == 2 ? Message::kType : Message::kLeaf;
    case Message::kTensor:
    case Message::kLeaf:
      return Message::kLeaf;
  }
  return Message::kLeaf;
}

// Messages that can hold themselves: a level of nesting.
bool OpensLevel(Message message) {
  return message == Message::kGraph || message == Message::kTypeElement ||
         message == Message::kTypeMap;
}

// A length-delimited field whose length changes: an enclosing message, or raw data that is cut.
struct Field {
  uint64_t length_at;    // where its length varint begins
  uint64_t length_size;  // bytes of that varint
  uint64_t begin;        // of its content
  uint64_t end;
  uint64_t removed = 0;  // how much shorter its content becomes
  int parent = -1;
  bool is_cut = false;
};

class Scanner {
 public:
  explicit Scanner(absl::Span<const uint8_t> bytes) : bytes_(bytes) {}

  absl::StatusOr<ScannedModel> Run() {
    RETURN_IF_ERROR(Walk());
    return Rewrite();
  }

 private:
  absl::Status Damaged(uint64_t at, absl::string_view what) const {
    return InvalidInput("not an ONNX model: ", what, " at byte ", at, " of ", bytes_.size());
  }

  absl::StatusOr<uint64_t> Varint(uint64_t& at, uint64_t end) const {
    uint64_t value = 0;
    const uint64_t begin = at;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at >= end) return Damaged(begin, "a number runs past its end");
      const uint8_t byte = bytes_[at++];
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Damaged(begin, "a number of more than ten bytes");
  }

  absl::Status TooLong(uint64_t at, uint64_t end) const {
    return Damaged(at, end == bytes_.size() ? "the file ends in the middle of a field"
                                            : "a field that is longer than what holds it");
  }

  absl::Status Walk() {
    struct Level {
      Message message;
      uint64_t end;
      int field;  // index into fields_, -1 for the model itself
      int nesting;
    };
    std::vector<Level> stack{{Message::kModel, bytes_.size(), -1, 0}};
    uint64_t at = 0;
    while (!stack.empty()) {
      const Level level = stack.back();
      if (at == level.end) {
        stack.pop_back();
        continue;
      }
      const uint64_t tag_at = at;
      ASSIGN_OR_RETURN(const uint64_t tag, Varint(at, level.end));
      const uint64_t number = tag >> 3;
      if (number == 0 || number > 536870911) return Damaged(tag_at, "an impossible field");
      switch (tag & 7) {
        case 0: {
          RETURN_IF_ERROR(Varint(at, level.end).status());
          break;
        }
        case 1:
          at += 8;
          break;
        case 5:
          at += 4;
          break;
        case 2: {
          Field field;
          field.length_at = at;
          ASSIGN_OR_RETURN(const uint64_t length, Varint(at, level.end));
          if (length > level.end - at) return TooLong(tag_at, level.end);
          field.length_size = at - field.length_at;
          field.begin = at;
          field.end = at + length;
          field.parent = level.field;
          const Message child = ChildOf(level.message, number);
          if (child != Message::kLeaf) {
            const int nesting = level.nesting + (OpensLevel(child) ? 1 : 0);
            if (nesting > kMaxNesting) {
              return InvalidInput("subgraphs or types are nested deeper than ", kMaxNesting,
                                  " levels at byte ", tag_at, "; no exporter writes such a model");
            }
            fields_.push_back(field);
            stack.push_back({child, field.end, static_cast<int>(fields_.size()) - 1, nesting});
          } else {
            if (level.message == Message::kTensor && number == 9 && IsCut(field)) Cut(field);
            at = field.end;
          }
          break;
        }
        default:
          return Damaged(tag_at, "an unknown wire type");
      }
      if (at > level.end) return TooLong(tag_at, level.end);
    }
    return absl::OkStatus();
  }

  // Data that looks like a token is cut, too, so that every token in the reduced message is one of
  // ours.
  bool IsCut(const Field& field) const {
    const uint64_t length = field.end - field.begin;
    const auto* data = reinterpret_cast<const char*>(bytes_.data()) + field.begin;
    return length > kSmallTensor || (length == kTokenSize && IsToken({data, length}));
  }

  void Cut(Field field) {
    field.is_cut = true;
    const uint64_t removed = field.end - field.begin - kTokenSize;
    field.removed = removed;
    fields_.push_back(field);
    for (int parent = field.parent; parent >= 0; parent = fields_[parent].parent)
      fields_[parent].removed += removed;
  }

  // Fields are in the order of their places. A length keeps the size of its varint (padded), so
  // that nothing moves but what is cut.
  absl::StatusOr<ScannedModel> Rewrite() const {
    ScannedModel model;
    uint64_t removed = 0;
    for (const Field& field : fields_) removed += field.is_cut ? field.removed : 0;
    if (bytes_.size() - removed > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
      return InvalidInput(
          "the model has more than 2 GiB without its tensors' raw data, which protobuf cannot "
          "read; save it "
          "with external data");
    }
    model.reduced.reserve(bytes_.size() - removed);
    uint64_t copied = 0;
    const auto copy_to = [&](uint64_t end) {
      model.reduced.append(reinterpret_cast<const char*>(bytes_.data()) + copied, end - copied);
      copied = end;
    };
    for (const Field& field : fields_) {
      if (field.removed == 0 && !field.is_cut) continue;
      copy_to(field.length_at);
      uint64_t length = field.end - field.begin - field.removed;
      for (uint64_t i = 0; i < field.length_size; ++i, length >>= 7) {
        const bool last = i + 1 == field.length_size;
        model.reduced.push_back(static_cast<char>((length & 0x7f) | (last ? 0 : 0x80)));
      }
      copied = field.begin;
      if (!field.is_cut) continue;
      const uint64_t index = model.spans.size();
      model.spans.push_back(bytes_.subspan(field.begin, field.end - field.begin));
      char token[kTokenSize];
      std::memcpy(token, kMagic.data(), kMagic.size());
      std::memcpy(token + kMagic.size(), &index, sizeof(index));
      model.reduced.append(token, kTokenSize);
      copied = field.end;
    }
    copy_to(bytes_.size());
    return model;
  }

  absl::Span<const uint8_t> bytes_;
  std::vector<Field> fields_;
};

}  // namespace

absl::StatusOr<ScannedModel> ScanModel(absl::Span<const uint8_t> bytes) {
  if (bytes.empty()) return InvalidInput("not an ONNX model: the file is empty");
  return Scanner(bytes).Run();
}

absl::optional<uint64_t> TokenIndex(absl::string_view raw_data) {
  if (!IsToken(raw_data)) return absl::nullopt;
  uint64_t index;
  std::memcpy(&index, raw_data.data() + kMagic.size(), sizeof(index));
  return index;
}

}  // namespace g4c::frontend
