#include "ir/text_format.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace g4c::ir {

bool IsWordChar(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.'; }
bool IsNameChar(char c) { return IsWordChar(c) || c == '/' || c == '-'; }

std::string QuotedText(absl::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (absl::ascii_iscntrl(c)) {
      absl::StrAppendFormat(&quoted, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string WordText(absl::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), IsWordChar);
  return plain ? std::string(text) : QuotedText(text);
}

std::string NameText(absl::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), IsNameChar);
  return plain ? std::string(text) : QuotedText(text);
}

}  // namespace g4c::ir
