#include "evaluator/isa.h"

#include <dnnl.h>

#include "absl/strings/str_join.h"
#include "base/status.h"

namespace g4c::evaluator {
namespace {

struct Isa {
  const char* name;
  dnnl_cpu_isa_t code;  // wider sets have larger codes
};
// Wider codes than avx512's differ in integer and bf16 instructions only.
constexpr Isa kIsas[] = {
    {"sse41", dnnl_cpu_isa_sse41},
    {"avx", dnnl_cpu_isa_avx},
    {"avx2", dnnl_cpu_isa_avx2},
    {"avx512", dnnl_cpu_isa_avx512_core},
};

}  // namespace

std::vector<std::string> IsaNames() {
  std::vector<std::string> names;
  for (const Isa& isa : kIsas) names.push_back(isa.name);
  return names;
}

std::string IsaInUse() {
  const unsigned in_use = dnnl_get_effective_cpu_isa();
  const char* name = "none";
  for (const Isa& isa : kIsas) {
    if ((in_use & isa.code) == static_cast<unsigned>(isa.code)) name = isa.name;
  }
  return name;
}

absl::Status PinIsa(absl::string_view name) {
  for (const Isa& isa : kIsas) {
    if (name != isa.name) continue;
    if (dnnl_set_max_cpu_isa(isa.code) != dnnl_success) {
      return InvalidInput("the instruction set is fixed already and cannot be pinned to '", name,
                          "'");
    }
    if (IsaInUse() != name) {
      return InvalidInput("this machine does not have the instruction set '", name, "'; it has '",
                          IsaInUse(), "'");
    }
    return absl::OkStatus();
  }
  return InvalidInput("unknown instruction set '", name, "'; there are ",
                      absl::StrJoin(IsaNames(), ", "));
}

}  // namespace g4c::evaluator
