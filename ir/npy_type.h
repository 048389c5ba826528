// How elements are called in NumPy's files.
#ifndef IR_NPY_TYPE_H_
#define IR_NPY_TYPE_H_

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "ir/dtype.h"

namespace g4c::ir {

// The dtype of a .npy type code such as "<f4"; nullopt for others.
absl::optional<DType> DTypeOfDescr(absl::string_view descr);

// The .npy type code of a tensor's elements; nibbles are held one a byte. Empty for bf16, which
// NumPy lacks.
absl::string_view DescrOf(DType dtype);

}  // namespace g4c::ir

#endif  // IR_NPY_TYPE_H_
