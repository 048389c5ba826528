// What tests over ir graphs share: texts in, texts out.
#ifndef TESTS_SUPPORT_IR_TESTING_H_
#define TESTS_SUPPORT_IR_TESTING_H_

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace g4c {

// The graph of a text. A text that does not parse ends the test program with the message: it is the
// test's own mistake.
ir::Graph ParseOrDie(absl::string_view text);

// The value of a name; a graph without it fails the test.
ir::ValueId ValueNamed(const ir::Graph& graph, absl::string_view name);

// Lines that only one of two texts has, "- " before those of `expected`, "+ " before those of
// `actual`, and a few equal ones around them; empty for equal texts.
std::string LineDiff(absl::string_view expected, absl::string_view actual);

// EXPECT_THAT(graph, IsGraph(R"(graph { ... })")): the same but for names, provenance and the order
// of nodes (ir::PrintCanonical). The failure shows the lines that differ.
::testing::Matcher<const ir::Graph&> IsGraph(std::string text);
// The same for two graphs.
::testing::Matcher<const ir::Graph&> EqualsGraph(const ir::Graph& expected);

// EXPECT_TRUE(TextsEqual(expected, actual)) for any texts of lines.
::testing::AssertionResult TextsEqual(absl::string_view expected, absl::string_view actual);

// A tensor for each graph input, in order, whose types must be static: floats near standard normal,
// small integers. Input i has seed `seed` + i.
std::vector<ir::Tensor> SeededInputs(const ir::Graph& graph, uint64_t seed);

}  // namespace g4c

#endif  // TESTS_SUPPORT_IR_TESTING_H_
