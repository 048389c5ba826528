// A rewrite of float weights as it was done: what it takes to do it again.
#ifndef QUANTIZATION_APPLIED_REWRITE_H_
#define QUANTIZATION_APPLIED_REWRITE_H_

#include <string>
#include <vector>

namespace g4c::quantization {

struct AppliedRewrite {
  std::string name;   // as --rewrite names it
  std::string value;  // where: the activation whose channels it changed
  // By channel of the value; empty where the model alone decides them.
  std::vector<float> factors;
  bool operator==(const AppliedRewrite&) const = default;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_APPLIED_REWRITE_H_
