#include "gemma4_circle_export/machine.h"

#include <sys/resource.h>

#include "base/parallel.h"
#include "base/progress.h"
#include "evaluator/isa.h"

namespace g4c::tools {

absl::Status ApplyMachineOptions(const MachineOptions& options) {
  if (options.jobs > 0) SetNumThreads(options.jobs);
  if (options.quiet) Progress::Disable();
  if (options.isa.empty()) return absl::OkStatus();
  const absl::Status status = evaluator::PinIsa(options.isa);
  return status.ok() ? status : UsageError("--isa: ", status.message());
}

uint64_t PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace g4c::tools
