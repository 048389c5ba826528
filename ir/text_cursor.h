// A position in the tokens of an ir text, with what may stand there: the words of the parser
// (text_parse.cc).
#ifndef IR_TEXT_CURSOR_H_
#define IR_TEXT_CURSOR_H_

#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ir/text_lexer.h"

namespace g4c::ir {

// Every error says what was wanted and what stands there instead, and where.
class TokenCursor {
 public:
  explicit TokenCursor(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& Peek() const { return tokens_[at_]; }
  // The end is never passed.
  const Token& Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }

  bool AtWord(absl::string_view word) const {
    return Peek().kind == Token::kWord && Peek().text == word;
  }
  bool TakeIf(absl::string_view punct) {
    if (!Peek().Is(punct)) return false;
    Take();
    return true;
  }

  absl::Status Unexpected(absl::string_view wanted) const {
    return ErrorAt(Peek(), "expected ", wanted, ", got ", Peek().Text());
  }
  absl::Status Expect(absl::string_view punct) {
    if (!Peek().Is(punct)) return Unexpected(absl::StrCat("'", punct, "'"));
    Take();
    return absl::OkStatus();
  }
  absl::Status ExpectWord(absl::string_view word) {
    if (!AtWord(word)) return Unexpected(absl::StrCat("'", word, "'"));
    Take();
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ParseName() {
    if (Peek().kind != Token::kWord && Peek().kind != Token::kString) return Unexpected("a name");
    return Take().text;
  }

  absl::StatusOr<bool> ParseBool() {
    if (!AtWord("true") && !AtWord("false")) return Unexpected("'true' or 'false'");
    return Take().text == "true";
  }

  // A number that `Number` holds; a float rounds to its nearest value.
  template <typename Number>
  absl::StatusOr<Number> ParseNumber() {
    const std::string& text = Peek().text;
    Number value;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (Peek().kind != Token::kWord || read.ec != std::errc() || read.ptr != end) {
      return Unexpected(std::is_integral_v<Number> ? "an integer" : "a number");
    }
    Take();
    return value;
  }
  absl::StatusOr<int64_t> ParseInt() { return ParseNumber<int64_t>(); }

  // "[item, item, ...]".
  template <typename T, typename ParseItem>
  absl::StatusOr<std::vector<T>> ParseList(ParseItem parse_item) {
    RETURN_IF_ERROR(Expect("["));
    std::vector<T> items;
    while (!Peek().Is("]")) {
      if (!items.empty()) RETURN_IF_ERROR(Expect(","));
      ASSIGN_OR_RETURN(T item, parse_item());
      items.push_back(std::move(item));
    }
    Take();
    return items;
  }
  absl::StatusOr<std::vector<int64_t>> ParseInts() {
    return ParseList<int64_t>([this] { return ParseInt(); });
  }

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace g4c::ir

#endif  // IR_TEXT_CURSOR_H_
