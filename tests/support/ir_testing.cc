#include "tests/support/ir_testing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ir/seeded.h"
#include "ir/text.h"

namespace g4c {
namespace {

class SameCanonicalText : public ::testing::MatcherInterface<const ir::Graph&> {
 public:
  explicit SameCanonicalText(std::string expected) : expected_(std::move(expected)) {}

  bool MatchAndExplain(const ir::Graph& graph,
                       ::testing::MatchResultListener* listener) const override {
    const std::string actual = ir::PrintCanonical(graph);
    if (actual == expected_) return true;
    *listener << "which differs:\n"
              << LineDiff(expected_, actual) << "the graph:\n"
              << ir::PrintGraph(graph);
    return false;
  }
  void DescribeTo(std::ostream* out) const override { *out << "is the graph\n" << expected_; }
  void DescribeNegationTo(std::ostream* out) const override {
    *out << "is not the graph\n" << expected_;
  }

 private:
  const std::string expected_;
};

}  // namespace

ir::Graph ParseOrDie(absl::string_view text) {
  auto graph = ir::ParseGraph(text);
  if (!graph.ok()) {
    std::fprintf(stderr, "%s\nin the test's text\n%s\n", graph.status().ToString().c_str(),
                 std::string(text).c_str());
    std::abort();
  }
  return *std::move(graph);
}

ir::ValueId ValueNamed(const ir::Graph& graph, absl::string_view name) {
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    if (graph.value(id).name == name) return id;
  }
  ADD_FAILURE() << "no value " << name;
  return 0;
}

std::string LineDiff(absl::string_view expected, absl::string_view actual) {
  if (expected == actual) return "";
  const std::vector<absl::string_view> a = absl::StrSplit(expected, '\n');
  const std::vector<absl::string_view> b = absl::StrSplit(actual, '\n');
  // common[i][j]: the longest common subsequence of a[i..] and b[j..]. Test graphs are small.
  std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<std::string> lines;
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      lines.push_back(absl::StrCat("  ", a[i++]));
      ++j;
    } else if (i < a.size() && (j == b.size() || common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back(absl::StrCat("- ", a[i++]));
    } else {
      lines.push_back(absl::StrCat("+ ", b[j++]));
    }
  }
  // Two equal lines before and after each difference.
  std::string text;
  const int count = static_cast<int>(lines.size());
  for (int line = 0; line < count; ++line) {
    bool near = false;
    for (int k = std::max(0, line - 2); k <= std::min(count - 1, line + 2); ++k)
      near |= lines[k][0] != ' ';
    if (near) absl::StrAppend(&text, lines[line], "\n");
  }
  return text;
}

::testing::Matcher<const ir::Graph&> IsGraph(std::string text) {
  return EqualsGraph(ParseOrDie(text));
}

::testing::Matcher<const ir::Graph&> EqualsGraph(const ir::Graph& expected) {
  return ::testing::MakeMatcher(new SameCanonicalText(ir::PrintCanonical(expected)));
}

::testing::AssertionResult TextsEqual(absl::string_view expected, absl::string_view actual) {
  if (expected == actual) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the texts differ:\n" << LineDiff(expected, actual);
}

std::vector<ir::Tensor> SeededInputs(const ir::Graph& graph, uint64_t seed) {
  std::vector<ir::Tensor> tensors;
  for (ir::ValueId input : graph.inputs()) {
    const ir::Type& type = graph.value(input).type;
    G4C_CHECK(type.shape.IsStatic());
    tensors.push_back(ir::SeededTensor(type.dtype, type.shape.dims(), seed + tensors.size()));
  }
  return tensors;
}

}  // namespace g4c
