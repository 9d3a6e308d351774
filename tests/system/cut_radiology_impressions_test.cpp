#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;

testing::ProcessOutcome cut(const std::string& csv) {
  testing::ProcessOptions options;
  options.input = csv;
  return testing::run_process({(testing::source_dir() / "scripts" / "cut-radiology-impressions").string()},
                              options);
}

TEST(CutRadiologyImpressions, PairsFindingsWithTheImpression) {
  const auto outcome =
      cut("id,note,summary\r\n"
          "r1,\"EXAM: CT head.\n\nREASON FOR EXAM: Fall.\n\nFINDINGS: 1. There is no \"\"acute\"\" "
          "bleeding.\n2. The ventricles "
          "are of normal size with a mean pressure of\n95. The sinuses are clear.\n\nBONES: No "
          "fracture.\n\nIMPRESSION: 1. No "
          "acute bleeding.\n2. No fracture.\",CT of the head\r\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output,
            "id,note,summary\r\n"
            "r1/impression,\"There is no \"\"acute\"\" bleeding. The ventricles are of normal size with a "
            "mean pressure of "
            "95. The sinuses are clear. Bones: No fracture.\",No acute bleeding. No fracture.\r\n");
  EXPECT_THAT(outcome.errors, HasSubstr("1 pairs from 1 notes"));
}

TEST(CutRadiologyImpressions, CutsEachReportOfANote) {
  const auto outcome =
      cut("id,note,summary\n"
          "r1,\"EXAM: CT abdomen and pelvis.\n\nFINDINGS: The liver and the spleen are normal and no stone "
          "or mass is seen in "
          "them.\n\nIMPRESSION: Normal upper abdomen.\n\nCT PELVIS\n\nFINDINGS: The bladder is empty and the "
          "bowel is normal with "
          "no free fluid around it.\n\nIMPRESSION: Normal pelvic study.\",CT\n");
  EXPECT_THAT(outcome.output, HasSubstr("r1/impression,"));
  EXPECT_THAT(outcome.output, HasSubstr(",Normal upper abdomen.\r\nr1/impression-2,The bladder"));
  EXPECT_THAT(outcome.output, HasSubstr(",Normal pelvic study.\r\n"));
}

TEST(CutRadiologyImpressions, LeavesOutWhatIsNoImagingReport) {
  const std::string findings =
      "FINDINGS: The gallbladder was inflamed and several small stones were found in it at once.";
  const auto outcome =
      cut("id,note,summary\n"
          "operation,\"PREOPERATIVE DIAGNOSIS: Stones.\n" +
          findings +
          "\nIMPRESSION: Acute inflammation found.\",CT-guided operation\n"
          "no_modality,\"" +
          findings +
          "\nIMPRESSION: Acute inflammation found.\",Visit\n"
          "refers_up,\"EXAM: CT.\n" +
          findings +
          "\nIMPRESSION: Findings as above.\",CT\n"
          "longer,\"EXAM: CT.\nFINDINGS: Normal.\nIMPRESSION: Acute inflammation found.\",CT\n");
  EXPECT_EQ(outcome.output, "id,note,summary\r\n");
}

TEST(CutRadiologyImpressions, RefusesWhatItCannotRead) {
  EXPECT_EQ(cut("").exit_code, 2);
  EXPECT_EQ(cut("id,text\na,b\n").exit_code, 2);
  EXPECT_EQ(cut("id,note,summary\na,\"b\n").exit_code, 2);
}

}  // namespace
}  // namespace epicrisis
