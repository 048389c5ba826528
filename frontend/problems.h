// All that is wrong with a model, reported at once.
#ifndef FRONTEND_PROBLEMS_H_
#define FRONTEND_PROBLEMS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace g4c::frontend {

// In the order in which they are told. Those up to kInvalid make a model invalid (exit 2), the
// others unsupported (exit 4); a model that is both is invalid.
enum class ProblemKind : uint8_t {
  kDangling,   // an input that nothing produces
  kDuplicate,  // a value defined twice
  kCycle,
  kInvalid,   // data, types or shapes that contradict each other
  kOperator,  // an operator that this tool does not know
  kOpset,
  kAttribute,
  kUnsupported,  // anything else that is valid ONNX
};

class Problems {
 public:
  // `what` and `where` are the two columns of a line. A repeated line is dropped: a function may be
  // called often.
  void Add(ProblemKind kind, absl::string_view what, absl::string_view where);
  // From an InvalidInput or Unsupported.
  void Add(const absl::Status& status, absl::string_view where);
  bool empty() const { return problems_.empty(); }

  // OK when there are none, else all of them: a headline, lines and a hint for each kind. Dangling
  // inputs are all named, of other kinds the first kMostLines.
  absl::Status ToStatus() const;

  static constexpr size_t kMostLines = 20;

 private:
  struct Problem {
    std::string what;
    std::string where;
  };
  std::map<ProblemKind, std::vector<Problem>> problems_;
  absl::flat_hash_set<std::string> lines_;
};

}  // namespace g4c::frontend

#endif  // FRONTEND_PROBLEMS_H_
