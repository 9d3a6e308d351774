#pragma once

#include <string_view>

namespace epicrisis {

/// How a word that is written with a closing dot ties to what follows it.
enum class AbbreviationKind {
  kNone,          ///< Not known as an abbreviation.
  kTitle,         ///< Goes on whatever follows: "Dr. Lee", "vs. placebo".
  kBeforeNumber,  ///< Goes on before a number: "No. 3", "approx. 5 cm".
  kDotted,        ///< Goes on unless a capital follows: "q.d. dosing", "5 mg p.o. He slept".
  kPlain,         ///< Written without a dot as often; goes on only where the case of what follows says so.
};

/// `word` in lower case without its last dot: "dr", "q.d".
AbbreviationKind abbreviation_kind(std::string_view word);

/// "P.O", "M.D": capitals with dots that are no initials of a name.
bool is_clinical_abbreviation(std::string_view word);

/// Words that a single capital letter completes, so that its dot ends the sentence: "hepatitis C.".
bool takes_letter(std::string_view lower_case_word);

}  // namespace epicrisis
