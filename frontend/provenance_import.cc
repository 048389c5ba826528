#include "frontend/provenance_import.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace g4c::frontend {

std::string ModuleOfScopes(absl::string_view scopes) {
  // A Python list of strings; names hold no quotes.
  std::vector<absl::string_view> names;
  size_t at = 0;
  while ((at = scopes.find_first_of("'\"", at)) != absl::string_view::npos) {
    const size_t end = scopes.find(scopes[at], at + 1);
    if (end == absl::string_view::npos) break;
    names.push_back(scopes.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  if (names.size() < 2) return "";
  return std::string(names[names.size() - 2]);
}

std::vector<std::string> FramesOfTrace(absl::string_view trace) {
  std::vector<std::string> frames;
  for (absl::string_view line : absl::StrSplit(trace, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    if (!absl::ConsumePrefix(&line, "File \"")) {
      // The source line behind a frame.
      if (!frames.empty() && !absl::StrContains(frames.back(), ": "))
        absl::StrAppend(&frames.back(), ": ", line);
      continue;
    }
    const size_t quote = line.find('"');
    if (quote == absl::string_view::npos) continue;
    absl::string_view file = line.substr(0, quote);
    file = file.substr(file.find_last_of('/') + 1);
    absl::string_view rest = line.substr(quote + 1);
    absl::ConsumePrefix(&rest, ", line ");
    const size_t comma = rest.find(',');
    frames.push_back(absl::StrCat(file, ":", rest.substr(0, comma),
                                  comma == absl::string_view::npos ? "" : rest.substr(comma)));
  }
  return frames;
}

ir::Provenance ProvenanceOf(const onnx::NodeProto& node) {
  ir::Origin origin;
  origin.node = node.name();
  origin.op_type = node.op_type();
  for (const auto& entry : node.metadata_props()) {
    if (entry.key() == "pkg.torch.onnx.name_scopes") origin.module = ModuleOfScopes(entry.value());
    if (entry.key() == "pkg.torch.onnx.stack_trace") origin.stack = FramesOfTrace(entry.value());
  }
  if (origin.module.empty() && absl::StartsWith(node.name(), "/")) {
    std::vector<absl::string_view> parts =
        absl::StrSplit(absl::string_view(node.name()).substr(1), '/');
    parts.pop_back();
    origin.module = absl::StrJoin(parts, ".");
  }
  return ir::Provenance(std::move(origin));
}

}  // namespace g4c::frontend
