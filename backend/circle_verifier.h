// Whether a model file is what its readers may rely on.
#ifndef BACKEND_CIRCLE_VERIFIER_H_
#define BACKEND_CIRCLE_VERIFIER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace g4c::backend {

struct Problem {
  enum class Kind {
    kInvalid,       // the file contradicts itself; no runtime can execute what it means
    kInconsistent,  // executable, but its qparams do not fit each other: integers are copied under
                    // another scale
  };
  Kind kind;
  std::string text;  // names the operator or tensor with index and name
};

// FlatBuffers' own check, every index (CircleFile), then for each operator that the ir models:
// dtypes and shapes by its shape rule; operators that move data have equal qparams on all sides; no
// node mixes tensors with and without qparams; a fully_connected bias is i32 or i64 with zero point
// 0 and scale s_in * s_w within 1e-6 relative. An error status only where the file cannot be opened
// or holds what cannot be read.
absl::StatusOr<std::vector<Problem>> VerifyCircleFile(const std::string& path);

}  // namespace g4c::backend

#endif  // BACKEND_CIRCLE_VERIFIER_H_
