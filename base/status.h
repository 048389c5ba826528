// Status helpers. Whatever input can cause is an absl::Status; our own mistakes are G4C_CHECKs.
//
// The code of a status decides the exit code of the command (docs/design.md):
//   InvalidInput -> 2   what the given files contain, or how they fit the options
//   Unsupported  -> 4   operator, opset, dtype or target constraint not supported
//   WriteFailed  -> 5   writing failed
#ifndef BASE_STATUS_H_
#define BASE_STATUS_H_

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace g4c {

template <typename... Parts>
absl::Status InvalidInput(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

template <typename... Parts>
absl::Status Unsupported(const Parts&... parts) {
  return absl::UnimplementedError(absl::StrCat(parts...));
}

template <typename... Parts>
absl::Status WriteFailed(const Parts&... parts) {
  return absl::UnavailableError(absl::StrCat(parts...));
}

// The same code with `prefix` in front of the message.
absl::Status Prefixed(const absl::Status& status, absl::string_view prefix);

[[noreturn]] inline void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "internal error: %s:%d: %s does not hold\n", file, line, expression);
  std::abort();
}

}  // namespace g4c

#define G4C_CHECK(expression) \
  ((expression) ? (void)0 : ::g4c::CheckFailed(#expression, __FILE__, __LINE__))

#define G4C_CONCAT_INNER(a, b) a##b
#define G4C_CONCAT(a, b) G4C_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                                  \
  do {                                                                               \
    if (absl::Status g4c_status = (expression); !g4c_status.ok()) return g4c_status; \
  } while (false)

#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(G4C_CONCAT(g4c_statusor_, __LINE__), target, expression)
#define ASSIGN_OR_RETURN_INNER(holder, target, expression) \
  auto holder = (expression);                              \
  if (!holder.ok()) return std::move(holder).status();     \
  target = *std::move(holder)

#endif  // BASE_STATUS_H_
