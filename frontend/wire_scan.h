// A walk over the protobuf wire format of an ONNX model, before protobuf parses it.
//
// Protobuf would copy inline initialisers and recurse as deep as the file asks for. This scan finds
// the raw data of large tensors, so that they become views of the mapped file, and measures the
// nesting depth first.
#ifndef FRONTEND_WIRE_SCAN_H_
#define FRONTEND_WIRE_SCAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace g4c::frontend {

// Graphs inside graphs, or types inside types.
inline constexpr int kMaxNesting = 64;
// What that means in protobuf messages: a subgraph lies in an attribute of a node; what lies in the
// innermost one adds a few more.
inline constexpr int kMaxMessageDepth = 3 * kMaxNesting + 16;

struct ScannedModel {
  // The model with the raw data of large tensors replaced by tokens (TokenIndex); small enough for
  // protobuf.
  std::string reduced;
  // What the tokens stand for: ranges of the scanned bytes.
  std::vector<absl::Span<const uint8_t>> spans;
};

// InvalidInput: no ONNX model (with the byte at which that shows), nested deeper than kMaxNesting,
// or too large for protobuf even without the tensors.
absl::StatusOr<ScannedModel> ScanModel(absl::Span<const uint8_t> bytes);

// The index into ScannedModel::spans if the `raw_data` of a tensor of ScannedModel::reduced is a
// token.
absl::optional<uint64_t> TokenIndex(absl::string_view raw_data);

}  // namespace g4c::frontend

#endif  // FRONTEND_WIRE_SCAN_H_
