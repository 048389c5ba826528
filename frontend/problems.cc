#include "frontend/problems.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace g4c::frontend {
namespace {

// Longer first columns do not widen the column of the others.
constexpr size_t kWidestColumn = 40;

struct KindText {
  absl::string_view one;
  absl::string_view many;
  absl::string_view hint;
};

KindText TextOf(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kDangling:
      return {"input that nothing produces (invalid model)",
              "inputs that nothing produces (invalid model)",
              "torch's exporter leaves these behind when it fuses Clip; export with "
              "optimize=False."};
    case ProblemKind::kDuplicate:
      return {"name that is defined twice (invalid model)",
              "names that are defined twice (invalid model)",
              "every value of a graph needs a name of its own; export the model again."};
    case ProblemKind::kCycle:
      return {"cycle (invalid model)", "cycles (invalid model)",
              "no node may need its own result; export the model again."};
    case ProblemKind::kInvalid:
      return {"contradiction (invalid model)", "contradictions (invalid model)",
              "onnx.checker.check_model(path, full_check=True) may tell more."};
    case ProblemKind::kOperator:
      return {"operator is not supported", "operators are not supported",
              "docs/operators.md lists those that are; export with another opset or exporter, or "
              "replace the module."};
    case ProblemKind::kOpset:
      return {"opset is not supported", "opsets are not supported",
              "export with an opset_version from 13 to 24."};
    case ProblemKind::kAttribute:
      return {"attribute is not supported", "attributes are not supported",
              "an attribute that this tool does not know may change the result, so it is not "
              "ignored."};
    case ProblemKind::kUnsupported:
      return {"part of the model is not supported", "parts of the model are not supported", ""};
  }
  return {};
}

// Names come from the file: one that holds control characters must not break the lines.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return line;
}

}  // namespace

void Problems::Add(ProblemKind kind, absl::string_view what, absl::string_view where) {
  if (!lines_.insert(absl::StrCat(static_cast<int>(kind), "\n", what, "\n", where)).second) return;
  problems_[kind].push_back({OneLine(what), OneLine(where)});
}

void Problems::Add(const absl::Status& status, absl::string_view where) {
  const bool unsupported = status.code() == absl::StatusCode::kUnimplemented;
  Add(unsupported ? ProblemKind::kUnsupported : ProblemKind::kInvalid, status.message(), where);
}

absl::Status Problems::ToStatus() const {
  if (problems_.empty()) return absl::OkStatus();
  std::string text;
  for (const auto& [kind, problems] : problems_) {
    const KindText words = TextOf(kind);
    absl::StrAppend(&text, text.empty() ? "" : "\n", problems.size(), " ",
                    problems.size() == 1 ? words.one : words.many);
    const bool all = kind == ProblemKind::kDangling;
    const size_t shown = all ? problems.size() : std::min(problems.size(), kMostLines);
    size_t width = 0;
    for (size_t i = 0; i < shown; ++i) {
      if (problems[i].what.size() <= kWidestColumn)
        width = std::max(width, problems[i].what.size());
    }
    for (size_t i = 0; i < shown; ++i) {
      const auto& [what, where] = problems[i];
      absl::StrAppend(&text, "\n  ", what);
      if (where.empty()) continue;
      text.append(what.size() < width ? width - what.size() : 0, ' ');
      absl::StrAppend(&text, "   ", where);
    }
    if (shown < problems.size())
      absl::StrAppend(&text, "\n  and ", problems.size() - shown, " more");
    if (!words.hint.empty()) absl::StrAppend(&text, "\n  ", words.hint);
  }
  const bool invalid = problems_.begin()->first <= ProblemKind::kInvalid;
  return invalid ? InvalidInput(text) : Unsupported(text);
}

}  // namespace g4c::frontend
