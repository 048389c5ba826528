// How names and strings look in the text; printer and lexer share it.
#ifndef IR_TEXT_FORMAT_H_
#define IR_TEXT_FORMAT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace g4c::ir {

// Characters of a word: a keyword, a number, a hexadecimal digest.
bool IsWordChar(char c);
// Characters of a value's or module's name that needs no quotes.
bool IsNameChar(char c);

// "a\"b": quotes, backslashes and control characters are escaped (\" \\ \n \t \xHH); other bytes
// stay.
std::string QuotedText(absl::string_view text);
// A word, or quoted.
std::string WordText(absl::string_view text);
// A name, or quoted.
std::string NameText(absl::string_view text);

}  // namespace g4c::ir

#endif  // IR_TEXT_FORMAT_H_
