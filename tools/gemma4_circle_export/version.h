// The version that --version prints and that written files carry.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_VERSION_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_VERSION_H_

#include <string>

namespace g4c::tools {

// "gemma4-circle-export 0.1.0 (1a2b3c4d5e6f)"; the commit is "unknown" outside of a checkout.
std::string VersionText();

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_VERSION_H_
