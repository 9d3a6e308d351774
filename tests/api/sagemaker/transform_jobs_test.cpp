#include <fmt/format.h>

#include <chrono>
#include <string>
#include <thread>

#include "api/sagemaker/service_fixture.hpp"

namespace epicrisis::api {
namespace {

class TransformJobs : public SageMakerServiceTest {};

TEST_F(TransformJobs, TransformsEveryLineOfEveryObjectInOrder) {
  deploy("notes");
  std::string expected;
  for (const char* note : {"Chest pain.", "Fell at home."}) {
    expected += invoke("notes", Json{{"inputs", note}}.dump()).body + "\n";
  }
  put("batch/a.jsonl", "{\"inputs\": \"Chest pain.\"}\n\n{\"inputs\": \"Fell at home.\"}");
  put("batch/deep/b.jsonl", "{\"id\": 7, \"inputs\": \"Chest pain.\"}\n");
  transform("plain", "batch/", "application/json");
  EXPECT_EQ(ended("plain")["TransformJobStatus"], "Completed") << describe_transform("plain");
  EXPECT_EQ(object("plain/a.jsonl.out"), expected);
  EXPECT_EQ(object("plain/deep/b.jsonl.out"), expected.substr(0, expected.find('\n') + 1));
  EXPECT_EQ(describe_transform("plain")["Progress"]["RecordsDone"], 3);

  transform("joined", "batch/deep", "application/json",
            {{"DataProcessing", {{"JoinSource", "Input"}, {"OutputFilter", "$['id','SageMakerOutput']"}}}});
  EXPECT_EQ(ended("joined")["TransformJobStatus"], "Completed") << describe_transform("joined");
  EXPECT_EQ(object("joined/deep/b.jsonl.out"), "[7," + expected.substr(0, expected.find('\n')) + "]\n");

  put("table.csv", "inputs\nChest pain.\nFell at home.\n");
  const std::string table = invoke("notes", "inputs\nChest pain.\nFell at home.\n", "invocations",
                                   "Content-Type: text/csv\r\nAccept: text/csv\r\n")
                                .body;
  for (const char* strategy : {"SingleRecord", "MultiRecord"}) {
    transform(strategy, "table.csv", "text/csv", {{"BatchStrategy", strategy}});
    EXPECT_EQ(ended(strategy)["TransformJobStatus"], "Completed") << describe_transform(strategy);
    EXPECT_EQ(object(std::string(strategy) + "/table.csv.out"), table) << strategy;
  }
}

TEST_F(TransformJobs, AFailingRecordFailsItsObjectAndTheJob) {
  make_model("notes");
  put("batch/a.jsonl", "{\"inputs\": \"Chest pain.\"}\n{\"inputs\": Zebulon}\n");
  put("batch/b.jsonl", "{\"inputs\": \"Chest pain.\"}\n");
  transform("mixed", "batch/", "application/json");
  const Json job = ended("mixed");
  EXPECT_EQ(job["TransformJobStatus"], "Failed");
  const std::string reason = job["FailureReason"];
  EXPECT_NE(reason.find("Object 1 of the input in order of keys: record 2"), std::string::npos) << reason;
  EXPECT_EQ(reason.find("Zebulon"), std::string::npos) << reason;
  EXPECT_FALSE(object("mixed/a.jsonl.out"));
  EXPECT_TRUE(object("mixed/b.jsonl.out"));
  transform("empty", "nothing/", "application/json");
  EXPECT_EQ(ended("empty")["TransformJobStatus"], "Failed");
  const Json refused = call("CreateTransformJob", {{"TransformJobName", "bad"}, {"ModelName", "notes"}}, 400);
  EXPECT_EQ(refused["__type"], "ValidationException");
}

TEST_F(TransformJobs, ATransformGoesOnAfterARestartWithTheSameBytes) {
  make_model("notes");
  std::string lines;
  for (int i = 0; i < 400; ++i) lines += fmt::format("{{\"inputs\": \"Pt {} c/o chest pain.\"}}\n", i);
  put("long.jsonl", lines);
  transform("through", "long.jsonl", "application/json");
  EXPECT_EQ(ended("through")["TransformJobStatus"], "Completed");
  transform("cut", "long.jsonl", "application/json");
  while (describe_transform("cut").value("Progress", Json::object()).value("RecordsDone", 0) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  call("DeleteModel", {{"ModelName", "notes"}});
  close();
  open();
  EXPECT_EQ(ended("cut")["TransformJobStatus"], "Completed") << describe_transform("cut");
  EXPECT_EQ(object("cut/long.jsonl.out"), object("through/long.jsonl.out"));
}

}  // namespace
}  // namespace epicrisis::api
