#include "gemma4_circle_export/machine.h"

#include <sys/resource.h>

#include "base/parallel.h"
#include "base/progress.h"
#include "evaluator/isa.h"

namespace g4c::tools {

absl::Status ApplyMachineOptions(const MachineOptions& options) {
  if (options.jobs > 0) SetNumThreads(options.jobs);
  if (options.quiet) Progress::Disable();
  return options.isa.empty() ? absl::OkStatus() : evaluator::PinIsa(options.isa);
}

uint64_t PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace g4c::tools
