#include "evaluate/detail/porter_stemmer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace epicrisis::evaluate::detail {
namespace {

using Stems = std::vector<std::pair<std::string, std::string>>;

// Expected values: NLTK 3.8, PorterStemmer in its default mode.
void expect_stems(const Stems& stems) {
  for (const auto& [word, stem] : stems) EXPECT_EQ(porter_stem(word), stem) << word;
}

TEST(PorterStemmer, FollowsThePaper) {
  expect_stems({{"caresses", "caress"},     {"ponies", "poni"},         {"cats", "cat"},
                {"agreed", "agre"},         {"feed", "feed"},           {"plastered", "plaster"},
                {"bled", "bled"},           {"motoring", "motor"},      {"sing", "sing"},
                {"conflated", "conflat"},   {"troubled", "troubl"},     {"sized", "size"},
                {"hopping", "hop"},         {"falling", "fall"},        {"hissing", "hiss"},
                {"filing", "file"},         {"failing", "fail"},        {"happy", "happi"},
                {"relational", "relat"},    {"conditional", "condit"},  {"rational", "ration"},
                {"digitizer", "digit"},     {"radically", "radic"},     {"differently", "differ"},
                {"vilely", "vile"},         {"predication", "predic"},  {"operator", "oper"},
                {"decisiveness", "decis"},  {"hopefulness", "hope"},    {"formality", "formal"},
                {"sensitivity", "sensit"},  {"sensibility", "sensibl"}, {"triplicate", "triplic"},
                {"formative", "form"},      {"formalize", "formal"},    {"electricity", "electr"},
                {"electrical", "electr"},   {"goodness", "good"},       {"revival", "reviv"},
                {"allowance", "allow"},     {"inference", "infer"},     {"airliner", "airlin"},
                {"adjustable", "adjust"},   {"replacement", "replac"},  {"dependent", "depend"},
                {"adoption", "adopt"},      {"communism", "commun"},    {"activate", "activ"},
                {"angularity", "angular"},  {"effective", "effect"},    {"bowdlerize", "bowdler"},
                {"probate", "probat"},      {"rate", "rate"},           {"cease", "ceas"},
                {"controlling", "control"}, {"roll", "roll"},           {"syzygy", "syzygi"}});
}

TEST(PorterStemmer, FollowsTheChangesOfNltk) {
  expect_stems({{"skies", "sky"},
                {"sky", "sky"},
                {"dying", "die"},
                {"lying", "lie"},
                {"tying", "tie"},
                {"news", "news"},
                {"innings", "inning"},
                {"outing", "outing"},
                {"cannings", "canning"},
                {"howe", "howe"},
                {"proceed", "proceed"},
                {"exceed", "exceed"},
                {"succeed", "succeed"},
                {"ties", "tie"},
                {"dies", "die"},
                {"died", "die"},
                {"tried", "tri"},
                {"spied", "spi"},
                {"enjoy", "enjoy"},
                {"enjoyment", "enjoy"},
                {"toy", "toy"},
                {"day", "day"},
                {"fly", "fli"},
                {"conditionally", "condit"},
                {"additionally", "addit"},
                {"hopefully", "hope"},
                {"biology", "biolog"},
                {"logic", "logic"},
                {"aged", "age"},
                {"as", "as"},
                {"is", "is"}});
}

TEST(PorterStemmer, StemsClinicalWords) {
  expect_stems({{"hypertension", "hypertens"},
                {"hypertensive", "hypertens"},
                {"bleeding", "bleed"},
                {"therapies", "therapi"},
                {"therapy", "therapi"},
                {"arteries", "arteri"},
                {"stenosis", "stenosi"},
                {"stenoses", "stenos"},
                {"catheterization", "catheter"},
                {"ulcerations", "ulcer"},
                {"500mg", "500mg"},
                {"x3y", "x3i"}});
}

}  // namespace
}  // namespace epicrisis::evaluate::detail
