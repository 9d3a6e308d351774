#include "base/nearest_name.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace epicrisis {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsAndSubstitutions) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("beam", ""), 4U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

TEST(NearestName, OffersOnlyWhatIsNear) {
  constexpr std::array<std::string_view, 3> kKnown = {"num_beams", "max_length", "min_length"};
  EXPECT_EQ(nearest_name("num_beam", kKnown), "num_beams");
  EXPECT_EQ(nearest_name("lengthmax", kKnown), "");
  EXPECT_EQ(nearest_name("mx_length", kKnown), "max_length") << "the first of equally near ones";
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'x'), kKnown), "");
  EXPECT_EQ(nearest_name("", kKnown), "");
}

}  // namespace
}  // namespace epicrisis
