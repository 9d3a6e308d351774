#include "text/sentences/abbreviations.hpp"

#include <algorithm>
#include <array>

namespace epicrisis {
namespace {

constexpr std::array kTitles =
    std::to_array<std::string_view>({"col", "dr", "drs", "e.g", "eg", "gen", "i.e", "lt", "messrs", "mr",
                                     "mrs", "ms", "mx", "rev", "sgt", "st", "viz", "vs"});
constexpr std::array kBeforeNumber = std::to_array<std::string_view>(
    {"apr",  "approx", "apt", "aug", "ca",  "ch",  "chap", "dec",  "ext", "feb", "fig",
     "figs", "jan",    "jul", "jun", "lot", "mar", "max",  "min",  "no",  "nos", "nov",
     "oct",  "pg",     "pp",  "ref", "rm",  "sec", "sep",  "sept", "vol"});
constexpr std::array kPlain = std::to_array<std::string_view>(
    {"abd", "ant", "inf",    "sup", "bid", "bilat", "cc",   "cm",  "dept", "dx", "etc", "ft",
     "gtt", "hr",  "hrs",    "hx",  "inc", "inj",   "int",  "jr",  "lat",  "lb", "lbs", "med",
     "mg",  "ml",  "mm",     "neg", "oz",  "pos",   "prn",  "pt",  "pts",  "qd", "qid", "resp",
     "rx",  "sr",  "subcut", "sx",  "tab", "tabs",  "temp", "tid", "tx"});
constexpr std::array kCapitals = std::to_array<std::string_view>(
    {"A.C", "A.D", "A.M", "B.M", "B.P", "C.C", "D.O", "D.R", "E.D", "E.R", "G.I", "G.U",
     "H.S", "I.M", "I.V", "M.D", "N.P", "O.D", "O.R", "O.S", "O.T", "O.U", "P.A", "P.C",
     "P.M", "P.O", "P.R", "P.T", "Q.D", "Q.H", "R.N", "S.C", "S.Q", "U.S", "X.R"});
constexpr std::array kTakesLetter = std::to_array<std::string_view>(
    {"a", "class", "factor", "grade", "group", "hepatitis", "influenza", "item", "option", "plan", "protein",
     "step", "troponin", "type", "unit", "vitamin"});

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// "q.d", "b.i.d", "p.o", "a.m", "m.d": single letters with dots between, the shape of dosing abbreviations.
bool is_dotted_letters(std::string_view word) {
  if (word.size() < 3 || word.size() % 2 == 0) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool letter = word[i] >= 'a' && word[i] <= 'z';
    if (i % 2 == 0 ? !letter : word[i] != '.') return false;
  }
  return true;
}

}  // namespace

AbbreviationKind abbreviation_kind(std::string_view word) {
  if (contains(kTitles, word)) return AbbreviationKind::kTitle;
  if (contains(kBeforeNumber, word)) return AbbreviationKind::kBeforeNumber;
  if (contains(kPlain, word)) return AbbreviationKind::kPlain;
  if (is_dotted_letters(word) || word == "ph.d") return AbbreviationKind::kDotted;
  return AbbreviationKind::kNone;
}

bool is_clinical_abbreviation(std::string_view word) { return contains(kCapitals, word); }

bool takes_letter(std::string_view lower_case_word) { return contains(kTakesLetter, lower_case_word); }

}  // namespace epicrisis
