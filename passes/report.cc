#include "passes/report.h"

namespace g4c::passes {

void Report::Declined(absl::string_view pass, absl::string_view where, absl::string_view reason) {
  for (const DeclinedRewrite& known : declined_) {
    if (known.pass == pass && known.where == where && known.reason == reason) return;
  }
  declined_.push_back({std::string(pass), std::string(where), std::string(reason)});
}

}  // namespace g4c::passes
