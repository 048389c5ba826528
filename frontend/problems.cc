#include "frontend/problems.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace g4c::frontend {
namespace {

constexpr size_t kMostLines = 50;

struct KindText {
  absl::string_view one;
  absl::string_view many;
  absl::string_view hint;
};

KindText TextOf(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kDangling:
      return {
          "input that nothing produces (invalid model)",
          "inputs that nothing produces (invalid model)",
          "torch's exporter leaves these behind when it fuses Clip; export with optimize=False."};
    case ProblemKind::kDuplicate:
      return {"value that is defined twice (invalid model)",
              "values that are defined twice (invalid model)",
              "every value of a graph needs a name of its own; export again, or run onnx.checker "
              "on the model."};
    case ProblemKind::kCycle:
      return {"cycle (invalid model)", "cycles (invalid model)",
              "a graph must be acyclic; export it again."};
    case ProblemKind::kInvalid:
      return {"contradiction (invalid model)", "contradictions (invalid model)",
              "check the model with onnx.checker and shape inference in strict mode."};
    case ProblemKind::kOperator:
      return {"operator is not supported", "operators are not supported",
              "docs/operators.md lists what is; export with another opset or exporter, or replace "
              "the module."};
    case ProblemKind::kOpset:
      return {"opset is out of range", "opsets are out of range",
              "export with opset_version between 13 and 24."};
    case ProblemKind::kAttribute:
      return {"attribute is not supported", "attributes are not supported",
              "an attribute that this tool does not know could change the result, so it is not "
              "ignored."};
    case ProblemKind::kUnsupported:
      return {"thing is not supported", "things are not supported", ""};
  }
  return {};
}

}  // namespace

void Problems::Add(ProblemKind kind, absl::string_view what, absl::string_view where) {
  problems_[kind].push_back({std::string(what), std::string(where)});
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
    size_t width = 0;
    for (const Problem& problem : problems) {
      if (problem.what.size() <= 40) width = std::max(width, problem.what.size());
    }
    for (size_t i = 0; i < std::min(problems.size(), kMostLines); ++i) {
      const Problem& problem = problems[i];
      const std::string padding(problem.what.size() < width ? width - problem.what.size() : 0, ' ');
      absl::StrAppend(&text, "\n  ", problem.what,
                      problem.where.empty() ? "" : absl::StrCat(padding, "   ", problem.where));
    }
    if (problems.size() > kMostLines)
      absl::StrAppend(&text, "\n  and ", problems.size() - kMostLines, " more");
    if (!words.hint.empty()) absl::StrAppend(&text, "\n  ", words.hint);
  }
  const bool invalid = problems_.begin()->first <= ProblemKind::kInvalid;
  return invalid ? InvalidInput(text) : Unsupported(text);
}

}  // namespace g4c::frontend
