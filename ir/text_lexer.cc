#include "ir/text_lexer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "ir/text_format.h"

namespace g4c::ir {
namespace {

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    for (;;) {
      SkipBlanks();
      ASSIGN_OR_RETURN(Token token, Next());
      tokens.push_back(std::move(token));
      if (tokens.back().kind == Token::kEnd) return tokens;
    }
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool AtEnd() const { return at_ >= text_.size(); }

  void Advance() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }

  void SkipBlanks() {
    while (!AtEnd()) {
      if (Peek() == '#') {
        while (!AtEnd() && Peek() != '\n') Advance();
      } else if (absl::ascii_isspace(Peek())) {
        Advance();
      } else {
        return;
      }
    }
  }

  absl::StatusOr<Token> Next() {
    Token token{Token::kEnd, "", line_, static_cast<int>(at_ - line_start_) + 1};
    if (AtEnd()) return token;
    const char c = Peek();
    if (c == '%' || c == '@') {
      token.kind = c == '%' ? Token::kValue : Token::kModule;
      Advance();
      if (Peek() == '"') {
        RETURN_IF_ERROR(String(token));
      } else {
        while (!AtEnd() && IsNameChar(Peek())) token.text += text_[at_++];
      }
      if (token.text.empty())
        return ErrorAt(token, "a name must follow '", absl::string_view(&c, 1), "'");
      return token;
    }
    if (c == '"') {
      token.kind = Token::kString;
      RETURN_IF_ERROR(String(token));
      return token;
    }
    if (IsWordChar(c) || (c == '-' && IsWordChar(Peek(1)))) {
      token.kind = Token::kWord;
      const bool number = absl::ascii_isdigit(c) || c == '-' || c == '.';
      token.text += text_[at_++];
      // The sign of an exponent belongs to the number.
      while (!AtEnd() && (IsWordChar(Peek()) || (number && (Peek() == '-' || Peek() == '+') &&
                                                 absl::ascii_tolower(token.text.back()) == 'e'))) {
        token.text += text_[at_++];
      }
      return token;
    }
    if (absl::string_view("{}()[]:,=?*-").find(c) != absl::string_view::npos) {
      token.kind = Token::kPunct;
      token.text = c;
      Advance();
      return token;
    }
    return ErrorAt(token, "unexpected character '", absl::CHexEscape(absl::string_view(&c, 1)),
                   "'");
  }

  // A quoted string from its opening quote on. Errors stand at the token's start.
  absl::Status String(Token& token) {
    Advance();
    while (!AtEnd() && Peek() != '\n') {
      const char c = text_[at_++];
      if (c == '"') return absl::OkStatus();
      if (c != '\\') {
        token.text += c;
        continue;
      }
      const char escaped = Peek();
      if (!AtEnd()) ++at_;
      if (escaped == 'n') {
        token.text += '\n';
      } else if (escaped == 't') {
        token.text += '\t';
      } else if (escaped == '"' || escaped == '\\') {
        token.text += escaped;
      } else if (escaped == 'x' && absl::ascii_isxdigit(Peek()) && absl::ascii_isxdigit(Peek(1))) {
        token.text += absl::HexStringToBytes(text_.substr(at_, 2));
        at_ += 2;
      } else {
        return ErrorAt(token, "a bad escape in the string");
      }
    }
    return ErrorAt(token, "the string does not end on its line");
  }

  absl::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  size_t line_start_ = 0;
};

}  // namespace

std::string Token::Text() const {
  switch (kind) {
    case kEnd:
      return "the end";
    case kValue:
      return absl::StrCat("'%", NameText(text), "'");
    case kModule:
      return absl::StrCat("'@", NameText(text), "'");
    case kString:
      return QuotedText(text);
    default:
      return absl::StrCat("'", text, "'");
  }
}

absl::StatusOr<std::vector<Token>> Lex(absl::string_view text) { return Lexer(text).Run(); }

}  // namespace g4c::ir
