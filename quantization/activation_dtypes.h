// The dtype that each activation is quantised in.
#ifndef QUANTIZATION_ACTIVATION_DTYPES_H_
#define QUANTIZATION_ACTIVATION_DTYPES_H_

#include "absl/container/flat_hash_map.h"
#include "ir/graph.h"

namespace g4c::quantization {

struct ActivationDTypes {
  ActivationDTypes(ir::DType all) : base(all) {}  // NOLINT: one dtype is a choice for all values

  ir::DType Of(ir::ValueId id) const {
    const auto it = exceptions.find(id);
    return it == exceptions.end() ? base : it->second;
  }

  ir::DType base;
  // Values that share qparams (QparamGroup) must have the same dtype.
  absl::flat_hash_map<ir::ValueId, ir::DType> exceptions;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_ACTIVATION_DTYPES_H_
