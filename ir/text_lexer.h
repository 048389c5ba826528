// The tokens of the ir text.
#ifndef IR_TEXT_LEXER_H_
#define IR_TEXT_LEXER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace g4c::ir {

struct Token {
  enum Kind {
    kEnd,
    kWord,    // epsilon, f32, -1e-06, 9f3c
    kString,  // "a b"
    kValue,   // %x, %"a b"
    kModule,  // @layers.0
    kPunct,   // one character; "-" only where no word begins with it
  };
  Kind kind;
  std::string text;  // without %, @, quotes and escapes
  int line;
  int column;  // in bytes, from 1

  bool Is(absl::string_view punct) const { return kind == kPunct && text == punct; }
  // "'('", "'%x'", "the end": for messages.
  std::string Text() const;
};

// "3:14: message".
template <typename... Parts>
absl::Status ErrorAt(const Token& token, const Parts&... parts) {
  return InvalidInput(token.line, ":", token.column, ": ", parts...);
}

// All tokens, kEnd last. "#" begins a comment. InvalidInput with line and column.
absl::StatusOr<std::vector<Token>> Lex(absl::string_view text);

}  // namespace g4c::ir

#endif  // IR_TEXT_LEXER_H_
