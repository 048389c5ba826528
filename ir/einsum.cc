#include "ir/einsum.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace g4c::ir {
namespace {

// A term before its ellipsis is expanded: letters, and where the ellipsis stands (-1: none).
struct Term {
  std::string letters;
  int ellipsis = -1;
};

absl::StatusOr<Term> ParseTerm(absl::string_view text) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (text.substr(i, 3) == "..." && term.ellipsis < 0) {
      term.ellipsis = static_cast<int>(term.letters.size());
      i += 2;
    } else if (absl::ascii_isalpha(c)) {
      term.letters.push_back(c);
    } else {
      return InvalidInput("bad einsum term '", text, "'");
    }
  }
  return term;
}

}  // namespace

absl::StatusOr<EinsumTerms> ParseEinsum(absl::string_view equation, absl::Span<const int> ranks) {
  const size_t arrow = equation.find("->");
  const std::vector<absl::string_view> texts = absl::StrSplit(equation.substr(0, arrow), ',');
  if (texts.size() != ranks.size()) {
    return InvalidInput("einsum '", equation, "' has ", texts.size(), " terms for ", ranks.size(),
                        " operands");
  }
  std::vector<Term> terms;
  int wide = 0;  // labels that the ellipsis stands for
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSIGN_OR_RETURN(Term term, ParseTerm(texts[i]));
    const int covered = ranks[i] - static_cast<int>(term.letters.size());
    if (covered < 0 || (term.ellipsis < 0 && covered != 0)) {
      return InvalidInput("einsum term '", texts[i], "' for an operand of rank ", ranks[i]);
    }
    if (term.ellipsis >= 0) wide = std::max(wide, covered);
    terms.push_back(std::move(term));
  }

  EinsumTerms result;
  std::array<int, 128> label_of, count_of{};
  label_of.fill(-1);
  result.num_labels = wide;  // the ellipsis has the first ones
  for (size_t i = 0; i < terms.size(); ++i) {
    const Term& term = terms[i];
    std::vector<int>& labels = result.inputs.emplace_back();
    const int covered = ranks[i] - static_cast<int>(term.letters.size());
    for (int k = 0; k <= static_cast<int>(term.letters.size()); ++k) {
      if (k == term.ellipsis) {
        for (int e = wide - covered; e < wide; ++e) labels.push_back(e);
      }
      if (k == static_cast<int>(term.letters.size())) break;
      const int letter = term.letters[k];
      if (label_of[letter] < 0) label_of[letter] = result.num_labels++;
      ++count_of[letter];
      labels.push_back(label_of[letter]);
    }
  }

  Term output;
  if (arrow == absl::string_view::npos) {
    output.ellipsis = 0;
    for (int letter = 0; letter < 128; ++letter) {
      if (count_of[letter] == 1) output.letters.push_back(static_cast<char>(letter));
    }
  } else {
    ASSIGN_OR_RETURN(output, ParseTerm(equation.substr(arrow + 2)));
  }
  for (int k = 0; k <= static_cast<int>(output.letters.size()); ++k) {
    if (k == output.ellipsis) {
      for (int e = 0; e < wide; ++e) result.output.push_back(e);
    }
    if (k == static_cast<int>(output.letters.size())) break;
    const int label = label_of[static_cast<int>(output.letters[k])];
    if (label < 0 || std::count(result.output.begin(), result.output.end(), label) > 0) {
      return InvalidInput("einsum '", equation, "': the output's '", output.letters.substr(k, 1),
                          label < 0 ? "' is in no operand" : "' is there twice");
    }
    result.output.push_back(label);
  }
  return result;
}

}  // namespace g4c::ir
