// What the command sets once for the process.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_MACHINE_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_MACHINE_H_

#include "gemma4_circle_export/options.h"

namespace g4c::tools {

// --jobs, --isa, --quiet.
absl::Status ApplyMachineOptions(const MachineOptions& options);

// The most memory that this process held resident so far, in bytes.
uint64_t PeakResidentBytes();

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_MACHINE_H_
