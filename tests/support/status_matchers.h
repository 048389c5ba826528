// gmock matchers and macros for absl::Status and absl::StatusOr.
//
//   EXPECT_THAT(Parse(text), IsOk());
//   EXPECT_THAT(Parse("1"), IsOkAndHolds(1));
//   EXPECT_THAT(Parse("x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'x'")));
//   EXPECT_THAT(Parse("x"), IsInvalidInput(HasSubstr("'x'")));      // also IsUnsupported,
//   IsWriteFailed ASSERT_OK(status_or);      ASSERT_OK_AND_ASSIGN(const int n, Parse("1"));
#ifndef TESTS_SUPPORT_STATUS_MATCHERS_H_
#define TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace g4c {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  if (StatusOf(arg).ok()) return true;
  *result_listener << "which is " << StatusOf(arg).ToString();
  return false;
}

// `code` is an absl::StatusCode, `message` a string or a matcher of strings.
MATCHER_P2(StatusIs, code, message,
           std::string("is ") + (negation ? "not " : "") + absl::StatusCodeToString(code) +
               " with a message that " +
               ::testing::DescribeMatcher<std::string>(message, negation)) {
  const absl::Status& status = StatusOf(arg);
  if (status.code() != code) {
    *result_listener << "which is " << status.ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(message, std::string(status.message()), result_listener);
}

template <typename Message>
auto IsInvalidInput(Message message) {
  return StatusIs(absl::StatusCode::kInvalidArgument, message);
}
template <typename Message>
auto IsUnsupported(Message message) {
  return StatusIs(absl::StatusCode::kUnimplemented, message);
}
template <typename Message>
auto IsWriteFailed(Message message) {
  return StatusIs(absl::StatusCode::kUnavailable, message);
}

MATCHER_P(IsOkAndHolds, value, "is OK and holds the value") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value, *arg, result_listener);
}

}  // namespace g4c

#define ASSERT_OK(expression) ASSERT_THAT(expression, ::g4c::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT(expression, ::g4c::IsOk())

#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(ASSERT_OK_CONCAT(g4c_test_statusor_, __LINE__), target, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(holder, target, expression) \
  auto holder = (expression);                                  \
  ASSERT_OK(holder);                                           \
  target = *std::move(holder)
#define ASSERT_OK_CONCAT_INNER(a, b) a##b
#define ASSERT_OK_CONCAT(a, b) ASSERT_OK_CONCAT_INNER(a, b)

#endif  // TESTS_SUPPORT_STATUS_MATCHERS_H_
