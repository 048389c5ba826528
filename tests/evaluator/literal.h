// Tensors as text, and tables of operators with their operands and results.
#ifndef TESTS_EVALUATOR_LITERAL_H_
#define TESTS_EVALUATOR_LITERAL_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "evaluator/evaluate_node.h"
#include "ir/op.h"
#include "ir/tensor.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {

// "f32[2, 2] 1 2.5 -inf nan", "i64[] 3", "bool[2] 0 1"; bf16 elements are cut to bf16.
inline ir::Tensor Literal(absl::string_view text) {
  const size_t open = text.find('[');
  const size_t close = text.find(']');
  const ir::DType dtype = *ir::ParseDType(text.substr(0, open));
  ir::Dims dims;
  for (absl::string_view dim :
       absl::StrSplit(text.substr(open + 1, close - open - 1), ',', absl::SkipWhitespace())) {
    dims.emplace_back();
    G4C_CHECK(absl::SimpleAtoi(dim, &dims.back()));
  }
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  const auto append = [&](const void* element) {
    const auto* begin = static_cast<const uint8_t*>(element);
    bytes->insert(bytes->end(), begin, begin + ir::ByteWidth(dtype));
  };
  for (absl::string_view element :
       absl::StrSplit(text.substr(close + 1), ' ', absl::SkipWhitespace())) {
    int64_t integer = 0;
    uint64_t natural = 0;
    double real = 0;
    if (!ir::IsFloat(dtype)) {
      if (absl::SimpleAtoi(element, &natural)) {
        integer = static_cast<int64_t>(natural);
      } else {
        G4C_CHECK(absl::SimpleAtoi(element, &integer));
      }
      append(&integer);  // little-endian: the first bytes are the narrower integer
      continue;
    }
    G4C_CHECK(absl::SimpleAtod(element, &real));
    const float single = static_cast<float>(real);
    uint32_t bits;
    std::memcpy(&bits, &single, sizeof(bits));
    bits >>= 16;
    append(dtype == ir::DType::kF64   ? static_cast<const void*>(&real)
           : dtype == ir::DType::kF32 ? static_cast<const void*>(&single)
                                      : &bits);
  }
  return *ir::Tensor::View(dtype, dims, *bytes, bytes);
}

inline std::string LiteralText(const ir::Tensor& tensor) {
  std::string text = absl::StrCat(std::string(ir::DTypeName(tensor.dtype())), "[",
                                  absl::StrJoin(tensor.dims(), ", "), "]");
  if (ir::IsFloat(tensor.dtype())) {
    for (float value : tensor.Floats()) absl::StrAppend(&text, " ", value);
  } else if (tensor.dtype() == ir::DType::kU64) {
    for (int64_t v : tensor.Ints()) absl::StrAppend(&text, " ", static_cast<uint64_t>(v));
  } else {
    for (int64_t value : tensor.Ints()) absl::StrAppend(&text, " ", value);
  }
  return text;
}

// Equal dtype and shape; integers equal, floats equal (NaN to NaN) or within `tolerance` of the
// larger of 1 and the expected magnitude.
inline ::testing::AssertionResult IsLiteral(const ir::Tensor& actual, absl::string_view text,
                                            double tolerance) {
  const ir::Tensor expected = Literal(text);
  bool same = actual.dtype() == expected.dtype() && actual.dims() == expected.dims();
  if (same && !ir::IsFloat(actual.dtype())) same = actual.Ints() == expected.Ints();
  if (same && ir::IsFloat(actual.dtype())) {
    const std::vector<float> a = actual.Floats(), e = expected.Floats();
    for (size_t i = 0; i < a.size(); ++i) {
      const bool equal = a[i] == e[i] || (std::isnan(a[i]) && std::isnan(e[i]));
      same = same && (equal || std::abs(a[i] - e[i]) <= tolerance * std::max(1.0f, std::abs(e[i])));
    }
  }
  if (same) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << LiteralText(actual) << "\nwhere expected " << std::string(text);
}

using Literals = std::initializer_list<const char*>;

// `op` of operands given as literals ("-": omitted).
inline absl::StatusOr<std::vector<ir::Tensor>> EvaluateLiterals(const ir::Op& op, Literals operands,
                                                                int num_outputs) {
  std::vector<ir::Tensor> tensors;
  std::vector<const ir::Tensor*> pointers;
  tensors.reserve(operands.size());
  for (absl::string_view operand : operands) {
    if (operand == "-") {
      pointers.push_back(nullptr);
    } else {
      tensors.push_back(Literal(operand));
      pointers.push_back(&tensors.back());
    }
  }
  return EvaluateNode(op, pointers, num_outputs);
}

// One row of a table. The default tolerance is that of decimals with seven digits: sums are exact
// to f32.
inline void Check(const char* name, const ir::Op& op, Literals operands, Literals expected,
                  double tolerance = 1e-6) {
  SCOPED_TRACE(absl::StrCat(std::string(ir::OpName(op)), ": ", name));
  auto results = EvaluateLiterals(op, operands, static_cast<int>(expected.size()));
  EXPECT_OK(results);
  if (!results.ok()) return;
  ASSERT_EQ(results->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(IsLiteral((*results)[i], expected.begin()[i], tolerance));
  }
}

inline void CheckError(const ir::Op& op, Literals operands, absl::StatusCode code,
                       const char* message) {
  EXPECT_THAT(EvaluateLiterals(op, operands, 1), StatusIs(code, ::testing::HasSubstr(message)));
}

inline constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
inline constexpr absl::StatusCode kUnsupported = absl::StatusCode::kUnimplemented;

}  // namespace g4c::evaluator

#endif  // TESTS_EVALUATOR_LITERAL_H_
