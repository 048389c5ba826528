#include "ir/provenance.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace g4c::ir {

void Provenance::Merge(const Provenance& other) {
  // What swallows a long chain, node by node, would else hold and compare all of it at every step.
  constexpr size_t kMost = 64;
  for (const auto& origin : other.origins_) {
    if (origins_.size() >= kMost) return;
    if (std::find(origins_.begin(), origins_.end(), origin) == origins_.end())
      origins_.push_back(origin);
  }
}

const Origin& Provenance::lead() const {
  static const Origin* const kEmpty = new Origin();
  return origins_.empty() ? *kEmpty : *origins_.front();
}

std::string Provenance::Text() const {
  const Origin& origin = lead();
  std::string text = origin.op_type;
  if (!origin.node.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", "'", origin.node, "'");
  if (!origin.module.empty()) absl::StrAppend(&text, text.empty() ? "in " : " in ", origin.module);
  if (!origin.stack.empty()) {
    const std::string& frame = origin.stack.back();
    absl::StrAppend(&text, " (", frame.substr(0, frame.find(',')), ")");
  }
  return text;
}

}  // namespace g4c::ir
