#include "frontend/op_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/frontend/onnx_model.h"
#include "tests/support/status_matchers.h"

namespace g4c::frontend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(OpRowsTest, AreSortedAndOnce) {
  const auto rows = OpRows();
  ASSERT_GT(rows.size(), 90u);
  for (size_t i = 1; i < rows.size(); ++i) {
    EXPECT_LT(std::pair(rows[i - 1].domain, rows[i - 1].op_type),
              std::pair(rows[i].domain, rows[i].op_type));
  }
}

TEST(OpRowsTest, EveryRowIsFoundAndComplete) {
  for (const OpRow& row : OpRows()) {
    EXPECT_EQ(FindOp(row.domain, row.op_type), &row);
    EXPECT_NE(row.import, nullptr) << row.op_type;
    EXPECT_GE(row.min_inputs, 0) << row.op_type;
    if (row.domain.empty()) {
      EXPECT_GE(row.since, kOldestOpset) << row.op_type;
      EXPECT_LE(row.since, kNewestOpset) << row.op_type;
    } else {
      EXPECT_EQ(row.domain, "com.microsoft");
      EXPECT_EQ(row.since, 1) << row.op_type;
    }
  }
}

TEST(FindOpTest, NothingElse) {
  for (const auto& [domain, op_type] :
       std::vector<std::pair<const char*, const char*>>{{"", "LSTM"},
                                                        {"", "add"},
                                                        {"", ""},
                                                        {"", "FastGelu"},
                                                        {"com.microsoft", "Add"},
                                                        {"com.example", "Add"},
                                                        {"ai.onnx", "Add"},
                                                        {"zz", "Zz"}}) {
    EXPECT_EQ(FindOp(domain, op_type), nullptr) << domain << "." << op_type;
  }
}

TEST(WhyRefusedTest, SaysWhatToDo) {
  EXPECT_THAT(std::string(WhyRefused("QLinearMatMul")), HasSubstr("QDQ form"));
  EXPECT_THAT(std::string(WhyRefused("Loop")), HasSubstr("unrolled"));
  EXPECT_EQ(WhyRefused("LSTM"), "");
  for (const char* name : {"ConvInteger", "DynamicQuantizeLinear", "Loop", "MatMulInteger",
                           "QLinearConv", "QLinearMatMul", "Scan"}) {
    EXPECT_NE(WhyRefused(name), "") << name;
    EXPECT_EQ(FindOp("", name), nullptr) << name;
    EXPECT_THAT(ImportModel(Model({Node(name, {"x"}, {"y"})})),
                IsUnsupported(AllOf(HasSubstr(
                    absl::StrCat("\n  ", name, "   ", name, " 'n_y': ", WhyRefused(name), "\n")))));
  }
}

// Every row in the oldest opset that has it and the one before, with too few operands.
TEST(OpRowsTest, OpsetAndOperandsAreChecked) {
  for (const OpRow& row : OpRows()) {
    const std::string op_type(row.op_type);
    const std::string full_name =
        row.domain.empty() ? op_type : absl::StrCat(row.domain, ".", op_type);
    const auto model = [&](int64_t version, int operands) {
      onnx::NodeProto node =
          Node(op_type, Names(operands, "x"), {"y"}, {}, std::string(row.domain));
      return Model({node}, {}, version);
    };
    if (row.domain.empty() && row.since > kOldestOpset) {
      EXPECT_THAT(ImportModel(model(row.since - 1, row.min_inputs)),
                  IsUnsupported(HasSubstr(
                      absl::StrCat(full_name, " in opset ", row.since - 1, "   ", op_type,
                                   " 'n_y': it exists since opset ", row.since, " of ai.onnx\n"))));
    }
    const int64_t version = row.domain.empty() ? row.since : 18;
    for (int operands = 0; operands < row.min_inputs; ++operands) {
      EXPECT_THAT(ImportModel(model(version, operands)),
                  IsInvalidInput(
                      HasSubstr(absl::StrCat("\n  operand ", operands, " is missing; it takes "))))
          << full_name;
    }
  }
}

// The list that users read.
TEST(OperatorsPageTest, NamesEveryRowWithItsOpset) {
  std::ifstream file(G4C_DOCS "/operators.md");
  std::stringstream text;
  text << file.rdbuf();
  std::set<std::string> page;
  for (absl::string_view line : absl::StrSplit(text.str(), '\n')) {
    const bool microsoft = absl::ConsumePrefix(&line, "com.microsoft: ");
    if (!microsoft && line.substr(0, 4) != "Abs,") continue;
    absl::ConsumeSuffix(&line, ".");
    for (absl::string_view name : absl::StrSplit(line, ", ")) {
      page.insert(absl::StrCat(microsoft ? "com.microsoft." : "", name));
    }
  }
  EXPECT_EQ(page.erase("If"), 1u);  // imported by graph_importer itself
  std::set<std::string> rows;
  for (const OpRow& row : OpRows()) {
    rows.insert(row.domain.empty()
                    ? absl::StrCat(row.op_type, row.since > kOldestOpset
                                                    ? absl::StrCat(" (", row.since, ")")
                                                    : "")
                    : absl::StrCat(row.domain, ".", row.op_type));
  }
  EXPECT_EQ(page, rows);
}

}  // namespace
}  // namespace g4c::frontend
